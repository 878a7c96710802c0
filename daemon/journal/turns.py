"""Whose turn it is: folders of higher priority first, the others in turn, in each folder the oldest photo first."""

from collections.abc import Collection, Iterator, Mapping

from daemon.journal.database import Database
from daemon.journal.rows import DUE


def next_waiting(db: Database, now: float, except_for: Collection[str]) -> str | None:
    """The id of the job to start next; within a transaction, for its folder has had its turn then.

    Only one photo of a folder is taken before the next folder has its turn, so that a batch of thousands keeps
    nobody waiting for long.
    """
    marks = ", ".join("?" for _ in except_for)
    for folder in _in_turn(db):
        row = db.row(
            f"SELECT id FROM jobs WHERE state = 'waiting' AND folder = ? AND {DUE} AND id NOT IN ({marks}) "
            "ORDER BY admitted_at, id LIMIT 1",
            folder,
            now,
            now,
            *except_for,
        )
        if row is not None:
            db.change("UPDATE folders SET turn = (SELECT max(turn) + 1 FROM folders) WHERE name = ?", folder)
            return str(row[0])
    return None


def _in_turn(db: Database) -> Iterator[object]:
    """The folders that photos wait in; mostly the first one has a due photo, and there may be ten thousand."""
    for most, after in ((10, 0), (-1, 10)):
        found = db.rows(
            "SELECT name FROM folders WHERE waiting > 0 ORDER BY priority DESC, turn, name LIMIT ? OFFSET ?",
            most,
            after,
        )
        yield from (name for (name,) in found)


def prioritize(db: Database, priorities: Mapping[str, int]) -> None:
    """Give top-level folders their priority, all others 0; within a transaction."""
    db.change("UPDATE folders SET priority = 0 WHERE priority != 0")
    for folder, priority in priorities.items():
        db.change(
            "INSERT INTO folders (name, priority) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET priority = ?",
            folder,
            priority,
            priority,
        )
