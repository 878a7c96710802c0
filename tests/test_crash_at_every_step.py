"""The program dies before its n-th effect, for n = 0, 1, 2, … until a run survives: nothing lost, nothing doubled."""

import itertools
import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from daemon.commands.retry import retry_jobs
from daemon.errors import RecipeRefused
from daemon.hotfolder.effects import Effect, Tick
from daemon.hotfolder.runtime import Runtime
from daemon.jobs import Job, Recipe
from daemon.journal import Journal
from daemon.people.retries import Retries
from daemon.service.lifecycle import Daemon
from daemon.settings import Settings, load
from daemon.states import State
from tests.doubles import ScriptedEngine
from tests.drawing import drawn_photo, save_pages, save_photo

MOST_STEPS = 200
FAR_FUTURE = 2.0**40  # every back-off is over by then


Make = Callable[[], ScriptedEngine]


@dataclass(frozen=True)
class Life:
    """What a death before `step`, and the life after it, left behind."""

    step: int
    settings: Settings
    engine: ScriptedEngine


class Died(BaseException):
    """The power is gone: not an Exception, so nothing in the program can answer it."""


def dying_before(step: int) -> Tick:
    steps = itertools.count()

    def tick(effect: Effect) -> None:
        if next(steps) == step:
            raise Died(effect)

    return tick


def dying_at(effect: Effect) -> Tick:
    """Once, where that step is about to be done."""
    left = [1]

    def tick(step: Effect) -> None:
        if step is effect and left[0]:
            left[0] -= 1
            raise Died(step)

    return tick


def settings_for(folder: Path, **sections: object) -> Settings:
    """Settings for one life after the other. sections: further ones."""
    return load(
        flags={
            "root": str(folder / "hot"),
            "state_dir": str(folder / "state"),
            "intake": {"quiet_seconds": 0},
            "http": {"bind": ""},
            "dispatch": {"workers": 1, "max_tries": MOST_STEPS},
            **sections,
        }
    )


def refuse(recipe: Recipe) -> None:
    raise RecipeRefused(f"{recipe} is refused")


def one_life(settings: Settings, engine: ScriptedEngine, tick: Tick) -> None:
    """All that the daemon does for what is in the inbox, in this one thread, so that a death is a death."""
    daemon = Daemon(settings, engine=engine, tick=tick)
    try:
        daemon.recover()
        daemon.parts.engine.start()
        while (scan := daemon.parts.inbox_loop.turn(urgent=True)) and scan.incomplete:
            daemon.parts.watcher.wait(scan.next_look_seconds, threading.Event())
        while job := next_job(daemon.parts.journal):
            daemon.parts.task_runner.run(job)
    finally:
        daemon.close()


def next_job(journal: Journal) -> Job | None:
    """Start any job that is left."""
    return journal.take_suspect(FAR_FUTURE) or journal.take_decided(FAR_FUTURE, ()) or journal.take(FAR_FUTURE)


def try_again(daemon: Daemon, job_id: str) -> None:
    """As `freisteller retry` does, with the clock and the tick of this daemon."""
    parts = daemon.parts
    Retries(parts.folders, parts.journal, parts.locks, parts.runtime).try_again(job_id)


def deaths_at_every_step(
    tmp_path: Path,
    drop: Callable[[Path], object],
    engine: Make = ScriptedEngine,
    settings_of: Callable[[Path], Settings] = settings_for,
) -> Iterator[Life]:
    """For n = 0, 1, 2, …: a new folder, a life that dies before its n-th effect, and one that does not.

    Yields what each pair leaves behind, until a first life survives.
    """
    for step in range(MOST_STEPS):
        settings = settings_of(tmp_path / str(step))
        drop(settings.root_path / "inbox")
        double = engine()
        try:
            one_life(settings, double, dying_before(step))
        except Died:
            one_life(settings, double, lambda _: None)
            yield Life(step, settings, double)
        else:
            return
    raise AssertionError(f"no run survived {MOST_STEPS} steps")


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def results(root: Path) -> list[str]:
    return [name for grade in ("sehr_gut", "gut", "ungenügend") for name in files_below(root / grade)]


