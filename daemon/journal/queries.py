"""What is known of all jobs, of people's verdicts and of what is kept beside them: questions that change nothing."""

from collections.abc import Mapping, Sequence

from daemon.jobs import Grade
from daemon.journal import batch_rows, finished_jobs, originals, rows, verdict_rows
from daemon.journal.database import Database
from daemon.journal.originals import Original
from daemon.journal.rows import COLUMNS, Batch, Counts, JobRow, LeftAlone, PersonVerdict
from daemon.states import State

PAUSED = "paused_at"


class Inquiry:
    """Asks one journal; safe to use from many threads."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def entry(self, job_id: str) -> JobRow:
        """One job. Raises KeyError where there is none."""
        with self._db.reading():
            row = self._db.row(f"SELECT {COLUMNS} FROM jobs WHERE id = ?", job_id)
            if row is None:
                raise KeyError(job_id)
            return self._entry(row)

    def entries(self, state: State) -> tuple[JobRow, ...]:
        """All jobs in one state, oldest first; for states that hold few."""
        return self._entries("state = ? ORDER BY admitted_at, id", state)

    def worn_out(self, max_tries: int) -> tuple[JobRow, ...]:
        """Jobs that wait, or wait to be published, after so many tries or more."""
        return self._entries("state IN ('waiting', 'publishing') AND tries >= ? ORDER BY admitted_at, id", max_tries)

    def never_started(self) -> tuple[str, ...]:
        """The ids of waiting jobs that nobody has started yet in their first round, in the order of their admission."""
        found = self._db.rows(
            "SELECT id FROM jobs WHERE state = 'waiting' AND round = 0 AND started_at IS NULL ORDER BY rowid"
        )
        return tuple(str(job_id) for (job_id,) in found)

    def open_ids(self) -> frozenset[str]:
        """The ids of all jobs that are not over."""
        found = self._db.rows("SELECT id FROM jobs WHERE state IN ('waiting', 'running', 'publishing')")
        return frozenset(str(job_id) for (job_id,) in found)

    def latest(self, count: int) -> tuple[JobRow, ...]:
        """The jobs that finished last, newest first."""
        return self._entries("finished_at IS NOT NULL ORDER BY finished_at DESC LIMIT ?", count)

    def state_of(self, job_id: str) -> State | None:
        """Where a job stands; None where the journal has never heard of it."""
        row = self._db.row("SELECT state FROM jobs WHERE id = ?", job_id)
        return None if row is None else State(str(row[0]))

    def counts(self, now: float) -> Counts:
        """How much of everything there is. A deliberate back-off does not count as waiting long."""
        with self._db.reading():
            tallies = self._db.rows("SELECT state, grade, count FROM tallies")
            oldest = self._db.row(
                "SELECT admitted_at FROM jobs WHERE state = 'waiting' AND due_at <= ? ORDER BY admitted_at, id LIMIT 1",
                now,
            )
        states, grades = dict.fromkeys(State, 0), dict.fromkeys(Grade, 0)
        for state, grade, count in tallies:
            states[State(str(state))] += rows.whole(count)
            if state == State.DONE and grade:
                grades[Grade(str(grade))] += rows.whole(count)
        return Counts(states, grades, None if oldest is None else rows.real(oldest[0]))

    def verdicts(self, count: int) -> tuple[PersonVerdict, ...]:
        """The newest verdicts of people, newest first, each with the best attempt that it speaks of."""
        return verdict_rows.latest(self._db, count)

    def left_alone(self, count: int, seconds: float) -> tuple[LeftAlone, ...]:
        """The newest results that nobody moved, though somebody went through them.

        seconds: so soon after it was finished, a person moved another one out of the same folder and grade.
        """
        return verdict_rows.left_alone(self._db, count, seconds)

    def jobs_at(self, places: Sequence[str]) -> Mapping[str, str]:
        """Of these paths below the root, at most some thousands, those at which a file of a job was last seen.

        Each with the id of that job; a file: a result, a report, or what lies in `failed/`.
        """
        return finished_jobs.jobs_at(self._db, places)

    def original(self, job_id: str) -> Original | None:
        """Where the original of a job that is over was laid; None where it was not kept, or not noted."""
        return originals.of_job(self._db, job_id)

    def originals_like(self, inode: int, size_bytes: int, mtime_ns: int) -> tuple[Original, ...]:
        """The originals that a file may be, by what does not change when it is moved."""
        return originals.of_file(self._db, inode, size_bytes, mtime_ns)

    def is_of_another(self, job_id: str, inode: int, size_bytes: int, mtime_ns: int) -> bool:
        """Whether a file is known as the original of other jobs, and not of this one."""
        owners = {original.job_id for original in self.originals_like(inode, size_bytes, mtime_ns)}
        return bool(owners) and job_id not in owners

    def newest(self) -> int:
        """The number of the row that was admitted last; 0 where there is none."""
        return batch_rows.newest(self._db)

    def folders(self, after: int) -> tuple[str, ...]:
        """The top-level folders, "" = `inbox/` itself, of the photos that were admitted after this row."""
        return batch_rows.folders(self._db, after)

    def batch(self, folder: str, after: int) -> Batch:
        """What became of the photos of one top-level folder that were admitted after this row."""
        return batch_rows.batch(self._db, folder, after)

    def batch_places(self, folder: str, after: int, most: int) -> tuple[str, ...]:
        """Reports and failure notes of these photos below the root, of the worst so many, the worst first."""
        return batch_rows.places(self._db, folder, after, most)

    def paused_at(self) -> float | None:
        """Since when (Unix time) no job is to be started; None = they are."""
        value = self.known(PAUSED)
        return None if value is None else float(value)

    def known(self, key: str) -> str | None:
        """The value kept under `key`, if any."""
        row = self._db.row("SELECT value FROM facts WHERE key = ?", key)
        return None if row is None else str(row[0])

    def _entries(self, which: str, *values: object) -> tuple[JobRow, ...]:
        with self._db.reading():
            return tuple(
                self._entry(row) for row in self._db.rows(f"SELECT {COLUMNS} FROM jobs WHERE {which}", *values)
            )

    def _entry(self, row: Sequence[object]) -> JobRow:
        bodies = self._db.rows("SELECT round, body FROM attempts WHERE job_id = ? ORDER BY round, number", row[0])
        return rows.entry(row, bodies)
