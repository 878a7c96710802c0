"""One job and the answer to each error."""

import errno
import hashlib
import json
import shutil
import sqlite3
import tempfile
import threading
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips

from daemon.arrays import Rgb
from daemon.engines.contract import Answer
from daemon.errors import EngineAway, EngineFull, EngineMisconfigured, NoRoom, RecipeRefused, RootAway, Said, Vanished
from daemon.hotfolder import place_files
from daemon.hotfolder.effects import Effect
from daemon.hotfolder.orders import Orders
from daemon.hotfolder.work_note import WORK_NOTE
from daemon.intake.scan_values import Reject
from daemon.jobs import Grade, Recipe
from daemon.observe.labels import STAGES
from daemon.pictures import writing
from daemon.pictures.large_photo import LargePhoto
from daemon.pictures.photo import Photo
from daemon.pictures.reading import open_for_work
from daemon.pictures.values import Samples
from daemon.publishing.job_events import JobEnd
from daemon.publishing.report_reading import read_report
from daemon.publishing.shown_in_report import shown_in_report
from daemon.publishing.staging import staged_as_decided
from daemon.service.lifecycle import Daemon
from daemon.service.wiring import Parts
from daemon.settings import Settings, load
from daemon.states import State
from daemon.work.job_runner import RunResult
from daemon.work.task import PhotoTask
from tests.doubles import Clock, ScriptedEngine, by_colour
from tests.drawing import drawn_photo, save_pages, save_photo, tiff_of_pages, with_bad_pages
from tests.observe.scrape import value
from tests.processes import works_in_this_process
from tests.test_crash_at_every_step import Died, dying_at, try_again

Make = Callable[..., Daemon]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    made: list[Daemon] = []

    def make_daemon(engine: ScriptedEngine, **options: Any) -> Daemon:  # the options of Daemon
        settings = load(
            flags={
                "root": str(tmp_path / "hot"),
                "state_dir": str(tmp_path / "state"),
                "intake": {"quiet_seconds": 0},
                "http": {"bind": ""},
                **options.pop("flags", {}),
            }
        )
        daemon = Daemon(settings, engine=engine, **options)
        made.append(daemon)
        return daemon

    yield make_daemon
    for daemon in made:
        daemon.close()


def run_one(daemon: Daemon) -> RunResult:
    daemon.parts.engine.start()
    daemon.parts.inbox_loop.turn(urgent=True)
    job = daemon.parts.journal.take(2.0**40)
    assert job is not None
    return daemon.parts.task_runner.run(job)


def take_all_in(parts: Parts) -> None:
    parts.engine.start()
    while (scan := parts.inbox_loop.turn(urgent=True)) and scan.incomplete:
        pass


def run_all(parts: Parts) -> dict[str, list[RunResult]]:
    """Run every job as often as it comes; returns by photo how its runs ended."""
    fates = dict[str, list[RunResult]]()
    while job := parts.journal.take(2.0**40):
        fates.setdefault(job.name, []).append(parts.task_runner.run(job))
    return fates


def failing(error: Exception, times: int = 1_000) -> Callable[[Recipe], None]:
    left = [times]

    def trouble(recipe: Recipe) -> None:
        if left[0]:
            left[0] -= 1
            raise error

    return trouble


@pytest.mark.parametrize("error", [EngineAway("no answer"), EngineMisconfigured("no node RMBG")])
def test_an_engine_that_cannot_answer_costs_no_attempt_and_fails_no_photo(
    make: Make, tmp_path: Path, error: Exception
) -> None:
    save_photo(tmp_path / "hot" / "inbox" / "a.png")
    daemon = make(ScriptedEngine(failing(error)))

    fate = run_one(daemon)

    (entry,) = daemon.parts.journal.rows(State.WAITING)
    assert fate is RunResult.NO_ENGINE
    assert (entry.job.attempts, entry.job.tries, entry.postponed) == ((), 0, 1)
    assert list((tmp_path / "hot" / "failed").iterdir()) == []


def test_a_stop_is_no_absent_engine(make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The engine is closed by us, so the photo is due at once at the next start, and nothing warns."""
    caplog.set_level("INFO")
    save_photo(tmp_path / "hot" / "inbox" / "a.png")
    clock, engine = Clock(), ScriptedEngine()
    daemon = make(engine, clock=clock)

    def stop_meanwhile(_: Recipe) -> None:
        daemon.stop()
        raise EngineAway("The engine is closed.")

    engine.trouble = stop_meanwhile
    run_one(daemon)

    (entry,) = daemon.parts.journal.rows(State.WAITING)
    assert daemon.parts.journal.take(clock.now) is not None
    assert (entry.job.tries, entry.job.reason) == (0, "Freisteller is stopping; the photo goes on at the next start.")
    assert [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")] == []
    assert value(daemon.parts.metrics, "postponed_total", reason="engine_away") == 0
    assert "a.png goes on at the next start." in caplog.messages


def test_a_photo_waits_longer_each_time_that_nobody_answers(make: Make, tmp_path: Path) -> None:
    save_photo(tmp_path / "hot" / "inbox" / "a.png")
    clock = Clock()
    daemon = make(ScriptedEngine(failing(EngineAway("no answer"))), clock=clock)
    run_one(daemon)
    first = daemon.parts.journal.take(clock.now + 5)
    assert first is not None

    daemon.parts.task_runner.run(first)

    assert daemon.parts.journal.take(clock.now + 9.9) is None
    assert daemon.parts.journal.take(clock.now + 10) is not None


class LacksModels(ScriptedEngine):
    """An engine with three models, some of which have lost their weights everywhere."""

    models = ("a", "b", "c")

    def __init__(self, *lost: str) -> None:
        super().__init__(self._look)
        self.lost = list(lost)
        self.asked: list[str] = []

    def _look(self, recipe: Recipe) -> None:
        self.asked.append(recipe.model)
        if recipe.model in self.lost:
            raise EngineMisconfigured(f"no weights of {recipe.model}")


LADDER_OF_THREE = {"strategy": {"ladder": [{"model": "a"}, {"model": "b"}, {"model": "c"}]}}


@pytest.mark.parametrize("lost", [("a",), ("a", "b")])
def test_a_model_that_no_server_can_run_is_passed_over(make: Make, tmp_path: Path, lost: tuple[str, ...]) -> None:
    save_photo(tmp_path / "hot" / "inbox" / "a.png")
    engine = LacksModels(*lost)
    daemon = make(engine, flags=LADDER_OF_THREE)

    assert run_one(daemon) is RunResult.DONE

    (entry,) = daemon.parts.journal.latest(1)
    assert engine.asked[: len(lost) + 1] == [*lost, "abc"[len(lost)]]
    assert entry.job.attempts[0].recipe.model == "abc"[len(lost)]
    assert not any(attempt.error for attempt in entry.job.attempts)


def test_a_model_that_is_passed_over_is_an_alert_once_until_it_works_again(
    make: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engine = LacksModels("a")
    daemon = make(engine, flags=LADDER_OF_THREE)
    alerts = []
    for number, lost in enumerate((["a"], ["a"], [], ["a"])):
        engine.lost = lost
        save_photo(tmp_path / "hot" / "inbox" / f"{number}.png", drawn_photo(seed=number))
        run_one(daemon)
        alerts.append(sum(getattr(record, "action", "") == "model_passed_over" for record in caplog.records))

    assert alerts == [1, 1, 1, 2]


def test_models_that_no_server_can_run_use_up_no_attempts(make: Make, tmp_path: Path) -> None:
    save_photo(tmp_path / "hot" / "inbox" / "a.png")
    clock, engine = Clock(), LacksModels("a", "b", "c")
    daemon = make(engine, clock=clock, flags=LADDER_OF_THREE)
    assert run_one(daemon) is RunResult.NO_ENGINE
    (waiting,) = daemon.parts.journal.rows(State.WAITING)
    engine.lost = []

    job = daemon.parts.journal.take(clock.now + 60)
    assert job is not None
    daemon.parts.task_runner.run(job)

    assert waiting.job.attempts == ()
    (entry,) = daemon.parts.journal.latest(1)
    assert entry.job.attempts[0].recipe.model == "a"


def test_a_second_model_that_no_server_can_run_does_not_hold_back_the_result_of_the_first(
    make: Make, tmp_path: Path
) -> None:
    save_photo(tmp_path / "hot" / "inbox" / "a.png")
    never_content = {**LADDER_OF_THREE, "grading": {"sehr_gut": 1.0, "gut": 0.999}}
    engine = LacksModels("b", "c")
    daemon = make(engine, flags=never_content)

    assert run_one(daemon) is RunResult.DONE

    (entry,) = daemon.parts.journal.latest(1)
    assert [attempt.recipe.model for attempt in entry.job.attempts] == ["a"]
    assert engine.asked == ["a", "b", "c"]


@pytest.mark.parametrize("error", [RecipeRefused("illegal"), EngineFull("out of memory")])
def test_a_refused_recipe_leads_to_the_next_one(make: Make, tmp_path: Path, error: Exception) -> None:
    save_photo(tmp_path / "hot" / "inbox" / "a.png")
    daemon = make(ScriptedEngine(failing(error, times=1)))

    fate = run_one(daemon)

    assert fate is RunResult.DONE
    (entry,) = daemon.parts.journal.latest(1)
    assert entry.job.attempts[0].error == str(error)
    assert entry.job.best == 2


@pytest.mark.parametrize("has_order", [False, True])
@pytest.mark.parametrize(("at", "error"), [("archive", RootAway("away")), ("record results", NoRoom("full"))])
def test_a_result_that_was_taken_away_before_its_photo_was_over_is_not_made_again(
    make: Make, tmp_path: Path, at: str, error: Exception, has_order: bool
) -> None:
    root = tmp_path / "hot"
    save_photo(root / "inbox" / "a.png")
    if has_order:  # each try then has a worker of its own
        (root / "inbox" / "freisteller.toml").write_text("[outputs]\nclean_rims = false\n")
    away = [True]

    def tick(step: Effect) -> None:
        if step == at and away[0]:
            raise error

    told: list[JobEnd] = []
    daemon = make(ScriptedEngine(), tick=tick, on_end=told.append)

    daemon.parts.engine.start()
    daemon.parts.inbox_loop.turn(urgent=True)
    first = daemon.parts.journal.take(2.0**40)
    assert first is not None
    fate = daemon.parts.task_runner.run(first)
    (report,) = root.glob("*/a.json")
    grade_folder = report.parent
    for path in list(grade_folder.iterdir()):  # as people do, while the original still waits for its place
        path.unlink()
    away[0] = False
    job = daemon.parts.journal.take_decided(2.0**40, ())
    assert job is not None
    again = daemon.parts.task_runner.run(job)

    assert (fate, again) == (RunResult.NO_PLACE, RunResult.DONE)
    assert list(grade_folder.iterdir()) == []
    assert [path.name for path in (root / "archiv").iterdir()] == ["a.png"]
    assert [ending.grade and ending.grade.value for ending in told] == [grade_folder.name]
    assert list((root / ".freisteller" / "work").iterdir()) == []


def test_a_full_disk_makes_the_finished_photo_wait_and_publishes_it_later(make: Make, tmp_path: Path) -> None:
    save_photo(tmp_path / "hot" / "inbox" / "a.png")
    full = [True]

    def tick(step: Effect) -> None:
        if step is Effect.WRITE_RESULT and full[0]:
            raise NoRoom("the disk is full")

    engine = ScriptedEngine()
    daemon = make(engine, tick=tick)

    fate = run_one(daemon)
    (entry,) = daemon.parts.journal.rows(State.PUBLISHING)
    full[0] = False
    job = daemon.parts.journal.take_decided(2.0**40, ())
    assert job is not None
    again = daemon.parts.task_runner.run(job)

    assert (fate, again) == (RunResult.NO_PLACE, RunResult.DONE)
    assert entry.job.tries == 0
    assert max(engine.calls.values()) == 1


def test_a_fault_of_our_own_is_tried_again_and_then_fails_that_photo_only(make: Make, tmp_path: Path) -> None:
    save_photo(tmp_path / "hot" / "inbox" / "a.png")
    daemon = make(ScriptedEngine(failing(ZeroDivisionError("a bug"))))

    fates = [run_one(daemon)]
    while job := daemon.parts.journal.take(2.0**40):
        fates.append(daemon.parts.task_runner.run(job))

    assert fates == [RunResult.SENT_BACK, RunResult.SENT_BACK, RunResult.FAILED]
    assert "internal error" in (tmp_path / "hot" / "failed" / "a.png.txt").read_text("utf-8")


def test_a_failed_photo_that_finds_no_room_is_laid_aside_later(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_photo(tmp_path / "hot" / "inbox" / "a.png")
    daemon = make(ScriptedEngine(failing(RecipeRefused("illegal"))))
    place, full = place_files.place, [True]

    def place_on_a_full_disk(*given: Any, **named: Any) -> tuple[Path, ...]:  # as placing.place
        if full[0]:
            raise NoRoom("the disk is full")
        return place(*given, **named)

    monkeypatch.setattr(place_files, "place", place_on_a_full_disk)

    fate = run_one(daemon)
    while_full = daemon.parts.recovery.clear_leftovers()
    full[0] = False
    afterwards = daemon.parts.recovery.clear_leftovers()

    assert (fate, while_full, afterwards) == (RunResult.FAILED, 0, 1)
    assert (tmp_path / "hot" / "failed" / "a.png").exists()


def test_a_root_that_goes_away_fails_no_photo(make: Make, tmp_path: Path) -> None:
    save_photo(tmp_path / "hot" / "inbox" / "a.png")
    daemon = make(ScriptedEngine())
    daemon.parts.inbox_loop.turn(urgent=True)
    (tmp_path / "hot").rename(tmp_path / "elsewhere")
    job = daemon.parts.journal.take(2.0**40)
    assert job is not None

    away = daemon.parts.task_runner.run(job)
    (tmp_path / "elsewhere").rename(tmp_path / "hot")
    job = daemon.parts.journal.take(2.0**40)
    assert job is not None
    back = daemon.parts.task_runner.run(job)

    assert (away, back) == (RunResult.NO_PLACE, RunResult.DONE)


def test_an_original_that_somebody_took_away_is_said_so(make: Make, tmp_path: Path) -> None:
    save_photo(tmp_path / "hot" / "inbox" / "a.png")
    daemon = make(ScriptedEngine())
    daemon.parts.inbox_loop.turn(urgent=True)
    (job_id,) = daemon.parts.folders.jobs.in_work()
    original = daemon.parts.folders.jobs.claimed(job_id)
    assert original is not None
    original.unlink()
    job = daemon.parts.journal.take(2.0**40)
    assert job is not None

    assert daemon.parts.task_runner.run(job) is RunResult.FAILED
    assert "gone" in (daemon.parts.journal.row(job_id).job.reason or "")


def test_equal_names_never_overwrite_each_other(make: Make, tmp_path: Path) -> None:
    root = tmp_path / "hot"
    daemon = make(ScriptedEngine())
    for seed in range(3):
        save_photo(root / "inbox" / "a.png", drawn_photo(seed=seed))
        assert run_one(daemon) is RunResult.DONE

    archived = sorted(path.name for path in (root / "archiv").iterdir())
    reports = [json.loads(path.read_text("utf-8")) for path in root.glob("*/a*.json")]
    assert len(archived) == 3
    assert len({report["job"] for report in reports}) == 3


def process_all(daemon: Daemon) -> list[RunResult]:
    daemon.parts.engine.start()
    daemon.parts.inbox_loop.turn(urgent=True)
    fates = []
    while job := daemon.parts.journal.take(2.0**40):
        fates.append(daemon.parts.task_runner.run(job))
    return fates


def names_below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize(
    ("policy", "results", "archived", "failed"),
    [
        ("unique", ["a-2.png", "a.png"], ["a.jpg", "a.png"], []),
        ("version", ["a-v1.png", "a-v2.png"], ["a.jpg", "a.png"], []),
        ("fail", ["a.png"], ["a.png"], ["a.jpg", "a.jpg.txt"]),
    ],
)
def test_a_result_whose_name_is_taken_is_called_as_the_settings_say(
    make: Make, tmp_path: Path, policy: str, results: list[str], archived: list[str], failed: list[str]
) -> None:
    root = tmp_path / "hot"
    daemon = make(ScriptedEngine(), flags={"outputs": {"equal_names": policy}})
    for ending in ("png", "jpg"):
        save_photo(root / "inbox" / f"a.{ending}", drawn_photo(seed=1))
        process_all(daemon)

    found = [name for grade in Grade for name in names_below(root / grade.value) if name.endswith(".png")]
    assert sorted(found) == results
    assert names_below(root / "archiv") == archived
    assert names_below(root / "failed") == failed


def test_an_original_whose_name_is_taken_in_the_archive_is_kept_under_another_one_whatever_the_policy(
    make: Make, tmp_path: Path
) -> None:
    root = tmp_path / "hot"
    daemon = make(ScriptedEngine(), flags={"outputs": {"equal_names": "fail"}})
    save_photo(root / "archiv" / "a.png", drawn_photo(seed=1))
    save_photo(root / "inbox" / "a.png", drawn_photo(seed=2))

    assert process_all(daemon) == [RunResult.DONE]
    assert names_below(root / "archiv") == ["a-2.png", "a.png"]


def test_the_same_photo_twice_is_cut_out_twice_by_default(make: Make, tmp_path: Path) -> None:
    daemon = make(ScriptedEngine())
    for name in ("a", "b"):
        save_photo(tmp_path / "hot" / "inbox" / f"{name}.png", drawn_photo(seed=1))

    process_all(daemon)

    assert daemon.parts.journal.counts().states[State.DONE] == 2
    assert (
        len([name for entry in daemon.parts.journal.latest(9) for name in entry.results if name.endswith(".png")]) == 2
    )


def test_the_work_on_a_photo_is_measured_stage_by_stage(make: Make, tmp_path: Path) -> None:
    save_photo(tmp_path / "hot" / "inbox" / "a.png")
    daemon = make(ScriptedEngine())
    before = value(daemon.parts.metrics, "stage_duration_seconds_count", stage="journal")

    process_all(daemon)

    counts = {stage: value(daemon.parts.metrics, "stage_duration_seconds_count", stage=stage) for stage in STAGES}
    of_a_server, not_every_photo = {"upload", "wait", "fetch"}, {"show", "render", "witness"}  # the double infers alone
    assert {stage for stage, count in counts.items() if not count} == of_a_server | not_every_photo
    assert [counts[stage] for stage in ("prove", "claim", "decode", "encode", "publish", "other")] == [1] * 6
    assert counts["journal"] - before > 3  # admitted, started, decided, done


def test_the_same_photo_twice_is_cut_out_once_where_the_settings_say_so(make: Make, tmp_path: Path) -> None:
    root = tmp_path / "hot"
    engine = ScriptedEngine()
    daemon = make(engine, flags={"intake": {"quiet_seconds": 0, "equal_content": "skip"}})
    save_photo(root / "inbox" / "kunde" / "a.png", drawn_photo(seed=1))
    process_all(daemon)
    asked = sum(engine.calls.values())
    save_photo(root / "inbox" / "kunde" / "a.png", drawn_photo(seed=1))

    process_all(daemon)

    assert sum(engine.calls.values()) == asked
    assert names_below(root / "archiv") == ["kunde/a.png", "kunde/a.png.txt"]
    note = (root / "archiv" / "kunde" / "a.png.txt").read_text("utf-8")
    left_out, first = daemon.parts.journal.latest(2)
    assert (left_out.same_as, left_out.job.state, left_out.job.grade) == (first.job.id, State.DONE, None)
    assert first.job.id in note
    assert first.results[0] in note
    assert "freisteller_duplicates_total 1.0" in daemon.parts.metrics.exposition().decode()
    assert daemon.parts.folders.jobs.in_work() == ()


def test_a_program_that_copies_the_same_folder_each_night_leaves_one_copy_and_one_note(
    make: Make, tmp_path: Path
) -> None:
    root = tmp_path / "hot"
    daemon = make(ScriptedEngine(), flags={"intake": {"quiet_seconds": 0, "equal_content": "skip"}})
    for _ in range(4):
        save_photo(root / "inbox" / "a.png", drawn_photo(seed=1))
        save_photo(root / "inbox" / "other.png", drawn_photo(seed=1))
        process_all(daemon)
    assert names_below(root / "archiv") == ["a.png", "a.png.txt", "other.png", "other.png.txt"]
    assert daemon.parts.folders.jobs.in_work() == ()
    assert names_below(root / "inbox") == names_below(root / "failed") == []


def test_another_photo_in_archiv_under_that_name_is_no_copy_of_it(make: Make, tmp_path: Path) -> None:
    root = tmp_path / "hot"
    daemon = make(ScriptedEngine(), flags={"intake": {"quiet_seconds": 0, "equal_content": "skip"}})
    save_photo(root / "inbox" / "a.png", drawn_photo(seed=1))
    process_all(daemon)
    save_photo(root / "archiv" / "b.png", drawn_photo(seed=2))
    save_photo(root / "inbox" / "b.png", drawn_photo(seed=1))

    process_all(daemon)

    assert names_below(root / "archiv") == ["a.png", "b-2.png", "b-2.png.txt", "b.png"]


def test_a_photo_that_failed_may_come_again_with_the_same_content(make: Make, tmp_path: Path) -> None:
    engine = ScriptedEngine(failing(RecipeRefused("illegal"), times=9))
    daemon = make(
        engine, flags={"intake": {"quiet_seconds": 0, "equal_content": "skip"}, "strategy": {"max_attempts": 9}}
    )
    save_photo(tmp_path / "hot" / "inbox" / "a.png", drawn_photo(seed=1))
    failed = process_all(daemon)
    engine.trouble = None
    save_photo(tmp_path / "hot" / "inbox" / "b.png", drawn_photo(seed=1))

    again = process_all(daemon)

    assert (failed, again) == ([RunResult.FAILED], [RunResult.DONE])
    (entry,) = daemon.parts.journal.latest(1)
    assert entry.job.grade is not None


def test_a_report_names_the_content_of_its_photo(make: Make, tmp_path: Path) -> None:
    photo = save_photo(tmp_path / "hot" / "inbox" / "a.png").read_bytes()
    daemon = make(ScriptedEngine())

    run_one(daemon)

    (entry,) = daemon.parts.journal.latest(1)
    report = json.loads((tmp_path / "hot" / entry.results[-1]).read_text("utf-8"))
    assert report["photo"]["sha256"] == hashlib.sha256(photo).hexdigest()


def test_state_may_lie_on_another_device_than_the_hot_folder(make: Make, tmp_path: Path) -> None:
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second file system here")
    with tempfile.TemporaryDirectory(dir=memory) as state:
        save_photo(tmp_path / "hot" / "inbox" / "a.png")
        daemon = make(ScriptedEngine(), flags={"state_dir": state})

        assert run_one(daemon) is RunResult.DONE
        daemon.close()

    assert names_below(tmp_path / "hot" / "archiv") == ["a.png"]


def test_all_formats_that_are_asked_for_are_written_under_one_name(make: Make, tmp_path: Path) -> None:
    save_photo(tmp_path / "hot" / "inbox" / "a.png")
    daemon = make(ScriptedEngine(), flags={"outputs": {"formats": ["png", "tiff", "webp", "mask"]}})

    run_one(daemon)

    (entry,) = daemon.parts.journal.latest(1)
    assert {Path(name).name for name in entry.results} == {"a.png", "a.tif", "a.webp", "a_mask.png", "a.json"}


def test_an_order_says_whether_its_results_tell_the_place(make: Make, tmp_path: Path) -> None:
    drawn = pyvips.Image.new_from_array(drawn_photo()).copy(interpretation="srgb")
    drawn.set_type(
        pyvips.GValue.gstr_type, "exif-ifd3-GPSLatitude", "48/1 8/1 15/1 (48, 8, 15, Rational, 3 components)"
    )
    for folder in ("with", "without"):
        path = save_photo(tmp_path / "hot" / "inbox" / folder / "a.jpg")
        path.write_bytes(drawn.jpegsave_buffer())
    (tmp_path / "hot" / "inbox" / "without" / "freisteller.toml").write_text('[outputs]\ngps = "drop"\n')
    daemon = make(ScriptedEngine())

    take_all_in(daemon.parts)
    run_all(daemon.parts)

    found = {path.parent.name: pyvips.Image.new_from_file(str(path)) for path in (tmp_path / "hot").glob("*/*/a.png")}
    told = {folder: any("GPSLatitude" in name for name in image.get_fields()) for folder, image in found.items()}
    assert told == {"with": True, "without": False}


def test_originals_are_not_kept_where_the_settings_say_so(make: Make, tmp_path: Path) -> None:
    save_photo(tmp_path / "hot" / "inbox" / "a.png")
    daemon = make(ScriptedEngine(), flags={"outputs": {"keep_originals": False}})

    run_one(daemon)

    assert list((tmp_path / "hot" / "archiv").iterdir()) == []
    assert daemon.parts.folders.jobs.in_work() == ()


def test_a_share_that_goes_away_while_a_photo_is_read_fails_no_photo(make: Make, tmp_path: Path) -> None:
    save_photo(tmp_path / "hot" / "inbox" / "a.png")
    daemon = make(ScriptedEngine())
    daemon.parts.inbox_loop.turn(urgent=True)
    check = daemon.parts.folders.check

    def check_then_lose_the_share() -> None:
        check()
        (tmp_path / "hot").rename(tmp_path / "elsewhere")

    daemon.parts.folders.check = check_then_lose_the_share  # type: ignore[method-assign]
    job = daemon.parts.journal.take(2.0**40)
    assert job is not None
    original = daemon.parts.folders.jobs.claimed(job.id)

    fate = daemon.parts.task_runner.run(job)

    assert original is not None
    assert fate is RunResult.NO_PLACE
    assert daemon.parts.journal.row(job.id).job.state is State.WAITING


def test_a_share_that_goes_away_while_a_result_is_written_costs_no_try(make: Make, tmp_path: Path) -> None:
    def lose_the_share(step: Effect) -> None:
        if step is Effect.KEEP_RESULT:
            (tmp_path / "hot").rename(tmp_path / "elsewhere")

    save_photo(tmp_path / "hot" / "inbox" / "a.png")
    daemon = make(ScriptedEngine(), tick=lose_the_share)

    fate = run_one(daemon)

    assert fate is RunResult.NO_PLACE
    (entry,) = daemon.parts.journal.rows(State.PUBLISHING)
    assert (entry.job.tries, entry.reason_kind) == (0, "root_away")


def test_a_photo_in_work_that_neither_journal_nor_note_knows_goes_back_to_the_inbox(make: Make, tmp_path: Path) -> None:
    save_photo(tmp_path / "hot" / "inbox" / "a.png")
    first = make(ScriptedEngine())
    first.parts.inbox_loop.turn(urgent=True)
    first.close()
    (job_id,) = first.parts.folders.jobs.in_work()
    (first.parts.folders.jobs.work_root / job_id / WORK_NOTE).unlink()
    (tmp_path / "state" / "journal.sqlite3").unlink()
    second = make(ScriptedEngine())

    second.recover()

    assert (tmp_path / "hot" / "inbox" / "a.png").exists()
    assert second.parts.folders.jobs.in_work() == ()


def test_a_folder_that_was_made_for_a_photo_that_was_never_claimed_goes(make: Make, tmp_path: Path) -> None:
    make(ScriptedEngine()).close()
    (tmp_path / "hot" / ".freisteller" / "work" / "20261125-031859-05d2df6e").mkdir()  # a kill -9 before the rename
    daemon = make(ScriptedEngine())

    daemon.recover()

    assert daemon.parts.folders.jobs.in_work() == ()


def test_a_photo_that_could_not_be_claimed_leaves_no_job_behind(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_photo(tmp_path / "hot" / "inbox" / "a.png")
    daemon = make(ScriptedEngine())

    def claim_on_a_full_disk(*_: object) -> Path:  # as JobFolders.claim
        raise NoRoom("the disk is full")

    monkeypatch.setattr(daemon.parts.folders.jobs, "claim", claim_on_a_full_disk)
    while_full = daemon.parts.inbox_loop.turn(urgent=True)
    waiting = daemon.parts.journal.counts().open
    monkeypatch.undo()

    assert (while_full, waiting) == (None, 0)
    assert run_one(daemon) is RunResult.DONE


def test_an_empty_mount_point_is_not_taken_for_a_new_hot_folder(make: Make, tmp_path: Path) -> None:
    make(ScriptedEngine()).close()
    (tmp_path / "hot").rename(tmp_path / "unmounted")
    (tmp_path / "hot").mkdir()

    with pytest.raises(RootAway):
        make(ScriptedEngine())

    assert list((tmp_path / "hot").iterdir()) == []


def test_a_photo_that_changed_after_its_proof_is_not_taken(make: Make, tmp_path: Path) -> None:
    photo = save_photo(tmp_path / "hot" / "inbox" / "a.png")
    daemon = make(ScriptedEngine())
    (arrival,) = daemon.parts.watcher.scan(urgent=True).ready
    photo.write_bytes(photo.read_bytes() + b"more")

    job = daemon.parts.arrivals.admission.admit(arrival)

    assert job is None
    assert photo.exists()
    assert daemon.parts.journal.counts().open == 0


def test_photos_in_work_stay_within_the_memory_they_are_given(make: Make, tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_photo(tmp_path / "hot" / "inbox" / f"{name}.png", drawn_photo(400, 300))
    at_once: list[int] = []
    running = threading.Semaphore(0)
    lock = threading.Lock()
    inside = [0]

    def look_around(recipe: Recipe) -> None:
        with lock:
            inside[0] += 1
            at_once.append(inside[0])
        running.acquire(timeout=0.2)  # long enough for the other one to come in, if it may
        with lock:
            inside[0] -= 1

    daemon = make(ScriptedEngine(look_around), flags={"dispatch": {"memory_mb": 2}})  # a photo of 0.12 MP takes 1.2
    daemon.parts.engine.start()
    daemon.parts.inbox_loop.turn(urgent=True)
    jobs = [daemon.parts.journal.take(2.0**40) for _ in range(2)]

    with ThreadPoolExecutor(2) as executor:
        fates = list(executor.map(daemon.parts.task_runner.run, [job for job in jobs if job]))

    assert fates == [RunResult.DONE, RunResult.DONE]
    assert max(at_once) == 1


@pytest.mark.parametrize(("broken_writes", "fate"), [(1, RunResult.DONE), (2, RunResult.FAILED)])
def test_a_result_that_does_not_read_back_is_written_once_more_and_never_published_wrong(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken_writes: int, fate: RunResult
) -> None:
    save_photo(tmp_path / "hot" / "inbox" / "a.png")
    left = [broken_writes]
    write = writing.write

    def write_to_a_bad_disk(path: Path, *rest: Any) -> Any:  # as writing.write
        meant = write(path, *rest)
        if left[0]:
            left[0] -= 1
            path.write_bytes(path.read_bytes()[:200])
        return meant

    monkeypatch.setattr(writing, "write", write_to_a_bad_disk)
    works_in_this_process(monkeypatch)
    daemon = make(ScriptedEngine())

    assert run_one(daemon) is fate
    assert bool(list((tmp_path / "hot").glob("*/a.json"))) == (fate is RunResult.DONE)


def test_a_photo_is_made_in_every_format_that_is_asked_for(make: Make, tmp_path: Path) -> None:
    save_photo(tmp_path / "hot" / "inbox" / "a.png")
    formats = ["png", "tiff", "webp", "mask", "jpeg", "tiff_on_colour"]
    outputs = {"formats": formats, "trim": True, "max_side": 100, "background": "#00ff00"}
    daemon = make(ScriptedEngine(), flags={"outputs": outputs})

    assert run_one(daemon) is RunResult.DONE

    (report,) = (tmp_path / "hot").glob("*/a.json")
    made = sorted(path.name for path in report.parent.iterdir())
    assert made == ["a.jpg", "a.json", "a.png", "a.tif", "a.webp", "a_flat.tif", "a_mask.png"]
    body = json.loads(report.read_text("utf-8"))
    assert max(body["result"].values()) == 100
    assert sorted(body["sha256"]) == [".jpg", ".png", ".tif", ".webp", "_flat.tif", "_mask.png"]


def test_a_subject_where_the_photo_is_transparent_is_no_empty_result_but_a_reason(make: Make, tmp_path: Path) -> None:
    rgb = drawn_photo(300, 200, 1)
    rgba = np.dstack([rgb, np.where(by_colour(rgb) > 0, 0, 255).astype(np.uint8)])
    (tmp_path / "hot" / "inbox").mkdir(parents=True)
    pyvips.Image.new_from_array(rgba, interpretation="srgb").pngsave(str(tmp_path / "hot" / "inbox" / "a.png"))
    daemon = make(SeesThrough(rgb))

    assert run_one(daemon) is RunResult.FAILED

    (entry,) = daemon.parts.journal.rows(State.FAILED)
    assert "Nothing of a.png would be left" in (entry.job.reason or "")


def test_a_photo_that_is_transparent_everywhere_fails_with_that_reason(make: Make, tmp_path: Path) -> None:
    (tmp_path / "hot" / "inbox").mkdir(parents=True)
    nothing = np.dstack([drawn_photo(300, 200, 1), np.zeros((200, 300), np.uint8)])
    pyvips.Image.new_from_array(nothing, interpretation="srgb").pngsave(str(tmp_path / "hot" / "inbox" / "a.png"))
    daemon = make(ScriptedEngine())

    assert run_one(daemon) is RunResult.FAILED

    (entry,) = daemon.parts.journal.rows(State.FAILED)
    assert "transparent everywhere" in (entry.job.reason or "")


def test_each_page_of_a_tiff_is_a_result_and_the_worst_one_decides_the_folder(make: Make, tmp_path: Path) -> None:
    save_pages(tmp_path / "hot" / "inbox" / "scan.tif", 2, blank=2)
    daemon = make(ScriptedEngine())

    assert run_one(daemon) is RunResult.DONE

    assert sorted(path.name for path in (tmp_path / "hot" / "ungenügend").iterdir()) == [
        "scan-p1.png", "scan-p2.png", "scan.json",
    ]  # fmt: skip
    body = json.loads((tmp_path / "hot" / "ungenügend" / "scan.json").read_text("utf-8"))
    assert (body["page"], body["grade"]) == (2, "ungenügend")
    assert [page["page"] for page in body["pages"]] == [1, 2]
    assert body["pages"][0]["score"] > body["pages"][1]["score"]
    assert {attempt["number"] // 100 for attempt in body["pages"][1]["attempts"]} == {1}
    (entry,) = daemon.parts.journal.latest(1)
    assert entry.job.grade is Grade.UNGENUEGEND
    assert entry.job.score == pytest.approx(body["score"], abs=1e-4)
    first, second = (pixels(tmp_path / "hot" / "ungenügend" / f"scan-p{page}.png") for page in (1, 2))
    assert first.shape != second.shape  # each page has its own size


def test_only_the_first_page_is_cut_out_where_that_is_set_and_the_report_says_so(make: Make, tmp_path: Path) -> None:
    save_pages(tmp_path / "hot" / "inbox" / "scan.tif", 3)
    daemon = make(ScriptedEngine(), flags={"outputs": {"pages": "first"}})

    assert run_one(daemon) is RunResult.DONE

    (report,) = (tmp_path / "hot").glob("*/scan.json")
    assert sorted(path.name for path in report.parent.iterdir()) == ["scan.json", "scan.png"]
    assert json.loads(report.read_text("utf-8"))["photo"]["remarks"] == ["only the first of its 3 pages was cut out"]


def test_the_report_says_that_the_xmp_was_too_long_for_a_jpeg(make: Make, tmp_path: Path) -> None:
    path = save_photo(tmp_path / "hot" / "inbox" / "a.png")
    photo = pyvips.Image.new_from_array(drawn_photo()).copy(interpretation="srgb")
    photo.set_type(pyvips.GValue.blob_type, "xmp-data", b"<rdf:RDF>" + b" " * 70_000 + b"</rdf:RDF>")
    path.write_bytes(photo.pngsave_buffer())
    daemon = make(ScriptedEngine(), flags={"outputs": {"formats": ["jpeg"]}})

    assert run_one(daemon) is RunResult.DONE

    (report,) = (tmp_path / "hot").glob("*/a.json")
    (remark,) = json.loads(report.read_text("utf-8"))["photo"]["remarks"]
    assert "XMP is too long for a JPEG" in remark


@pytest.mark.parametrize(
    ("bad", "done"), [((2,), [1, 3]), ((1,), [2, 3]), ((2, 3), [1])], ids=["middle", "first", "all but one"]
)
def test_a_page_that_cannot_be_decoded_is_left_out_and_the_report_says_why(
    make: Make, tmp_path: Path, bad: tuple[int, ...], done: list[int]
) -> None:
    scan = save_pages(tmp_path / "hot" / "inbox" / "scan.tif", 3)
    scan.write_bytes(with_bad_pages(scan.read_bytes(), *bad))
    daemon = make(ScriptedEngine())

    assert run_one(daemon) is RunResult.DONE

    (path,) = (tmp_path / "hot").glob("*/scan.json")
    assert sorted(each.name for each in path.parent.iterdir()) == [*(f"scan-p{n}.png" for n in done), "scan.json"]
    body = json.loads(path.read_text("utf-8"))
    assert [page["page"] for page in body["pages"]] == done
    assert [page["page"] for page in body["pages_left_out"]] == list(bad)
    told = body["pages_left_out"][0]
    assert f"page {bad[0]}" in told["reason"] if bad[0] > 1 else "scan.tif" in told["reason"]
    assert told["failure"]["code"]
    assert [(page.page, page.page_suffix) for page in read_report(path.read_bytes())] == [(n, f"-p{n}") for n in done]
    sizes = shown_in_report(path.read_bytes())
    assert sizes is not None
    assert sizes.page_suffix == f"-p{body['page']}"


def test_a_page_that_shows_nothing_is_left_out(make: Make, tmp_path: Path) -> None:
    """An alpha of its own that is empty leaves nothing to cut out, on this page alone."""
    path, seen = tmp_path / "hot" / "inbox" / "scan.tif", drawn_photo(96, 72)
    pages = [np.dstack([seen, np.full((72, 96), alpha, np.uint8)]) for alpha in (255, 0)]
    path.parent.mkdir(parents=True)
    strip = pyvips.Image.new_from_array(np.concatenate(pages), interpretation="srgb").copy()
    strip.set_type(pyvips.GValue.gint_type, "page-height", 72)
    strip.tiffsave(str(path))
    daemon = make(ScriptedEngine())

    assert run_one(daemon) is RunResult.DONE

    (report,) = (tmp_path / "hot").glob("*/scan.json")
    assert "transparent everywhere" in json.loads(report.read_text("utf-8"))["pages_left_out"][0]["reason"]


def test_a_file_of_which_no_page_can_be_decoded_fails(make: Make, tmp_path: Path) -> None:
    save_pages(tmp_path / "hot" / "inbox" / "scan.tif", 2)
    daemon = make(ScriptedEngine())
    take_all_in(daemon.parts)
    (original,) = (tmp_path / "hot" / ".freisteller" / "work").glob("*/scan.tif")
    original.write_bytes(with_bad_pages(original.read_bytes(), 1, 2))
    job = daemon.parts.journal.take(2.0**40)
    assert job is not None

    assert daemon.parts.task_runner.run(job) is RunResult.FAILED

    (entry,) = daemon.parts.journal.rows(State.FAILED)
    assert "scan.tif, page 2, cannot" in (entry.job.reason or "")
    assert not list((tmp_path / "hot").glob("*/scan*.png"))


WIDE = {"outputs": {"formats": ["png", "webp"]}}


def test_a_photo_too_wide_for_one_of_its_formats_is_refused_before_an_engine_is_asked(
    make: Make, tmp_path: Path
) -> None:
    save_photo(tmp_path / "hot" / "inbox" / "wide.png", drawn_photo(16384, 8))
    engine = ScriptedEngine()
    daemon = make(engine, flags=WIDE)

    assert run_one(daemon) is RunResult.FAILED

    assert not engine.calls
    (entry,) = daemon.parts.journal.rows(State.FAILED)
    assert "A webp has at most 16383 pixels a side, and this result has 16384 x 8." in (entry.job.reason or "")


@pytest.mark.parametrize("smaller", [{"max_side": 16000}, {"trim": True, "margin": 0}], ids=["max_side", "trim"])
def test_a_photo_whose_result_is_small_enough_is_cut_out(
    make: Make, tmp_path: Path, smaller: dict[str, object]
) -> None:
    save_photo(tmp_path / "hot" / "inbox" / "wide.png", drawn_photo(16384, 400))
    daemon = make(ScriptedEngine(), flags={"outputs": {"formats": ["webp"], **smaller}})

    assert run_one(daemon) is RunResult.DONE

    (result,) = (tmp_path / "hot").glob("*/wide.webp")
    assert pyvips.Image.new_from_file(str(result)).width <= 16383


def test_one_page_too_wide_for_a_format_leaves_the_others_to_be_done(make: Make, tmp_path: Path) -> None:
    path = tmp_path / "hot" / "inbox" / "scan.tif"
    path.parent.mkdir(parents=True)
    path.write_bytes(tiff_of_pages([drawn_photo(96, 72), drawn_photo(16384, 8)]))
    daemon = make(ScriptedEngine(), flags=WIDE)

    assert run_one(daemon) is RunResult.DONE

    (report,) = (tmp_path / "hot").glob("*/scan.json")
    body = json.loads(report.read_text("utf-8"))
    assert [page["page"] for page in body["pages"]] == [1]
    assert "16384 x 8" in body["pages_left_out"][0]["reason"]


def test_an_original_that_is_still_written_while_it_is_in_work_fails_with_all_that_was_written(
    make: Make, tmp_path: Path
) -> None:
    """As a machine may do that holds the file open on a share: the rename took it with its writer."""
    save_pages(tmp_path / "hot" / "inbox" / "scan.tif", 1)
    whole = save_pages(tmp_path / "whole.tif", 2).read_bytes()

    def goes_on(_: Recipe) -> None:
        (original,) = (tmp_path / "hot" / ".freisteller" / "work").glob("*/scan.tif")
        with original.open("r+b") as writer:  # the same file, as if it were held open since before the rename
            writer.write(whole)

    assert run_one(make(ScriptedEngine(goes_on))) is RunResult.FAILED

    assert (tmp_path / "hot" / "failed" / "scan.tif").read_bytes() == whole
    assert "still being written" in (tmp_path / "hot" / "failed" / "scan.tif.txt").read_text("utf-8")
    assert not list((tmp_path / "hot").glob("*/scan*.png"))


def pixels(path: Path) -> Samples:
    samples: Samples = pyvips.Image.new_from_file(str(path)).numpy()
    return samples


class SeesThrough(ScriptedEngine):
    """An engine that finds the subject wherever it was, transparent or not."""

    def __init__(self, rgb: Rgb) -> None:
        super().__init__()
        self._alpha = by_colour(rgb)

    def cut(self, ticket: uuid.UUID, proxy: Rgb, recipe: Recipe, *, new: bool = False) -> Answer:
        return Answer(self._alpha, "double", {"infer": 0.001})


def test_what_is_out_never_fails_however_often_its_end_went_wrong(make: Make, tmp_path: Path) -> None:
    save_photo(tmp_path / "hot" / "inbox" / "a.png")

    def broken(step: Effect) -> None:
        if step is Effect.ARCHIVE:
            raise ZeroDivisionError

    daemon = make(ScriptedEngine(), tick=broken, flags={"dispatch": {"max_tries": 1}})

    fate = run_one(daemon)

    (entry,) = daemon.parts.journal.rows(State.PUBLISHING)
    assert fate is RunResult.SENT_BACK
    assert len(entry.results) == 2
    assert list((tmp_path / "hot" / "failed").iterdir()) == []


def test_a_start_does_not_give_up_a_photo_whose_results_are_out(make: Make, tmp_path: Path) -> None:
    save_photo(tmp_path / "hot" / "inbox" / "a.png")
    daemon = make(ScriptedEngine(), tick=dying_at(Effect.ARCHIVE), flags={"dispatch": {"max_tries": 1}})
    with pytest.raises(Died):
        run_one(daemon)

    counts = daemon.parts.recovery.recover()
    job = daemon.parts.journal.take_suspect(2.0**40)
    assert job is not None

    assert counts["quarantined"] == 0
    assert daemon.parts.task_runner.run(job) is RunResult.DONE
    assert list((tmp_path / "hot" / "failed").iterdir()) == []


def test_an_ending_is_told_though_the_share_went_away_before_the_clearing(make: Make, tmp_path: Path) -> None:
    save_photo(tmp_path / "hot" / "inbox" / "a.png")
    told: list[JobEnd] = []
    times_left = [1]

    def away(step: Effect) -> None:
        if step is Effect.CLEAR and times_left[0]:
            times_left[0] -= 1
            raise RootAway("the share is away")

    daemon = make(ScriptedEngine(), tick=away, on_end=told.append)

    fate = run_one(daemon)
    daemon.parts.recovery.clear_leftovers()

    assert fate is RunResult.DONE
    assert [ending.grade is not None for ending in told] == [True]
    assert daemon.parts.folders.jobs.in_work() == ()


@pytest.mark.parametrize("trouble", [NoRoom("journal is full"), sqlite3.OperationalError("database is locked")])
def test_a_job_that_could_not_be_put_off_is_stranded_and_started_again(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    save_photo(tmp_path / "hot" / "inbox" / "a.png")
    daemon = make(ScriptedEngine(failing(EngineAway("no answer"), times=1)))

    def refuse(*_: object) -> None:
        raise trouble

    with monkeypatch.context() as patch:
        patch.setattr(type(daemon.parts.journal), "postpone", refuse)
        fate = run_one(daemon)
        (entry,) = daemon.parts.journal.rows(State.RUNNING)
        held = daemon.parts.job_runner.hold(
            PhotoTask(entry.job, daemon.parts.settings.now), RootAway("the share is away")
        )
    daemon.parts.journal.undo(entry.job.id, 0.0)
    again = daemon.parts.journal.take(2.0**40)
    assert again is not None

    assert (fate, held) == (RunResult.STRANDED, RunResult.STRANDED)
    assert daemon.parts.task_runner.run(again) is RunResult.DONE


def test_a_row_that_could_be_neither_claimed_nor_struck_out_is_no_photo(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_photo(tmp_path / "hot" / "inbox" / "a.png")
    told: list[JobEnd] = []
    daemon = make(ScriptedEngine(), on_end=told.append)

    def full(*_: object) -> None:
        raise NoRoom("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(type(daemon.parts.folders.jobs), "claim", full)
        patch.setattr(type(daemon.parts.journal), "forget", full)
        daemon.parts.inbox_loop.turn(urgent=True)
    assert daemon.parts.journal.take(2.0**40) is None

    assert run_one(daemon) is RunResult.DONE
    assert len(told) == len(daemon.parts.journal.latest(9)) == 1


def test_a_cut_out_put_back_before_its_original_is_in_archiv_is_tried_again(make: Make, tmp_path: Path) -> None:
    hot = tmp_path / "hot"
    save_photo(hot / "inbox" / "a.jpg")
    full = [True]

    def tick(step: Effect) -> None:
        if step is Effect.ARCHIVE and full[0]:
            raise NoRoom("archiv is full")

    daemon = make(ScriptedEngine(), tick=tick)
    run_one(daemon)
    (cut_out,) = hot.glob("*/a.png")
    cut_out.rename(hot / "inbox" / "a.png")
    daemon.parts.inbox_loop.turn(urgent=True)
    full[0] = False
    job = daemon.parts.journal.take_decided(2.0**40, ())
    assert job is not None

    daemon.parts.task_runner.run(job)
    daemon.parts.inbox_loop.turn(urgent=True)

    (entry,) = daemon.parts.journal.rows(State.WAITING)
    assert entry.job.round == 1
    assert (hot / "archiv" / "a-earlier.png").is_file()


def test_a_retry_does_not_take_another_photo_of_the_same_name(make: Make, tmp_path: Path) -> None:
    failed = tmp_path / "hot" / "failed"
    daemon = make(ScriptedEngine())
    bad = tmp_path / "hot" / "inbox" / "bad.jpg"
    bad.write_bytes(b"one")
    daemon.parts.arrivals.refuse(Reject(bad, "bad.jpg", Said.again("This is no photo.")))
    (first,) = daemon.parts.journal.rows(State.FAILED)
    for path in failed.iterdir():
        path.unlink()
    bad.write_bytes(b"another one")
    daemon.parts.arrivals.refuse(Reject(bad, "bad.jpg", Said.again("This is no photo.")))
    before = sorted(path.read_bytes() for path in failed.iterdir())

    with pytest.raises(Vanished, match="of another photo"):
        try_again(daemon, first.job.id)

    assert sorted(path.read_bytes() for path in failed.iterdir()) == before


def test_what_was_staged_is_published_as_it_was_decided_though_its_alphas_are_lost(make: Make, tmp_path: Path) -> None:
    hot = tmp_path / "hot"
    save_photo(hot / "inbox" / "a.jpg")
    engine = ScriptedEngine()
    daemon = make(engine, tick=dying_at(Effect.PUBLISH), flags={"outputs": {"formats": ["png"]}})
    with pytest.raises(Died):
        run_one(daemon)
    (decided,) = daemon.parts.journal.rows(State.PUBLISHING)
    daemon.close()
    shutil.rmtree(tmp_path / "state" / "alphas")
    asked = engine.calls.total()

    daemon = make(engine, flags={"outputs": {"formats": ["webp"]}})  # which a report from before knows nothing of
    daemon.recover()
    job = daemon.parts.journal.take_suspect(2.0**40)
    assert job is not None
    fate = daemon.parts.task_runner.run(job)

    done = daemon.parts.journal.row(decided.job.id)
    assert decided.job.grade is not None
    report = json.loads((hot / decided.job.grade.value / "a.json").read_text("utf-8"))
    assert fate is RunResult.DONE
    assert engine.calls.total() == asked
    assert done.results == (f"{decided.job.grade.value}/a.png", f"{decided.job.grade.value}/a.json")
    assert (done.job.grade, report["grade"]) == (decided.job.grade, decided.job.grade.value)
    assert list(report["sha256"]) == [".png"]


def test_a_staged_file_that_is_gone_is_made_again(make: Make, tmp_path: Path) -> None:
    hot = tmp_path / "hot"
    save_photo(hot / "inbox" / "a.jpg")
    daemon = make(ScriptedEngine(), tick=dying_at(Effect.PUBLISH))
    with pytest.raises(Died):
        run_one(daemon)
    (decided,) = daemon.parts.journal.rows(State.PUBLISHING)
    for staged in daemon.parts.folders.jobs.staging(decided.job.id).iterdir():
        if staged.suffix == ".png":
            staged.unlink()

    job = daemon.parts.journal.take_decided(2.0**40, ())
    assert job is not None
    fate = daemon.parts.task_runner.run(job)

    assert fate is RunResult.DONE
    assert len(list(hot.glob("*/a.png"))) == 1


def test_a_staged_file_that_is_not_as_its_report_says_is_not_taken_as_staged(make: Make, tmp_path: Path) -> None:
    save_photo(tmp_path / "hot" / "inbox" / "a.jpg")
    daemon = make(ScriptedEngine(), tick=dying_at(Effect.PUBLISH))
    with pytest.raises(Died):
        run_one(daemon)
    (decided,) = daemon.parts.journal.rows(State.PUBLISHING)
    staging = daemon.parts.folders.jobs.staging(decided.job.id)
    original = daemon.parts.folders.jobs.claimed(decided.job.id)
    assert original is not None
    content = hashlib.sha256(original.read_bytes()).digest()

    whole = staged_as_decided(decided.job, staging, content)
    of_another_original = staged_as_decided(decided.job, staging, bytes(32))
    whole[0][0].write_bytes(b"spoilt")

    assert [ending for _, ending in whole] == [".png", ".json"]
    assert of_another_original == ()
    assert staged_as_decided(decided.job, staging, content) == ()


def test_an_error_before_the_work_begins_concerns_its_photo_only(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        save_photo(tmp_path / "hot" / "inbox" / f"{name}.png")
    daemon = make(ScriptedEngine())
    parts, read = daemon.parts, Orders.settings_for

    def settings_for(orders: Orders, source: Path, own: str = "", taken_by: str | None = None) -> Settings:
        if source.name == "a.png":
            raise RecursionError("too deep")
        return read(orders, source, own, taken_by)

    take_all_in(parts)
    monkeypatch.setattr(Orders, "settings_for", settings_for)

    assert run_all(parts) == {
        "a.png": [RunResult.SENT_BACK, RunResult.SENT_BACK, RunResult.FAILED],
        "b.png": [RunResult.DONE],
    }
    assert "RecursionError: too deep" in (tmp_path / "hot" / "failed" / "a.png.txt").read_text("utf-8")


def test_a_photo_that_the_disk_cannot_read_keeps_nobody_waiting(
    make: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b"):
        save_photo(tmp_path / "hot" / "inbox" / f"{name}.png")
    works_in_this_process(monkeypatch)
    parts, opened = (make(ScriptedEngine())).parts, open_for_work

    def on_a_bad_sector(path: Path, *rest: Any) -> Photo | LargePhoto:  # as open_for_work
        if path.name == "a.png":
            raise RootAway("The disk does not answer.") from OSError(errno.EIO, "Input/output error")
        return opened(path, *rest)

    monkeypatch.setattr("daemon.work.open_file.open_for_work", on_a_bad_sector)
    take_all_in(parts)

    assert run_all(parts) == {
        "a.png": [RunResult.SENT_BACK, RunResult.SENT_BACK, RunResult.FAILED],
        "b.png": [RunResult.DONE],
    }
    assert "Input/output error" in (tmp_path / "hot" / "failed" / "a.png.txt").read_text("utf-8")
