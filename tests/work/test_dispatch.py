"""Dispatch starts the oldest job first, never more than there are workers, and backs off while no engine answers."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from daemon.errors import RootAway
from daemon.hotfolder.root_condition import RootCondition
from daemon.jobs import Attempt, Grade, Job, Measures, Outcome, Recipe, Verdict
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
    journal: Journal,
    hands: Hands,
    executor: ThreadPoolExecutor,
    workers: int = 2,
    root: RootCondition | None = None,
    clock: Clock | None = None,
) -> Dispatch:
    return Dispatch(
        journal=journal,
        executor=executor,
        run=hands.run,
        workers=workers,
        backoff=Backoff(5),
        root=root or RootCondition(),
        clock=clock or Clock(),
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


def test_the_back_off_lets_one_photo_try_after_each_wait(journal: Journal) -> None:
    """Even if a photo that was in work before, or the one that tries, hangs."""
    admit(journal, "a", "b", "c", "d")
    hands, clock = Hands(), Clock()
    with ThreadPoolExecutor(4) as executor:
        dispatch = dispatch_for(journal, hands, executor, workers=4, clock=clock)
        dispatch.start_next()
        dispatch.backoff.record(RunResult.NO_ENGINE, clock.now)

        started = []
        for seconds in (4, 1, 1, 4, 1, 4):
            clock.advance(seconds)
            started.append(dispatch.start_next())
        hands.end.set()

    assert [job.id if job else None for job in started] == [None, "b", None, "c", None, "d"]


def test_the_wait_doubles_up_to_a_limit() -> None:
    backoff = Backoff(5)
    for _ in range(20):
        backoff.record(RunResult.NO_ENGINE, now=100)

    assert not backoff.allows(100 + LONGEST_BACKOFF_SECONDS - 1)
    assert backoff.allows(100 + LONGEST_BACKOFF_SECONDS)


def test_a_clock_that_is_set_back_does_not_prolong_the_back_off() -> None:
    backoff = Backoff(5)
    backoff.record(RunResult.NO_ENGINE, now=100_000)

    assert backoff.allows(10_000)


def test_a_success_ends_the_back_off() -> None:
    backoff = Backoff(5)
    backoff.record(RunResult.NO_ENGINE, now=100)
    backoff.record(RunResult.DONE, now=106)

    assert backoff.allows(106)


def test_a_bad_photo_does_not_start_the_back_off() -> None:
    backoff = Backoff(5)
    backoff.record(RunResult.FAILED, now=100)

    assert backoff.allows(100)


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


class Bench:
    """A dispatcher whose jobs end one by one, when the test says so."""

    def __init__(self, journal: Journal, executor: ThreadPoolExecutor, workers: int) -> None:
        self.journal = journal
        self.dispatch = Dispatch(
            journal=journal,
            executor=executor,
            run=self._run,
            workers=workers,
            backoff=Backoff(5),
            root=RootCondition(),
            clock=Clock(),
        )
        self._ends: dict[str, threading.Event] = {}
        self._put_off: set[str] = set()

    def _run(self, job: Job) -> RunResult:
        self._ends[job.id].wait(30)
        if job.id in self._put_off:
            self.journal.postpone(job.id, 0.0, "away", "engine_away")
        else:
            self.journal.give_up(job.id, "no", "bad_photo", 1.0)
        return RunResult.FAILED

    def starts(self) -> list[str]:
        """Start all that may start now."""
        started = []
        self._ends |= {job_id: threading.Event() for job_id in self.journal.open_ids() if job_id not in self._ends}
        while job := self.dispatch.start_next():
            started.append(job.id)
        return started

    def end(self, *ids: str, put_off: bool = False) -> None:
        left = self.dispatch.running - len(ids)
        self._put_off |= set(ids) if put_off else set()
        for job_id in ids:
            self._ends[job_id].set()
        while self.dispatch.running > left:
            pass
        for job_id in ids:
            self._ends[job_id].clear()


def crashed_over(journal: Journal, *ids: str) -> None:
    """Leave these jobs as after a crash while all of them were in work."""
    admit(journal, *ids)
    for _ in ids:
        journal.take(10.0)
    journal.recover()


@pytest.fixture
def bench(journal: Journal) -> Iterator[Bench]:
    with ThreadPoolExecutor(8) as executor:
        bench = Bench(journal, executor, workers=2)
        yield bench
        for event in bench._ends.values():
            event.set()


def test_suspects_without_other_photos_run_one_after_the_other(bench: Bench) -> None:
    crashed_over(bench.journal, "s1", "s2")

    first = bench.starts()
    bench.end("s1")
    second = bench.starts()

    assert (first, second) == (["s1"], ["s2"])


def test_nothing_starts_beside_a_suspect(bench: Bench) -> None:
    crashed_over(bench.journal, "s")
    alone = bench.starts()
    admit(bench.journal, "a", "b")

    beside = bench.starts()
    bench.end("s")

    assert (alone, beside) == (["s"], [])
    assert bench.starts() == ["a", "b"]


def test_a_suspect_has_its_turn_after_as_many_others_as_there_are_workers(bench: Bench) -> None:
    crashed_over(bench.journal, "s1", "s2")
    admit(bench.journal, "a", "b", "c", "d", "e")

    others = bench.starts()
    bench.end("a")
    while_one_still_runs = bench.starts()
    bench.end("b")
    suspect = bench.starts()
    bench.end("s1")
    more = bench.starts()
    bench.end("c", "d")

    assert (others, while_one_still_runs, suspect, more) == (["a", "b"], [], ["s1"], ["c", "d"])
    assert bench.starts() == ["s2"]


def test_twenty_suspects_and_a_hundred_others_wait_for_each_other_in_turn(bench: Bench) -> None:
    suspects = [f"s{number:02}" for number in range(20)]
    crashed_over(bench.journal, *suspects)
    admit(bench.journal, *(f"o{number:03}" for number in range(100)))

    order = list[str]()
    while started := bench.starts():
        order += started
        bench.end(*started)

    assert len(order) == 120
    assert [place for place, job_id in enumerate(order) if job_id in suspects] == list(range(2, 62, 3))


def test_a_suspect_that_is_put_off_frees_the_others_and_runs_beside_them_later(bench: Bench) -> None:
    crashed_over(bench.journal, "s")
    bench.starts()
    bench.end("s", put_off=True)
    admit(bench.journal, "a")

    assert sorted(bench.starts()) == ["a", "s"]


def test_a_suspect_that_was_being_published_runs_alone_too(bench: Bench) -> None:
    admit(bench.journal, "s")
    bench.journal.take(10.0)
    attempt = Attempt(1, Recipe("m"), verdict=Verdict(0.5, Grade.GUT, Measures(1, 1, 1)))
    bench.journal.decide("s", Outcome((attempt,), attempt))
    bench.journal.recover()
    first = bench.starts()
    admit(bench.journal, "a")

    beside = bench.starts()

    assert (first, beside) == (["s"], [])


def test_a_suspect_that_nobody_may_start_yet_keeps_no_other_waiting(bench: Bench) -> None:
    crashed_over(bench.journal, "s")
    bench.journal.reserved.reserve("s")
    admit(bench.journal, "a", "b", "c", "d")

    started = bench.starts()
    bench.end(*started)

    assert started + bench.starts() == ["a", "b", "c", "d"]


def test_no_suspect_starts_while_work_is_paused(bench: Bench) -> None:
    crashed_over(bench.journal, "s")
    bench.journal.pause(1.0)

    while_paused = bench.starts()
    bench.journal.resume()

    assert (while_paused, bench.starts()) == ([], ["s"])
