"""What may happen to a job: every change of its row, and of what is kept beside it.

Every change of state is `UPDATE … WHERE id = ? AND state IN (…)` with the states of `jobs.MOVES`, and must change
exactly one row.
"""

import json
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from daemon.errors import IllegalMove
from daemon.jobs import Attempt, Grade, Job, Outcome
from daemon.journal import attempt_rows, damage, finished_jobs, originals, rows, turns, verdict_rows
from daemon.journal.database import Database
from daemon.journal.originals import Original
from daemon.journal.queries import PAUSED, Inquiry
from daemon.journal.reserved import ReservedJobs
from daemon.journal.rows import DUE, JobRow
from daemon.states import MOVES, Move, State


class Journal(Inquiry):
    """One SQLite file; safe to use from many threads, and from other processes at the same time."""

    def __init__(self, path: Path) -> None:
        """Open or create the journal. Raises JournalDamaged, or BadSettings where the file cannot be used."""
        super().__init__(Database(path, lambda fault: damage.remember(path, fault)))
        self.reserved = ReservedJobs()
        """Jobs that `take` does not start; whoever writes a row before its file is in work reserves its id first."""
        self.is_new = self._db.is_new
        """Whether there was none before."""

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    # What happens to a job

    def admit(self, job_id: str, name: str, source: Path, size_bytes: int, now: float) -> Job:
        """Write down a photo that is about to be claimed from `source`."""
        with self._db.transaction():
            self._db.change(
                "INSERT INTO jobs (id, name, folder, source, state, size_bytes, admitted_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                job_id,
                name,
                rows.top_folder(name),
                os.fsencode(source),
                State.WAITING,
                size_bytes,
                now,
            )
        return self.entry(job_id).job

    def forget(self, job_id: str) -> None:
        """Strike out a job whose file went away before it was claimed. Raises IllegalMove once it has started."""
        with self._db.transaction():
            if self._db.change("DELETE FROM jobs WHERE id = ? AND state = ?", job_id, State.WAITING) != 1:
                raise IllegalMove(f"Job {job_id} is not waiting and cannot be forgotten.")

    def take(self, now: float, except_for: Callable[[], Collection[str]] | Collection[str] = ()) -> Job | None:
        """Start the due job whose turn it is, its try counted before the work begins; None if nothing is due.

        A job that is `reserved` is not started. The ids are asked for within the transaction: a job that is reserved
        before its row is written is never started, however the two threads meet. except_for: more such ids.
        """
        with self._db.transaction():
            excepted = except_for() if callable(except_for) else except_for
            job_id = turns.next_waiting(self._db, now, self.reserved.snapshot().union(excepted))
            if job_id is None:
                return None
            row = self._db.row("SELECT started_at IS NULL FROM jobs WHERE id = ?", job_id)
            self._move(job_id, Move.START, "tries = tries + 1, started_at = coalesce(started_at, ?)", now)
        return replace(self.entry(job_id).job, fresh=row is not None and bool(row[0]))

    def prioritize(self, priorities: Mapping[str, int]) -> None:
        """Photos of these top-level folders go before others, the highest first; folders that are not named have 0."""
        with self._db.transaction():
            turns.prioritize(self._db, priorities)

    def record_attempt(self, job: Job, attempt: Attempt) -> None:
        """Keep what came of a recipe."""
        with self._db.transaction():
            attempt_rows.record_attempt(self._db, job, attempt)

    def record_content(self, job_id: str, content: bytes, *, leave_out: bool) -> str | None:
        """Keep the SHA-256 of a job's original.

        leave_out: returns the id of the job that came with the same content before, for which this one is to be left
        out. Settled at the first call, so that of equal photos one is worked on, whatever dies in between.
        """
        with self._db.transaction():
            return finished_jobs.record_content(self._db, job_id, content, leave_out)

    def restore(self, entries: Sequence[JobRow]) -> int:
        """Write jobs down again that a lost journal knew, as they stood; returns how many it does not know already."""
        with self._db.transaction():
            return sum(finished_jobs.restore(self._db, entry) for entry in entries)

    def complete_as_found(self, job_id: str, found: JobRow, now: float, original: Original | None = None) -> None:
        """-> done, for an open job whose result lies where people find it, though the journal does not know that.

        found: what the folders say of the result. original: where the original lies, if it is kept.
        """
        with self._db.transaction():
            if self.state_of(job_id) is State.WAITING:
                self._move(job_id, Move.START, "started_at = coalesce(started_at, ?)", now)
            if self.state_of(job_id) is State.RUNNING:
                job = found.job
                self._move(job_id, Move.DECIDE, "best = ?, grade = ?, score = ?", job.best, job.grade, job.score)
            self._move(job_id, Move.COMPLETE, "finished_at = ?, results = ?", now, _json(found.results))
            if original is not None:
                originals.record(self._db, original)

    def leave_out(self, job_id: str, places: Sequence[str], now: float) -> None:
        """running -> done without a result: its content came before. places: where its original and note lie."""
        with self._db.transaction():
            self._move(
                job_id,
                Move.LEAVE_OUT,
                "finished_at = ?, results = ?, reason = NULL, reason_kind = 'equal_content'",
                now,
                _json(places),
            )

    def decide(self, job_id: str, outcome: Outcome) -> None:
        """running -> publishing: the best attempt and its grade are settled."""
        verdict = outcome.verdict
        with self._db.transaction():
            self._move(
                job_id,
                Move.DECIDE,
                "best = ?, grade = ?, score = ?, reason = NULL, reason_kind = NULL",
                outcome.best.number,
                verdict.grade,
                verdict.score,
            )

    def complete(self, job_id: str, results: Sequence[str], now: float, original: Original | None = None) -> None:
        """publishing -> done: its files are where people find them. original: where that lies, if it is kept."""
        with self._db.transaction():
            if original:
                originals.record(self._db, original)
            self._move(job_id, Move.COMPLETE, "finished_at = ?, results = ?", now, _json(results))

    def give_up(self, job_id: str, reason: str, kind: str, now: float) -> None:
        """-> failed, with a reason for people and its short name for metrics."""
        with self._db.transaction():
            self._move(
                job_id,
                Move.GIVE_UP,
                "finished_at = ?, reason = ?, reason_kind = ?, grade = NULL, score = NULL, best = NULL",
                now,
                reason,
                kind,
            )

    def record_places(self, job_id: str, places: Sequence[str], original: Original | None = None) -> None:
        """Where the files of a job that is over lie, below the root, and its original among them."""
        with self._db.transaction():
            if original:
                originals.record(self._db, original)
            self._db.change("UPDATE jobs SET results = ? WHERE id = ?", _json(places), job_id)

    def record_verdict(
        self,
        job_id: str,
        from_grade: Grade,
        to_grade: Grade,
        at: float,
        *,
        who: str = "",
        how: str = "",
        places: Sequence[str] | None = None,
    ) -> bool:
        """Keep what a person made of a result, with what the judgement had said of it.

        places: where the job's files are now, written with it. False, and nothing new, where the last verdict of this
        round already led to `to_grade`: so a repeat after a crash notes it once. Raises KeyError for an unknown job.
        """
        with self._db.transaction():
            noted = verdict_rows.record(self._db, job_id, from_grade, to_grade, at, who, how)
            if places is not None:
                self._moved(job_id, places)
            return noted

    def record_moved(self, job_id: str, places: Sequence[str]) -> None:
        """Where people put the files of a result; nothing where it is being made again by now."""
        with self._db.transaction():
            self._moved(job_id, places)

    def _moved(self, job_id: str, places: Sequence[str]) -> None:
        self._db.change("UPDATE jobs SET results = ? WHERE id = ? AND state = ?", _json(places), job_id, State.DONE)

    def send_back(self, job_id: str, due_at: float, reason: str, kind: str) -> None:
        """running -> waiting after a fault of our own; its try stays counted, so this cannot go on for ever."""
        with self._db.transaction():
            self._move(job_id, Move.POSTPONE, "due_at = ?, reason = ?, reason_kind = ?", due_at, reason, kind)

    def postpone(self, job_id: str, due_at: float, reason: str, kind: str) -> None:
        """running -> waiting, to be started again at `due_at`; it ended in order, so its try is taken back."""
        with self._db.transaction():
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
        with self._db.transaction():
            self._move(
                job_id,
                Move.REQUEUE,
                "round = round + 1, tries = 0, postponed = 0, due_at = 0, admitted_at = ?, started_at = NULL, "
                "finished_at = NULL, same_as = NULL, "
                "grade = NULL, score = NULL, best = NULL, reason = NULL, reason_kind = NULL, results = '[]'",
                now,
            )

    def recover(self) -> tuple[Job, ...]:
        """After a crash: running -> waiting, its try stays counted. Returns the jobs that were running."""
        with self._db.transaction():
            running = [str(job_id) for (job_id,) in self._db.rows("SELECT id FROM jobs WHERE state = 'running'")]
            for job_id in running:
                self._move(job_id, Move.POSTPONE, "due_at = 0")
        return tuple(self.entry(job_id).job for job_id in running)

    def take_decided(self, now: float, in_work: Collection[str]) -> Job | None:
        """The oldest due job whose publishing was broken off, its try counted; in_work: ids being published."""
        marks = ", ".join("?" for _ in in_work)
        with self._db.transaction():
            row = self._db.row(
                f"SELECT id FROM jobs WHERE state = 'publishing' AND {DUE} AND id NOT IN ({marks}) "
                "ORDER BY admitted_at, id LIMIT 1",
                now,
                now,
                *in_work,
            )
            if row is None:
                return None
            self._move(str(row[0]), Move.RESUME, "tries = tries + 1")
        return self.entry(str(row[0])).job

    def delay(self, job_id: str, due_at: float, reason: str, kind: str) -> None:
        """Publish a decided job later, at `due_at`; it ended in order, so its try is taken back."""
        with self._db.transaction():
            self._move(
                job_id,
                Move.DELAY,
                "due_at = ?, reason = ?, reason_kind = ?, tries = tries - 1, postponed = postponed + 1",
                due_at,
                reason,
                kind,
            )

    def undo(self, job_id: str, due_at: float) -> None:
        """Start a job that nobody works on, or publish it, again at `due_at`; its last try does not count."""
        with self._db.transaction():
            self._move(job_id, Move.UNDO, "due_at = ?, tries = tries - 1", due_at)

    def make_due(self, kind: str) -> None:
        """What was put off for this reason is due now."""
        with self._db.transaction():
            self._db.change(
                "UPDATE jobs SET due_at = 0 WHERE state IN (?, ?) AND reason_kind = ?",
                State.WAITING,
                State.PUBLISHING,
                kind,
            )

    def _move(self, job_id: str, move: Move, changes: str, *values: object) -> None:
        """Make a move of the table, and these `changes` of the job's row, within a transaction. Raises IllegalMove."""
        ends = MOVES[move]
        changed = self._db.change(
            f"UPDATE jobs SET state = CASE state {'WHEN ? THEN ? ' * len(ends)}END, {changes} "
            f"WHERE id = ? AND state IN ({', '.join('?' * len(ends))})",
            *chain.from_iterable(ends.items()),
            *values,
            job_id,
            *ends,
        )
        if changed != 1:
            raise IllegalMove(f"Job {job_id} is not {' or '.join(sorted(ends))}, so it cannot {move}.")

    def prune(self, before: float, most: int) -> int:
        """Strike out at most so many jobs that ended before this time, with their attempts; returns how many."""
        with self._db.transaction():
            return finished_jobs.prune(self._db, before, most)

    # What is kept beside the jobs

    def unlearn(self, key: str) -> None:
        """Keep nothing under `key` any longer."""
        with self._db.transaction():
            self._db.change("DELETE FROM facts WHERE key = ?", key)

    def remember(self, key: str, value: str) -> None:
        """Keep `value` under `key`, in place of what was there."""
        with self._db.transaction():
            self._db.change("INSERT OR REPLACE INTO facts (key, value) VALUES (?, ?)", key, value)

    def pause(self, now: float) -> None:
        """No job is to be started from now on, by whatever process, until `resume`."""
        self.fact(PAUSED, repr(now))

    def resume(self) -> bool:
        """Jobs may be started again; False where nothing was paused."""
        with self._db.transaction():
            return self._db.change("DELETE FROM facts WHERE key = ?", PAUSED) == 1

    def fact(self, key: str, value: str) -> str:
        """The value kept under `key`; keeps `value` the first time."""
        with self._db.transaction():
            self._db.change("INSERT OR IGNORE INTO facts (key, value) VALUES (?, ?)", key, value)
            return self.known(key) or value


def _json(paths: Sequence[str]) -> str:
    return json.dumps(list(paths))
