"""What the journal knows of jobs: questions that change nothing."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from daemon.jobs import Grade
from daemon.journal import attempt_rows, damage, rows
from daemon.journal.database import Database
from daemon.journal.deed_rows import DeedRows
from daemon.journal.events import Events
from daemon.journal.facts import Facts
from daemon.journal.job_lists import JobLists
from daemon.journal.kept_corrections import KeptCorrections
from daemon.journal.kept_orders import KeptOrders
from daemon.journal.mended_failures import MendedFailures
from daemon.journal.order_rows import OrderRows
from daemon.journal.rows import COLUMNS, Counts, JobRow
from daemon.journal.second_door import SecondDoor
from daemon.journal.shop_notes import ShopNotes
from daemon.journal.shop_rows import ShopPictures
from daemon.journal.shown_sizes import ShownSizesTable
from daemon.states import OPEN, State

PAUSED_AT = "paused_at"
PAUSED_BY = "paused_by"
"""The fact that says since when no job is started."""
_AT_ONCE = 500  # values of one question


class Queries:
    """Asks one journal; safe to use from many threads."""

    def __init__(self, path: Path, patience_seconds: float) -> None:
        """Open or create the journal; the arguments are those of `Database`, and so are the errors."""
        on_damage = partial(damage.remember, path)
        self._db = Database(path, on_damage, patience_seconds)
        self._to_read = SecondDoor(path, on_damage)
        self.facts = Facts(self._db)
        self.shown_sizes = ShownSizesTable(self._db)
        self.events = Events(self._db, self._to_read)
        self.lists = JobLists(self._db, self._to_read)
        self.orders = OrderRows(self._to_read)
        self.deeds = DeedRows(self._db)
        self.mended_failures = MendedFailures(self._db)
        self.corrections = KeptCorrections(self._db)
        self.taken_orders = KeptOrders(self._db)
        self.shop_pictures = ShopPictures(self._db)
        self.shops_lock = path.parent / "shops.lock"
        """Whose holder sends to shops: two that do so at once could both find that a picture is missing."""

    def shop_notes(self, shop: str) -> ShopNotes:
        """What the client of this shop noted. shop: its name in the settings."""
        return ShopNotes(self._db, shop)

    def time_with(self, timed: Callable[[str], AbstractContextManager[None]]) -> None:
        """Time every transaction, as a stage of the work on photos."""
        self._db.timed = timed

    def close(self) -> None:
        """Close the file."""
        self._to_read.close()
        self._db.close()

    def row(self, job_id: str) -> JobRow:
        """One job. Raises KeyError if the journal does not know it."""
        with self._db.reading():
            row = self._db.row(f"SELECT {COLUMNS} FROM jobs WHERE id = ?", job_id)
            if row is None:
                raise KeyError(job_id)
            return self._with_attempts(row)

    def paused_at(self) -> float | None:
        """Since when (Unix time) no job is started; None if jobs are started."""
        value = self.facts.known(PAUSED_AT)
        return None if value is None else float(value)

    def paused_by(self) -> str:
        """Who paused the work; "" if nobody did, or if that is not known."""
        return self.facts.known(PAUSED_BY) or ""

    def rows(self, state: State) -> tuple[JobRow, ...]:
        """All jobs in one state, oldest first; for states that hold few jobs."""
        return self._rows("state = ? ORDER BY admitted_at, id", state)

    def worn_out(self, max_tries: int) -> tuple[JobRow, ...]:
        """Jobs that wait for work or for publishing and had at least so many tries."""
        return self._rows("state IN ('waiting', 'publishing') AND tries >= ? ORDER BY admitted_at, id", max_tries)

    def latest(self, count: int) -> tuple[JobRow, ...]:
        """The jobs that ended last, newest first."""
        return self._rows("finished_at IS NOT NULL ORDER BY finished_at DESC LIMIT ?", count)

    def failed(self, count: int) -> tuple[JobRow, ...]:
        """The jobs that failed last, newest first."""
        return self._rows("state = 'failed' ORDER BY finished_at DESC, number DESC LIMIT ?", count)

    def never_started(self) -> tuple[str, ...]:
        """The ids of waiting jobs that were never started in their first round, in the order of their admission."""
        found = self._db.rows(
            "SELECT id FROM jobs WHERE state = 'waiting' AND round = 0 AND started_at IS NULL ORDER BY number"
        )
        return tuple(str(job_id) for (job_id,) in found)

    def in_work(self) -> tuple[str, ...]:
        """The ids of the jobs that somebody works on, or worked on when the program died; the oldest first."""
        found = self._db.rows(
            "SELECT id FROM jobs WHERE state = 'running' OR (state = 'publishing' AND in_work = 1) "
            "ORDER BY admitted_at, id"
        )
        return tuple(str(job_id) for (job_id,) in found)

    def suspects(self) -> int:
        """How many jobs run alone the next time, because they were in work when the program crashed."""
        row = self._db.row("SELECT count(*) FROM jobs WHERE suspect > 0")
        return 0 if row is None else rows.whole(row[0])

    def open_ids(self) -> frozenset[str]:
        """The ids of all jobs that are not over."""
        found = self._db.rows(f"SELECT id FROM jobs WHERE state IN ({rows.placeholders(OPEN)})", *OPEN)
        return frozenset(str(job_id) for (job_id,) in found)

    def open_names(self, folder: str) -> tuple[str, ...]:
        """The names of the jobs of a top-level folder of `inbox/` that are not over; "" = of `inbox/` itself."""
        found = self._db.rows(
            f"SELECT name FROM jobs WHERE folder = ? AND state IN ({rows.placeholders(OPEN)})", folder, *OPEN
        )
        return tuple(str(name) for (name,) in found)

    def unknown(self, job_ids: Sequence[str]) -> frozenset[str]:
        """Those of these ids that belong to no job, or to none any more."""
        known = set[object]()
        for start in range(0, len(job_ids), _AT_ONCE):
            asked = job_ids[start : start + _AT_ONCE]
            found = self._db.rows(f"SELECT id FROM jobs WHERE id IN ({rows.placeholders(asked)})", *asked)
            known.update(job_id for (job_id,) in found)
        return frozenset(job_ids).difference(map(str, known))

    def state_of(self, job_id: str) -> State | None:
        """Where a job stands; None if the journal does not know it."""
        row = self._db.row("SELECT state FROM jobs WHERE id = ?", job_id)
        return None if row is None else State(str(row[0]))

    def counts(self) -> Counts:
        """How many jobs there are of each kind. A job in back-off waits like any other."""
        with self._db.reading():
            tallies = self._db.rows("SELECT state, grade, count FROM tallies")
            oldest = self._db.row(
                "SELECT min(at) FROM (SELECT * FROM (SELECT admitted_at AS at FROM jobs WHERE state = 'waiting' "
                "ORDER BY admitted_at, id LIMIT 1) UNION ALL "
                "SELECT admitted_at FROM jobs WHERE state = 'publishing' AND in_work = 0)"
            )
        states, grades = dict.fromkeys(State, 0), dict.fromkeys(Grade, 0)
        for state, grade, count in tallies:
            states[State(str(state))] += rows.whole(count)
            if state == State.DONE and grade:
                grades[Grade(str(grade))] += rows.whole(count)
        return Counts(states, grades, None if oldest is None else rows.real(oldest[0]))

    def jobs_at(self, places: Sequence[str]) -> Mapping[str, str]:
        """The ids of jobs by place: of these paths below the root, those at which a file of a job was last seen.

        places: at most some thousands. A file is a result, a report, or what lies in `failed/`.
        """
        sound = [place for place in places if _is_text(place)]
        found = self._db.rows(f"SELECT path, job_id FROM places WHERE path IN ({rows.placeholders(sound)})", *sound)
        return {str(path): str(job_id) for path, job_id in found}

    def _rows(self, which: str, *values: object) -> tuple[JobRow, ...]:
        with self._db.reading():
            found = self._db.rows(f"SELECT {COLUMNS} FROM jobs WHERE {which}", *values)
            return tuple(map(self._with_attempts, found))

    def _with_attempts(self, row: Sequence[object]) -> JobRow:
        return rows.job_row(row, attempt_rows.bodies(self._db, row[0]))


def _is_text(place: str) -> bool:
    """Whether a name from a disk is UTF-8. All names that we write are."""
    try:
        place.encode()
    except UnicodeEncodeError:
        return False
    return True
