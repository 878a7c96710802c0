"""One lock per job, so that two threads never change the files of the same job at the same time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


class JobLocks:
    """The locks of all jobs, by job id; safe to use from many threads.

    A lock exists only while somebody holds it or waits for it, so the number of jobs does not matter. A thread that
    holds a lock may take it again.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[str, _CountedLock] = {}

    def __len__(self) -> int:
        """How many jobs have a lock that somebody holds or waits for."""
        return len(self._locks)

    @contextmanager
    def held(self, job_id: str) -> Iterator[None]:
        """Hold the lock of a job; waits until nobody else holds it."""
        with self._lock_of(job_id) as lock, lock:
            yield

    @contextmanager
    def trying(self, job_id: str) -> Iterator[bool]:
        """Hold the lock of a job if it is free now. Yields whether we hold it: False if another thread does."""
        with self._lock_of(job_id) as lock:
            is_ours = lock.acquire(blocking=False)
            try:
                yield is_ours
            finally:
                if is_ours:
                    lock.release()

    @contextmanager
    def _lock_of(self, job_id: str) -> Iterator[threading.RLock]:
        with self._guard:
            counted = self._locks.setdefault(job_id, _CountedLock())
            counted.users += 1
        try:
            yield counted.lock
        finally:
            with self._guard:
                counted.users -= 1
                if counted.users == 0:
                    del self._locks[job_id]


@dataclass(slots=True)
class _CountedLock:
    """users: how many calls hold the lock or wait for it."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    users: int = 0
