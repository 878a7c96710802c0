"""Counts how often a server went away while it worked on a photo, because a photo can be the reason.

A picture may fill the memory of a node until the system kills the server. It would be sent there again as soon as the
server is back, for ever, and the other photos would wait each time.
"""

import threading

from daemon.errors import RecipeRefused, Said

MOST_DEATHS = 3  # of servers during one ticket: one may be an accident or an update, two may be bad luck
MOST_TICKETS = 1000  # remembered; the oldest is forgotten first


class Deaths:
    """The deaths by ticket, of all servers together. Thread-safe."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._test_pictures: set[str] = set()
        self._lock = threading.Lock()

    def record(self, ticket: str) -> None:
        """A server went away while it worked on this ticket."""
        with self._lock:
            self._counts[ticket] = self._counts.pop(ticket, 0) + 1
            while len(self._counts) > MOST_TICKETS:
                del self._counts[next(iter(self._counts))]

    def expect_none(self, ticket: str) -> None:
        """This ticket is a test picture, which no server needs to survive twice: one death is enough."""
        with self._lock:
            self._test_pictures.add(ticket)

    def has_killed(self, ticket: str) -> bool:
        """Whether a server went away while it worked on this ticket."""
        return ticket in self._counts

    def forget(self, ticket: str) -> None:
        """The ticket was answered, so it was not the reason."""
        with self._lock:
            self._counts.pop(ticket, None)
            self._test_pictures.discard(ticket)

    def refuse_deadly(self, ticket: str, model: str) -> None:
        """Raise RecipeRefused if the ticket had MOST_DEATHS, or a test picture had one."""
        most = 1 if ticket in self._test_pictures else MOST_DEATHS
        if self._counts.get(ticket, 0) >= most:
            raise RecipeRefused(Said("photo_ended_server", n=most, model=model))
