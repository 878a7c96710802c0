"""Dispatch starts the oldest job first, never more than there are workers, and backs off while no engine answers."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from daemon.errors import RootAway
from daemon.hotfolder.root_condition import RootCondition
from daemon.jobs import Job
from daemon.journal import Journal
from daemon.work.backoff import LONGEST_BACKOFF_SECONDS, Backoff
from daemon.work.dispatch import Dispatch
from daemon.work.job_runner import RunResult
from tests.doubles import Clock


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal(tmp_path / "journal.sqlite3")
    yield journal
    journal.close()


class Hands:
    """Work that lasts until the test ends it."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.end = threading.Event()
        self.error: Exception | None = None

    def run(self, job: Job) -> RunResult:
        self.started.append(job.id)
        self.end.wait(30)
        if self.error:
            raise self.error
        return RunResult.DONE


def dispatch_for(
    journal: Journal, hands: Hands, executor: ThreadPoolExecutor, workers: int = 2, root: RootCondition | None = None
) -> Dispatch:
    return Dispatch(
        journal=journal,
        executor=executor,
        run=hands.run,
        workers=workers,
        backoff=Backoff(5),
        root=root or RootCondition(),
        clock=Clock(),
    )


def admit(journal: Journal, *ids: str) -> None:
    for number, job_id in enumerate(ids):
        journal.admit(job_id, f"{job_id}.jpg", Path("inbox/x"), 1, float(number))


def test_no_more_jobs_run_than_there_are_workers(journal: Journal) -> None:
    admit(journal, "a", "b", "c")
    hands = Hands()
    with ThreadPoolExecutor(4) as executor:
        dispatch = dispatch_for(journal, hands, executor, workers=2)

        started = [dispatch.start_next() for _ in range(3)]
        hands.end.set()

    assert [job.id if job else None for job in started] == ["a", "b", None]


def test_nothing_starts_while_the_hot_folder_is_away(journal: Journal) -> None:
    admit(journal, "a")
    with ThreadPoolExecutor(1) as executor:
        root = RootCondition()
        root.record(RootAway("away"))
        dispatch = dispatch_for(journal, Hands(), executor, root=root)

        assert dispatch.start_next() is None


def test_the_back_off_lets_one_photo_try_after_each_wait() -> None:
    backoff = Backoff(5)
    backoff.record(RunResult.NO_ENGINE, now=100)

    assert not backoff.allows(104, running=0)
    assert backoff.allows(105, running=0)
    assert not backoff.allows(105, running=1)


def test_the_wait_doubles_up_to_a_limit() -> None:
    backoff = Backoff(5)
    for _ in range(20):
        backoff.record(RunResult.NO_ENGINE, now=100)

    assert not backoff.allows(100 + LONGEST_BACKOFF_SECONDS - 1, running=0)
    assert backoff.allows(100 + LONGEST_BACKOFF_SECONDS, running=0)


def test_a_clock_that_is_set_back_does_not_prolong_the_back_off() -> None:
    backoff = Backoff(5)
    backoff.record(RunResult.NO_ENGINE, now=100_000)

    assert backoff.allows(10_000, running=0)


def test_a_success_ends_the_back_off() -> None:
    backoff = Backoff(5)
    backoff.record(RunResult.NO_ENGINE, now=100)
    backoff.record(RunResult.DONE, now=106)

    assert backoff.allows(106, running=7)


def test_a_bad_photo_does_not_start_the_back_off() -> None:
    backoff = Backoff(5)
    backoff.record(RunResult.FAILED, now=100)

    assert backoff.allows(100, running=1)


def test_a_stranded_job_that_ended_after_all_does_not_stop_the_dispatcher(journal: Journal) -> None:
    admit(journal, "a")

    def fails_and_strands(job: Job) -> RunResult:
        journal.give_up(job.id, "no", "bad_photo", 1.0)
        return RunResult.STRANDED

    with ThreadPoolExecutor(1) as executor:
        dispatch = dispatch_for(journal, Hands(), executor)
        dispatch._run = fails_and_strands
        dispatch.start_next()
    dispatch.backoff.record(RunResult.DONE, 1.0)
    admit(journal, "b")
    with ThreadPoolExecutor(1) as executor:
        dispatch._executor, dispatch._run = executor, lambda _: RunResult.DONE

        started = dispatch.start_next()

    assert started is not None
    assert started.id == "b"


def test_a_job_whose_run_raises_is_logged_and_started_again(journal: Journal, caplog: pytest.LogCaptureFixture) -> None:
    admit(journal, "a")
    hands = Hands()
    hands.end.set()
    with ThreadPoolExecutor(1) as executor:
        dispatch = dispatch_for(journal, hands, executor)
        hands.error = MemoryError("no more")
        dispatch.start_next()
        while dispatch.running:
            pass
        hands.error = None
        dispatch.backoff.record(RunResult.DONE, 0.0)  # else it waits first

        again = dispatch.start_next()

    assert again is not None
    assert hands.started == ["a", "a"]
    assert [record.__dict__["action"] for record in caplog.records] == ["internal_error"]
