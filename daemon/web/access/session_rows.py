"""The sessions of people who are logged in. The browser has the secret, the file only its digest."""

import hashlib
import secrets
from dataclasses import dataclass

from daemon.web.access.user_rows import COLUMNS, User, user_of
from daemon.web.access.users_file import UsersFile

MOST_SESSIONS = 20
"""Of one user; a further login ends the one that was used longest ago."""

_SEEN_SECONDS = 60.0  # between two writes of when a session was used


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """idle_seconds: an unused session ends after it. whole_seconds: any session does."""

    idle_seconds: float
    whole_seconds: float


class SessionRows:
    """The sessions in the users' file. Times are Unix seconds."""

    def __init__(self, file: UsersFile, limits: SessionLimits) -> None:
        self._file = file
        self._limits = limits

    def begin(self, user: User, now: float) -> str | None:
        """Begin a session; returns its secret. None if the user was changed since it was read: nobody comes in."""
        secret = secrets.token_urlsafe(32)
        with self._file.transaction():
            self._file.change(
                "DELETE FROM sessions WHERE seen_at < ? OR made_at < ?",
                now - self._limits.idle_seconds,
                now - self._limits.whole_seconds,
            )
            self._file.change(
                "DELETE FROM sessions WHERE user_id = ?1 AND digest NOT IN (SELECT digest FROM sessions "
                "WHERE user_id = ?1 ORDER BY seen_at DESC LIMIT ?2)",
                user.number,
                MOST_SESSIONS - 1,
            )
            begun = self._file.change(
                "INSERT INTO sessions SELECT ?, id, ?, ? FROM users WHERE id = ? AND password IS ? AND NOT disabled",
                digest_of(secret),
                now,
                now,
                user.number,
                user.password,
            )
        return secret if begun else None

    def user(self, secret: str, now: float, is_use: bool = True) -> User | None:
        """Whose session it is; None if there is none, or it is over, or the user is disabled.

        is_use: whether it counts as used now, so that it goes on.
        """
        row = self._file.row(
            f"SELECT {COLUMNS}, sessions.made_at, seen_at "
            "FROM sessions JOIN users ON users.id = user_id WHERE digest = ? AND NOT disabled",
            digest_of(secret),
        )
        if row is None:
            return None
        *user, made_at, seen_at = row
        assert isinstance(made_at, float)
        assert isinstance(seen_at, float)
        if now - seen_at > self._limits.idle_seconds or now - made_at > self._limits.whole_seconds:
            return None
        if is_use and abs(now - seen_at) > _SEEN_SECONDS:
            self._file.note("UPDATE sessions SET seen_at = ? WHERE digest = ?", now, digest_of(secret))
        return user_of(tuple(user))

    def end(self, secret: str) -> None:
        """End a session, if there is one."""
        self._file.change("DELETE FROM sessions WHERE digest = ?", digest_of(secret))


def digest_of(secret: str) -> bytes:
    """What the file keeps of a secret of 256 random bits: so long a secret needs no slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
