"""The attempts of a job: what came of each recipe."""

from daemon.jobs import Attempt, Job
from daemon.journal import rows
from daemon.journal.database import Database


def record_attempt(db: Database, job: Job, attempt: Attempt) -> None:
    """Keep what came of a recipe, within a transaction."""
    db.change(
        "INSERT OR REPLACE INTO attempts (job_id, round, number, body) VALUES (?, ?, ?, ?)",
        job.id,
        job.round,
        attempt.number,
        rows.ATTEMPT.dump_json(attempt).decode(),
    )
