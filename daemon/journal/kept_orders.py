"""Keeps the orders by which a photo was taken, so that whatever becomes of its folder changes nothing for it."""

from daemon.journal.database import Database


class KeptOrders:
    """Orders by job and round, as JSON of their sections. Safe to use from many threads."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def of(self, job_id: str, job_round: int) -> str | None:
        """What was kept; None if nothing was: another try goes by the orders of its time."""
        row = self._db.row("SELECT body FROM taken_orders WHERE job_id = ? AND round = ?", job_id, job_round)
        return None if row is None else str(row[0])


def keep(db: Database, job_id: str, body: str) -> None:
    """Keep the orders of a job that is just being added, within the same transaction."""
    db.change("INSERT INTO taken_orders (job_id, round, body) SELECT id, round, ? FROM jobs WHERE id = ?", body, job_id)
