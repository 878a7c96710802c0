"""Listens on a TCP port so that no client can block it: connections, seconds and bytes are limited."""

import io
import logging
import socket
import socketserver
import threading
import time
from http.client import LineTooLong


class BoundedServer(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """Serves a limited number of connections at once, each in a thread of its own, and drops any further connection."""

    allow_reuse_address = True
    daemon_threads = True  # a stop does not wait for them: their time limits end them
    request_queue_size = 32

    def __init__(
        self,
        family: int,
        address: tuple[str, int],
        handler: type[socketserver.BaseRequestHandler],
        max_connections: int,
    ) -> None:
        self.address_family = family
        self._free = threading.BoundedSemaphore(max_connections)
        super().__init__(address, handler)

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Serve a connection in a thread, or drop it if there are too many."""
        if not self._free.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._free.release()
            raise

    def process_request_thread(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        """Serve a connection to its end, and make room for the next one."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._free.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """Log the traceback at debug level only: most often the client just went away."""
        del request, client_address
        logging.getLogger(__name__).debug("a request to the status port failed", exc_info=True)


class BoundedReader(io.RawIOBase):
    """Reads what a client sends, until the deadline (monotonic seconds) and up to `most_bytes`.

    A limit for each read alone would not do: a client that sends a byte now and then could keep its thread for hours.
    """

    def __init__(self, connection: socket.socket, deadline: float, most_bytes: int) -> None:
        self._connection = connection
        self._deadline = deadline
        self._left = most_bytes

    def readable(self) -> bool:
        """Always true."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed's Buffer is 3.12's
        """Read as any raw stream does. Raises TimeoutError after the deadline, LineTooLong after `most_bytes`."""
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("the request took too long")
        if self._left <= 0:
            raise LineTooLong("request")
        self._connection.settimeout(seconds)
        count = self._connection.recv_into(buffer, min(len(buffer), self._left))
        self._left -= count
        return count
