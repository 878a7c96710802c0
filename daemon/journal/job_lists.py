"""Lists of jobs as people look at them, page by page: filtered, sorted, and quick with a million rows.

Each sort has an index that holds all that the filters ask for, so a page reads the rows of its own jobs only. A cursor
is the sort key of the last job of a page; a list goes on after it, whatever came or went meanwhile.
"""

import base64
import binascii
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from daemon.errors import FreistellerError
from daemon.jobs import Grade
from daemon.journal import attempt_rows, rows
from daemon.journal.database import Database, Row
from daemon.journal.rows import COLUMNS, JobRow
from daemon.states import State

_LOOKED_AT = f"{COLUMNS}, version, given"
_GIVEN = (
    "SELECT to_grade, who, at FROM verdicts WHERE job_id = ? AND round = ? AND undone_at IS NULL "
    "ORDER BY id DESC LIMIT 1"
)


class ForeignCursor(FreistellerError):
    """A cursor does not belong to this list. Answer: begin the list anew."""

    reason = "foreign_cursor"


class Sort(StrEnum):
    """In which order a list shows jobs. WORST: by the promise that stands worse among its limits, Limits.place_of."""

    NEWEST = "newest"
    OLDEST = "oldest"
    WORST = "worst"
    ORDER = "order"


_KEYS = {
    Sort.NEWEST: ("jobs_by_number", ("number",), "DESC"),
    Sort.OLDEST: ("jobs_by_number", ("number",), "ASC"),
    Sort.WORST: ("jobs_by_place", ("coalesce(place, 9.0)", "number"), "ASC"),
    Sort.ORDER: ("jobs_by_folder", ("folder", "number"), "ASC"),
}
"""The index, the keys, and their direction. A place lies between 0 and 3, so jobs without one come last."""
_KINDS = {"number": int, "folder": str, "coalesce(place, 9.0)": float}


@dataclass(frozen=True, slots=True)
class ListOfJobs:
    """What a list shows; None = all. grade: of the folder in which a result is. order: the top-level folder; "" = none.

    decided: whether a person gave the result its grade. visible: the orders that the reader may see.
    """

    state: State | None = None
    grade: Grade | None = None
    order: str | None = None
    decided: bool | None = None
    visible: frozenset[str] | None = None
    sort: Sort = Sort.NEWEST


@dataclass(frozen=True, slots=True)
class GivenGrade:
    """The grade that a person gave a result. who: "" = unknown, because the file was moved. at: Unix seconds."""

    grade: Grade
    who: str
    at: float


@dataclass(frozen=True, slots=True)
class SeenJob:
    """A job as people see it. version: grows with each change of it."""

    row: JobRow
    version: int
    decided: GivenGrade | None

    @property
    def grade(self) -> Grade | None:
        """That of the folder in which the result is."""
        return self.decided.grade if self.decided else self.row.job.grade


