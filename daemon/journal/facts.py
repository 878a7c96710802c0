"""Values that the journal keeps under a key, besides its jobs."""

from daemon.journal.database import Database
from daemon.journal.rows import placeholders


class Facts:
    """Safe to use from many threads; what changes a fact is on disk when the call returns."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def known(self, key: str) -> str | None:
        """The value kept under `key`, if any."""
        row = self._db.row("SELECT value FROM facts WHERE key = ?", key)
        return None if row is None else str(row[0])

    def keys_with(self, prefix: str) -> tuple[str, ...]:
        """The keys that begin with `prefix`, sorted."""
        found = self._db.rows("SELECT key FROM facts WHERE substr(key, 1, ?) = ? ORDER BY key", len(prefix), prefix)
        return tuple(str(key) for (key,) in found)

    def record(self, key: str, value: str) -> None:
        """Keep `value` under `key`, in place of what was there."""
        with self._db.transaction():
            self._db.change("INSERT OR REPLACE INTO facts (key, value) VALUES (?, ?)", key, value)

    def record_once(self, key: str, value: str) -> str:
        """Keep `value` under `key` unless a value is there already; returns the value that is kept."""
        with self._db.transaction():
            self._db.change("INSERT OR IGNORE INTO facts (key, value) VALUES (?, ?)", key, value)
            return self.known(key) or value

    def prove_room(self) -> None:
        """Write, and change nothing. Raises NoRoom if the journal cannot be written."""
        with self._db.transaction():  # SQLite would not write a value that is there already
            self._db.change("INSERT OR REPLACE INTO facts (key, value) VALUES ('room', '')")
            self._db.change("DELETE FROM facts WHERE key = 'room'")

    def forget(self, *keys: str) -> bool:
        """Keep nothing under `keys` any longer. Returns False if there was nothing."""
        with self._db.transaction():
            return self._db.change(f"DELETE FROM facts WHERE key IN ({placeholders(keys)})", *keys) > 0
