"""What may happen to a job: every change of its row.

Every change of state is one `UPDATE … WHERE id = ? AND state IN (…)` with the states of `states.MOVES`, and must change
exactly one row.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

from daemon.errors import IllegalMove
from daemon.jobs import Attempt, Job, Outcome
from daemon.journal import attempt_rows, equal_content, finished_jobs, new_jobs, rows, suspects
from daemon.journal.batch_rows import BatchRows
from daemon.journal.choices import Choices
from daemon.journal.new_jobs import SentAlong
from daemon.journal.originals import Original, Originals
from daemon.journal.patience import PATIENCE_SECONDS
from daemon.journal.queries import PAUSED_AT, PAUSED_BY, Queries
from daemon.journal.request_keys import RequestKeys
from daemon.journal.reserved import ReservedJobs
from daemon.journal.result_files import ResultFiles
from daemon.journal.retry_lock import RetryLock
from daemon.journal.rows import JobRow, ResultFile
from daemon.journal.run_end import RunEndRecord
from daemon.journal.shown_sizes import ShownSizes
from daemon.journal.turns import Turns
from daemon.journal.verdict_rows import VerdictRows
from daemon.journal.work_times import WorkTimes
from daemon.states import Move, State, is_decided


class Journal(Queries):
    """One SQLite file; safe to use from many threads, and from other processes at the same time.

    What a method changes is on disk, all of it, when the method returns. A method that makes a move of `states.MOVES`
    raises IllegalMove if the job is not in a state that the move starts from.
    """

    def __init__(self, path: Path, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """Open or create the journal; the arguments are those of `Database`, and so are the errors."""
        super().__init__(path, patience_seconds)
        self.is_new = self._db.is_new
        """Whether there was no journal before."""
        self.originals = Originals(self._db)
        self.result_files = ResultFiles(self._db)
        self.verdicts = VerdictRows(self._db)
        self.batches = BatchRows(self._db)
        self.choices = Choices(self._db)
        self.turns = Turns(self._db)
        self.request_keys = RequestKeys(self._db)
        self.patience = self._db.patience
        self.reserved = ReservedJobs()
        """Jobs that `take` does not start; whoever writes a row before its file is in work reserves its id first."""
        self.run_end = RunEndRecord(path.parent)
        self.retry_lock = RetryLock(path.parent)
        self.work_times = WorkTimes(self._db)
        self._move = self.work_times.make_move

    # Rows come and go

    def admit(
        self, job_id: str, name: str, source: Path, size_bytes: int, now: float, sent: SentAlong | None = None
    ) -> Job:
        """Add a job for a photo that is about to be claimed from `source`. Raises IllegalMove if its key is taken."""
        with self._db.transaction():
            new_jobs.insert(self._db, job_id, name, source, size_bytes, now, sent)
        return self.row(job_id).job

    def forget(self, job_id: str) -> None:
        """Delete a job whose file went away before it was claimed. Raises IllegalMove if the job has been started."""
        with self._db.transaction():
            if self._db.change("DELETE FROM jobs WHERE id = ? AND state = ?", job_id, State.WAITING) != 1:
                raise IllegalMove(f"Job {job_id} is not waiting and cannot be forgotten.")

    def restore(self, lost: Sequence[JobRow]) -> int:
        """Add jobs that a lost journal knew, as they stood; returns how many of them this one did not know."""
        with self._db.transaction():
            return sum(finished_jobs.restore(self._db, row) for row in lost)

    def prune(self, before: float, most: int) -> int:
        """Delete at most so many jobs that ended before this time, with their attempts; returns how many."""
        with self._db.transaction():
            return finished_jobs.prune(self._db, before, most)

    # Whose turn it is

    def take(self, now: float) -> Job | None:
        """Start the due job whose turn it is; None if none is due. Its try is counted before the work begins.

        A suspect is not started, nor is a job that is `reserved`. The reserved ids are read within the transaction: a
        job that is reserved before its row is written is never started, however the two threads meet.
        """
        with self._db.transaction():
            job_id = self.turns.next_waiting(now, self.reserved.snapshot())
            if job_id is None:
                return None
            row = self._db.row("SELECT started_at IS NULL FROM jobs WHERE id = ?", job_id)
            self._move(job_id, Move.START, "tries = tries + 1, started_at = coalesce(started_at, ?)", now)
        return replace(self.row(job_id).job, fresh=row is not None and bool(row[0]))

    def take_decided(self, now: float, in_work: Collection[str]) -> Job | None:
        """Go on with the oldest due job whose publishing was broken off; None if there is none. Its try is counted.

        A suspect is left alone. in_work: ids of the jobs that are being published now.
        """
        with self._db.transaction():
            job_id = self.turns.next_decided(now, in_work)
            if job_id is None:
                return None
            self._move(job_id, Move.RESUME, "tries = tries + 1")
        return self.row(job_id).job

    def take_suspect(self, now: float) -> Job | None:
        """Start a due job that is a suspect, or go on with its publishing; None if none is due. Its try is counted.

        The caller starts it only if nothing else runs, and nothing else until it has ended.
        """
        with self._db.transaction():
            job_id = self.turns.next_suspect(now, self.reserved.snapshot())
            if job_id is None:
                return None
            move = Move.RESUME if is_decided(self.state_of(job_id)) else Move.START
            self._move(job_id, move, "tries = tries + 1, suspect = suspect + 1")
        return self.row(job_id).job

    def pause(self, now: float, by: str = "") -> None:
        """Let no process start a job from now on, until `resume`. by: who wants that; the first one counts."""
        with self._db.transaction():
            if self.paused_at() is None:
                self.facts.record(PAUSED_AT, repr(now))
                self.facts.record(PAUSED_BY, by)

    def resume(self) -> bool:
        """Let jobs be started again; returns False if nothing was paused."""
        return self.facts.forget(PAUSED_AT, PAUSED_BY)

    # What is found out about a job

    def record_attempts(self, job: Job, attempts: Sequence[Attempt]) -> None:
        """Keep what came of recipes."""
        with self._db.transaction():
            attempt_rows.record(self._db, job.id, attempts, job.round)
            self.work_times.write(job.id)

    def record_content(self, job_id: str, content: bytes, *, leave_out: bool) -> str | None:
        """Keep the SHA-256 of a job's original.

        leave_out: returns the id of the job that came with the same content before; this job is then to be left out.
        The answer is settled at the first call, so that one of several equal photos is worked on, whatever dies.
        """
        with self._db.transaction():
            return equal_content.settle(self._db, job_id, content, leave_out)

    def record_places(
        self,
        job_id: str,
        places: Sequence[str],
        original: Original | None = None,
        files: Sequence[ResultFile] = (),
        shown: ShownSizes | None = None,
    ) -> None:
        """Keep where the files of a job lie, below the root; its original; what tells its results; their sizes."""
        with self._db.transaction():
            if shown:
                self.shown_sizes.record(job_id, shown)
            self.result_files.record(job_id, files)
            if original:
                self.originals.record(original)
            self._db.change("UPDATE jobs SET results = ? WHERE id = ?", rows.places(places), job_id)

    # Moves of the table of states

    def decide(self, job_id: str, outcome: Outcome) -> None:
        """running -> publishing: the best attempt and its grade are settled, and the attempts recorded."""
        values = outcome.best.number, outcome.verdict.grade, outcome.verdict.score
        changes = f"best = ?, grade = ?, score = ?, {rows.NO_REASON}"
        with self._db.transaction():
            attempt_rows.record(self._db, job_id, outcome.attempts)
            self._move(job_id, Move.DECIDE, changes, *values)

    def complete(self, job_id: str, results: Sequence[str], now: float, original: Original | None = None) -> None:
        """publishing -> done: its files are where people find them. original: where that lies, if it is kept."""
        with self._db.transaction():
            if original:
                self.originals.record(original)
            self._move(job_id, Move.COMPLETE, "finished_at = ?, results = ?", now, rows.places(results))

    def complete_as_found(self, job_id: str, found: JobRow, now: float, original: Original | None = None) -> None:
        """-> done, for an open job whose result lies where people find it, though the journal does not know that.

        found: what the folders say of the result. original: where the original lies, if it is kept.
        """
        job = found.job
        with self._db.transaction():
            if self.state_of(job_id) is State.WAITING:
                self._move(job_id, Move.START, "started_at = coalesce(started_at, ?)", now)
            if self.state_of(job_id) is State.RUNNING:
                self._move(job_id, Move.DECIDE, "best = ?, grade = ?, score = ?", job.best, job.grade, job.score)
            self.result_files.record(job_id, found.files)
            self.complete(job_id, found.results, now, original)

    def leave_out(self, job_id: str, places: Sequence[str], now: float) -> None:
        """running -> done without a result: its content came before. places: where its original and note lie."""
        changes = "finished_at = ?, results = ?, reason = NULL, failure = NULL, reason_kind = 'equal_content'"
        self._move(job_id, Move.LEAVE_OUT, changes, now, rows.places(places))

    def give_up(self, job_id: str, reason: str, kind: str, now: float) -> None:
        """-> failed. reason: for people. kind: the reason's short name in metrics and logs."""
        changes = f"finished_at = ?, {rows.WHY}, grade = NULL, score = NULL, best = NULL"
        self._move(job_id, Move.GIVE_UP, changes, now, *rows.why(reason, kind))

    def send_back(self, job_id: str, due_at: float, reason: str, kind: str) -> None:
        """running -> waiting after a fault of ours. Its try stays counted, so that this cannot go on for ever."""
        self._move(job_id, Move.POSTPONE, f"due_at = ?, {rows.WHY}", due_at, *rows.why(reason, kind))

    def postpone(self, job_id: str, due_at: float, reason: str, kind: str) -> None:
        """running -> waiting, to be started again at `due_at`. It ended in order, so its try does not count."""
        self._move(job_id, Move.POSTPONE, _PUT_OFF, due_at, *rows.why(reason, kind))

    def delay(self, job_id: str, due_at: float, reason: str, kind: str) -> None:
        """publishing, to be gone on with at `due_at`. It ended in order, so its try does not count."""
        self._move(job_id, Move.DELAY, _PUT_OFF, due_at, *rows.why(reason, kind))

    def undo(self, job_id: str, due_at: float) -> None:
        """running -> waiting, or publishing as before: nobody works on it. It is due at `due_at`, its try is undone."""
        self._move(job_id, Move.UNDO, "due_at = ?, tries = tries - 1", due_at)

    def requeue(self, job_id: str, now: float) -> None:
        """done or failed -> waiting, in a new round: a person wants another try. Earlier attempts stay known."""
        self._move(
            job_id,
            Move.REQUEUE,
            "round = round + 1, tries = 0, postponed = 0, due_at = 0, admitted_at = ?, started_at = NULL, "
            "worked_seconds = 0, finished_at = NULL, same_as = NULL, choice = NULL, grade = NULL, score = NULL, "
            f"best = NULL, {rows.NO_REASON}, results = '[]'",
            now,
        )

    def recover(self) -> tuple[Job, ...]:
        """-> waiting, or publishing as before, for all jobs that were in work when the last run died. Returns them."""
        with self._db.transaction():
            in_work = self.in_work()
            suspects.recover(self._db, in_work, self.run_end.read())
        self.run_end.forget()
        return tuple(self.row(job_id).job for job_id in in_work)


_PUT_OFF = f"due_at = ?, {rows.WHY}, tries = tries - 1, postponed = postponed + 1"
