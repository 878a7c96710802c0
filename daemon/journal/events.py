"""What happened to jobs, one after the other: triggers write a row in the transaction that makes the change."""

import threading
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from daemon.journal.database import Database
from daemon.journal.rows import placeholders, real, whole

_COLUMNS = "events.number, events.kind, events.job_id, events.folder, events.state, events.grade, events.at"


@dataclass(frozen=True, slots=True)
class JobEvent:
    """One change. number: grows by each event; it is the job's version from then on.

    kind: admitted, waiting (again), started, attempt, publishing, done, failed, verdict, moved, removed, deed.
    job_id: "" = the deed concerns a whole order. folder: the top-level folder. state: None = the row is gone.
    grade: of the folder in which the result is. at: Unix seconds.
    """

    number: int
    kind: str
    job_id: str
    folder: str
    state: str | None
    grade: str | None
    at: float


class Events:
    """The last 100,000 events. Safe to use from many threads."""

    def __init__(self, db: Database, to_read: Callable[[], Database]) -> None:
        """db: whose commits wake the listeners. to_read: gives the connection that readers share."""
        self._to_read = to_read
        self._lock = threading.Lock()
        self._db = db

    def after(self, number: int, limit: int = 1000) -> tuple[JobEvent, ...]:
        """The events that follow this one, oldest first."""
        found = self._to_read().rows(
            f"SELECT {_COLUMNS} FROM events WHERE number > ? ORDER BY number LIMIT ?", number, limit
        )
        return tuple(_event(row) for row in found)

    def latest(self, limit: int, visible: Collection[str] | None = None) -> tuple[tuple[JobEvent, str | None], ...]:
        """The last events, newest first, each with the name of its photo; None = the journal has no such photo now.

        visible: the only orders that the reader may see; None = all.
        """
        where = "" if visible is None else f"WHERE events.folder IN ({placeholders(visible)})"
        found = self._to_read().rows(
            f"SELECT {_COLUMNS}, jobs.name FROM events LEFT JOIN jobs ON jobs.id = events.job_id {where} "
            "ORDER BY events.number DESC LIMIT ?",
            *sorted(visible or ()),
            limit,
        )
        return tuple((_event(row), None if name is None else str(name)) for *row, name in found)

    def newest(self) -> int:
        """The number of the event that came last, even if it is deleted."""
        row = self._to_read().row("SELECT seq FROM sqlite_sequence WHERE name = 'events'")
        return 0 if row is None else whole(row[0])

    def knows_all_after(self, number: int) -> bool:
        """Whether every event that followed this one is kept. If not, its reader begins anew."""
        newest = self.newest()  # read first: an event that comes in between must not look like one that was missed
        row = self._to_read().row("SELECT min(number) FROM events")
        oldest = newest + 1 if row is None or row[0] is None else whole(row[0])
        return oldest - 1 <= number <= newest

    def listen(self, wake: Callable[[], None]) -> Callable[[], None]:
        """Call `wake` after each commit of this process, in the thread that made it. Returns what ends that.

        It must be quick and may not raise. Changes by other programs (freisteller retry) wake nobody, so whoever
        listens looks now and then by himself.
        """
        with self._lock:
            self._db.after_commit = (*self._db.after_commit, wake)

        def end() -> None:
            with self._lock:
                self._db.after_commit = tuple(each for each in self._db.after_commit if each is not wake)

        return end


def _event(row: Sequence[object]) -> JobEvent:
    number, kind, job_id, folder, state, grade, at = row
    return JobEvent(
        whole(number),
        str(kind),
        str(job_id),
        str(folder),
        None if state is None else str(state),
        None if grade is None else str(grade),
        real(at) or 0.0,
    )