class JobLists:
    """Asks the journal. Safe to use from many threads."""

    def __init__(self, db: Database, to_read: Callable[[], Database]) -> None:
        self._db = db
        self._to_read = to_read

    def page(self, wanted: ListOfJobs, limit: int, cursor: str | None = None) -> tuple[tuple[SeenJob, ...], str | None]:
        """At most `limit` jobs of a list, and the cursor of the next page, None at the end. Raises ForeignCursor."""
        index, keys, direction = _KEYS[wanted.sort]
        if wanted.order is not None and wanted.sort in (Sort.NEWEST, Sort.OLDEST):
            index = "jobs_by_folder"  # one order among thousands
        where, values = _filters(wanted)
        if cursor is not None:
            where.append(f"({', '.join(keys)}) {'<' if direction == 'DESC' else '>'} ({rows.placeholders(keys)})")
            values.extend(_read_cursor(wanted, cursor))
        ordered = ", ".join(f"{key} {direction}" for key in keys)
        db = self._to_read()
        with db.reading():
            found = db.rows(
                f"SELECT number, {', '.join(keys)} FROM jobs INDEXED BY {index} "
                f"WHERE {' AND '.join(where) or '1'} ORDER BY {ordered} LIMIT ?",
                *values,
                limit + 1,
            )
            shown = found[:limit]
            jobs = tuple(self._seen(db, "number = ?", number) for number, *_ in shown)
        further = _cursor(wanted, shown[-1][1:]) if len(found) > limit else None
        return tuple(job for job in jobs if job is not None), further

    def one(self, job_id: str) -> SeenJob:
        """One job. Raises KeyError if the journal does not know it."""
        db = self._to_read()
        with db.reading():
            seen = self._seen(db, "id = ?", job_id)
        if seen is None:
            raise KeyError(job_id)
        return seen

    def version_of(self, job_id: str) -> int | None:
        """The version of a job, also within a transaction of this program; None if the job is not known."""
        row = self._db.row("SELECT version FROM jobs WHERE id = ?", job_id)
        return None if row is None else rows.whole(row[0])

    def _seen(self, db: Database, which: str, value: object) -> SeenJob | None:
        row = db.row(f"SELECT {_LOOKED_AT} FROM jobs WHERE {which}", value)
        if row is None:
            return None
        *columns, version, given = row
        found = rows.job_row(columns, attempt_rows.bodies(db, columns[0]))
        decided = None
        if given is not None:  # without a verdict if the journal was lost, and only the folder tells it
            said = db.row(_GIVEN, found.job.id, found.job.round)
            decided = _given(said or (given, "", found.job.finished_at))
        return SeenJob(found, rows.whole(version), decided)


def _filters(wanted: ListOfJobs) -> tuple[list[str], list[object]]:
    where: list[str] = []
    values: list[object] = []
    if wanted.state is not None:
        where.append("+state = ?")
        values.append(wanted.state)
    if wanted.grade is not None:
        where.append("coalesce(given, grade) = ?")
        values.append(wanted.grade)
    if wanted.order is not None:
        where.append("folder = ?")
        values.append(wanted.order)
    if wanted.decided is not None:
        where.append(f"given IS {'NOT ' if wanted.decided else ''}NULL AND grade IS NOT NULL")
    if wanted.visible is not None:
        where.append(f"+folder IN ({rows.placeholders(wanted.visible)})")
        values.extend(sorted(wanted.visible))
    return where, values


def _given(row: Row) -> GivenGrade:
    grade, who, at = row
    return GivenGrade(Grade(str(grade)), str(who), rows.real(at) or 0.0)


def _signature(wanted: ListOfJobs) -> list[object]:
    """What a cursor must agree with: the list without its reader, whose rights may change."""
    return [wanted.sort, wanted.state, wanted.grade, wanted.order, wanted.decided]


def _cursor(wanted: ListOfJobs, keys: Sequence[object]) -> str:
    text = json.dumps([_signature(wanted), list(keys)])
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _read_cursor(wanted: ListOfJobs, cursor: str) -> Sequence[object]:
    """The sort keys in a cursor. Raises ForeignCursor."""
    try:
        padded = cursor.encode("ascii") + b"=" * (-len(cursor) % 4)
        signature, keys = json.loads(base64.b64decode(padded, b"-_", validate=True))
        kinds = [_KINDS[key] for key in _KEYS[wanted.sort][1]]
        if signature == _signature(wanted) and [type(key) for key in keys] == kinds and all(map(_fits, keys)):
            return list(keys)
    except (ValueError, TypeError, binascii.Error, RecursionError):
        pass
    raise ForeignCursor("This cursor belongs to another list. Begin at the first page: leave the cursor out.")


def _fits(key: object) -> bool:
    """Whether SQLite can compare with it."""
    if isinstance(key, str):
        key.encode()  # half a character raises ValueError
    return not isinstance(key, int) or -(2**63) <= key < 2**63
