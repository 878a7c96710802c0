"""Serves the pages for monitoring: /metrics, /healthz, /readyz, /status.

The port only reads, and takes one request per connection. The size of a request, its time and the number of connections
are limited. A loopback address is open to all; any other address needs a bearer token.
"""

import hmac
import io
import ipaddress
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from http.client import LineTooLong
from http.server import BaseHTTPRequestHandler
from urllib.parse import urlsplit

from daemon.errors import BadSettings
from daemon.logs.log import log
from daemon.observe.bounded_listener import BoundedReader, BoundedServer
from daemon.observe.health import Health
from daemon.observe.metrics import CONTENT_TYPE, Metrics

MAX_CONNECTIONS = 16  # enough for Prometheus, a probe and a few people; more is an accident
REQUEST_SECONDS = 5.0  # from the start of the connection to the last header
MAX_REQUEST_BYTES = 16 * 1024

Page = tuple[HTTPStatus, str, bytes]


class StatusServer:
    """The port, served by a thread of its own.

    bind: "host:port" or "[v6]:port"; port 0 takes any free port.
    status: what runs now, for `freisteller status`: values for JSON, without the names of photos.
    token: a caller must send it as `Authorization: Bearer …`. "" asks for none; only a loopback address may do so.
    """

    def __init__(
        self,
        bind: str,
        metrics: Metrics,
        health: Health,
        token: str = "",
        request_seconds: float = REQUEST_SECONDS,
        status: Callable[[], Mapping[str, object]] = dict,
    ) -> None:
        host, _, port = bind.rpartition(":")
        self._bind = bind
        self._address = (host.removeprefix("[").removesuffix("]"), int(port))
        pages: dict[str, Callable[[], Page]] = {
            "/metrics": lambda: (HTTPStatus.OK, CONTENT_TYPE, metrics.exposition()),
            "/healthz": lambda: _health_page(*health.alive()),
            "/readyz": lambda: _health_page(*health.ready()),
            "/status": lambda: _json_page(HTTPStatus.OK, status()),
        }
        self._rules = _Rules(pages, self._address[0], token, request_seconds)
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> tuple[str, int]:
        """Open the port. Returns the host and the port that it really has.

        Raises BadSettings if we cannot get the port, or if other machines could read it without a token.
        """
        try:
            found = socket.getaddrinfo(*self._address, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
            family, address = found[0], found[4]
            if not self._rules.token and not ipaddress.ip_address(address[0]).is_loopback:
                raise BadSettings(
                    f"http.bind = {self._bind} can be reached from other machines, so it needs http.token "
                    "(any long random text; Prometheus sends it as authorization credentials)"
                )
            server = _Server(family, (str(address[0]), int(address[1])), self._rules)
        except OSError as error:
            raise BadSettings(
                f"http.bind = {self._bind} cannot be opened: {error.strerror or error}. Another program may have "
                "the port: choose another one, or 127.0.0.1:0 for any free one"
            ) from error
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, args=(0.2,), name="status-port", daemon=True)
        self._thread.start()
        host, port = server.server_address[:2]
        return str(host), int(port)

    def close(self) -> None:
        """Close the port. May be called twice, or without a start."""
        if self._server is not None and self._thread is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
        self._server = self._thread = None


@dataclass(frozen=True, slots=True)
class _Rules:
    """What the port answers, and to whom. name: the host name that it answers to besides the loopback names."""

    pages: Mapping[str, Callable[[], Page]]
    name: str
    token: str
    request_seconds: float


class _Server(BoundedServer):
    """The listener, with the rules for its handlers."""

    def __init__(self, family: int, address: tuple[str, int], rules: _Rules) -> None:
        self.rules = rules
        super().__init__(family, address, _Handler, MAX_CONNECTIONS)


class _Handler(BaseHTTPRequestHandler):
    """Answers one request, with a page or an error."""

    server: _Server

    def setup(self) -> None:
        """Limit the seconds and the bytes that we read from the client."""
        super().setup()
        deadline = time.monotonic() + self.server.rules.request_seconds
        self.rfile = io.BufferedReader(BoundedReader(self.connection, deadline, MAX_REQUEST_BYTES), 1024)

    def handle(self) -> None:
        """Answer one request. A client that is too slow, sends too much or is gone gets no answer."""
        try:
            self.handle_one_request()
        except (LineTooLong, TimeoutError, ConnectionError):
            return

    def _answer(self) -> None:
        self.connection.settimeout(self.server.rules.request_seconds)  # for the whole answer, see socket.sendall
        page = self.server.rules.pages.get(self.path.partition("?")[0])
        if not self._meant_for_us():
            self._send(HTTPStatus.MISDIRECTED_REQUEST, "text/plain", b"not a name of this machine\n")
        elif not self._may_read():
            self._send(HTTPStatus.UNAUTHORIZED, "text/plain", b"a bearer token is needed\n")
        elif page is None:
            self._send(HTTPStatus.NOT_FOUND, "text/plain", b"try /metrics, /healthz, /readyz or /status\n")
        else:
            self._send(*page())

    def _refuse(self) -> None:
        self.connection.settimeout(self.server.rules.request_seconds)
        self._send(HTTPStatus.METHOD_NOT_ALLOWED, "text/plain", b"GET and HEAD only\n")

    do_GET = do_HEAD = _answer  # noqa: N815  (http.server finds them by these names)
    do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _refuse  # noqa: N815

    def _meant_for_us(self) -> bool:
        """Whether the request names this machine. A port with a token answers to any name.

        Without this check a web page could rebind its own name to 127.0.0.1 and read the pages.
        """
        if self.server.rules.token or "Host" not in self.headers:
            return True
        try:
            name = urlsplit(f"//{self.headers['Host']}").hostname or ""
            return name in ("localhost", self.server.rules.name) or ipaddress.ip_address(name).is_loopback
        except ValueError:
            return False

    def _may_read(self) -> bool:
        if not self.server.rules.token:
            return True
        sent = self.headers.get("Authorization", "")
        return hmac.compare_digest(sent.encode(), f"Bearer {self.server.rules.token}".encode())

    def _send(self, status: HTTPStatus, content_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("Connection", "close")
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        if status is HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", "Bearer")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def version_string(self) -> str:
        """The Server header, without the version of Python."""
        return "freisteller"

    def log_message(self, format: str, *args: object) -> None:
        """Log requests at debug level only: a scrape every 15 s is no change of state."""
        log("http_request", format % args, level=logging.DEBUG)


def _health_page(ok: bool, body: Mapping[str, object]) -> Page:
    return _json_page(HTTPStatus.OK if ok else HTTPStatus.SERVICE_UNAVAILABLE, body)


def _json_page(status: HTTPStatus, body: Mapping[str, object]) -> Page:
    return status, "application/json", json.dumps(body, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
