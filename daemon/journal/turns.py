"""Whose turn it is: folders of higher priority first, the others in turn, and in each folder the oldest photo first.

Suspects have turns of their own.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from daemon.journal.database import Database
from daemon.journal.rows import DUE, placeholders, real, said_again, whole


@dataclass(frozen=True, slots=True)
class PutOff:
    """A job in back-off. name: of the photo, below `inbox/`. next_try_at: Unix seconds, unless what is missing is back
    earlier. reason: why it waits, for people. kind: the reason's short name.
    """

    job_id: str
    name: str
    next_try_at: float
    reason: str
    kind: str


@dataclass(frozen=True, slots=True)
class Wait:
    """All jobs in back-off for one kind of reason. next_try_at: of the first of them; reason: why that one waits."""

    kind: str
    reason: str
    next_try_at: float
    jobs: int


_PUT_OFF = f"FROM jobs WHERE state IN ('waiting', 'publishing') AND in_work = 0 AND due_at > ? AND NOT {DUE}"


class Turns:
    """Finds the job to start next. Safe to use from many threads."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def next_waiting(self, now: float, except_for: Collection[str]) -> str | None:
        """The id of the waiting job to start next, if any, within a transaction: its folder has had its turn then.

        Only one photo of a folder is started before the next folder has its turn, so that a batch of thousands keeps
        nobody waiting for long.
        """
        for folder in self._folders_in_turn():
            row = self._db.row(
                f"SELECT id FROM jobs WHERE state = 'waiting' AND suspect = 0 AND folder = ? AND {DUE} "
                f"AND id NOT IN ({placeholders(except_for)}) ORDER BY admitted_at, id LIMIT 1",
                folder,
                now,
                now,
                *except_for,
            )
            if row is not None:
                with self._db.transaction():
                    self._db.change(
                        "UPDATE folders SET turn = (SELECT max(turn) + 1 FROM folders) WHERE name = ?", folder
                    )
                return str(row[0])
        return None

    def next_decided(self, now: float, except_for: Collection[str]) -> str | None:
        """The id of the oldest due job whose publishing was broken off, if any."""
        row = self._db.row(
            f"SELECT id FROM jobs WHERE state = 'publishing' AND suspect = 0 AND {DUE} "
            f"AND id NOT IN ({placeholders(except_for)}) ORDER BY admitted_at, id LIMIT 1",
            now,
            now,
            *except_for,
        )
        return None if row is None else str(row[0])

    def next_suspect(self, now: float, except_for: Collection[str]) -> str | None:
        """The id of the suspect to start next, if any is due: the one that was started least often, then the oldest.

        So one that ends the program each time is the last one to do so, and keeps no other waiting. One that is being
        published is never excepted: a file that was put back waits for its end.
        """
        row = self._db.row(
            "SELECT id FROM jobs WHERE suspect > 0 AND state IN ('waiting', 'publishing') AND in_work = 0 "
            f"AND {DUE} AND (state = 'publishing' OR id NOT IN ({placeholders(except_for)})) "
            "ORDER BY suspect, admitted_at, id LIMIT 1",
            now,
            now,
            *except_for,
        )
        return None if row is None else str(row[0])

    def _folders_in_turn(self) -> Iterator[object]:
        """The folders that photos wait in. Mostly the first one has a due photo, and there may be ten thousand."""
        for most, after in ((10, 0), (-1, 10)):
            found = self._db.rows(
                "SELECT name FROM folders WHERE waiting > 0 ORDER BY priority DESC, turn, name LIMIT ? OFFSET ?",
                most,
                after,
            )
            yield from (name for (name,) in found)

    def prioritize(self, priorities: Mapping[str, int]) -> None:
        """Start photos of these top-level folders before others, the highest first; folders not named have 0."""
        with self._db.transaction():
            self._db.change("UPDATE folders SET priority = 0 WHERE priority != 0")
            for folder, priority in priorities.items():
                self._db.change(
                    "INSERT INTO folders (name, priority) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET priority = ?",
                    folder,
                    priority,
                    priority,
                )
            self._db.change("UPDATE folders SET priority = wish WHERE wish IS NOT NULL")

    def wish(self, folder: str, priority: int, wish: int | None) -> None:
        """Give one folder a priority. wish: what a person wants, which goes before the settings, also after a start."""
        with self._db.transaction():
            self._db.change(
                "INSERT INTO folders (name, priority, wish) VALUES (?1, ?2, ?3) "
                "ON CONFLICT (name) DO UPDATE SET priority = ?2, wish = ?3",
                folder,
                priority,
                wish,
            )

    def wished(self, folder: str) -> tuple[int, int | None]:
        """The priority of a folder, and what a person wished it to be, if anybody did."""
        row = self._db.row("SELECT priority, wish FROM folders WHERE name = ?", folder)
        return (0, None) if row is None else (whole(row[0]), None if row[1] is None else whole(row[1]))

    def make_due(self, *kinds: str) -> None:
        """Make jobs due now that were put off for one of these reasons, given by their short names."""
        with self._db.transaction():
            self._db.change(
                "UPDATE jobs SET due_at = 0 WHERE state IN ('waiting', 'publishing') AND due_at > 0 "
                f"AND reason_kind IN ({placeholders(kinds)})",
                *kinds,
            )

    def put_off(self, now: float, most: int = 1000) -> tuple[PutOff, ...]:
        """The jobs in back-off, those that are tried first coming first; at most so many. now: Unix seconds."""
        found = self._db.rows(
            f"SELECT id, name, due_at, coalesce(reason, ''), coalesce(reason_kind, ''), failure {_PUT_OFF} "
            "ORDER BY due_at, admitted_at, id LIMIT ?",
            now,
            now,
            now,
            most,
        )
        return tuple(
            PutOff(str(job_id), str(name), real(due_at) or 0.0, said_again(str(reason), failure), str(kind))
            for job_id, name, due_at, reason, kind, failure in found
        )

    def waits(self, now: float) -> tuple[Wait, ...]:
        """The jobs in back-off by kind of reason, the kind that is tried first coming first. now: Unix seconds."""
        found = self._db.rows(  # of each kind, SQLite gives the other columns of the row that has the minimum
            f"SELECT coalesce(reason_kind, '') AS kind, min(due_at) AS first, count(*), coalesce(reason, ''), failure "
            f"{_PUT_OFF} GROUP BY kind ORDER BY first",
            now,
            now,
            now,
        )
        return tuple(
            Wait(str(kind), said_again(str(reason), failure), real(first) or 0.0, whole(jobs))
            for kind, first, jobs, reason, failure in found
        )
