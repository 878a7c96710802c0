"""Measures how long photos are worked on, and keeps the sum in their rows.

Only what a run of a job takes is work. What lies between two runs is not: a stop, a crash, an outage, a back-off. So
time is measured while somebody works, by a clock that a suspended machine stops, and is never the difference of two
times of day. The sum is written with each change of a job, so a crash loses what was done since, and adds nothing.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from daemon.journal import moves
from daemon.journal.database import Database
from daemon.states import Move


class WorkTimes:
    """The runs that go on in this process. Safe to use from many threads, each with a job of its own."""

    def __init__(self, db: Database, clock: Callable[[], float] = time.monotonic) -> None:
        """clock: monotonic seconds."""
        self.clock = clock
        self._db = db
        self._lock = threading.Lock()
        self._since: dict[str, float] = {}  # by job, the clock when its run began, or when its work was last written

    @contextmanager
    def working(self, job_id: str) -> Iterator[None]:
        """Measure a run of a job. What no change of the job has written by its end is forgotten."""
        with self._lock:
            self._since[job_id] = self.clock()
        try:
            yield
        finally:
            with self._lock:
                self._since.pop(job_id, None)

    def leave_out(self, job_id: str, seconds: float) -> None:
        """So much of the run that goes on was no work: it waited for something that was away."""
        with self._lock:
            if job_id in self._since:
                self._since[job_id] = min(self.clock(), self._since[job_id] + seconds)

    def leave_out_rest(self, job_id: str) -> None:
        """What is not written yet of the run was no work, as far as anybody knows: a disk or a share was away."""
        self.leave_out(job_id, self.unwritten(job_id))

    def unwritten(self, job_id: str) -> float:
        """Seconds of the run that goes on which are not in the job's row yet; 0 if nobody works on the job."""
        with self._lock:
            since = self._since.get(job_id)
        return 0.0 if since is None else max(0.0, self.clock() - since)

    def of(self, job_id: str) -> float:
        """Seconds of work on the round that a job is in, until now. Raises KeyError for an unknown job."""
        row = self._db.row("SELECT worked_seconds FROM jobs WHERE id = ?", job_id)
        if row is None:
            raise KeyError(job_id)
        assert isinstance(row[0], float)  # the table is STRICT
        return row[0] + self.unwritten(job_id)

    def write(self, job_id: str) -> None:
        """Put the work so far into the job's row, within a transaction."""
        seconds = self.unwritten(job_id)
        self._db.change("UPDATE jobs SET worked_seconds = worked_seconds + ? WHERE id = ?", seconds, job_id)
        self.leave_out(job_id, seconds)  # it is written now

    def make_move(self, job_id: str, move: Move, changes: str, *values: object) -> None:
        """Make a move as `moves.make_move` does, and write the work so far with it. Raises IllegalMove.

        A move into another round sets the work of that round itself, which counts, since it stands last.
        """
        seconds = self.unwritten(job_id)
        changes = f"worked_seconds = worked_seconds + ?, {changes}"
        moves.make_move(self._db, job_id, move, changes, seconds, *values)
        self.leave_out(job_id, seconds)
