"""Starts the due job whose turn it is whenever a worker is free; the only place that starts jobs.

A suspect (a photo that was in work when the program crashed) runs alone: nothing else is started until it has ended. So
if the program crashes again, it is known which photo did it.
"""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress

from daemon.errors import EngineAway, EngineMisconfigured, IllegalMove, JournalLocked, NoRoom, RootAway
from daemon.hotfolder.root_condition import RootCondition
from daemon.jobs import Job
from daemon.journal import Journal
from daemon.logs import log
from daemon.work.backoff import Backoff
from daemon.work.job_runner import RunResult

OF_ENGINES = (EngineAway.reason, EngineMisconfigured.reason)
OF_DISKS = (RootAway.reason, NoRoom.reason, JournalLocked.reason)
LONGEST_SLEEP_SECONDS = 1.0  # a row that another process wrote (freisteller retry) is found within this time


class Dispatch:
    """Hands jobs from the journal to an executor. A job is a picklable value, so a cluster's executor would do."""

    def __init__(
        self,
        journal: Journal,
        executor: Executor,
        run: Callable[[Job], RunResult],
        workers: int,
        backoff: Backoff,
        root: RootCondition,
        clock: Callable[[], float],
    ) -> None:
        """workers: how many jobs may run at once. clock: Unix seconds."""
        self.backoff = backoff
        self._journal = journal
        self._executor = executor
        self._run = run
        self._workers = workers
        self._root = root
        self._clock = clock
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._in_work: dict[str, Future[RunResult]] = {}
        self._returns = 0  # how often an engine came back
        self._root_was_away = False
        self._suspect = ""  # the one that runs
        self._others = 0  # how many were started since the last suspect
        self._stranded: set[str] = set()

    @property
    def running(self) -> int:
        """How many jobs run now."""
        with self._lock:
            return len(self._in_work)

    def resize(self, workers: int) -> None:
        """Run this many jobs at once from now on; jobs above that number run to their end."""
        self._workers = workers
        self._wake.set()

    def wake(self) -> None:
        """Look at once whether a job can start."""
        self._wake.set()

    def engine_is_back(self) -> None:
        """An engine answers again, so the photos that were put off for it are due, and nothing holds them back.

        A photo that still tries, and finds out that the engine was away, is due at once then. Raises NoRoom or
        JournalLocked if the journal cannot be written: then each photo waits for its own time.
        """
        self._returns += 1
        self._make_due(*OF_ENGINES)

    def _make_due(self, *kinds: str) -> None:
        self.backoff.end()
        self._journal.turns.make_due(*kinds)
        self._wake.set()

    def serve(self, stop: threading.Event, beat: Callable[[], None]) -> None:
        """Start jobs until `stop`. beat: is called at every turn, as a sign of life."""
        while not stop.is_set():
            beat()
            self._wake.clear()
            if self.start_next() is None:
                self._wake.wait(LONGEST_SLEEP_SECONDS)

    def start_next(self) -> Job | None:
        """Start the due job whose turn it is. Returns None if none is due, no worker is free, or work is paused.

        Raises NoRoom if the journal cannot be written.
        """
        now = self._clock()
        self._end_outage_of_root()
        if self.running >= self._workers or self._root_was_away or not self.backoff.allows(now):
            return None
        self.undo_stranded(now)
        if self._journal.paused_at() is not None:
            return None
        job = self._take(now)
        if job is None:
            return None
        self.backoff.begin(now)
        returns = self._returns
        future = self._executor.submit(self._run, job)
        with self._lock:
            self._in_work[job.id] = future
        future.add_done_callback(lambda done: self._ended(job, done, returns))
        return job

    def _end_outage_of_root(self) -> None:
        """Make photos due that waited for the hot folder, once it is back. Raises NoRoom."""
        if not self._root.workable:
            self._root_was_away = True
        elif self._root_was_away:
            self._make_due(*OF_DISKS)
            self._root_was_away = False

    def _take(self, now: float) -> Job | None:
        """Start a job in the journal, if one may start now: a suspect alone, or another one while no suspect runs.

        Between two suspects as many others are started as there are workers. Then nothing is, until all of these have
        ended: without that, a suspect would wait for as long as there are other photos, which may be days. With it, a
        suspect costs the others about the time of one photo, however many suspects there are. If there are no others,
        suspects follow each other. One that is put off, because no engine answers, is no suspect afterwards.
        """
        with self._lock:
            in_work = tuple(self._in_work)
        if self._suspect in in_work:
            return None
        self._suspect = ""
        waits = self._journal.turns.next_suspect(now, self._journal.reserved.snapshot()) is not None
        if not waits or self._others < self._workers:
            job = self._journal.take_decided(now, in_work) or self._journal.take(now)
            if job is not None:
                self._others += 1
                return job
        return self._take_suspect(now) if waits and not in_work else None

    def _take_suspect(self, now: float) -> Job | None:
        job = self._journal.take_suspect(now)
        if job is not None:
            self._suspect, self._others = job.id, 0
            log.log(
                "runs_alone",
                f"{job.name} runs alone: it was in work when the program crashed.",
                job=job.id,
                name=job.name,
            )
        return job

    def undo_stranded(self, now: float) -> None:
        """Make jobs due whose run could not even record that they are put off. now: Unix seconds. Raises NoRoom."""
        with self._lock:
            stranded = tuple(self._stranded)
        for job_id in stranded:
            with suppress(IllegalMove):  # it ended after all, e.g. it has failed and only its original is still in work
                self._journal.undo(job_id, now)
            with self._lock:
                self._stranded.discard(job_id)

    def _ended(self, job: Job, done: Future[RunResult], returns: int) -> None:
        """returns: how often an engine had come back when the job was started."""
        result = _result_of(job, done)
        with self._lock:
            self._in_work.pop(job.id, None)
            if result in (RunResult.STRANDED, RunResult.LOCKED_OUT):
                self._stranded.add(job.id)
        with suppress(NoRoom):  # then each photo waits for its own time
            if result is RunResult.NO_ENGINE and returns != self._returns:
                self._make_due(*OF_ENGINES)
            elif result is not None:
                outage_ends = result is RunResult.DONE and self.backoff.holds
                self.backoff.record(result, self._clock())
                if outage_ends:
                    self._make_due(*OF_ENGINES, *OF_DISKS)
        self._wake.set()


def _result_of(job: Job, done: Future[RunResult]) -> RunResult | None:
    """How a job ended; None if it was cancelled. A job whose run raised counts as stranded, so it is started again."""
    if done.cancelled():
        return None
    error = done.exception()
    if error is None:
        return done.result()
    text = f"{job.name}: {type(error).__name__}: {error}"
    log.log("internal_error", text, level=logging.ERROR, error=error, job=job.id, name=job.name)
    return RunResult.STRANDED
