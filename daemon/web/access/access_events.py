"""Remembers who came in, who tried to, and who changed who may: logins, users, tokens."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from daemon.web.access.users_file import UsersFile

FAILED = "login_failed"
MOST_KEPT = {FAILED: 10_000, "login": 100_000, "logout": 100_000}
"""So many of these are kept: whoever guesses passwords, or a robot that logs in each minute, fills no disk."""


@dataclass(frozen=True, slots=True)
class By:
    """Who does something. address: where from; "command line" for our own commands."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class AccessEvent:
    """number: grows with each event. at: Unix seconds. whom: which user it is about. detail: a role, a token."""

    number: int
    at: float
    who: str
    what: str
    whom: str
    detail: str
    address: str


class AccessEvents:
    """The events in the users' file."""

    def __init__(self, file: UsersFile, clock: Callable[[], float] = time.time) -> None:
        self._file = file
        self._clock = clock

    def record(self, by: By, what: str, whom: str, detail: str = "") -> None:
        """Keep one event; within a transaction, with what it tells."""
        with self._file.transaction():
            self._file.change(
                "INSERT INTO access_events (at, who, what, whom, detail, address) VALUES (?, ?, ?, ?, ?, ?)",
                self._clock(),
                by.name,
                what,
                whom,
                detail,
                by.address,
            )
            if what in MOST_KEPT:
                self._file.change(
                    "DELETE FROM access_events WHERE what = ? AND id <= (SELECT id FROM access_events WHERE what = ? "
                    "ORDER BY id DESC LIMIT 1 OFFSET ?)",
                    what,
                    what,
                    MOST_KEPT[what],
                )

    def latest(self, count: int, before: int | None = None) -> tuple[AccessEvent, ...]:
        """The newest events, newest first. before: only those with a smaller number."""
        found = self._file.rows(
            "SELECT id, at, who, what, whom, detail, address FROM access_events WHERE ?1 IS NULL OR id < ?1 "
            "ORDER BY id DESC LIMIT ?2",
            before,
            count,
        )
        return tuple(AccessEvent(*row) for row in found)  # type: ignore[arg-type]  # the table is STRICT
