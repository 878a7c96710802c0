"""Batches: what became of the photos of one top-level folder that were admitted after a certain row.

Rows are told apart by their number, which only ever grows and is never given again, and not by time: a clock may be
set back.
"""

from daemon.jobs import Grade
from daemon.journal.database import Database
from daemon.journal.rows import Batch, real, whole
from daemon.states import State


class BatchRows:
    """Questions about batches. Safe to use from many threads. after: the number of the last row that does not count."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def newest(self) -> int:
        """The number of the row that was admitted last; 0 if there is none."""
        row = self._db.row("SELECT max(number) FROM jobs")
        return 0 if row is None or row[0] is None else whole(row[0])

    def folders(self, after: int) -> tuple[str, ...]:
        """The top-level folders of these photos; "" is `inbox/` itself."""
        found = self._db.rows("SELECT DISTINCT folder FROM jobs WHERE number > ?", after)
        return tuple(str(folder) for (folder,) in found)

    def is_open(self, folder: str) -> bool:
        """Whether a photo of this top-level folder waits or is in work."""
        found = self._db.row(
            "SELECT EXISTS (SELECT 1 FROM folders WHERE name = ? AND waiting > 0) "
            "OR EXISTS (SELECT 1 FROM jobs WHERE state IN (?, ?) AND +folder = ?)",
            folder,
            State.RUNNING,
            State.PUBLISHING,
            folder,
        )
        return found is not None and bool(found[0])

    def of_folder(self, folder: str, after: int) -> Batch:
        """What became of these photos of one top-level folder."""
        found = self._db.rows(
            "SELECT state, grade, count(*), sum(coalesce(best, 1) > 1), "
            "total(worked_seconds), max(number) "
            "FROM jobs WHERE number > ? AND +folder = ? GROUP BY state, grade",
            after,
            folder,
        )
        counts = {(str(state), grade): whole(count) for state, grade, count, *_ in found}
        return Batch(
            photos=sum(counts.values()),
            done=sum(count for (state, _), count in counts.items() if state == State.DONE),
            failed=sum(count for (state, _), count in counts.items() if state == State.FAILED),
            grades={grade: counts.get((State.DONE, grade), 0) for grade in Grade},
            improved=sum(whole(row[3]) for row in found if row[0] == State.DONE),
            seconds=sum(real(row[4]) or 0.0 for row in found),
            newest=max((whole(row[5]) for row in found), default=after),
        )

    def worst_places(self, folder: str, after: int, most: int) -> tuple[str, ...]:
        """For at most so many of these photos, the worst first, the path of the report or of the note in `failed/`."""
        found = self._db.rows(
            "SELECT json_extract(results, '$[#-1]') FROM jobs "
            "WHERE number > ? AND +folder = ? AND (state = ? OR grade IS NOT NULL) AND json_array_length(results) > 0 "
            "ORDER BY state = ? DESC, place, name LIMIT ?",
            after,
            folder,
            State.FAILED,
            State.FAILED,
            most,
        )
        return tuple(str(place) for (place,) in found)