def drop_photo(inbox: Path) -> None:
    save_photo(inbox / "kunde" / "a.png", drawn_photo(96, 72))


def test_a_crash_at_every_step_publishes_once(tmp_path: Path) -> None:
    deaths = 0
    for life in deaths_at_every_step(tmp_path, drop_photo):
        deaths += 1
        root = life.settings.root_path
        assert sorted(results(root)) == ["kunde/a.json", "kunde/a.png"], life
        assert files_below(root / "archiv") == ["kunde/a.png"], life
        assert files_below(root / "inbox") == [], life
        assert files_below(root / "failed") == [], life

    assert deaths > 10  # it did die in the middle of things


@pytest.mark.parametrize("kept", [0.0, 0.5, 0.9])
def test_a_crash_at_every_step_that_loses_the_end_of_the_journal_publishes_once(tmp_path: Path, kept: float) -> None:
    """As where a disk lied about what it had written. kept: the share of the steps that the journal still knows."""
    for step in range(MOST_STEPS):
        settings, engine = settings_for(tmp_path / str(step)), ScriptedEngine()
        root, journal = settings.root_path, Path(settings.state_dir) / "journal.sqlite3"
        drop_photo(root / "inbox")
        die, copies = dying_before(step), list[bytes]()

        def tick(effect: Effect, die: Tick = die, copies: list[bytes] = copies) -> None:
            copies.append(content_of_journal(journal))  # noqa: B023 - only within this step
            die(effect)

        with suppress(Died):
            one_life(settings, engine, tick)
        journal.write_bytes(copies[int((len(copies) - 1) * kept)])
        for ending in ("-wal", "-shm"):
            journal.with_name(journal.name + ending).unlink(missing_ok=True)
        one_life(settings, engine, lambda _: None)
        assert sorted(results(root)) == ["kunde/a.json", "kunde/a.png"], step
        assert files_below(root / "archiv") == ["kunde/a.png"], step
        assert files_below(root / "inbox") == files_below(root / "failed") == [], step
        assert list((root / ".freisteller" / "work").iterdir()) == [], step
        assert states_in(journal) <= {"done"}, step
        if len(copies) == step:  # the first life survived, and only the journal was lost
            break

    assert step > 10


def states_in(journal: Path) -> set[str]:
    with closing(sqlite3.connect(journal)) as connection:
        return {state for (state,) in connection.execute("SELECT state FROM jobs")}


def content_of_journal(path: Path) -> bytes:
    with closing(sqlite3.connect(path)) as connection:
        return connection.serialize()


def test_a_crash_at_every_step_leaves_no_litter(tmp_path: Path) -> None:
    for life in deaths_at_every_step(tmp_path, drop_photo):
        private = life.settings.root_path / ".freisteller"
        assert list((private / "work").iterdir()) == [], life
        assert list((private / "staging").iterdir()) == [], life
        assert list((Path(life.settings.state_dir) / "alphas").iterdir()) == [], life


def test_a_crash_pays_for_an_answer_twice_only_where_it_was_not_kept_yet(tmp_path: Path) -> None:
    paid_twice = [
        life.step for life in deaths_at_every_step(tmp_path, drop_photo) if max(life.engine.calls.values()) > 1
    ]

    # Between the engine's answer and its being kept; there it is asked with the same ticket, which a server remembers.
    attempts = len(paid_twice)
    assert attempts <= settings_for(tmp_path).strategy.max_attempts


def test_a_crash_at_every_step_publishes_all_pages_of_a_file_once_and_together(tmp_path: Path) -> None:
    deaths = 0
    for life in deaths_at_every_step(tmp_path, lambda inbox: save_pages(inbox / "a.tif", 2)):
        deaths += 1
        root = life.settings.root_path
        assert sorted(results(root)) == ["a-p1.png", "a-p2.png", "a.json"], life
        (report,) = root.glob("*/a.json")
        assert (report.parent / "a-p2.png").exists(), life
        assert files_below(root / "archiv") == ["a.tif"], life
        assert files_below(root / "inbox") == [], life
        assert files_below(root / ".freisteller" / "staging") == [], life
        assert len(json.loads(report.read_text("utf-8"))["pages"]) == 2, life

    assert deaths > 15


