"""A real HTTP server that answers as a shop documents it; a test makes it fail, and reads what it was asked.

Each shop's double is a subclass with the shop's own memory. What a test plants lasts for one request, unless it says
more: an answer in place of the shop's own, a silence, or the connection cut after the shop has acted.
"""

import contextlib
import http.server
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

JSON_TYPE = "application/json; charset=utf-8"
HTML_TYPE = "text/html; charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Asked:
    """One request. path: decoded, without the query. headers: names in lower case."""

    method: str
    target: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:  # Any: whatever a client sent
        """The body; None if it is no JSON."""
        with contextlib.suppress(ValueError):
            return json.loads(self.body)
        return None


@dataclass(frozen=True, slots=True)
class Told:
    """One answer."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_json(cls, status: int, value: object, **headers: str) -> "Told":
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return cls(status, json.dumps(value).encode(), {"Content-Type": JSON_TYPE, **named})

    @classmethod
    def page(cls, status: int, text: str) -> "Told":
        """An HTML page, as a proxy, a plug-in or a login answers in place of the shop."""
        return cls(status, f"<!DOCTYPE html><html><body>{text}</body></html>".encode(), {"Content-Type": HTML_TYPE})


@dataclass(slots=True)
class Fault:
    """What happens in place of, or after, the shop's own answer. told: None = the connection is cut."""

    method: str
    path: str
    told: Told | None
    acts: bool
    times: int


class ShopServer:
    """Answers on a port of this machine until the block ends. Use it as a context manager.

    certificate: with its key in one file, for https.
    """

    def __init__(self, certificate: Path | None = None) -> None:
        self.asked: list[Asked] = []
        self.faults: list[Fault] = []
        self.beside: list[ShopServer] = []
        """Servers that begin and end with this one."""
        self._cut: tuple[int, bool] | None = None
        self.has_cut = False
        self.lock = threading.RLock()
        self._server = _Server(("127.0.0.1", 0), _Connection)
        self._server.shop = self
        self._scheme = "https" if certificate else "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        self._over = False

    def answer(self, asked: Asked) -> Told:
        """The shop itself: act, and tell."""
        raise NotImplementedError

    @property
    def url(self) -> str:
        return f"{self._scheme}://127.0.0.1:{self._server.server_port}"

    @property
    def name(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def instead(self, method: str, path: str, told: Told, times: int = 1) -> None:
        """Tell this in place of the next requests whose path has this part; the shop does nothing."""
        self.faults.append(Fault(method, path, told, acts=False, times=times))

    def cut_after(self, method: str, path: str) -> None:
        """Act on the next such request, then cut the connection: the answer is lost."""
        self.faults.append(Fault(method, path, None, acts=True, times=1))

    def after(self, method: str, path: str, told: Told) -> None:
        """Act on the next such request, then tell this in place of the shop's own answer."""
        self.faults.append(Fault(method, path, told, acts=True, times=1))

    def cut_before(self, method: str, path: str, times: int = 1) -> None:
        """Cut the connection of the next such requests, before the shop acts."""
        self.faults.append(Fault(method, path, None, acts=False, times=times))

    def cut_request(self, number: int, acts: bool) -> None:
        """Cut the connection at the request of this number from now on, from 0. acts: after the shop has acted."""
        self._cut, self.has_cut = (len(self.asked) + number, acts), False

    def cut_no_more(self) -> None:
        """Forget a request that never came."""
        self._cut = None

    def asked_for(self, method: str, path: str = "") -> list[Asked]:
        """The requests of this method whose path has this part, in order."""
        with self.lock:
            return [each for each in self.asked if each.method == method and path in each.path]

    def respond(self, asked: Asked) -> Told | None:
        """What to tell; None = cut the connection."""
        with self.lock:
            self.asked.append(asked)
            if self._cut is not None and len(self.asked) - 1 == self._cut[0]:
                self.has_cut = True
                if self._cut[1]:
                    self.answer(asked)
                return None
            for fault in self.faults:
                if fault.times and fault.method == asked.method and fault.path in asked.path:
                    fault.times -= 1
                    if fault.acts:
                        self.answer(asked)
                    return fault.told
            return self.answer(asked)

    def die(self) -> None:
        """End: whoever asks from now on reaches nobody."""
        if not self._over:
            self._over = True
            self._server.shutdown()
            self._server.server_close()
            for connection in tuple(self._server.connections):
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._thread.join()
            for other in self.beside:
                other.die()

    def __enter__(self) -> Self:
        self._thread.start()
        for other in self.beside:
            other.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.die()


class PictureWeb(ShopServer):
    """A folder on the web: gives out what lies in it, to everybody."""

    def __init__(self, folder: Path, certificate: Path | None = None) -> None:
        super().__init__(certificate)
        self.folder = folder

    def answer(self, asked: Asked) -> Told:
        path = self.folder / asked.path.rpartition("/")[2]
        if not path.is_file():
            return Told.page(404, "Not Found")
        return Told(200, path.read_bytes(), {"Content-Type": "image/jpeg"})


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    shop: ShopServer

    def __init__(self, *address: Any) -> None:  # Any: passed on as it is
        super().__init__(*address)
        self.connections: set[socket.socket] = set()

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a client that went away


class _Connection(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        headers = {name.lower(): value for name, value in self.headers.items()}
        told = self.server.shop.respond(
            Asked(self.command, self.path, unquote(parts.path), query, headers, body),
        )
        if told is None:
            self.close_connection = True
            return
        self.send_response(told.status)
        for name, value in told.headers.items():
            self.send_header(name, value)
        if told.status != 204:
            self.send_header("Content-Length", str(len(told.body)))
        self.end_headers()
        self.wfile.write(told.body)

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def do_PATCH(self) -> None:
        self._serve()

    def do_DELETE(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def log_message(self, format: str, *args: object) -> None:
        pass  # tests read `asked`


Route = Callable[[Asked, str], Told]
Routes = Mapping[tuple[str, str], Route]


def routed(routes: Routes, asked: Asked, below: str = "") -> Told | None:
    """What the route of this method and path tells, or None. A path that ends in "/*" hands on the rest of it."""
    for (method, path), route in routes.items():
        whole = below + path
        if method == asked.method:
            if whole.endswith("/*") and asked.path.startswith(whole[:-1]):
                return route(asked, asked.path[len(whole) - 1 :])
            if asked.path == whole:
                return route(asked, "")
    return None


def numbers(first: int = 1) -> Iterator[int]:
    """Ids that never come twice."""
    while True:
        yield first
        first += 1
