"""A TCP listener that no client can hold up: bounded in connections, in seconds and in bytes."""

import io
import logging
import socket
import socketserver
import threading
import time
from http.client import LineTooLong


class BoundedServer(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """A listener that serves so many connections at once, each in a thread, and drops what comes on top."""

    allow_reuse_address = True
    daemon_threads = True  # each ends by itself by its time limits; a stop does not wait for it
    request_queue_size = 32

    def __init__(
        self, family: int, address: tuple[str, int], handler: type[socketserver.BaseRequestHandler], places: int
    ) -> None:
        self.address_family = family
        self._places = threading.BoundedSemaphore(places)
        super().__init__(address, handler)

    def process_request(self, request: socket.socket | tuple[bytes, socket.socket], client_address: object) -> None:
        """Serve it in a thread, if a place is free."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:
            self._places.release()
            raise

    def process_request_thread(
        self, request: socket.socket | tuple[bytes, socket.socket], client_address: object
    ) -> None:
        """Serve it, and give the place back."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is no news; the traceback helps whoever looks for a fault of ours."""
        del request, client_address
        logging.getLogger(__name__).debug("a request to the status port failed", exc_info=True)


class BoundedReader(io.RawIOBase):
    """What a client sends, until the deadline (monotonic seconds) and up to `most_bytes`.

    A limit per read alone would let a client that sends a byte now and then keep its thread for hours.
    """

    def __init__(self, connection: socket.socket, deadline: float, most_bytes: int) -> None:
        self._connection = connection
        self._deadline = deadline
        self._left = most_bytes

    def readable(self) -> bool:
        """Always."""
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # typeshed's Buffer is 3.12's
        """Raises TimeoutError or LineTooLong at the limits."""
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError("the request took too long")
        if self._left <= 0:
            raise LineTooLong("request")
        self._connection.settimeout(seconds)
        count = self._connection.recv_into(buffer, min(len(buffer), self._left))
        self._left -= count
        return count
