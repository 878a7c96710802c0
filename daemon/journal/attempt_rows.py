"""The attempts of a job: what came of each recipe, in each round."""

from collections.abc import Sequence

from daemon.jobs import Attempt
from daemon.journal import rows
from daemon.journal.database import Database, Row


def record(db: Database, job_id: str, attempts: Sequence[Attempt], job_round: int | None = None) -> None:
    """Keep attempts of one round, each in place of what was kept under its number; within a transaction.

    job_round: None = the one that the job is in. Only a new attempt is an event, and one that is kept already as it is
    costs no write.
    """
    for attempt in attempts:
        db.change(
            "INSERT INTO attempts (job_id, round, number, body) "
            "SELECT id, coalesce(?, round), ?, ? FROM jobs WHERE id = ? "
            "ON CONFLICT (job_id, round, number) DO UPDATE SET body = excluded.body WHERE body != excluded.body",
            job_round,
            attempt.number,
            rows.attempt_body(attempt),
            job_id,
        )


def bodies(db: Database, job_id: object) -> Sequence[Row]:
    """The rounds and bodies of all attempts of a job, in order."""
    return db.rows("SELECT round, body FROM attempts WHERE job_id = ? ORDER BY round, number", job_id)
