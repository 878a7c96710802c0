"""The attempts of a job: what came of each recipe, in each round."""

from collections.abc import Sequence

from daemon.jobs import Attempt
from daemon.journal import rows
from daemon.journal.database import Database, Row


def record(db: Database, job_id: str, job_round: int, attempts: Sequence[Attempt]) -> None:
    """Keep attempts of one round, each in place of what was kept under its number; within a transaction."""
    for attempt in attempts:
        db.change(
            "INSERT OR REPLACE INTO attempts (job_id, round, number, body) VALUES (?, ?, ?, ?)",
            job_id,
            job_round,
            attempt.number,
            rows.ATTEMPT.dump_json(attempt).decode(),
        )


def bodies(db: Database, job_id: object) -> Sequence[Row]:
    """The rounds and bodies of all attempts of a job, in order."""
    return db.rows("SELECT round, body FROM attempts WHERE job_id = ? ORDER BY round, number", job_id)
