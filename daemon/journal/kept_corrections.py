"""Keeps the corrections that a photo got when its work began, so that another try gives the same verdict."""

from collections.abc import Mapping

from pydantic import TypeAdapter

from daemon.jobs import Correction
from daemon.journal.database import Database

_BY_MODEL = TypeAdapter(dict[str, Correction])


class KeptCorrections:
    """Corrections by job and round. Safe to use from many threads."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def of(self, job_id: str, job_round: int) -> Mapping[str, Correction] | None:
        """By model, what was kept; None if nothing was kept for this round."""
        row = self._db.row("SELECT body FROM corrections WHERE job_id = ? AND round = ?", job_id, job_round)
        return None if row is None else _BY_MODEL.validate_json(str(row[0]))

    def keep(self, job_id: str, job_round: int, by_model: Mapping[str, Correction]) -> None:
        """Keep the corrections of a round. Raises NoRoom, JournalLocked."""
        body = _BY_MODEL.dump_json(dict(by_model)).decode()
        with self._db.transaction():
            self._db.change("INSERT OR REPLACE INTO corrections VALUES (?, ?, ?)", job_id, job_round, body)
