"""What the rounds of a job begin with, and what came of each recipe."""

from daemon.jobs import Attempt, Job, Opening
from daemon.journal import rows
from daemon.journal.database import Database


def note_attempt(db: Database, job: Job, attempt: Attempt) -> None:
    """Keep what came of a recipe, within a transaction."""
    db.change(
        "INSERT OR REPLACE INTO attempts (job_id, round, number, body) VALUES (?, ?, ?, ?)",
        job.id,
        job.round,
        attempt.number,
        rows.ATTEMPT.dump_json(attempt).decode(),
    )


def note_opening(db: Database, job: Job, opening: Opening) -> None:
    """Keep what a job's round begins with, if nothing is kept yet; within a transaction."""
    db.change(
        "INSERT OR IGNORE INTO openings (job_id, round, body) VALUES (?, ?, ?)",
        job.id,
        job.round,
        rows.OPENING.dump_json(opening).decode(),
    )


def opening(db: Database, job: Job) -> Opening | None:
    """What this round of a job begins with; None where nothing was noted."""
    row = db.row("SELECT body FROM openings WHERE job_id = ? AND round = ?", job.id, job.round)
    return None if row is None else rows.OPENING.validate_json(str(row[0]))
