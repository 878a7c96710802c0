"""The tokens of programs: each belongs to a user, and may do at most what that user may."""

import secrets
from dataclasses import dataclass

from daemon.errors import BadSettings
from daemon.web.access.access_events import AccessEvents, By
from daemon.web.access.session_rows import digest_of
from daemon.web.access.user_rows import Scope, checked_name, orders_of, orders_text
from daemon.web.access.users_file import Row, UsersFile
from daemon.web.callers import Caller, Role

PREFIX = "frs_"
"""Each token begins with it, so that a search of files and logs finds a leaked one."""

_USED_SECONDS = 60.0  # between two writes of when a token was used
_JOINED = (
    "SELECT users.name, label, tokens.role, users.role, tokens.orders, users.orders, tokens.made_at, ends_at, used_at, "
    "disabled FROM tokens JOIN users ON users.id = user_id"
)


@dataclass(frozen=True, slots=True)
class Token:
    """One token, without its secret. scope: what it may do now. Times are Unix seconds; used_at: None = never."""

    user: str
    label: str
    scope: Scope
    made_at: float
    ends_at: float
    used_at: float | None
    disabled: bool


class TokenRows:
    """The tokens in the users' file."""

    def __init__(self, file: UsersFile, events: AccessEvents) -> None:
        self._file = file
        self._events = events

    def add(self, user: str, label: str, scope: Scope, by: By, times: tuple[float, float]) -> str:
        """A new token of a user; returns its secret, which nobody can show again. Raises BadSettings.

        scope: what it may do at most; its user bounds it as well. times: from when to when, in Unix seconds.
        """
        label = checked_name(label)
        secret = PREFIX + secrets.token_urlsafe(32)
        with self._file.transaction():
            owner = self._file.row("SELECT id, name FROM users WHERE name = ?", user)
            if owner is None:
                raise BadSettings(f"There is no user {user}. See who there is with: freisteller user list")
            added = self._file.change(
                "INSERT OR IGNORE INTO tokens (digest, user_id, label, role, orders, made_at, ends_at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                digest_of(secret),
                owner[0],
                label,
                scope.role,
                orders_text(scope.orders),
                *times,
            )
            if not added:
                raise BadSettings(
                    f"{user} has a token {label} already. Choose another name, or remove it first: "
                    "freisteller user token remove"
                )
            self._events.record(by, "token_added", user, f"{label}: {scope}")
        return secret

    def all(self) -> tuple[Token, ...]:
        """All tokens, by user and name."""
        return tuple(_token_of(row) for row in self._file.rows(f"{_JOINED} ORDER BY users.key, label"))

    def remove(self, user: str, label: str, by: By) -> None:
        """Remove a token: what sends it comes in no longer. Raises BadSettings if there is none."""
        with self._file.transaction():
            removed = self._file.change(
                "DELETE FROM tokens WHERE label = ? AND user_id = (SELECT id FROM users WHERE name = ?)", label, user
            )
            if not removed:
                raise BadSettings(f"{user} has no token {label}. See them with: freisteller user token list")
            self._events.record(by, "token_removed", user, label)

    def caller(self, secret: str, now: float) -> Caller | None:
        """Who sends this token; None if it is unknown or over, its user is disabled, or no order is left to it."""
        digest = digest_of(secret)
        row = self._file.row(f"{_JOINED} WHERE digest = ?", digest)
        token = _token_of(row) if row else None
        if token is None or token.disabled or now >= token.ends_at or token.scope.orders == frozenset():
            return None
        if token.used_at is None or abs(now - token.used_at) > _USED_SECONDS:
            self._file.note("UPDATE tokens SET used_at = ? WHERE digest = ?", now, digest)
        return Caller(token.user, token.scope.role, token.scope.orders, by_token=True)


def _token_of(row: Row) -> Token:
    user, label, role, most, orders, allowed, made_at, ends_at, used_at, disabled = row
    assert isinstance(made_at, float)
    assert isinstance(ends_at, float)
    assert used_at is None or isinstance(used_at, float)
    given, limit = Role(str(role)), Role(str(most))
    return Token(
        str(user),
        str(label),
        Scope(given if limit.may(given) else limit, _both(orders_of(orders), orders_of(allowed))),
        made_at,
        ends_at,
        used_at,
        bool(disabled),
    )


def _both(one: frozenset[str] | None, other: frozenset[str] | None) -> frozenset[str] | None:
    """The orders that both allow."""
    if one is None or other is None:
        return other if one is None else one
    return one & other
