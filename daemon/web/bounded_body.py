"""Reads what a client sends with a request, up to a limit of bytes and of time."""

import asyncio
import time
from http import HTTPStatus

from starlette.types import Message, Receive, Scope

from daemon.web.problems import Refused

PIECE_SECONDS = 10.0
PIECE_BYTES = 8 * 1024
"""A client must send at least so many bytes in each such time, or we do not wait for the rest."""


class BoundedBody:
    """The body of one request. Only the time counts in which we wait for the client, not the time that we work.

    most_bytes: see `allow`. piece_seconds: see PIECE_SECONDS.
    """

    def __init__(self, scope: Scope, receive: Receive, piece_seconds: float = PIECE_SECONDS) -> None:
        self._receive = receive
        headers = dict(scope["headers"])
        self._promised = int(headers.get(b"content-length", 0))  # h11 has proved it
        self.complete = not self._promised and b"transfer-encoding" not in headers
        """Whether all of it has come, or the client is gone."""
        self._piece_seconds = piece_seconds
        self._most_bytes = 0
        self._seconds_left = 0.0
        self._bytes = 0
        self._piece = 0
        self._piece_left = piece_seconds

    def allow(self, most_bytes: int, whole_seconds: float) -> None:
        """Say how much may come, and how long it may take. Raises Refused (413) if the client announces more."""
        self._most_bytes, self._seconds_left = most_bytes, whole_seconds
        if self._promised > most_bytes:
            raise self._too_large()

    async def receive(self) -> Message:
        """The next message, as ASGI has it. Raises Refused: 413 if it is too much, 408 if it is too slow."""
        if self.complete:
            return await self._receive()
        began = time.monotonic()
        try:
            async with asyncio.timeout(min(self._seconds_left, self._piece_left)):
                message = await self._receive()
        except TimeoutError as error:
            raise _too_slow() from error
        self._count(message, time.monotonic() - began)
        return message

    async def drain(self, most_bytes: int, seconds: float) -> None:
        """Take what the client still sends, up to these limits, and forget it.

        A client that is still sending when we close the connection would not see our answer.
        """
        try:
            async with asyncio.timeout(seconds):
                while not self.complete and most_bytes > 0:
                    message = await self._receive()
                    most_bytes -= len(message.get("body", b""))
                    self.complete = not message.get("more_body", False)
        except TimeoutError:
            return

    def _count(self, message: Message, waited: float) -> None:
        self.complete = not message.get("more_body", False)
        self._bytes += len(message.get("body", b""))
        self._piece += len(message.get("body", b""))
        self._seconds_left -= waited
        self._piece_left -= waited
        if self._bytes > self._most_bytes:
            raise self._too_large()
        if self._piece >= PIECE_BYTES:
            self._piece, self._piece_left = 0, self._piece_seconds
        elif self._piece_left <= 0 and not self.complete:
            raise _too_slow()

    def _too_large(self) -> Refused:
        return Refused(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", f"at most {self._most_bytes:,} bytes may be sent here"
        )


def _too_slow() -> Refused:
    return Refused(HTTPStatus.REQUEST_TIMEOUT, "too_slow", "the body of the request came too slowly; send it again")
