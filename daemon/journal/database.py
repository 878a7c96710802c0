"""The door to SQLite: opens one file, brings it to the present schema, and changes it in transactions.

A commit is on disk before the call returns (WAL, synchronous=FULL).
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import TypeAlias, TypeVar

from daemon.errors import BadSettings
from daemon.journal.file_errors import damaged, locked, no_room
from daemon.journal.patience import PATIENCE_SECONDS, Patience
from daemon.journal.schema import MIGRATIONS, SCHEMA_VERSION

Row: TypeAlias = tuple[object, ...]
T = TypeVar("T")

NO_ROOM = frozenset(
    {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_FSYNC, sqlite3.SQLITE_IOERR_SHMSIZE}
)
DAMAGE = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
LOCKED = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_PROTOCOL})
_TRY_SECONDS = 0.02  # for which SQLite itself waits for another program's lock
_PRIMARY = 0xFF  # an extended error code has the primary code in its lowest byte


class Database:
    """One connection; many threads may use it, one at a time.

    on_damage: called once with what is wrong, when damage is found; from then on every call raises JournalDamaged. If
    the disk is full, a call that writes raises NoRoom and changes nothing; if another program locks the file for longer
    than the patience, JournalLocked. Nobody waits for that program with our own lock in hand.
    """

    def __init__(
        self, path: Path, on_damage: Callable[[str], None] = lambda _: None, patience_seconds: float = PATIENCE_SECONDS
    ) -> None:
        """Open or create the file. Raises JournalDamaged, JournalLocked, or BadSettings if it cannot be used."""
        self.patience = Patience(path, patience_seconds)
        self._path, self._on_damage, self._damage = path, on_damage, ""
        self._lock, self.is_new = threading.RLock(), False
        self.after_commit: tuple[Callable[[], None], ...] = ()
        self.timed: Callable[[str], AbstractContextManager[None]] = lambda _: nullcontext()
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = _connect(path)
            for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = OFF"):  # OFF: for migrations
                self.row(f"PRAGMA {pragma}")
            self._migrate(path)
            self.row("PRAGMA foreign_keys = ON")
        except (OSError, sqlite3.DatabaseError) as error:
            raise BadSettings(
                f"The journal {path} cannot be used: {error}. "
                "Set state_dir to a folder on a local disk that Freisteller may write to."
            ) from error

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all changes of the block or none; they are on disk when it ends. An inner one joins the outer."""
        with self._sound(), self._let_through(self._begin) as is_outermost:
            if not is_outermost:
                yield
                return
            self.patience.succeeded()
            with self.timed("journal"):
                try:
                    yield
                    self._connection.execute("COMMIT")
                except BaseException:
                    with suppress(sqlite3.DatabaseError):  # after some errors SQLite has rolled back already
                        self._connection.execute("ROLLBACK")
                    raise
            for wake in self.after_commit:
                wake()

    def change(self, sql: str, *values: object) -> int:
        """Run one statement of a transaction; returns the number of rows that it changed."""
        with self._sound():
            return self._connection.execute(sql, values).rowcount

    def rows(self, sql: str, *values: object) -> list[Row]:
        """All rows of a query."""
        with self._sound(), self._let_through(lambda: self._connection.execute(sql, values).fetchall()) as found:
            return found

    def row(self, sql: str, *values: object) -> Row | None:
        """The first row of a query, if any."""
        with self._sound(), self._let_through(lambda: self._connection.execute(sql, values).fetchone()) as found:
            return found  # type: ignore[no-any-return]  # typeshed's row is Any

    @contextmanager
    def reading(self) -> Iterator[None]:
        """Let nobody else write through this connection during the block."""
        with self._lock:
            yield

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._connection.close()

    def _begin(self) -> bool:
        """Begin a transaction. Returns False if there is one already."""
        if self._connection.in_transaction:
            return False
        self._connection.execute("BEGIN IMMEDIATE")
        return True

    @contextmanager
    def _let_through(self, act: Callable[[], T]) -> Iterator[T]:
        """Do something with the file as soon as no other program locks it, and keep other threads out of the block."""
        while True:
            with self._lock:
                try:
                    done = act()
                except sqlite3.OperationalError as error:
                    if not _is(error, LOCKED):
                        raise
                else:
                    yield done
                    return
            self.patience.wait()

    @contextmanager
    def _sound(self) -> Iterator[None]:
        """Turn SQLite's errors into ours. Damage ends all work with the file: anything else in it may be wrong, too."""
        if self._damage:
            raise damaged(self._path, self._damage)
        try:
            yield
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", None) in NO_ROOM:
                raise no_room(self._path, error) from error
            if _is(error, LOCKED):
                raise locked(self._path) from error
            if not _is(error, DAMAGE):
                raise
            self._damage = str(error)
            self._on_damage(self._damage)
            raise damaged(self._path, self._damage) from error

    def _migrate(self, path: Path) -> None:
        if self.row("PRAGMA user_version") == (SCHEMA_VERSION,):
            return  # so whoever only reads needs no lock
        with self.transaction():
            (version,) = self._connection.execute("PRAGMA user_version").fetchone()
            if version > SCHEMA_VERSION:
                raise BadSettings(
                    f"The journal {path} was written by another version of Freisteller (schema {version}, "
                    f"this one knows {SCHEMA_VERSION}). Install the newer version again, or set another state_dir."
                )
            if version == SCHEMA_VERSION:
                return
            self.is_new = version == 0
            for statement in _statements("\n".join(MIGRATIONS[version:])):
                self._connection.execute(statement)
            self._connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def fault_of(path: Path) -> str | None:
    """What is wrong with the file at first sight: its header, its size, its schema. Nobody should have the file open.

    In SQLite's words; None if nothing was found or if there is no file. If another program uses the file, its size
    says nothing yet.
    """
    if not path.exists():
        return None
    with _looking_into(path) as look:
        is_busy = look.ask("PRAGMA wal_checkpoint(TRUNCATE)") != "0"
        pages, page_bytes = int(look.ask("PRAGMA page_count")), int(look.ask("PRAGMA page_size"))
        if path.stat().st_size < pages * page_bytes and not is_busy:
            look.fault = f"cut off after {path.stat().st_size} of {pages * page_bytes} bytes"
        look.ask("SELECT count(*) FROM sqlite_schema")
    return look.fault


