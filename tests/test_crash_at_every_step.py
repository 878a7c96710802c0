"""The program dies before its n-th effect, for n = 0, 1, 2, … until a run survives: nothing lost, nothing doubled."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.errors import RecipeRefused
from daemon.jobs import Recipe, State
from daemon.lifecycle import Daemon
from daemon.settings import Settings, load
from tests.doubles import ScriptedEngine
from tests.drawing import save_photo

MOST_STEPS = 200
FAR_FUTURE = 2.0**40  # every back-off is over by then


class Died(BaseException):
    """The power is gone: not an Exception, so nothing in the program can answer it."""


def dying_before(step: int) -> Callable[[str], None]:
    steps = itertools.count()

    def tick(name: str) -> None:
        if next(steps) == step:
            raise Died(name)

    return tick


def settings_for(folder: Path) -> Settings:
    return load(
        flags={
            "root": str(folder / "hot"),
            "state_dir": str(folder / "state"),
            "intake": {"quiet_seconds": 0},
            "http": {"bind": ""},
            "dispatch": {"workers": 1, "max_tries": MOST_STEPS},
        }
    )


def one_life(settings: Settings, engine: ScriptedEngine, tick: Callable[[str], None]) -> None:
    """All that the daemon does for what is in the inbox, in this one thread, so that a death is a death."""
    daemon = Daemon(settings, engine=engine, tick=tick)
    try:
        daemon.recover()
        daemon.reception.round(urgent=True)
        while job := daemon.journal.take_decided(FAR_FUTURE, ()) or daemon.journal.take(FAR_FUTURE):
            daemon.worker.run(job)
    finally:
        daemon.close()


def lives_until_one_survives(settings: Settings, engine: ScriptedEngine) -> int:
    """One life per step, each dying one step later than the last; returns how many died."""
    for step in range(MOST_STEPS):
        try:
            one_life(settings, engine, dying_before(step))
        except Died:
            continue
        return step
    raise AssertionError(f"no run survived {MOST_STEPS} steps")


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def results(root: Path) -> list[str]:
    return [name for grade in ("sehr_gut", "gut", "ungenügend") for name in files_below(root / grade)]


def test_a_crash_at_every_step_publishes_once(tmp_path: Path) -> None:
    settings, engine = settings_for(tmp_path), ScriptedEngine()
    root = settings.root_path
    save_photo(root / "inbox" / "kunde" / "a.png")

    deaths = lives_until_one_survives(settings, engine)

    assert deaths > 8  # it did die in the middle of things
    assert sorted(results(root)) == ["kunde/a.json", "kunde/a.png"]
    assert files_below(root / "archiv") == ["kunde/a.png"]
    assert files_below(root / "inbox") == []
    assert files_below(root / "failed") == []


def test_a_crash_at_every_step_leaves_no_litter(tmp_path: Path) -> None:
    settings, engine = settings_for(tmp_path), ScriptedEngine()
    root = settings.root_path
    save_photo(root / "inbox" / "a.png")

    lives_until_one_survives(settings, engine)

    assert files_below(root / ".freisteller" / "work") == []
    assert files_below(root / ".freisteller" / "staging") == []
    assert files_below(settings.state_path / "alphas") == []


def test_a_crash_after_an_answer_pays_for_no_second_one(tmp_path: Path) -> None:
    settings, engine = settings_for(tmp_path), ScriptedEngine()
    save_photo(settings.root_path / "inbox" / "a.png")

    lives_until_one_survives(settings, engine)

    # Only a death between the engine's answer and its being kept asks again, with the same ticket; one step each.
    assert max(engine.calls.values()) <= 2


def test_a_crash_at_every_step_brings_a_bad_photo_to_failed_once(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    root = settings.root_path

    def refuse(recipe: Recipe) -> None:
        raise RecipeRefused(f"{recipe} is refused")

    save_photo(root / "inbox" / "kunde" / "a.png")

    lives_until_one_survives(settings, ScriptedEngine(refuse))

    assert files_below(root / "failed") == ["kunde/a.png", "kunde/a.png.txt"]
    assert results(root) == []
    assert files_below(root / "archiv") == []


def test_a_crash_at_every_step_refuses_a_file_that_is_no_photo_once(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    root = settings.root_path
    (root / "inbox").mkdir(parents=True)
    (root / "inbox" / "letter.jpg").write_text("Dear Sir or Madam, " * 50)

    for step in range(MOST_STEPS):
        try:
            refused_in_one_life(settings, dying_before(step))
        except Died:
            continue
        break

    assert files_below(root / "failed") == ["letter.jpg", "letter.jpg.txt"]
    assert files_below(root / "inbox") == []


def refused_in_one_life(settings: Settings, tick: Callable[[str], None]) -> None:
    daemon = Daemon(settings, engine=ScriptedEngine(), tick=tick)
    try:
        daemon.recover()
        while scan := daemon.reception.round(urgent=True):
            if not scan.incomplete:
                break
        while job := daemon.journal.take(FAR_FUTURE):
            daemon.worker.run(job)
    finally:
        daemon.close()


def test_a_photo_that_crashes_the_program_three_times_is_quarantined(tmp_path: Path) -> None:
    settings = settings_for(tmp_path).model_copy(
        update={"dispatch": settings_for(tmp_path).dispatch.model_copy(update={"max_tries": 3})}
    )
    root = settings.root_path
    save_photo(root / "inbox" / "poison.png")

    def die_at_the_engine(name: str) -> None:
        if name == "ask engine":
            raise Died(name)

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


def test_a_failed_photo_can_be_taken_back_and_tried_again(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    root = settings.root_path

    def refuse(recipe: Recipe) -> None:
        raise RecipeRefused("not today")

    save_photo(root / "inbox" / "a.png")
    one_life(settings, ScriptedEngine(refuse), lambda _: None)
    daemon = Daemon(settings, engine=ScriptedEngine())
    (entry,) = daemon.journal.entries(State.FAILED)
    daemon.admission.take_back(entry)
    daemon.close()

    one_life(settings, ScriptedEngine(), lambda _: None)

    assert files_below(root / "failed") == []
    assert sorted(results(root)) == ["a.json", "a.png"]
