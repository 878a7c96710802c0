"""What people did to photos other than by moving files: deeds, each begun, carried through and perhaps taken back.

A deed is written before its first step, so that the next start carries through what a crash interrupts.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from daemon.journal import rows
from daemon.journal.database import Database, Row
from daemon.journal.job_lists import ForeignCursor
from daemon.journal.moves import make_move
from daemon.journal.originals import Original, Originals
from daemon.journal.rows import JobRow
from daemon.states import Move

UNDO = "undo"
"""The kind of a deed that takes another one back, or does it again after that."""
_COLUMNS = "number, kind, job_id, folder, name, who, begun_at, ended_at, fault, body, undoes, undone_by"


@dataclass(frozen=True, slots=True)
class Deed:
    """What one person did to one photo, or to an order (job_id ""). folder: the order. name: of the photo.

    body: what is wanted ("wish") and what was before, as JSON values. undoes: the deed that this one takes back.
    begun_at, ended_at: Unix seconds; not ended = it is to be carried through. fault: why nothing came of it.
    undone_by: the deed that took it back. number: 0 = not written yet.
    """

    kind: str
    job_id: str
    folder: str
    name: str
    who: str
    begun_at: float
    body: Mapping[str, Any]  # JSON
    undoes: int | None = None
    number: int = 0
    ended_at: float | None = None
    fault: str | None = None
    undone_by: int | None = None


class DeedRows:
    """The deeds that the journal knows, and the moves that only a person makes. Safe to use from many threads."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def begin(self, deed: Deed, again: Deed | None = None) -> int:
        """Write a deed before its first step; returns its number. again: a deed to be done anew, with another body."""
        with self._db.transaction():
            if again is not None:
                self.record_body(again)
            self._db.change(
                "INSERT INTO deeds (kind, job_id, folder, name, who, begun_at, body, undoes) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                deed.kind,
                deed.job_id,
                deed.folder,
                deed.name,
                deed.who,
                deed.begun_at,
                json.dumps(deed.body),
                deed.undoes,
            )
            row = self._db.row("SELECT last_insert_rowid()")
        return 0 if row is None else rows.whole(row[0])

    def record_body(self, deed: Deed) -> None:
        """Keep what changed in a deed's plan."""
        with self._db.transaction():
            self._db.change("UPDATE deeds SET body = ? WHERE number = ?", json.dumps(deed.body), deed.number)

    def end(self, number: int, at: float, fault: str | None, undone: Mapping[int, int | None]) -> None:
        """A deed is carried through, or nothing came of it. undone: deeds, by which one each is taken back now."""
        with self._db.transaction():
            for base, by in undone.items():
                self._db.change("UPDATE deeds SET undone_by = ? WHERE number = ?", by, base)
            self._db.change(
                "UPDATE deeds SET ended_at = ?, fault = ? WHERE number = ? AND ended_at IS NULL", at, fault, number
            )

    def one(self, number: int) -> Deed:
        """One deed. Raises KeyError if there is none."""
        row = self._db.row(f"SELECT {_COLUMNS} FROM deeds WHERE number = ?", number)
        if row is None:
            raise KeyError(number)
        return _deed(row)

    def unfinished(self) -> tuple[Deed, ...]:
        """The deeds that are begun and not ended, oldest first."""
        return tuple(map(_deed, self._db.rows(f"SELECT {_COLUMNS} FROM deeds WHERE ended_at IS NULL ORDER BY number")))

    def history(self, deed: Deed) -> tuple[Deed, ...]:
        """What was done to the same photo, or order, oldest first: without what failed, and without what took back."""
        return tuple(
            map(
                _deed,
                self._db.rows(
                    f"SELECT {_COLUMNS} FROM deeds WHERE job_id = ? AND (job_id != '' OR folder = ?) AND kind != ? "
                    "AND ended_at IS NOT NULL AND fault IS NULL ORDER BY number",
                    deed.job_id,
                    deed.folder,
                    UNDO,
                ),
            )
        )

    def latest(self, cursor: str | None = None, limit: int = 50) -> tuple[tuple[Deed, ...], str | None]:
        """Deeds, newest first, and the cursor of the next page, None at the end. Raises ForeignCursor."""
        if cursor is not None and not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
            raise ForeignCursor("This cursor belongs to another list. Begin at the first page: leave the cursor out.")
        found = self._db.rows(
            f"SELECT {_COLUMNS} FROM deeds WHERE number < ? ORDER BY number DESC LIMIT ?",
            int(cursor) if cursor is not None else 2**62,
            limit + 1,
        )
        deeds = tuple(map(_deed, found[:limit]))
        return deeds, str(deeds[-1].number) if len(found) > limit else None

    # Moves that only a person makes

    def cancel(self, job_id: str, reason: str, kind: str, now: float, job_round: int) -> None:
        """waiting -> failed: it is not to be cut out. job_round: the round that it failed in."""
        changes = f"finished_at = ?, {rows.WHY}, round = ?"
        make_move(self._db, job_id, Move.CANCEL, changes, now, *rows.why(reason, kind), job_round)

    def reject(self, job_id: str, reason: str, kind: str, now: float) -> None:
        """done -> failed: no result of it is wanted."""
        changes = f"finished_at = ?, {rows.WHY}, grade = NULL, score = NULL, best = NULL, given = NULL, results = '[]'"
        make_move(self._db, job_id, Move.REJECT, changes, now, *rows.why(reason, kind))

    def reinstate(self, former: JobRow, original: Original | None) -> None:
        """waiting or failed -> done, as it was. former: the job's row then. original: where its original lies now."""
        job = former.job
        with self._db.transaction():
            if original:
                Originals(self._db).record(original)
            make_move(
                self._db,
                job.id,
                Move.REINSTATE,
                "round = ?, admitted_at = ?, started_at = ?, finished_at = ?, worked_seconds = ?, grade = ?, "
                f"score = ?, best = ?, choice = ?, {rows.NO_REASON}, results = ?, given = ("
                "SELECT to_grade FROM verdicts WHERE job_id = jobs.id AND verdicts.round = ? AND undone_at IS NULL "
                "ORDER BY verdicts.id DESC LIMIT 1)",
                job.round,
                job.admitted_at,
                job.started_at,
                job.finished_at,
                job.worked_seconds,
                job.grade,
                job.score,
                job.best,
                rows.choice_json(job.choice),
                rows.places(former.results),
                job.round,
            )


def _deed(row: Row) -> Deed:
    number, kind, job_id, folder, name, who, begun_at, ended_at, fault, body, undoes, undone_by = row
    return Deed(
        kind=str(kind),
        job_id=str(job_id),
        folder=str(folder),
        name=str(name),
        who=str(who),
        begun_at=rows.real(begun_at) or 0.0,
        body=json.loads(str(body)),
        undoes=None if undoes is None else rows.whole(undoes),
        number=rows.whole(number),
        ended_at=rows.real(ended_at),
        fault=None if fault is None else str(fault),
        undone_by=None if undone_by is None else rows.whole(undone_by),
    )
