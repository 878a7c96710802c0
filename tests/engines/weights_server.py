"""A real HTTP server of weights, whose answers a test scripts: it drops, lies, stalls and dies."""

import contextlib
import hashlib
import http.server
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Self

CONTENT = bytes((at * 31 + at // 251) % 256 for at in range(300_000))


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers a GET by the next act of the script, else honestly."""

    protocol_version = "HTTP/1.1"
    server: "_Server"

    def do_GET(self) -> None:
        weights = self.server.weights
        weights.asked.append((self.path, dict(self.headers.items())))
        act = weights.script.popleft() if weights.script else honest
        with contextlib.suppress(ConnectionError):
            act(self)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        pass

    def head(self, status: int, **headers: object) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()

    @property
    def wanted_from(self) -> int:
        """Where the range that is asked for begins, 0 = all is wanted."""
        found = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        weights = self.server.weights
        if found is None or self.headers.get("If-Range", weights.tag) != weights.tag:
            return 0
        return int(found[1])


Act = Callable[[Handler], None]


class _Server(http.server.ThreadingHTTPServer):
    weights: "WeightsServer"
    daemon_threads = True


class WeightsServer:
    """Has one file, of every name. Use it as a context manager."""

    def __init__(self, content: bytes = CONTENT, tag: str = '"one"') -> None:
        self.content = content
        self.tag = tag
        self.script: deque[Act] = deque()
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.over = threading.Event()
        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.weights = self
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.die()

    def die(self) -> None:
        """End: whoever asks from now on reaches nobody."""
        if not self.over.is_set():
            self.over.set()
            self._server.shutdown()
            self._server.server_close()
            self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def md5(self) -> str:
        return hashlib.md5(self.content).hexdigest()

    @property
    def ranges(self) -> list[str]:
        """What was asked for, one for each request; "" = all."""
        return [headers.get("Range", "") for _, headers in self.asked]


def honest(handler: Handler) -> None:
    for piece in _begun(handler):
        handler.wfile.write(piece)


def _begun(handler: Handler) -> Iterator[bytes]:
    """Send the head of an honest answer, then give its bytes."""
    weights, start = handler.server.weights, handler.wanted_from
    size = len(weights.content)
    if start > size or (start == size and start):
        handler.head(416, Content_Range=f"bytes */{size}", Content_Length=0)
        return
    more = {"ETag": weights.tag} if weights.tag else {}
    if start:
        more["Content_Range"] = f"bytes {start}-{size - 1}/{size}"
    handler.head(206 if start else 200, Content_Length=size - start, **more)
    for at in range(start, size, 10_000):
        yield weights.content[at : at + 10_000]


def drops_after(count: int) -> Act:
    def act(handler: Handler) -> None:
        for number, piece in enumerate(_begun(handler)):
            if number * 10_000 >= count:
                return
            handler.wfile.write(piece)

    return act


def stalls_after(count: int) -> Act:
    def act(handler: Handler) -> None:
        drops_after(count)(handler)
        handler.server.weights.over.wait(60)

    return act


def dies_after(count: int) -> Act:
    """The whole server goes away amid the answer."""

    def act(handler: Handler) -> None:
        drops_after(count)(handler)
        threading.Thread(target=handler.server.weights.die).start()

    return act


def trickles(handler: Handler) -> None:
    """One byte now and then: never silent, never done."""
    size = len(handler.server.weights.content)
    handler.head(200, Content_Length=size)
    while not handler.server.weights.over.wait(0.1):
        handler.wfile.write(b"x")


def status(code: int, **headers: object) -> Act:
    return lambda handler: handler.head(code, Content_Length=0, **headers)


def sends(content: bytes, code: int = 200, **headers: object) -> Act:
    """Other content, with any headers."""

    def act(handler: Handler) -> None:
        handler.head(code, **({"Content_Length": len(content)} | headers))
        handler.wfile.write(content)

    return act


def without_ranges(handler: Handler) -> None:
    """Sends all of the file, whatever part is asked for."""
    content = handler.server.weights.content
    handler.head(200, Content_Length=len(content))
    handler.wfile.write(content)


def endless(handler: Handler) -> None:
    """Sends chunk after chunk and never says how many."""
    handler.head(200, Transfer_Encoding="chunked")
    while not handler.server.weights.over.is_set():
        handler.wfile.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")


def ends_early(handler: Handler) -> None:
    """Sends chunks, and says that these are all before they are."""
    handler.head(200, Transfer_Encoding="chunked", ETag=handler.server.weights.tag)
    handler.wfile.write(b"186a0\r\n" + handler.server.weights.content[:100_000] + b"\r\n0\r\n\r\n")
