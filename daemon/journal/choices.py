"""Keeps that people took other attempts than the best one."""

from dataclasses import replace

from daemon.jobs import Attempt, Choice
from daemon.journal import rows
from daemon.journal.database import Database
from daemon.journal.moves import make_move
from daemon.states import Move


class Choices:
    """The choices of people. Safe to use from many threads."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def take(self, job_id: str, attempt: Attempt, choice: Choice) -> None:
        """done -> publishing, in a new round that has the attempts of the last one and is decided.

        attempt: what stands for the file now, the one that was taken unless another page is worse; it has a verdict.
        Raises IllegalMove if the job is not done.
        """
        assert attempt.verdict is not None
        with self._db.transaction():
            self._db.change(
                "INSERT OR REPLACE INTO attempts SELECT job_id, attempts.round + 1, attempts.number, body "
                "FROM attempts JOIN jobs ON jobs.id = job_id AND jobs.round = attempts.round WHERE job_id = ?",
                job_id,
            )
            make_move(
                self._db,
                job_id,
                Move.TAKE_ATTEMPT,
                "round = round + 1, tries = 0, postponed = 0, due_at = 0, admitted_at = ?, started_at = ?, "
                "worked_seconds = 0, finished_at = NULL, best = ?, grade = ?, score = ?, choice = ?, results = '[]', "
                f"{rows.NO_REASON}",
                choice.at,
                choice.at,
                attempt.number,
                attempt.verdict.grade,
                attempt.verdict.score,
                rows.CHOICE.dump_json(choice).decode(),
            )

    def retired(self, job_id: str, choice: Choice) -> None:
        """Keep that the earlier result is out of the way."""
        with self._db.transaction():
            done = rows.CHOICE.dump_json(replace(choice, replaces=())).decode()
            self._db.change("UPDATE jobs SET choice = ? WHERE id = ?", done, job_id)
