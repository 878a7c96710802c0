"""Serves the application on a port, in a thread of its own."""

import ipaddress
import socket
import threading
import time

import uvicorn
from pydantic import SecretStr

from daemon.errors import BadSettings
from daemon.settings.http_section import HttpSettings
from daemon.web.access.gate import Gate
from daemon.web.access_rules import AccessRules
from daemon.web.app import make_app
from daemon.web.site import Site

START_SECONDS = 10.0
CLOSE_SECONDS = 3  # for answers that are under way


class WebServer:
    """The port. bind: "host:port" or "[v6]:port"; port 0 takes any free port. token, gate: see `AccessRules`.

    gate: None = there are no users.
    """

    def __init__(self, bind: str, site: Site, token: str = "", gate: Gate | None = None) -> None:
        host, _, port = bind.rpartition(":")
        self._bind = bind
        self._gate = gate or Gate(None, HttpSettings(token=SecretStr(token)))
        self._address = (host.removeprefix("[").removesuffix("]"), int(port))
        config = uvicorn.Config(
            make_app(site, AccessRules(self._address[0], token, self._gate)),
            log_config=None,
            access_log=False,
            lifespan="off",
            loop="asyncio",
            http="h11",
            ws="none",
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=CLOSE_SECONDS,
        )
        self._server = uvicorn.Server(config)
        self._thread: threading.Thread | None = None

    def start(self) -> tuple[str, int]:
        """Open the port. Returns the host and the port that it really has.

        Raises BadSettings if we cannot get the port, or if other machines could read it without a token.
        """
        try:
            listener = self._listen()
        except OSError as error:
            raise BadSettings(
                f"http.bind = {self._bind} cannot be opened: {error.strerror or error}. Another program may have "
                "the port: choose another one, or 127.0.0.1:0 for any free one"
            ) from error
        host, port = listener.getsockname()[:2]
        self._thread = threading.Thread(target=self._server.run, args=([listener],), name="web", daemon=True)
        self._thread.start()
        until = time.monotonic() + START_SECONDS
        while not self._server.started and self._thread.is_alive() and time.monotonic() < until:
            time.sleep(0.01)
        return str(host), int(port)

    def close(self) -> None:
        """Close the port. May be called twice, or without a start."""
        if self._thread is not None:
            self._server.should_exit = True
            self._thread.join(CLOSE_SECONDS + 2)
            self._thread = None

    def _listen(self) -> socket.socket:
        found = socket.getaddrinfo(*self._address, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        family, address = found[0], found[4]
        self._gate.check(self._bind, ipaddress.ip_address(address[0]))
        listener = socket.socket(family, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((str(address[0]), int(address[1])))
            listener.listen(128)
        except OSError:
            listener.close()
            raise
        return listener
