"""Settles whether the content of a photo came before."""

from daemon.journal.database import Database


def settle(db: Database, job_id: str, content: bytes, leave_out: bool) -> str | None:
    """Keep the SHA-256 of a job's original, within a transaction; returns the id of the job that it came with before.

    The answer is settled at the first call: of two jobs that ask at once, one has the content first, and a restart
    finds the same answer. So exactly one of them is worked on. Without leave_out the content may have come before:
    the answer is None.
    """
    if not leave_out:
        db.change("UPDATE jobs SET content = ?, same_as = NULL WHERE id = ?", content, job_id)
        return None
    known = db.row("SELECT content, same_as FROM jobs WHERE id = ?", job_id)
    if known is not None and known[0] is None:
        first = _first_with(db, content)
        db.change("UPDATE jobs SET content = ?, same_as = ? WHERE id = ?", content, first, job_id)
        return first
    return None if known is None or known[1] is None else str(known[1])


def _first_with(db: Database, content: bytes) -> str | None:
    """The id of the oldest job with this content that neither failed nor was left out for another one."""
    row = db.row(
        "SELECT id FROM jobs WHERE content = ? AND content IS NOT NULL AND same_as IS NULL AND state != 'failed' "
        "ORDER BY admitted_at, id LIMIT 1",
        content,
    )
    return None if row is None else str(row[0])
