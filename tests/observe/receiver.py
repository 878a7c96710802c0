"""Receives webhooks: a real HTTP server that answers as a test wants and remembers what it got."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self


class Receiver:
    """statuses: what it answers, one after the other, the last one for ever. hang: it never answers.

    drip: the first line of its answer never ends, a character every 50 ms.
    """

    def __init__(self, *statuses: int, hang: bool = False, drip: bool = False) -> None:
        self.statuses = list(statuses or [204])
        self.hang = hang
        self.drip = drip
        self.bodies: list[dict[str, Any]] = []  # Any: JSON
        self.headers: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.released = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                receiver.receive(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def receive(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers["Content-Length"]))
        self.bodies.append(json.loads(body))
        self.headers.append(dict(handler.headers))
        self.paths.append(handler.path)
        if self.hang:
            self.released.wait(30)
            return
        if self.drip:
            handler.wfile.write(b"HTTP/1.0 ")
            try:
                while not self.released.wait(0.05):
                    handler.wfile.write(b".")
            except OSError:
                return
        handler.send_response(self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0])
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()