def test_crashes_one_after_the_other_publish_once(tmp_path: Path) -> None:
    settings, engine = settings_for(tmp_path), ScriptedEngine()
    drop_photo(settings.root_path / "inbox")

    for step in range(MOST_STEPS):
        try:
            one_life(settings, engine, dying_before(step))
        except Died:
            continue
        break

    assert sorted(results(settings.root_path)) == ["kunde/a.json", "kunde/a.png"]
    assert files_below(settings.root_path / "archiv") == ["kunde/a.png"]


def test_a_crash_at_every_step_brings_a_bad_photo_to_failed_once(tmp_path: Path) -> None:
    for life in deaths_at_every_step(tmp_path, drop_photo, lambda: ScriptedEngine(refuse)):
        root = life.settings.root_path
        assert files_below(root / "failed") == ["kunde/a.png", "kunde/a.png.txt"], life
        assert results(root) == [], life
        assert files_below(root / "archiv") == [], life


def test_a_crash_at_every_step_refuses_a_file_that_is_no_photo_once(tmp_path: Path) -> None:
    def drop_letter(inbox: Path) -> None:
        inbox.mkdir(parents=True)
        (inbox / "letter.jpg").write_text("Dear Sir or Madam, " * 50)

    for life in deaths_at_every_step(tmp_path, drop_letter):
        root = life.settings.root_path
        assert files_below(root / "failed") == ["letter.jpg", "letter.jpg.txt"], life
        assert files_below(root / "inbox") == [], life


def test_a_crash_at_every_step_leaves_out_one_of_two_equal_photos(tmp_path: Path) -> None:
    def drop_twice(inbox: Path) -> None:
        for name in ("a", "b"):
            save_photo(inbox / name / "same.png", drawn_photo(96, 72))

    def settings_that_skip(folder: Path) -> Settings:
        settings = settings_for(folder)
        return settings.model_copy(update={"intake": settings.intake.model_copy(update={"equal_content": "skip"})})

    for life in deaths_at_every_step(tmp_path, drop_twice, settings_of=settings_that_skip):
        root = life.settings.root_path
        (result,) = [name for name in results(root) if name.endswith(".png")]
        other = "b" if result.startswith("a") else "a"
        assert files_below(root / "archiv") == sorted(["a/same.png", "b/same.png", f"{other}/same.png.txt"]), life
        assert files_below(root / ".freisteller" / "work") == [], life
        assert files_below(root / "failed") == [], life


def test_a_crash_at_every_step_keeps_one_copy_of_a_photo_that_is_brought_again(tmp_path: Path) -> None:
    for step in range(MOST_STEPS):
        settings = settings_for(tmp_path / str(step), intake={"quiet_seconds": 0, "equal_content": "skip"})
        root, died = settings.root_path, False
        drop_photo(root / "inbox")
        one_life(settings, ScriptedEngine(), lambda _: None)
        for tick in (dying_before(step), lambda _: None):
            drop_photo(root / "inbox")
            try:
                one_life(settings, ScriptedEngine(), tick)
            except Died:
                died = True
        assert files_below(root / "archiv") == ["kunde/a.png", "kunde/a.png.txt"], step
        assert sorted(results(root)) == ["kunde/a.json", "kunde/a.png"], step
        assert files_below(root / "inbox") == files_below(root / "failed") == [], step
        assert list((root / ".freisteller" / "work").iterdir()) == [], step
        if not died:
            assert step > 3
            return
    raise AssertionError("no run survived")


