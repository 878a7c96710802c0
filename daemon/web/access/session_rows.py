"""The sessions of people who are logged in. The browser has the secret, the file only its digest."""

import hashlib
import secrets
from dataclasses import dataclass, replace

from daemon.web.access.user_rows import COLUMNS, User, user_of
from daemon.web.access.users_file import UsersFile
from daemon.web.callers import Role

MOST_SESSIONS = 20
"""Of one user; a further login ends the one that was used longest ago."""

_SEEN_SECONDS = 60.0  # between two writes of when a session was used


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """idle_seconds: an unused session ends after it. whole_seconds: any session does."""

    idle_seconds: float
    whole_seconds: float


@dataclass(frozen=True, slots=True)
class FromProvider:
    """What a login provider said when a session began. role: by the person's groups; None = the user's own counts.

    ends_at: Unix seconds; None = as other sessions. id_token: its word, with which one logs out there.
    """

    role: Role | None
    ends_at: float | None
    id_token: str


class SessionRows:
    """The sessions in the users' file. Times are Unix seconds."""

    def __init__(self, file: UsersFile, limits: SessionLimits) -> None:
        self._file = file
        self._limits = limits

    def begin(self, user: User, now: float, told: FromProvider | None = None) -> str | None:
        """Begin a session; returns its secret. None if the user was changed since it was read: nobody comes in.

        told: by the provider at which the person logged in, if any.
        """
        secret = secrets.token_urlsafe(32)
        with self._file.transaction():
            self._file.change(
                "DELETE FROM sessions WHERE seen_at < ? OR made_at < ? OR ends_at < ?",
                now - self._limits.idle_seconds,
                now - self._limits.whole_seconds,
                now,
            )
            self._file.change(
                "DELETE FROM sessions WHERE user_id = ?1 AND digest NOT IN (SELECT digest FROM sessions "
                "WHERE user_id = ?1 ORDER BY seen_at DESC LIMIT ?2)",
                user.number,
                MOST_SESSIONS - 1,
            )
            begun = self._file.change(
                "INSERT INTO sessions (digest, user_id, made_at, seen_at, role, ends_at, id_token) "
                "SELECT ?, id, ?, ?, ?, ?, ? FROM users WHERE id = ? AND password IS ? AND NOT disabled",
                digest_of(secret),
                now,
                now,
                told and told.role,
                told and told.ends_at,
                told and told.id_token,
                user.number,
                user.password,
            )
        return secret if begun else None

    def user(self, secret: str, now: float, is_use: bool = True) -> User | None:
        """Whose session it is; None if there is none, or it is over, or the user is disabled.

        is_use: whether it counts as used now, so that it goes on.
        """
        row = self._file.row(
            f"SELECT {COLUMNS}, sessions.made_at, seen_at, sessions.role, ends_at "
            "FROM sessions JOIN users ON users.id = user_id WHERE digest = ? AND NOT disabled",
            digest_of(secret),
        )
        if row is None:
            return None
        *values, made_at, seen_at, role, ends_at = row
        assert isinstance(made_at, float)
        assert isinstance(seen_at, float)
        if now - seen_at > self._limits.idle_seconds or now - made_at > self._limits.whole_seconds:
            return None
        if isinstance(ends_at, float) and now > ends_at:
            return None
        if is_use and abs(now - seen_at) > _SEEN_SECONDS:
            self._file.note("UPDATE sessions SET seen_at = ? WHERE digest = ?", now, digest_of(secret))
        user = user_of(tuple(values))
        return user if role is None else replace(user, scope=user.scope.with_role(Role(str(role))))

    def end(self, secret: str) -> str | None:
        """End a session, if there is one. Returns the word of the login provider at which it began, if it did there."""
        with self._file.transaction():
            row = self._file.row("SELECT id_token FROM sessions WHERE digest = ?", digest_of(secret))
            self._file.change("DELETE FROM sessions WHERE digest = ?", digest_of(secret))
        return None if row is None or row[0] is None else str(row[0])


def digest_of(secret: str) -> bytes:
    """What the file keeps of a secret of 256 random bits: so long a secret needs no slow hash."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).digest()
