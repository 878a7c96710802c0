"""Where the daemon goes through many people's things, an unexpected error with one of them stops no other."""

import errno
import json
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon.commands.retry import retry_jobs
from daemon.engines.contract import ServerHealth
from daemon.errors import RecipeRefused
from daemon.hotfolder.claim_file import NOTE
from daemon.hotfolder.order_names import NAME
from daemon.jobs import Job, Recipe
from daemon.people.retries import NextRound, Retries
from daemon.people.stray_results import StrayResults
from daemon.publishing.publisher import Publisher
from daemon.service import housekeeping
from daemon.service.lifecycle import Daemon
from daemon.states import State
from tests.doubles import ScriptedEngine
from tests.drawing import save_photo
from tests.notify.test_batches import QUIET
from tests.notify.test_batches import Studio as Batches
from tests.test_crash_at_every_step import FAR_FUTURE, files_below, one_life, results, settings_for

pytestmark = pytest.mark.usefixtures("deaf")


class Studio:
    """A hot folder whose photos "bad" and "good" are over; `open` starts a daemon that does nothing by itself."""

    def __init__(self, folder: Path, engine: ScriptedEngine) -> None:
        self.settings = settings_for(folder)
        self.root = self.settings.root_path
        self.inbox = self.root / "inbox"
        for seed, name in enumerate(("bad", "good")):
            save_photo(self.inbox / f"{name}.png", seed=seed)
        one_life(self.settings, engine, lambda _: None)
        engine.trouble = None
        self.engine = engine
        self.daemon: Daemon | None = None

    def open(self) -> Daemon:
        self.daemon = Daemon(self.settings, engine=self.engine)
        return self.daemon

    def place(self, name: str) -> Path:
        (found,) = (path for path in self.root.glob(f"*/{name}") if path.parent.name not in ("archiv", "failed"))
        return found


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    studio = Studio(tmp_path, ScriptedEngine())
    yield studio
    if studio.daemon:
        studio.daemon.close()


@pytest.fixture
def failed(tmp_path: Path) -> Iterator[Studio]:
    """A studio whose photos have failed."""

    def refuse(recipe: Recipe) -> None:
        raise RecipeRefused(f"{recipe} is refused")

    studio = Studio(tmp_path, ScriptedEngine(refuse))
    yield studio
    if studio.daemon:
        studio.daemon.close()


def ids(daemon: Daemon) -> dict[str, str]:
    """The ids of the photos by their names."""
    return {row.job.name.removesuffix(".png"): row.job.id for row in daemon.parts.journal.latest(9)}


def spoil(
    monkeypatch: pytest.MonkeyPatch, owner: type, method: str, is_bad: Callable[..., bool], error: Exception
) -> None:
    """Let a method of ours raise for the bad thing."""
    real = getattr(owner, method)

    def spoilt(self: object, *arguments: Any, **more: Any) -> object:  # Any: passed on as they are
        if is_bad(*arguments):
            raise error
        return real(self, *arguments, **more)

    monkeypatch.setattr(owner, method, spoilt)


def complaints(caplog: pytest.LogCaptureFixture) -> int:
    return sum(1 for record in caplog.records if getattr(record, "action", "") == "internal_error")


@pytest.mark.parametrize("at_start", [True, False])
def test_a_put_back_that_our_code_stumbles_over_waits_alone(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, at_start: bool
) -> None:
    for name in ("bad.png", "good.png"):
        studio.place(name).rename(studio.inbox / name)
    spoil(monkeypatch, NextRound, "begin", lambda row, *_: row.job.name == "bad.png", RuntimeError("boom"))
    daemon = studio.open()
    job_ids = ids(daemon)

    if at_start:
        for name in ("bad.png", "good.png"):
            daemon.parts.folders.jobs.claim(
                studio.inbox / name, job_ids[name[:-4]], into=daemon.parts.folders.jobs.returns_root
            )
    daemon.recover()
    daemon.parts.inbox_loop.turn(urgent=True)

    assert daemon.parts.journal.state_of(job_ids["good"]) is State.WAITING
    assert daemon.parts.journal.state_of(job_ids["bad"]) is State.DONE
    assert daemon.parts.folders.jobs.put_back() == (job_ids["bad"],)
    assert complaints(caplog) == 1


