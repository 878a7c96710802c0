"""Recovery clears what jobs leave behind, and never takes a photo away that a person just sent round again."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.jobs import Job
from daemon.service.lifecycle import Daemon
from daemon.states import State
from tests.doubles import ScriptedEngine
from tests.drawing import save_photo
from tests.test_crash_at_every_step import FAR_FUTURE, settings_for


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    daemon = Daemon(settings_for(tmp_path), engine=ScriptedEngine())
    yield daemon
    daemon.close()


def finished_job(daemon: Daemon) -> Job:
    """A job that is done, and left a folder in work, as after a crash before it was cleared."""
    parts = daemon.parts
    save_photo(parts.folders.inbox / "a.png")
    daemon.recover()
    parts.engine.start()
    while (scan := parts.inbox_loop.turn(urgent=True)) and scan.incomplete:
        parts.watcher.wait(scan.next_look_seconds, threading.Event())
    job = parts.journal.take(FAR_FUTURE)
    assert job is not None
    parts.task_runner.run(job)
    (parts.folders.jobs.work_root / job.id).mkdir()
    return job


def test_a_photo_that_is_sent_round_again_while_leftovers_are_cleared_keeps_its_original(daemon: Daemon) -> None:
    parts, job = daemon.parts, finished_job(daemon)
    listed, cleared = threading.Event(), threading.Event()
    known = parts.journal.open_ids

    def open_ids() -> frozenset[str]:
        found = frozenset(known())
        listed.set()
        return found

    parts.journal.open_ids = open_ids  # type: ignore[method-assign]

    def clear() -> None:
        parts.recovery.clear_leftovers()
        cleared.set()

    with parts.publisher.locks.held(job.id):  # as a put-back holds it while it moves the original
        recovery = threading.Thread(target=clear)
        recovery.start()
        assert listed.wait(10)  # it takes the job for one that is over
        assert not cleared.wait(0.2)
        parts.journal.requeue(job.id, 0.0)
        parts.folders.jobs.restore(parts.folders.archive / "a.png", job.id)
    recovery.join(10)

    assert parts.journal.state_of(job.id) is State.WAITING
    assert parts.folders.jobs.claimed(job.id) is not None


def test_a_folder_of_a_job_that_is_over_is_cleared(daemon: Daemon) -> None:
    job = finished_job(daemon)

    completed = daemon.parts.recovery.clear_leftovers()

    assert completed == 1
    assert not daemon.parts.folders.jobs.exists(job.id)
