"""Limits the time of an answer: a server may send slowly, but not for ever.

urllib3 itself limits only the silence between two reads, so a server that sends one byte every few seconds would hold
a thread for days, be it in the headers or in the body.
"""

import http.client
import io
import socket
import time
from pathlib import Path
from typing import Any

import certifi
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

_MOST_IDLE = 64  # connections to a server that are kept for the next request
MOST_ANSWER_SILENCES = 6
"""How long a whole answer may take, in times of the silence that is allowed.

With the usual settings: 30 s for JSON, and 120 s for a picture. In 120 s the largest mask that we know, 8 MB for noise
of 2048 x 2048 pixels, arrives over a link of half a megabit per second."""


def limited_pool(base: str, ca_file: str) -> HTTPConnectionPool:
    """Connections to the server of this URL, for many threads. A late answer raises the same as too long a silence.

    ca_file: the certificate authority's file, "" for the usual authorities. Raises LocationValueError for a URL that is
    none, OSError for an authority's file that is not there. Nothing comes from the environment.
    """
    if ca_file:
        Path(ca_file).stat()
    pools = PoolManager(maxsize=_MOST_IDLE, block=False, retries=False)
    pools.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
    if not base.startswith("https:"):
        return pools.connection_from_url(base)
    return pools.connection_from_url(base, {"ca_certs": ca_file or certifi.where(), "cert_reqs": "CERT_REQUIRED"})


class _TimedReader(io.RawIOBase):
    """Reads a socket until the time for the whole answer is over."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._file = connection.makefile("rb", buffering=0)  # keeps the socket open until the answer was read
        self._silence = connection.gettimeout()
        self._deadline = time.monotonic() + (self._silence or 0.0) * MOST_ANSWER_SILENCES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # Any: typeshed's WriteableBuffer
        if self._silence is not None:
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError("the answer takes too long")
            self._connection.settimeout(min(self._silence, left))
        return self._file.readinto(buffer) or 0

    def close(self) -> None:
        self._file.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **more: Any) -> None:  # Any: passed on as they are
        super().__init__(sock, *args, **more)
        untimed, self.fp = self.fp, io.BufferedReader(_TimedReader(sock))
        untimed.close()


class _Connection(HTTPConnection):
    response_class = _TimedResponse


class _TlsConnection(HTTPSConnection):
    response_class = _TimedResponse


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection
