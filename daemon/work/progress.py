"""Shows which photos are in work now and how far each is. It passes all measurements on to the metrics."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from daemon.jobs import Job
from daemon.observe.meter import Meter
from daemon.observe.series import Counter

T = TypeVar("T")
# What a photo does after a timed stage, as far as that tells. After "signs" it may also go back to the engine.
_AFTER = {
    "decode": "preparing",
    "proxy": "engine",
    "upload": "engine",
    "wait": "engine",
    "infer": "engine",
    "fetch": "judging",
    "search": "refining",
    "rims": "writing",
    "read_back": "publishing",
    "publish": "finishing",
}


@dataclass(frozen=True, slots=True)
class Running:
    """A photo in work. stage: a word for people. began: monotonic seconds. attempts: how many were judged so far."""

    job: str
    name: str
    stage: str
    began: float
    attempts: int


class Progress:
    """Follows each photo by the thread that works on it. It is a `Meter`. Safe to call from any thread."""

    def __init__(self, meter: Meter, clock: Callable[[], float] = time.monotonic) -> None:
        self._meter = meter
        self._clock = clock
        self._lock = threading.Lock()
        self._running: dict[int, Running] = {}

    def follow(self, job: Job, run: Callable[[Job], T]) -> T:
        """Run a job in this thread, and show it until it ends."""
        me = threading.get_ident()
        with self._lock:
            self._running[me] = Running(job.id, job.name, "reading", self._clock(), len(job.attempts))
        try:
            return run(job)
        finally:
            with self._lock:
                del self._running[me]

    def running(self) -> tuple[Running, ...]:
        """The photos in work, the oldest first."""
        with self._lock:
            return tuple(sorted(self._running.values(), key=lambda each: each.began))

    def stage(self, stage: str, seconds: float, cpu_seconds: float = 0.0) -> None:
        """See `Meter.stage`."""
        self._meter.stage(stage, seconds, cpu_seconds)
        if stage in _AFTER:
            self._update(stage=_AFTER[stage])

    def attempt(self, model: str, score: float | None, error_reason: str | None) -> None:
        """See `Meter.attempt`."""
        self._meter.attempt(model, score, error_reason)
        self._update(more_attempts=1)

    def engine_busy(self, server: str, seconds: float) -> None:
        """See `Meter.engine_busy`."""
        self._meter.engine_busy(server, seconds)

    def count(self, row: Counter, by: float = 1, /, **labels: str) -> None:
        """See `Meter.count`."""
        self._meter.count(row, by, **labels)

    def _update(self, stage: str | None = None, more_attempts: int = 0) -> None:
        me = threading.get_ident()
        with self._lock:
            if known := self._running.get(me):
                self._running[me] = replace(known, stage=stage or known.stage, attempts=known.attempts + more_attempts)
