"""Guards one connection against clients that are slow, send too much, or do not read: uvicorn itself waits for ever."""

import asyncio
from dataclasses import dataclass
from typing import Any

from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState


@dataclass(frozen=True, slots=True)
class PortLimits:
    """What one port bears. A connection that goes beyond is dropped.

    connections: at once. of_one_address: how many of them may come from one client address, so that no client can keep
    all others out; a proxy is the address of all who come through it. header_seconds: from the start of a connection or
    of a further request to its last header. header_bytes: of the first line and all headers. idle_seconds: between two
    requests. answer_seconds: within which a client must read another 4 KB of its answer. close_seconds: for answers
    under way when the port closes.
    """

    connections: int = 256
    of_one_address: int = 128
    header_seconds: float = 5.0
    idle_seconds: int = 15
    answer_seconds: float = 30.0
    header_bytes: int = 16 * 1024
    close_seconds: int = 3


LEAST_READ_BYTES = 4096
BAD_REQUEST = (
    b"HTTP/1.1 400 Bad Request\r\nServer: freisteller\r\nContent-Type: application/problem+json\r\n"
    b"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s"
)
BAD_REQUEST_BODY = (
    b'{"type": "urn:freisteller:problem:bad_request", "title": "Bad Request", "status": 400, '
    b'"detail": "this is no HTTP request, or its headers are too long"}\n'
)


class GuardedConnection(H11Protocol):
    """One connection. `config`, `server_state` and the rest come from uvicorn."""

    def __init__(
        self,
        limits: PortLimits,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],  # Any: uvicorn's, and nothing of ours
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._limits = limits
        self._headers_due: asyncio.TimerHandle | None = None
        self._reading_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Begin, or drop the connection at once if there are too many."""
        if self._too_many(transport.get_extra_info("peername")):
            self.transport = transport
            transport.abort()
            return
        super().connection_made(transport)
        transport.set_write_buffer_limits(high=0)  # so that we hear of each byte that the client does not read
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """End; nothing of it waits any longer."""
        self._headers_came()
        self._all_is_read()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what came. The time for headers runs from the first byte of a request to its last header."""
        super().data_received(data)
        if self._under_way():
            self._headers_came()
        elif self._headers_due is None:
            self._expect_headers()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - we have our own words
        """Answer what is no HTTP. If an answer to the same client is under way, there is nobody to tell."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
            self.transport.abort()
        else:
            self.transport.write(BAD_REQUEST % (len(BAD_REQUEST_BODY), BAD_REQUEST_BODY))
            self.transport.close()

    def pause_writing(self) -> None:
        """The client has not read all that we sent: from now on it must read some."""
        super().pause_writing()
        self._expect_reading()

    def resume_writing(self) -> None:
        """The client has read everything."""
        self._all_is_read()
        super().resume_writing()

    def _too_many(self, address: tuple[str, int] | None) -> bool:
        others = [each for each in self.connections if isinstance(each, GuardedConnection)]
        same = [each for each in others if address and each.client and each.client[0] == address[0]]
        return len(others) >= self._limits.connections or len(same) >= self._limits.of_one_address

    def _under_way(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _expect_headers(self) -> None:
        self._headers_due = self.loop.call_later(self._limits.header_seconds, self._drop)

    def _headers_came(self) -> None:
        if self._headers_due is not None:
            self._headers_due.cancel()
            self._headers_due = None

    def _expect_reading(self) -> None:
        unread = self.transport.get_write_buffer_size()
        self._reading_due = self.loop.call_later(self._limits.answer_seconds, self._drop_who_does_not_read, unread)

    def _all_is_read(self) -> None:
        if self._reading_due is not None:
            self._reading_due.cancel()
            self._reading_due = None

    def _drop_who_does_not_read(self, unread_before: int) -> None:
        if unread_before - self.transport.get_write_buffer_size() < LEAST_READ_BYTES:
            self._drop()
        else:
            self._expect_reading()

    def _drop(self) -> None:
        self.transport.abort()
