"""One HTTP connection to the double: reads requests, applies the faults that concern all routes, sends answers."""

import contextlib
import io
import json
import socket
import time
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from tests.engines.double_files import Reply
from tests.engines.double_version import SEC_FETCH_SITE

if TYPE_CHECKING:
    from tests.engines.comfyui_double import Double

JSON_TYPE = "application/json; charset=utf-8"
TEXT_TYPE = "text/plain; charset=utf-8"
MAX_UPLOAD = 104857600


class Connection(BaseHTTPRequestHandler):
    """One connection. `double` is set by a subclass for each server; the routes are another subclass."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    double: "Double"

    def route(self, path: str) -> None:
        """Answer a request of the recorded server."""
        raise NotImplementedError

    def control(self, path: str) -> None:
        """Answer a request of a test."""
        raise NotImplementedError

    def log_message(self, format: str, *args: Any) -> None:
        pass  # tests read the requests from `double.requests`

    def setup(self) -> None:
        super().setup()
        self.double.connections.add(self.connection)

    def finish(self) -> None:
        self.double.connections.discard(self.connection)
        with contextlib.suppress(OSError):
            super().finish()

    def do_GET(self) -> None:
        self._serve()

    def do_HEAD(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        double, faults = self.double, self.double.faults
        length = int(self.headers.get("Content-Length") or 0)
        if length > MAX_UPLOAD:
            self._answer(413, f"Maximum request body size {MAX_UPLOAD} exceeded.".encode(), TEXT_TYPE)
            self.close_connection = True
            return
        self.body = self.rfile.read(length)
        parts = urlsplit(self.path)
        self.query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        path = parts.path
        if path.startswith("/_double/"):
            self.control(path)
            return
        if not path.startswith(double.prefix):
            self._answer(404)
            return
        path = path.removeprefix(double.prefix)
        self.below_api = path.startswith("/api/")
        path = path.removeprefix("/api")
        headers = {name.lower(): value for name, value in self.headers.items()}
        double.note_request(self.command, path, headers)
        if any(path.startswith(hung) or hung == "*" for hung in faults.hang_paths):
            double.wait_until(lambda: double.down or not faults.hang_paths, 3600)
            self.close_connection = True
            return
        if faults.slow_seconds:
            time.sleep(faults.slow_seconds)
        if double.token and headers.get("authorization") != f"Bearer {double.token}":
            self._answer(401)
            return
        if faults.status and (not faults.status_paths or any(path.startswith(one) for one in faults.status_paths)):
            elsewhere = {"Location": "/elsewhere"} if 300 <= faults.status < 400 else {}
            self._answer(faults.status, b"in trouble", TEXT_TYPE, elsewhere)
            return
        if path != "/system_stats" and faults.happens("blips"):
            self._answer(503, b"a moment", TEXT_TYPE)
            return
        if self._foreign_origin():
            self._answer(403)
            return
        try:
            self.route(path)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        except Exception:  # noqa: BLE001 - aiohttp answers any exception of a route like this
            self.close_connection = True
            self._answer(500, b"500 Internal Server Error\n\nServer got itself in trouble", TEXT_TYPE)

    def _foreign_origin(self) -> bool:
        origin, host = str(self.headers.get("Origin") or ""), self.headers.get("Host", "")
        loopback = host.rpartition(":")[0] in ("127.0.0.1", "localhost", "[::1]")
        named = urlsplit(origin).netloc
        if self.double.version >= SEC_FETCH_SITE:
            if self.headers.get("Sec-Fetch-Site") == "cross-site":
                return True
            if not named or named == host.rpartition(":")[0]:  # "null", or without a port
                return False
        return bool(origin) and loopback and named != host

    def _reply(self, reply: Reply) -> None:
        if isinstance(reply.body, bytes):
            self._answer(reply.status, reply.body, reply.media_type, reply.headers)
        else:
            self._json(reply.body, reply.status)

    def _json(self, body: Any, status: int = 200) -> None:
        self._answer(status, json.dumps(body).encode(), JSON_TYPE)

    def _answer(self, status: int, body: bytes = b"", kind: str = "", headers: Mapping[str, str] | None = None) -> None:
        with contextlib.suppress(OSError):
            self.send_response(status)
            if kind:
                self.send_header("Content-Type", kind)
            for name, value in (headers or {}).items():
                self.send_header(name, value.encode().decode("latin-1"))
            if status == 405:
                self.send_header("Allow", "GET,HEAD")
            if self.close_connection:
                self.send_header("Connection", "close")
            if self._is_at(self.double.faults.flood_paths):
                self.close_connection = True
                self.end_headers()
                while not self.double.down:
                    self.wfile.write(b" " * 65536)
            for route, replacement in self.double.faults.replaced_bodies.items():
                body = replacement.encode() if self._is_at([route]) else body
            self.send_header("Content-Length", str(len(body)))
            if self._is_at(self.double.faults.drip_paths):
                self._drip(body)
                return
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
            self.wfile.flush()

    def _is_at(self, routes: Sequence[str]) -> bool:
        return any(urlsplit(self.path).path.startswith(route) for route in routes)

    def _drip(self, body: bytes) -> None:
        """Send the answer in small pieces."""
        faults = self.double.faults
        if faults.drip_from == "body":
            self.end_headers()
            self.wfile.flush()
        else:
            whole, self.wfile = self.wfile, io.BytesIO()
            self.end_headers()
            body, self.wfile = self.wfile.getvalue() + body, whole
        for start in range(0, len(body), faults.drip_bytes):
            if self.double.down:
                return
            time.sleep(faults.drip_seconds)
            self.connection.sendall(body[start : start + faults.drip_bytes])


def reset(connection: socket.socket) -> None:
    """End a connection as a killed process does, without closing it in order."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    with contextlib.suppress(OSError):
        connection.close()
