"""Serves the application on a port, in a thread of its own."""

import functools
import ipaddress
import logging
import socket
import threading
import time
from collections.abc import Sequence

import uvicorn

from daemon.errors import BadSettings
from daemon.logs import log
from daemon.web.access_rules import AccessRules
from daemon.web.app import WAYS, make_app
from daemon.web.guarded_connection import GuardedConnection, PortLimits
from daemon.web.site import Site
from daemon.web.ways import Way

START_SECONDS = 30.0


class WebServer:
    """The port. bind: "host:port" or "[v6]:port"; port 0 takes any free port."""

    def __init__(
        self,
        bind: str,
        site: Site,
        rules: AccessRules,
        limits: PortLimits = PortLimits(),  # noqa: B008 - it is frozen
        ways: Sequence[Way] = WAYS,
    ) -> None:
        self._bind = bind
        self._rules = rules
        host, _, port = bind.rpartition(":")
        self._address = (host.removeprefix("[").removesuffix("]"), int(port))
        self._close_seconds = limits.close_seconds
        config = uvicorn.Config(
            make_app(site, rules, ways),
            log_config=None,
            log_level="critical",  # a client that sends rubbish is no news, and our own faults are logged by the app
            access_log=False,
            lifespan="off",
            loop="asyncio",
            http=functools.partial(GuardedConnection, limits),  # type: ignore[arg-type]  # it only calls it
            ws="none",
            server_header=False,
            proxy_headers=False,
            backlog=128,
            timeout_keep_alive=limits.idle_seconds,
            h11_max_incomplete_event_size=limits.header_bytes,
            timeout_graceful_shutdown=limits.close_seconds,
        )
        self._server = uvicorn.Server(config)
        self._thread: threading.Thread | None = None
        self._fault: BaseException | None = None

    def start(self) -> tuple[str, int]:
        """Open the port. Returns the host and the port that it really has.

        Raises BadSettings if we cannot get the port, or if other machines could read it and nobody has to log in.
        """
        try:
            listener = self._listen()
        except OSError as error:
            raise BadSettings(
                f"http.bind = {self._bind} cannot be opened: {error.strerror or error}. Another program may have "
                "the port: choose another one, or 127.0.0.1:0 for any free one"
            ) from error
        host, port = listener.getsockname()[:2]
        self._thread = threading.Thread(target=self._serve, args=(listener,), name="web", daemon=True)
        self._thread.start()
        until = time.monotonic() + START_SECONDS
        while not self._server.started:
            if not self._thread.is_alive() or time.monotonic() > until:
                self._server.should_exit = True
                listener.close()
                text = f"http.bind = {self._bind} cannot be served: {self._fault or 'the server does not start'}"
                raise BadSettings(text) from self._fault
            time.sleep(0.005)
        return str(host), int(port)

    def close(self) -> None:
        """Close the port. May be called twice, or without a start."""
        if self._thread is not None:
            self._server.should_exit = True
            self._thread.join(self._close_seconds + 2)
            self._thread = None

    def _serve(self, listener: socket.socket) -> None:
        try:
            self._server.run([listener])
        except BaseException as error:  # noqa: BLE001 - uvicorn also raises SystemExit
            self._fault = error
            if self._server.started:
                log.log("internal_error", f"The port is closed: {error}", level=logging.ERROR, error=error)

    def _listen(self) -> socket.socket:
        found = socket.getaddrinfo(*self._address, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        family, address = found[0], found[4]
        self._rules.check(ipaddress.ip_address(address[0]))
        listener = socket.socket(
            family, socket.SOCK_STREAM, socket.IPPROTO_TCP
        )  # asyncio sends at once only if told TCP
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((str(address[0]), int(address[1])))
            listener.listen(128)
        except OSError:
            listener.close()
            raise
        return listener
