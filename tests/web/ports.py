"""Opens real ports on loopback for tests, and talks to them as clients do."""

import http.client
import json
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import cast

from pydantic import SecretStr

from daemon.observe.health import Health
from daemon.observe.metrics import Metrics
from daemon.settings.http_section import HttpSettings
from daemon.web.access.gate import Gate
from daemon.web.access_rules import AccessRules
from daemon.web.app import WAYS
from daemon.web.guarded_connection import PortLimits
from daemon.web.site import Site
from daemon.web.ways import Way
from daemon.web.web_server import WebServer

Address = tuple[str, int]
LONGEST_SECONDS = 60.0  # that a client waits for anything; only a fault takes as long


def watched_site(
    metrics: Metrics | None = None,
    health: Health | None = None,
    status: Callable[[], Mapping[str, object]] = dict,
    **further: object,
) -> Site:
    """What the pages for programs that watch need, and no folder or journal."""
    parts = {
        "metrics": metrics or Metrics("1.2.3"),
        "health": health or Health(),
        "status": status,
        "folders": SimpleNamespace(identity="the-root"),
        **further,
    }
    return cast("Site", SimpleNamespace(**parts))  # those pages ask for nothing else


def web_server(
    site: Site,
    bind: str = "127.0.0.1:0",
    token: str = "",
    limits: PortLimits | None = None,
    ways: Sequence[Way] = WAYS,
) -> WebServer:
    """A server that is not started yet."""
    http = HttpSettings(bind=bind, token=SecretStr(token))
    gate = Gate(None, http)
    return WebServer(bind, site, AccessRules(http, gate), limits or PortLimits(), ways)


@contextmanager
def port(
    site: Site | None = None, token: str = "", limits: PortLimits | None = None, ways: Sequence[Way] = WAYS
) -> Iterator[Address]:
    """A port, open while the block runs. ways: its table of routes."""
    server = web_server(site or watched_site(), token=token, limits=limits, ways=ways)
    try:
        yield server.start()
    finally:
        server.close()


def asked(
    address: Address,
    path: str,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> tuple[http.client.HTTPResponse, bytes]:
    """One request over a connection of its own."""
    connection = http.client.HTTPConnection(*address, timeout=LONGEST_SECONDS)
    try:
        connection.request(method, path, body, headers=dict(headers or {}))
        response = connection.getresponse()
        return response, response.read()
    finally:
        connection.close()


def raw(address: Address, request: bytes) -> bytes:
    """Everything that the port answers to these bytes until it closes the connection."""
    with socket.create_connection(address, LONGEST_SECONDS) as connection:
        connection.sendall(request)
        return all_of(connection)


def all_of(connection: socket.socket) -> bytes:
    """Everything that still comes, until the port closes the connection."""
    answer = b""
    try:
        while piece := connection.recv(65536):
            answer += piece
    except ConnectionResetError:
        pass
    return answer


def problem_of(body: bytes) -> str:
    """The short name of the problem that an answer tells."""
    told = json.loads(body)
    assert set(told) >= {"type", "title", "status", "detail"}
    return str(told["type"]).removeprefix("urn:freisteller:problem:")