def hidden_fault_of(path: Path, stopped: Callable[[], bool] = lambda: False) -> str | None:
    """What is wrong anywhere in the file, which may be in use. Reads all of it. stopped: True ends the search.

    In SQLite's words; None if nothing was found or if there is no file.
    """
    if not path.exists():
        return None
    with _looking_into(path, stopped) as look:
        found = look.ask("PRAGMA quick_check(1)")
        if found != "ok":
            look.fault = found
    return look.fault


class _Look:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.fault: str | None = None

    def ask(self, sql: str) -> str:
        return str(self._connection.execute(sql).fetchone()[0])


@contextmanager
def _looking_into(path: Path, stopped: Callable[[], bool] = lambda: False) -> Iterator[_Look]:
    """A connection that keeps damage as the look's fault. Other errors show when the file is opened."""
    with closing(_connect(path, PATIENCE_SECONDS)) as connection:
        connection.set_progress_handler(lambda: stopped(), 10_000)
        look = _Look(connection)
        try:
            yield look
        except sqlite3.DatabaseError as error:
            if _is(error, DAMAGE):
                look.fault = str(error)


def fact_in(path: Path, key: str) -> str | None:
    """The value of a fact, read without changing the file in any way; None if there is none.

    Raises JournalDamaged, JournalLocked.
    """
    if not path.exists():
        return None
    try:
        with closing(_connect(path, PATIENCE_SECONDS)) as connection:
            row = connection.execute("SELECT value FROM facts WHERE key = ?", (key,)).fetchone()
            return None if row is None else str(row[0])
    except sqlite3.DatabaseError as error:
        if _is(error, DAMAGE):
            raise damaged(path, str(error)) from error
        if _is(error, LOCKED):
            raise locked(path) from error
        return None


def _connect(path: Path, lock_seconds: float = _TRY_SECONDS) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=lock_seconds, isolation_level=None, check_same_thread=False)


def _is(error: sqlite3.DatabaseError, codes: frozenset[int]) -> bool:
    code = getattr(error, "sqlite_errorcode", None)  # errors of the Python module itself have no code
    return code is not None and code & _PRIMARY in codes


def _statements(script: str) -> Iterator[str]:
    statement = ""  # one by one: `executescript` would commit before it runs them
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