def test_a_photo_that_crashes_the_program_three_times_is_quarantined(tmp_path: Path) -> None:
    settings = settings_for(tmp_path).model_copy(
        update={"dispatch": settings_for(tmp_path).dispatch.model_copy(update={"max_tries": 3})}
    )
    root = settings.root_path
    save_photo(root / "inbox" / "poison.png")

    def die_at_the_engine(effect: Effect) -> None:
        if effect is Effect.ASK_ENGINE:
            raise Died(effect)

    for _ in range(3):
        with pytest.raises(Died):
            one_life(settings, ScriptedEngine(), die_at_the_engine)
    one_life(settings, ScriptedEngine(), die_at_the_engine)

    assert files_below(root / "failed") == ["poison.png", "poison.png.txt"]
    assert "crashed 3 times" in (root / "failed" / "poison.png.txt").read_text("utf-8")


def test_the_report_names_the_attempt_that_won(tmp_path: Path) -> None:
    settings, engine = settings_for(tmp_path), ScriptedEngine()
    save_photo(settings.root_path / "inbox" / "a.png")

    one_life(settings, engine, lambda _: None)

    (report,) = [name for name in results(settings.root_path) if name.endswith(".json")]
    (path,) = settings.root_path.rglob(report)
    values = json.loads(path.read_text("utf-8"))
    assert values["grade"] == path.parent.name
    assert values["best_attempt"] in [attempt["number"] for attempt in values["attempts"]]


def test_a_crash_at_every_step_of_a_retry_leaves_the_original_once(tmp_path: Path) -> None:
    for step in range(MOST_STEPS):
        settings = settings_for(tmp_path / str(step))
        root = settings.root_path
        save_photo(root / "inbox" / "kunde" / "a.png")
        one_life(settings, ScriptedEngine(refuse), lambda _: None)
        daemon = Daemon(settings, engine=ScriptedEngine(), tick=dying_before(step))
        (entry,) = daemon.parts.journal.rows(State.FAILED)
        died = False
        try:
            try_again(daemon, entry.job.id)
        except Died:
            died = True
        finally:
            daemon.close()

        one_life(settings, ScriptedEngine(), lambda _: None)

        originals = [f"failed/{name}" for name in files_below(root / "failed")]
        originals += [f"archiv/{name}" for name in files_below(root / "archiv")]
        assert originals == (["failed/kunde/a.png", "failed/kunde/a.png.txt"] if died else ["archiv/kunde/a.png"]), step
        assert list((root / ".freisteller" / "work").iterdir()) == [], step
        if not died:
            assert step > 1  # it did die in the middle of things
            return
    raise AssertionError("no retry survived")


def test_a_daemon_that_clears_up_while_a_person_retries_a_photo_does_not_bring_it_back_to_failed(
    tmp_path: Path,
) -> None:
    settings = settings_for(tmp_path)
    root = settings.root_path
    save_photo(root / "inbox" / "a.png")
    one_life(settings, ScriptedEngine(refuse), lambda _: None)
    daemon = Daemon(settings, engine=ScriptedEngine())
    (entry,) = daemon.parts.journal.rows(State.FAILED)

    def clear_up(effect: Effect) -> None:
        if effect is Effect.REQUEUE:
            daemon.parts.recovery.clear_leftovers()

    taken, refused = retry_jobs(settings, [entry.job.id], Runtime(tick=clear_up))
    daemon.close()
    assert (taken, refused) == (["a.png"], [])

    one_life(settings, ScriptedEngine(), lambda _: None)

    assert files_below(root / "failed") == []
    assert files_below(root / "archiv") == ["a.png"]
    assert sorted(results(root)) == ["a.json", "a.png"]


def test_a_failed_photo_can_be_taken_back_and_tried_again(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    root = settings.root_path
    save_photo(root / "inbox" / "a.png")
    one_life(settings, ScriptedEngine(refuse), lambda _: None)
    daemon = Daemon(settings, engine=ScriptedEngine())
    (entry,) = daemon.parts.journal.rows(State.FAILED)
    try_again(daemon, entry.job.id)
    daemon.close()

    one_life(settings, ScriptedEngine(), lambda _: None)

    assert files_below(root / "failed") == []
    assert sorted(results(root)) == ["a.json", "a.png"]
