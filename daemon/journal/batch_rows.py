"""What became of the photos of one top-level folder, counted from a row on: rows grow, whatever the clock does."""

from daemon.jobs import Grade
from daemon.journal.database import Database
from daemon.journal.rows import Batch, real, whole
from daemon.states import State


def newest(db: Database) -> int:
    """The number of the row that was admitted last; 0 where there is none."""
    row = db.row("SELECT max(rowid) FROM jobs")
    return 0 if row is None or row[0] is None else whole(row[0])


def folders(db: Database, after: int) -> tuple[str, ...]:
    """The folders, "" = `inbox/` itself, of the photos that were admitted after this row."""
    return tuple(str(folder) for (folder,) in db.rows("SELECT DISTINCT folder FROM jobs WHERE rowid > ?", after))


def batch(db: Database, folder: str, after: int) -> Batch:
    """What became of the photos of one folder that were admitted after this row."""
    found = db.rows(
        "SELECT state, grade, count(*), sum(coalesce(best, 1) > 1), "
        "total(max(0, coalesce(finished_at - started_at, 0))), max(rowid) "
        "FROM jobs WHERE rowid > ? AND +folder = ? GROUP BY state, grade",
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


def places(db: Database, folder: str, after: int, most: int) -> tuple[str, ...]:
    """The last file of each of these photos, its report or its note in `failed/`, below the root; the worst first."""
    found = db.rows(
        "SELECT json_extract(results, '$[#-1]') FROM jobs "
        "WHERE rowid > ? AND +folder = ? AND (state = ? OR grade IS NOT NULL) AND json_array_length(results) > 0 "
        "ORDER BY state = ? DESC, score, name LIMIT ?",
        after,
        folder,
        State.FAILED,
        State.FAILED,
        most,
    )
    return tuple(str(place) for (place,) in found)
