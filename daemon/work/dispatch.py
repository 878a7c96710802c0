"""From the journal to an executor: starts the due job whose turn it is whenever there is a free hand."""

import threading
from collections.abc import Callable
from concurrent.futures import Executor, Future
from contextlib import suppress

from daemon.errors import IllegalMove
from daemon.hotfolder.root_condition import RootCondition
from daemon.jobs import Job
from daemon.journal import Journal
from daemon.work.job_runner import RunResult

LONGEST_SLEEP_SECONDS = 1.0  # a row that another process wrote (freisteller retry) is seen after so long
LONGEST_BRAKE_SECONDS = 60.0


class Brake:
    """Holds back new work while no engine answers, so that a thousand photos do not queue up at a closed door.

    After each failure the pause doubles; then one photo at a time knocks, and a success opens for all.
    """

    def __init__(self, first_seconds: float) -> None:
        self._first_seconds = first_seconds
        self._failures = 0
        self._until = 0.0

    @property
    def failures(self) -> int:
        """How many photos in a row found no engine."""
        return self._failures

    def allows(self, now: float, running: int) -> bool:
        """Whether another job may start. A pause that ends later than any can was begun by a clock that was ahead."""
        over = now >= self._until or now < self._until - LONGEST_BRAKE_SECONDS
        return self._failures == 0 or (over and running == 0)

    def retune(self, first_seconds: float) -> None:
        """Another first pause, from the next failure on."""
        self._first_seconds = first_seconds

    def note(self, fate: RunResult, now: float) -> None:
        """Learn from how a job ended."""
        if fate in (RunResult.NO_ENGINE, RunResult.NO_PLACE, RunResult.STRANDED):
            self._failures += 1
            pause = self._first_seconds * 2 ** min(self._failures - 1, 10)
            self._until = now + min(LONGEST_BRAKE_SECONDS, pause)
        elif fate in (RunResult.DONE, RunResult.FAILED):
            self._failures = 0


class Dispatch:
    """The one place that starts jobs. A job is a picklable value, so the executor may be a cluster's."""

    def __init__(
        self,
        *,
        journal: Journal,
        executor: Executor,
        run: Callable[[Job], RunResult],
        workers: int,
        brake: Brake,
        root: RootCondition,
        clock: Callable[[], float],
    ) -> None:
        self._journal = journal
        self._executor = executor
        self._run = run
        self._workers = workers
        self._root = root
        self._clock = clock
        self._wake = threading.Event()
        self._lock = threading.Lock()
        self._in_work: dict[str, Future[RunResult]] = {}
        self._stranded: set[str] = set()
        self.brake = brake

    @property
    def running(self) -> int:
        """Jobs in work now."""
        with self._lock:
            return len(self._in_work)

    def resize(self, workers: int) -> None:
        """So many jobs at once from now on; what is in work above that ends."""
        self._workers = workers
        self._wake.set()

    def wake(self) -> None:
        """There may be something to do."""
        self._wake.set()

    def serve(self, stop: threading.Event, beat: Callable[[], None]) -> None:
        """Start jobs until `stop`; `beat` is called at every turn, the sign that this still turns."""
        while not stop.is_set():
            beat()
            self._wake.clear()
            if self.start_next() is None:
                self._wake.wait(LONGEST_SLEEP_SECONDS)

    def start_next(self) -> Job | None:
        """Start the due job whose turn it is; None where there is none, no free hand, or all is paused.

        Raises NoRoom where the journal cannot be written.
        """
        now = self._clock()
        if self.running >= self._workers or not self._root.workable or not self.brake.allows(now, self.running):
            return None
        self._put_off_stranded(now)
        if self._journal.paused_at() is not None:
            return None
        with self._lock:
            in_work = tuple(self._in_work)
        job = self._journal.take_decided(now, in_work) or self._journal.take(now)
        if job is None:
            return None
        future = self._executor.submit(self._run, job)
        with self._lock:
            self._in_work[job.id] = future
        future.add_done_callback(lambda done: self._ended(job, done))
        return job

    def _put_off_stranded(self, now: float) -> None:
        """What could not be put off when it was in work is due now."""
        with self._lock:
            stranded = tuple(self._stranded)
        for job_id in stranded:
            with suppress(IllegalMove):  # it ended after all, e.g. it is failed and only its original is still in work
                self._journal.undo(job_id, now)
            with self._lock:
                self._stranded.discard(job_id)

    def _ended(self, job: Job, done: Future[RunResult]) -> None:
        with self._lock:
            self._in_work.pop(job.id, None)
            if not done.cancelled() and done.exception() is None and done.result() is RunResult.STRANDED:
                self._stranded.add(job.id)
        if not done.cancelled() and done.exception() is None:
            self.brake.note(done.result(), self._clock())
        self._wake.set()
