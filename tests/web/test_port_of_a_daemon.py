"""The port of a real daemon in a process of its own: what it costs when nobody wants it, and how it ends."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.observe.prometheus import free_port
from tests.processes import DaemonProcess, freisteller
from tests.web.ports import all_of, asked

WEB_LIBRARIES = {"starlette", "uvicorn", "h11", "anyio", "argon2", "python_multipart"}
STOP_SECONDS = 25.0
"""Bounds the whole end of a daemon with nothing in work, on a busy machine. A client that reads nothing has 30 s."""


def imported(report: str) -> set[str]:
    """The packages of Python's -X importtime report."""
    return {line.rpartition("|")[2].strip().split(".")[0] for line in report.splitlines() if line.startswith("import")}


def modules(report: str) -> set[str]:
    return {line.rpartition("|")[2].strip() for line in report.splitlines() if line.startswith("import time:")}


@pytest.mark.slow
def test_without_a_port_no_web_library_is_loaded(tmp_path: Path) -> None:
    run = freisteller("run", "--once", folder=tmp_path, PYTHONPROFILEIMPORTTIME="1")

    assert run.returncode == 0, run.stdout
    assert "pydantic" in imported(run.stderr)
    assert imported(run.stderr) & WEB_LIBRARIES == set()
    assert {name for name in modules(run.stderr) if name.startswith("daemon.web")} == set()


@pytest.mark.slow
def test_with_a_port_they_are(tmp_path: Path) -> None:
    settings = {"PYTHONPROFILEIMPORTTIME": "1", "FREISTELLER__HTTP__BIND": "127.0.0.1:0"}
    run = freisteller("run", "--once", folder=tmp_path, **settings)

    assert run.returncode == 0, run.stdout
    assert imported(run.stderr) >= WEB_LIBRARIES


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def daemon(tmp_path: Path, port: int) -> Iterator[DaemonProcess]:
    """A daemon with a port, ready."""
    with DaemonProcess(tmp_path, FREISTELLER__HTTP__BIND=f"127.0.0.1:{port}") as started:

        def ready() -> bool:
            try:
                return asked(("127.0.0.1", port), "/readyz")[0].status == 200
            except OSError:
                return False

        started.wait_until(ready, "the port")
        yield started


@pytest.mark.slow
def test_beside_the_daemon_of_another_hot_folder_status_does_not_tell_its_troubles(
    daemon: DaemonProcess, port: int, tmp_path: Path
) -> None:
    bind = {"FREISTELLER__HTTP__BIND": f"127.0.0.1:{port}"}
    other = tmp_path / "other"
    other.mkdir()
    freisteller("run", "--once", folder=other, FREISTELLER__HTTP__BIND="")

    ours, others = (freisteller("status", "--json", folder=folder, **bind) for folder in (tmp_path, other))

    assert json.loads(ours.stdout)["daemon"]["reachable"] is True
    assert json.loads(others.stdout)["daemon"]["reachable"] is False
    assert "serves another hot folder" in others.stdout


def seconds_to_end(daemon: DaemonProcess) -> float:
    began = time.monotonic()
    daemon.terminate()
    assert daemon.ended() == 0
    return time.monotonic() - began


@pytest.mark.slow
def test_clients_that_hang_do_not_hold_up_the_end(daemon: DaemonProcess, port: int) -> None:
    requests = [
        b"GET /api/v1/events HTTP/1.0\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",  # and its connection stays
        b"GET /healthz HTTP/1.1\r\n",  # half a header
        b"",
        b"POST /api/v1/photos HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\nContent-Length: 900\r\n\r\nab",
    ]
    with ExitStack() as open_clients:
        clients = [open_clients.enter_context(_client(port)) for _ in requests]
        for client, request in zip(clients, requests, strict=True):
            client.sendall(request)
        lazy = open_clients.enter_context(_client(port))
        _ask_until_stuck(lazy, b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
        clients[0].recv(65536)

        assert seconds_to_end(daemon) < STOP_SECONDS
        assert all_of(clients[0]).endswith(b"event: end\ndata: {}\n\n")


@pytest.mark.slow
def test_a_stream_alone_costs_the_end_nothing(daemon: DaemonProcess, port: int) -> None:
    with _client(port) as stream:
        stream.sendall(b"GET /api/v1/events HTTP/1.0\r\n\r\n")
        stream.recv(65536)

        began = time.monotonic()
        daemon.terminate()
        assert all_of(stream).endswith(b"event: end\ndata: {}\n\n")
        assert time.monotonic() - began < STOP_SECONDS
    assert daemon.ended() == 0


def _client(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=60)


def _ask_until_stuck(connection: socket.socket, request: bytes) -> None:
    connection.setblocking(False)
    quiet_since = time.monotonic()
    while time.monotonic() < quiet_since + 1.0:
        try:
            connection.send(request)
            quiet_since = time.monotonic()
        except BlockingIOError:
            time.sleep(0.05)