def test_an_order_that_our_code_stumbles_over_does_not_end_the_turn(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = studio.open()
    daemon.recover()
    (studio.inbox / "bad").mkdir()
    (studio.inbox / "bad" / NAME).write_text("[")
    save_photo(studio.inbox / "bad" / "x.png", seed=7)
    daemon.parts.inbox_loop.turn(urgent=True)
    assert daemon.parts.arrivals.bad_orders.messages

    spoil(
        monkeypatch,
        type(daemon.parts.arrivals.bad_orders),
        "_answer",
        lambda source, _: "bad" in source.parts,
        RuntimeError("boom"),
    )
    save_photo(studio.inbox / "other.png", seed=8)
    for _ in range(2):
        daemon.parts.inbox_loop.turn(urgent=True)

    assert [row.job.name for row in daemon.parts.journal.rows(State.WAITING)] == ["other.png"]


def test_leftovers_that_our_code_stumbles_over_keep_no_others(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = studio.open()
    job_ids = ids(daemon)
    for job_id in job_ids.values():
        (daemon.parts.folders.jobs.work_root / job_id).mkdir()
    spoil(monkeypatch, Publisher, "look", lambda job_id, *_: job_id == job_ids["bad"], RuntimeError("boom"))

    daemon.recover()

    assert daemon.parts.folders.jobs.in_work() == (job_ids["bad"],)


def test_a_worn_out_photo_that_cannot_be_given_up_keeps_no_other(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatch = studio.settings.dispatch.model_copy(update={"max_tries": 1})
    studio.settings = studio.settings.model_copy(update={"dispatch": dispatch})
    daemon = studio.open()
    job_ids = ids(daemon)
    for job_id in job_ids.values():
        daemon.parts.journal.requeue(job_id, 0.0)
        assert daemon.parts.journal.take(FAR_FUTURE)
        daemon.parts.journal.recover()  # the program crashed while this one was alone in work
    spoil(
        monkeypatch,
        Publisher,
        "give_up",
        lambda job, *_: isinstance(job, Job) and job.id == job_ids["bad"],
        RuntimeError("boom"),
    )

    daemon.recover()

    assert daemon.parts.journal.state_of(job_ids["good"]) is State.FAILED


def test_a_row_that_cannot_be_forgotten_keeps_no_other(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = studio.open()
    journal = daemon.parts.journal
    for name in ("bad", "good"):
        journal.admit(f"1-{name}", f"{name}.png", Path("inbox") / f"{name}.png", 1, 0.0)
    spoil(monkeypatch, type(journal), "forget", lambda job_id: job_id == "1-bad", RuntimeError("boom"))

    daemon.recover()

    assert journal.state_of("1-good") is None


def test_a_note_of_a_claim_that_nobody_wrote_so_keeps_no_other_claim(studio: Studio) -> None:
    daemon = studio.open()
    jobs = daemon.parts.folders.jobs
    for name, way in (("1-bad", {"inbox": 1, "x": 2}), ("2-good", ["inbox", "x.png"])):
        jobs.work(name)
        (jobs.work_root / name / "x.png").touch()
        (jobs.work_root / name / NOTE).write_text(json.dumps({"way": way, "mark": [1, 2, 3, 4]}))

    jobs.finish_interrupted_claims()

    assert not (jobs.work_root / "2-good" / NOTE).exists()


@pytest.mark.parametrize("what", ["infinite bytes", "a folder that cannot be read"])
def test_what_cannot_be_read_back_keeps_no_report(studio: Studio, monkeypatch: pytest.MonkeyPatch, what: str) -> None:
    report = studio.place("bad.json")
    body = json.loads(report.read_text("utf-8"))
    if what == "infinite bytes":
        body["photo"]["bytes"] = "HERE"
        report.write_text(json.dumps(body).replace('"HERE"', "1e999"), "utf-8")
    else:
        (report.parent / "locked").mkdir()
        real = Path.iterdir

        def iterdir(self: Path) -> Iterator[Path]:
            if self.name == "locked":
                raise PermissionError(errno.EACCES, "Permission denied", str(self))
            return real(self)

        monkeypatch.setattr(Path, "iterdir", iterdir)
    (Path(studio.settings.state_dir) / "journal.sqlite3").unlink()
    daemon = studio.open()

    reading = threading.Thread(target=daemon.parts.reading_back.serve, args=(threading.Event(),), daemon=True)
    reading.start()
    reading.join(20)

    assert not daemon.parts.reading_back.left_to_do
    assert "good.png" in {row.job.name for row in daemon.parts.journal.latest(9)}


def test_a_folder_that_our_code_stumbles_over_keeps_no_notice_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = Batches(tmp_path)
    for name in ("bad", "good"):
        batches.finish(f"{name}/a.jpg")
    spoil(monkeypatch, type(batches.batches), "_holds_photos", lambda folder: folder == "bad", RuntimeError("boom"))

    told = [figures.folder for figures in batches.reported(QUIET)]
    monkeypatch.undo()
    later = [figures.folder for figures in batches.reported(QUIET)]

    assert (told, later) == (["good"], ["bad"])


def test_a_look_at_verdicts_that_our_code_stumbles_over_is_taken_again(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = studio.open()
    daemon.recover()
    studio.place("good.png").rename(studio.root / "sehr_gut" / "renamed.png")
    spoil(monkeypatch, StrayResults, "look", lambda *_: True, RuntimeError("boom"))
    daemon.parts.verdicts.turn(settle_seconds=0.0)
    monkeypatch.undo()

    daemon.parts.verdicts.turn(settle_seconds=0.0)

    row = daemon.parts.journal.row(ids(daemon)["good"])
    assert any(place.endswith("renamed.png") for place in row.results)


def test_a_photo_that_cannot_be_retried_keeps_no_other(failed: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    daemon = failed.open()
    job_ids = ids(daemon)
    spoil(monkeypatch, Retries, "try_again", lambda job_id: job_id == job_ids["bad"], RuntimeError("boom"))

    taken, refused = retry_jobs(failed.settings, None)

    assert taken == ["good.png"]
    assert len(refused) == 1
    assert files_below(failed.root / "failed") == ["bad.png", "bad.png.txt"]
    assert results(failed.root) == []


def test_a_status_that_our_code_stumbles_over_keeps_no_house_from_being_kept(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(housekeeping, "TURN_SECONDS", 0.01)
    monkeypatch.setattr(housekeeping, "CLEAR_SECONDS", 0.02)
    daemon = studio.open()
    job_id = ids(daemon)["good"]
    (daemon.parts.folders.jobs.work_root / job_id).mkdir()

    def health() -> tuple[ServerHealth, ...]:
        raise RuntimeError("boom")

    monkeypatch.setattr(studio.engine, "health", health)
    stop = threading.Event()
    keeping = threading.Thread(target=daemon.parts.housekeeping.keep, args=(stop,), daemon=True)
    with caplog.at_level(logging.ERROR):
        keeping.start()
        keeping.join(1.0)

    alive = keeping.is_alive()
    stop.set()
    keeping.join(10)
    assert alive
    assert not daemon.parts.folders.jobs.exists(job_id)
    assert complaints(caplog) == 2  # the status asks it, and who judges what keeps photos from being done
