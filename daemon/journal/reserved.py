"""Ids of jobs that nobody may start yet."""

import threading


class ReservedJobs:
    """A set of job ids; safe to use from many threads.

    A job is reserved while its row may already be written and its file is not in work yet. Reserve the id before the
    row is written: `Journal.take` asks for the ids inside its transaction, so it never starts such a job, however the
    two threads meet.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ids: set[str] = set()

    def reserve(self, job_id: str) -> None:
        """Nobody may start this job from now on."""
        with self._lock:
            self._ids.add(job_id)

    def release(self, job_id: str) -> None:
        """This job may be started again; nothing happens if it was not reserved."""
        with self._lock:
            self._ids.discard(job_id)

    def snapshot(self) -> frozenset[str]:
        """The ids that are reserved at this moment."""
        with self._lock:
            return frozenset(self._ids)
