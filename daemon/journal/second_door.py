"""A second connection to the journal, for people who look at it: what they ask for keeps no photo waiting."""

import threading
from collections.abc import Callable
from pathlib import Path

from daemon.journal.database import Database


class SecondDoor:
    """Opens the file when somebody first asks. Call it for the connection. Safe to use from many threads."""

    def __init__(self, path: Path, on_damage: Callable[[str], None]) -> None:
        self._path = path
        self._on_damage = on_damage
        self._lock = threading.Lock()
        self._db: Database | None = None

    def __call__(self) -> Database:
        """The connection, for questions only. Raises like `Database`."""
        with self._lock:
            if self._db is None:
                self._db = Database(self._path, self._on_damage)
            return self._db

    def close(self) -> None:
        """Close it, if it was opened."""
        with self._lock:
            if self._db is not None:
                self._db.close()
