"""All that the users' file keeps, opened together."""

import secrets
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType

from daemon.settings.http_section import HttpSettings
from daemon.web.access.access_events import AccessEvents
from daemon.web.access.group_members import GroupMembers
from daemon.web.access.session_rows import SessionLimits, SessionRows
from daemon.web.access.token_rows import TokenRows
from daemon.web.access.user_rows import UserRows
from daemon.web.access.users_file import NAME, UsersFile


class Users(AbstractContextManager["Users"]):
    """rows: the users. sessions, tokens: how they come in. groups: those whom the login provider's
    groups let in. events: what was done to them."""

    def __init__(self, state: Path, http: HttpSettings, clock: Callable[[], float] = time.time) -> None:
        """Open or create the file in the state directory. clock: Unix seconds. Raises BadSettings, NoRoom."""
        self._file = UsersFile(state / NAME)
        self.events = AccessEvents(self._file, clock)
        self.rows = UserRows(self._file, self.events)
        self.sessions = SessionRows(
            self._file, SessionLimits(http.session_idle_hours * 3600, http.session_days * 24 * 3600)
        )
        self.tokens = TokenRows(self._file, self.events)
        self.groups = GroupMembers(self._file, self.events, self.rows)

    @property
    def own_token(self) -> str:
        """A secret of this file: whoever may read the file may read the figures. It stays the same."""
        ask = "SELECT value FROM facts WHERE key = 'own_token'"
        if self._file.row(ask) is None:
            self._file.change("INSERT OR IGNORE INTO facts VALUES ('own_token', ?)", secrets.token_urlsafe(32))
        row = self._file.row(ask)
        return str(row[0]) if row else ""

    def all_or_nothing(self) -> AbstractContextManager[None]:
        """Make all changes of a block, or none."""
        return self._file.transaction()

    def close(self) -> None:
        """Close the file. May be repeated."""
        self._file.close()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Close the file."""
        self.close()
