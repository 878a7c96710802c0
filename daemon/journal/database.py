"""The door to SQLite: one file, opened, brought to the present schema, and written in transactions.

A commit is on disk before the call returns (WAL, synchronous=FULL).
"""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

from daemon.errors import BadSettings
from daemon.journal.schema import MIGRATIONS, SCHEMA_VERSION

Row: TypeAlias = tuple[object, ...]


class Database:
    """One connection; many threads may use it, one at a time."""

    def __init__(self, path: Path) -> None:
        """Open or create the file. Raises BadSettings where it cannot be used."""
        self._lock = threading.RLock()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = FULL")
            self._connection.execute("PRAGMA foreign_keys = ON")
            self._migrate(path)
        except (OSError, sqlite3.DatabaseError) as error:
            raise BadSettings(
                f"The journal {path} cannot be used: {error}. "
                "Set state_dir to a folder on a local disk that we may write."
            ) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of the block, or nothing of it; on disk when it ends."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def change(self, sql: str, *values: object) -> int:
        """Run one statement of a transaction; returns how many rows it changed."""
        return self._connection.execute(sql, values).rowcount

    def rows(self, sql: str, *values: object) -> list[Row]:
        """All rows of a query."""
        with self._lock:
            return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: object) -> Row | None:
        """The first row of a query, if any."""
        with self._lock:
            found: Row | None = self._connection.execute(sql, values).fetchone()
            return found

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Nobody else writes through this connection during the block."""
        with self._lock:
            yield

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    def _migrate(self, path: Path) -> None:
        with self.transaction():
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
            if version > SCHEMA_VERSION:
                raise BadSettings(
                    f"The journal {path} was written by another version of Freisteller (schema {version}, "
                    f"this one knows {SCHEMA_VERSION}). Install the newer version again, or set another state_dir."
                )
            if version == SCHEMA_VERSION:
                return
            for script in MIGRATIONS[version:]:
                for statement in _statements(script):
                    self._connection.execute(statement)
            self._connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def _statements(script: str) -> Iterator[str]:
    """The statements of a script one by one; executescript() would commit between them."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
