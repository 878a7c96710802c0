"""How far each order is: the photos of one top-level folder of `inbox/`, counted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from daemon.jobs import Grade
from daemon.journal.database import Database, Row
from daemon.journal.rows import whole
from daemon.states import State

RECENT_SECONDS = 900.0
"""The last quarter of an hour says how fast photos end."""

_SUMS = (
    "sum(state = 'waiting'), sum(state IN ('running', 'publishing')), sum(state = 'done'), sum(state = 'failed'), "
    "sum(state = 'done' AND given IS NULL AND grade IS NOT NULL), "
    + ", ".join(f"sum(state = 'done' AND coalesce(given, grade, '') = '{grade}')" for grade in Grade)
)


@dataclass(frozen=True, slots=True)
class OrderProgress:
    """One top-level folder; "" = the photos without one. grades: of results, by the folder in which they are.

    undecided: results to which no person gave a grade. priority: higher ones are started first.
    """

    name: str
    waiting: int
    running: int
    done: int
    failed: int
    undecided: int
    grades: Mapping[Grade, int]
    priority: int

    def photos_before_its_end(self, others: "tuple[OrderProgress, ...]") -> int:
        """How many photos end until the last one of this order has: folders of one priority take turns."""
        if not self.waiting:
            return self.running
        ahead = sum(other.waiting for other in others if other.priority > self.priority)
        beside = sum(min(other.waiting, self.waiting) for other in others if other.priority == self.priority)
        return ahead + beside + sum(other.running for other in others)


class OrderRows:
    """Asks the journal. Safe to use from many threads."""

    def __init__(self, to_read: Callable[[], Database]) -> None:
        self._to_read = to_read

    def all(self) -> tuple[OrderProgress, ...]:
        """Every order that has photos in the journal, by name."""
        db = self._to_read()
        with db.reading():
            found = db.rows(f"SELECT folder, {_SUMS} FROM jobs INDEXED BY jobs_by_folder GROUP BY folder")
            folders = db.rows("SELECT name, priority FROM folders WHERE priority != 0")
        priorities = {str(name): whole(priority) for name, priority in folders}
        return tuple(_progress(row, priorities) for row in found)

    def ended_per_second(self, now: float) -> float | None:
        """How many photos ended per second lately; None if too few did to tell. now: Unix seconds."""
        row = self._to_read().row(
            "SELECT count(*), min(finished_at) FROM jobs WHERE finished_at > ? AND finished_at <= ? "
            "AND +state IN (?, ?)",
            now - RECENT_SECONDS,
            now,
            State.DONE,
            State.FAILED,
        )
        if row is None or whole(row[0]) < 2 or not isinstance(row[1], float):
            return None
        return (whole(row[0]) - 1) / max(now - row[1], 1.0)


def _progress(row: Row, priorities: Mapping[str, int]) -> OrderProgress:
    folder, *counts = row
    waiting, running, done, failed, undecided, *graded = map(whole, counts)
    grades = dict(zip(Grade, graded, strict=True))
    return OrderProgress(str(folder), waiting, running, done, failed, undecided, grades, priorities.get(str(folder), 0))
