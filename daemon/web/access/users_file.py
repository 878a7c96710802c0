"""The door to the users' file: a small SQLite file that the daemon and our commands use at the same time."""

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

from daemon.errors import BadSettings, NoRoom
from daemon.web.access.users_schema import MIGRATIONS

NAME = "users.sqlite3"
"""Its name in the state directory."""

Row: TypeAlias = tuple[object, ...]

_WAIT_SECONDS = 5.0  # for another program that writes; ours hold the file for milliseconds
_NO_NOTES_SECONDS = 60.0
_PRIMARY = 0xFF  # an extended error code has the primary code in its lowest byte


class UsersFile:
    """One connection; many threads may use it, one at a time. Only its owner may read the file.

    Calls raise NoRoom if the file cannot be written or stays locked by another program, and change nothing then.
    """

    def __init__(self, path: Path) -> None:
        """Open or create the file. Raises BadSettings if it cannot be used, NoRoom if there is no room for it."""
        self._path = path
        self._lock = threading.RLock()
        self._no_notes_until = 0.0
        try:
            _make_private(path)
            self._connection = sqlite3.connect(
                path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False
            )
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
                self._connection.execute(f"PRAGMA {pragma}").close()
            self._migrate()
        except (OSError, sqlite3.DatabaseError) as error:
            if isinstance(error, sqlite3.OperationalError) and _no_room(error):
                raise self._no_room(error) from error
            raise BadSettings(
                f"The users' file {path} cannot be used: {error}. Run this as the user that Freisteller runs as. If "
                "the file is damaged, move it away, and add the users again with: freisteller user add"
            ) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all changes of the block or none; they are on disk when it ends. An inner one joins the outer."""
        with self._lock, self._explained():
            if self._connection.in_transaction:
                yield
                return
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.DatabaseError):  # after some errors SQLite has rolled back already
                    self._connection.execute("ROLLBACK")
                raise

    def change(self, sql: str, *values: object) -> int:
        """Run one statement, alone or in a transaction; returns the number of rows that it changed."""
        with self._lock, self._explained():
            return self._connection.execute(sql, values).rowcount

    def note(self, sql: str, *values: object) -> None:
        """Run one statement that may be left out if the file cannot be written: when something was used last.

        A full disk keeps nobody out, and a locked file makes nobody wait twice in a minute.
        """
        if time.monotonic() < self._no_notes_until:
            return
        try:
            self.change(sql, *values)
        except NoRoom:
            self._no_notes_until = time.monotonic() + _NO_NOTES_SECONDS

    def rows(self, sql: str, *values: object) -> list[Row]:
        """All rows of a query."""
        with self._lock, self._explained():
            return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: object) -> Row | None:
        """The first row of a query, if any."""
        return next(iter(self.rows(sql, *values)), None)

    def close(self) -> None:
        """Close the file. May be repeated."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            if not _no_room(error):
                raise
            raise self._no_room(error) from error

    def _no_room(self, error: Exception) -> NoRoom:
        return NoRoom(
            f"The users' file {self._path} cannot be written ({error}). Make room on the disk of the state directory, "
            "and close other programs that use the file; then try again."
        )

    def _migrate(self) -> None:
        with self.transaction():
            ((version,),) = self.rows("PRAGMA user_version")
            if not isinstance(version, int) or version > len(MIGRATIONS):
                raise BadSettings(
                    f"The users' file {self._path} was written by a newer version of Freisteller (schema {version}, "
                    f"this one knows {len(MIGRATIONS)}). Install the newer version again."
                )
            for statement in (one for script in MIGRATIONS[version:] for one in script.split(";\n")):
                self._connection.execute(statement)
            self._connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def _make_private(path: Path) -> None:
    """Create the file if need be, with a mode that SQLite gives the files beside it as well.

    If root creates it, it belongs to whom the folder belongs: the daemon must be able to open it.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        if path.stat().st_mode & 0o077:
            path.chmod(0o600)
        return
    try:
        if os.geteuid() == 0:
            folder = path.parent.stat()
            os.fchown(descriptor, folder.st_uid, folder.st_gid)
    finally:
        os.close(descriptor)


def _no_room(error: sqlite3.OperationalError) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & _PRIMARY
    return code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_PROTOCOL)
