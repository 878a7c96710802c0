"""Keeps under which key of a sender a photo came, so that a request that is sent twice makes one job."""

from dataclasses import dataclass

from daemon.errors import IllegalMove, Said
from daemon.journal.database import Database

KEEP_SECONDS = 2 * 86400.0
"""For how long a key is kept; programs that repeat a request do so within a day."""


@dataclass(frozen=True, slots=True)
class RequestKey:
    """What tells a request from all others. who: its sender. request: SHA-256 of all that was sent, 32 bytes."""

    who: str
    key: str
    request: bytes


@dataclass(frozen=True, slots=True)
class KnownRequest:
    """A request that made a job. request: as in RequestKey."""

    request: bytes
    job_id: str


class RequestKeys:
    """Safe to use from many threads. A key goes with the row of its job."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def known(self, who: str, key: str) -> KnownRequest | None:
        """The request that this sender sent with this key; None if there was none, or if it is long ago."""
        row = self._db.row("SELECT request, job_id FROM request_keys WHERE who = ? AND key = ?", who, key)
        if row is None:
            return None
        assert isinstance(row[0], bytes)  # the column is BLOB NOT NULL in a STRICT table
        return KnownRequest(row[0], str(row[1]))

    def record(self, key: RequestKey, job_id: str, now: float) -> None:
        """Keep a key together with the row of its job, within a transaction. Raises IllegalMove if it is taken."""
        self._db.change("DELETE FROM request_keys WHERE at < ?", now - KEEP_SECONDS)
        taken = self._db.change(
            "INSERT OR IGNORE INTO request_keys (who, key, request, job_id, at) VALUES (?, ?, ?, ?, ?)",
            key.who,
            key.key,
            key.request,
            job_id,
            now,
        )
        if taken != 1:
            raise IllegalMove(Said("key_used"))

    def forget(self, who: str, key: str) -> None:
        """Let a key be used again."""
        with self._db.transaction():
            self._db.change("DELETE FROM request_keys WHERE who = ? AND key = ?", who, key)
