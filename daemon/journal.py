"""The journal: what happened to every photo, in one SQLite file; all SQL lives here.

Every change of state is `UPDATE … WHERE id = ? AND state IN (…)` with the states of `jobs.MOVES`, and must change
exactly one row. A commit is on disk before the call returns (WAL, synchronous=FULL).
"""

import json
import os
import sqlite3
import threading
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from daemon.errors import BadSettings, IllegalMove
from daemon.jobs import MOVES, Attempt, Grade, Job, Move, Outcome, State

SCHEMA_VERSION = 1
_STATES = ", ".join(f"'{state}'" for state in State)
_SCHEMA = f"""
CREATE TABLE jobs (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    source BLOB NOT NULL,
    state TEXT NOT NULL CHECK (state IN ({_STATES})),
    tries INTEGER NOT NULL DEFAULT 0,
    round INTEGER NOT NULL DEFAULT 0,
    postponed INTEGER NOT NULL DEFAULT 0,
    due_at REAL NOT NULL DEFAULT 0,
    size_bytes INTEGER NOT NULL DEFAULT 0,
    admitted_at REAL NOT NULL,
    started_at REAL,
    finished_at REAL,
    grade TEXT,
    score REAL,
    best INTEGER,
    reason TEXT,
    reason_kind TEXT,
    results TEXT NOT NULL DEFAULT '[]'
) STRICT;
CREATE INDEX jobs_due ON jobs (state, admitted_at, id);
CREATE INDEX jobs_finished ON jobs (finished_at) WHERE finished_at IS NOT NULL;
CREATE TABLE attempts (
    job_id TEXT NOT NULL REFERENCES jobs (id) ON DELETE CASCADE,
    round INTEGER NOT NULL,
    number INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (job_id, round, number)
) STRICT, WITHOUT ROWID;
CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
"""
_ATTEMPT = TypeAdapter(Attempt)
_COLUMNS = (
    "id, name, state, tries, size_bytes, admitted_at, started_at, finished_at, grade, score, best, reason, "
    "reason_kind, postponed, source, results, round"
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A job with what only the journal and its readers need to know of it."""

    job: Job
    source: Path
    postponed: int
    reason_kind: str | None
    results: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Counts:
    """How many jobs are in which state, how many finished with which grade, and since when the oldest waits."""

    states: Mapping[State, int]
    grades: Mapping[Grade, int]
    oldest_admitted_at: float | None

    @property
    def open(self) -> int:
        """Jobs that are not finished yet."""
        return sum(self.states[state] for state in (State.WAITING, State.RUNNING, State.PUBLISHING))


class Journal:
    """One SQLite file; safe to use from many threads, and from other processes at the same time."""

    def __init__(self, path: Path) -> None:
        """Open or create the journal. Raises BadSettings where the file cannot be used."""
        self._lock = threading.RLock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            self._db.execute("PRAGMA foreign_keys = ON")
            self._migrate(path)
        except (OSError, sqlite3.DatabaseError) as error:
            raise BadSettings(
                f"The journal {path} cannot be used: {error}. "
                "Set state_dir to a folder on a local disk that we may write."
            ) from error

    def _migrate(self, path: Path) -> None:
        with self._transaction():
            version = self._db.execute("PRAGMA user_version").fetchone()[0]
            if version == 0:
                for statement in _SCHEMA.split(";\n"):
                    if statement.strip():
                        self._db.execute(statement)
                self._db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
            elif version != SCHEMA_VERSION:
                raise BadSettings(
                    f"The journal {path} was written by another version of Freisteller (schema {version}, "
                    f"this one knows {SCHEMA_VERSION}). Install the newer version again, or set another state_dir."
                )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._db.close()

    # What happens to a job

    def admit(self, job_id: str, name: str, source: Path, size_bytes: int, now: float) -> Job:
        """Write down a photo that is about to be claimed from `source`."""
        with self._transaction():
            self._db.execute(
                "INSERT INTO jobs (id, name, source, state, size_bytes, admitted_at) VALUES (?, ?, ?, ?, ?, ?)",
                (job_id, name, os.fsencode(source), State.WAITING, size_bytes, now),
            )
        return self.entry(job_id).job

    def forget(self, job_id: str) -> None:
        """Strike out a job whose file went away before it was claimed. Raises IllegalMove once it has started."""
        with self._transaction():
            cursor = self._db.execute("DELETE FROM jobs WHERE id = ? AND state = ?", (job_id, State.WAITING))
            if cursor.rowcount != 1:
                raise IllegalMove(f"Job {job_id} is not waiting and cannot be forgotten.")

    def take(self, now: float, except_for: Collection[str] = ()) -> Job | None:
        """Start the oldest due job, its try counted before the work begins; None if nothing is due."""
        with self._transaction():
            job_id = self._oldest_due(State.WAITING, now, except_for)
            if job_id is None:
                return None
            self._move(job_id, Move.START, "tries = tries + 1, started_at = coalesce(started_at, ?)", now)
        return self.entry(job_id).job

    def _oldest_due(self, state: State, now: float, except_for: Collection[str]) -> str | None:
        marks = ", ".join("?" for _ in except_for)
        row = self._db.execute(
            f"SELECT id FROM jobs WHERE state = ? AND due_at <= ? AND id NOT IN ({marks}) "
            "ORDER BY admitted_at, id LIMIT 1",
            (state, now, *except_for),
        ).fetchone()
        return None if row is None else str(row[0])

    def note_attempt(self, job: Job, attempt: Attempt) -> None:
        """Keep what came of a recipe."""
        with self._transaction():
            self._db.execute(
                "INSERT OR REPLACE INTO attempts (job_id, round, number, body) VALUES (?, ?, ?, ?)",
                (job.id, job.round, attempt.number, _ATTEMPT.dump_json(attempt).decode()),
            )

    def decide(self, job_id: str, outcome: Outcome) -> None:
        """running -> publishing: the best attempt and its grade are settled."""
        verdict = outcome.verdict
        with self._transaction():
            self._move(
                job_id,
                Move.DECIDE,
                "best = ?, grade = ?, score = ?, reason = NULL, reason_kind = NULL",
                outcome.best.number,
                verdict.grade,
                verdict.score,
            )

    def finish(self, job_id: str, results: Sequence[str], now: float) -> None:
        """publishing -> done: the files are where people find them."""
        with self._transaction():
            self._move(job_id, Move.FINISH, "finished_at = ?, results = ?", now, json.dumps(list(results)))

    def give_up(self, job_id: str, reason: str, kind: str, now: float) -> None:
        """-> failed, with a reason for people and its short name for metrics."""
        with self._transaction():
            self._move(
                job_id,
                Move.GIVE_UP,
                "finished_at = ?, reason = ?, reason_kind = ?, grade = NULL, score = NULL, best = NULL",
                now,
                reason,
                kind,
            )

    def note_places(self, job_id: str, places: Sequence[str]) -> None:
        """Where the files of a failed job lie, below the root."""
        with self._transaction():
            self._db.execute("UPDATE jobs SET results = ? WHERE id = ?", (json.dumps(list(places)), job_id))

    def send_back(self, job_id: str, due_at: float, reason: str, kind: str) -> None:
        """running -> waiting after a fault of our own; its try stays counted, so this cannot go on for ever."""
        with self._transaction():
            self._move(job_id, Move.POSTPONE, "due_at = ?, reason = ?, reason_kind = ?", due_at, reason, kind)

    def postpone(self, job_id: str, due_at: float, reason: str, kind: str) -> None:
        """running -> waiting, to be started again at `due_at`; it ended in order, so its try is taken back."""
        with self._transaction():
            self._move(
                job_id,
                Move.POSTPONE,
                "due_at = ?, reason = ?, reason_kind = ?, tries = tries - 1, postponed = postponed + 1",
                due_at,
                reason,
                kind,
            )

    def requeue(self, job_id: str, now: float) -> None:
        """done or failed -> waiting, a new round: a person wants it tried again; what was tried before stays noted."""
        with self._transaction():
            self._move(
                job_id,
                Move.REQUEUE,
                "round = round + 1, tries = 0, postponed = 0, due_at = 0, admitted_at = ?, started_at = NULL, "
                "finished_at = NULL, "
                "grade = NULL, score = NULL, best = NULL, reason = NULL, reason_kind = NULL, results = '[]'",
                now,
            )

    def recover(self) -> tuple[Job, ...]:
        """After a crash: running -> waiting, its try stays counted. Returns the jobs that were running."""
        with self._transaction():
            rows = self._db.execute("SELECT id FROM jobs WHERE state = ?", (State.RUNNING,)).fetchall()
            for (job_id,) in rows:
                self._move(job_id, Move.POSTPONE, "due_at = 0")
        return tuple(self.entry(job_id).job for (job_id,) in rows)

    def take_decided(self, now: float, in_work: Collection[str]) -> Job | None:
        """The oldest due job whose publishing was broken off, its try counted; in_work: ids being published."""
        with self._transaction():
            job_id = self._oldest_due(State.PUBLISHING, now, in_work)
            if job_id is None:
                return None
            self._db.execute("UPDATE jobs SET tries = tries + 1 WHERE id = ?", (job_id,))
        return self.entry(job_id).job

    def delay(self, job_id: str, due_at: float, reason: str, kind: str) -> None:
        """Publish a decided job later, at `due_at`; it ended in order, so its try is taken back."""
        with self._transaction():
            self._db.execute(
                "UPDATE jobs SET due_at = ?, reason = ?, reason_kind = ?, tries = tries - 1, postponed = postponed + 1 "
                "WHERE id = ? AND state = ?",
                (due_at, reason, kind, job_id, State.PUBLISHING),
            )

    def _move(self, job_id: str, move: Move, changes: str, *values: object) -> None:
        starts, end = MOVES[move]
        marks = ", ".join("?" for _ in starts)
        cursor = self._db.execute(
            f"UPDATE jobs SET state = ?, {changes} WHERE id = ? AND state IN ({marks})",
            (end, *values, job_id, *starts),
        )
        if cursor.rowcount != 1:
            raise IllegalMove(f"Job {job_id} is not {' or '.join(sorted(starts))}, so it cannot {move}.")

    # What is known

    def entry(self, job_id: str) -> Entry:
        """One job. Raises KeyError where there is none."""
        with self._lock:
            row = self._db.execute(f"SELECT {_COLUMNS} FROM jobs WHERE id = ?", (job_id,)).fetchone()
            if row is None:
                raise KeyError(job_id)
            return self._entry(row)

    def entries(self, state: State) -> tuple[Entry, ...]:
        """All jobs in one state, oldest first; for states that hold few."""
        with self._lock:
            rows = self._db.execute(
                f"SELECT {_COLUMNS} FROM jobs WHERE state = ? ORDER BY admitted_at, id", (state,)
            ).fetchall()
            return tuple(self._entry(row) for row in rows)

    def latest(self, count: int) -> tuple[Entry, ...]:
        """The jobs that finished last, newest first."""
        with self._lock:
            rows = self._db.execute(
                f"SELECT {_COLUMNS} FROM jobs WHERE finished_at IS NOT NULL ORDER BY finished_at DESC LIMIT ?",
                (count,),
            ).fetchall()
            return tuple(self._entry(row) for row in rows)

    def state_of(self, job_id: str) -> State | None:
        """Where a job stands; None where the journal has never heard of it."""
        with self._lock:
            row = self._db.execute("SELECT state FROM jobs WHERE id = ?", (job_id,)).fetchone()
        return State(row[0]) if row else None

    def counts(self, now: float) -> Counts:
        """How much of everything there is. A deliberate back-off does not count as waiting long."""
        with self._lock:
            states = dict(self._db.execute("SELECT state, count(*) FROM jobs GROUP BY state").fetchall())
            grades = dict(
                self._db.execute(
                    "SELECT grade, count(*) FROM jobs WHERE state = ? GROUP BY grade", (State.DONE,)
                ).fetchall()
            )
            oldest = self._db.execute(
                "SELECT min(admitted_at) FROM jobs WHERE state = ? AND due_at <= ?", (State.WAITING, now)
            ).fetchone()[0]
        return Counts(
            {state: states.get(state, 0) for state in State}, {grade: grades.get(grade, 0) for grade in Grade}, oldest
        )

    def fact(self, key: str, value: str) -> str:
        """The value kept under `key`; keeps `value` the first time."""
        with self._transaction():
            self._db.execute("INSERT OR IGNORE INTO facts (key, value) VALUES (?, ?)", (key, value))
            return self.known(key) or value

    def known(self, key: str) -> str | None:
        """The value kept under `key`, if any."""
        with self._lock:
            row = self._db.execute("SELECT value FROM facts WHERE key = ?", (key,)).fetchone()
        return None if row is None else str(row[0])

    def _entry(self, row: tuple[object, ...]) -> Entry:
        job_id, name, state, tries, size, admitted, started, finished, grade, score, best, reason, *rest = row
        kind, postponed, source, results, job_round = rest
        bodies = self._db.execute(
            "SELECT body FROM attempts WHERE job_id = ? AND round = ? ORDER BY number", (job_id, job_round)
        ).fetchall()
        job = Job(
            id=str(job_id),
            name=str(name),
            state=State(str(state)),
            tries=_int(tries),
            round=_int(job_round),
            size_bytes=_int(size),
            admitted_at=_float(admitted) or 0.0,
            started_at=_float(started),
            finished_at=_float(finished),
            attempts=tuple(_ATTEMPT.validate_json(body) for (body,) in bodies),
            grade=Grade(str(grade)) if grade else None,
            score=_float(score),
            best=None if best is None else _int(best),
            reason=None if reason is None else str(reason),
        )
        assert isinstance(source, bytes)  # the column is BLOB NOT NULL in a STRICT table
        return Entry(
            job,
            Path(os.fsdecode(source)),
            _int(postponed),
            None if kind is None else str(kind),
            tuple(json.loads(str(results))),
        )


def _int(value: object) -> int:
    assert isinstance(value, int)  # INTEGER NOT NULL in a STRICT table
    return value


def _float(value: object) -> float | None:
    assert value is None or isinstance(value, float)  # REAL in a STRICT table
    return value
