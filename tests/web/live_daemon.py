"""A whole daemon with an open port, in threads of the test's process; its engine is a double."""

import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.hotfolder.effects import Tick
from daemon.jobs import Recipe
from daemon.service.lifecycle import Daemon
from daemon.settings import load
from tests.doubles import ScriptedEngine
from tests.observe.prometheus import free_port

PATIENCE_SECONDS = 120.0


@dataclass(frozen=True)
class Answered:
    """An answer. headers: by name, in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def problem(self) -> str:
        return str(self.json["type"]).rpartition(":")[2]


class HeldEngine(ScriptedEngine):
    """Answers only while `go` is set."""

    def __init__(self) -> None:
        super().__init__(self._wait)
        self.go = threading.Event()
        self.go.set()

    def _wait(self, _: Recipe) -> None:
        self.go.wait(PATIENCE_SECONDS)


@dataclass(frozen=True)
class Live:
    """What a test has of a running daemon."""

    daemon: Daemon
    engine: HeldEngine
    address: tuple[str, int]
    root: Path

    def ask(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answered:
        """One request over a connection of its own. body: bytes, or an iterable of bytes, which is sent in chunks."""
        connection = http.client.HTTPConnection(*self.address, timeout=PATIENCE_SECONDS)
        try:
            connection.request(method, path, body, dict(headers or {}))  # type: ignore[arg-type]  # typeshed's union
            answer = connection.getresponse()
            return Answered(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def wait_until_done(self, photos: int) -> None:
        """Wait until so many photos are done."""
        until = time.monotonic() + PATIENCE_SECONDS
        while len(self.ask("GET", "/api/v1/jobs?state=done").json["jobs"]) < photos:
            assert time.monotonic() < until
            time.sleep(0.1)

    @property
    def received(self) -> list[Path]:
        """What lies in the folder of photos that are being sent, without our notes."""
        folder = self.root / ".freisteller" / "uploads"
        return [path for path in folder.rglob("*") if path.is_file() and path.name[0] != "."] if folder.exists() else []


@contextmanager
def live_daemon(folder: Path, tick: Tick = lambda _: None, port: int = 0, **http_settings: object) -> Iterator[Live]:
    """A daemon that works while the block runs. port: 0 = any."""
    address = ("127.0.0.1", port or free_port())
    settings = load(
        flags={
            "root": str(folder / "hot"),
            "state_dir": str(folder / "state"),
            "intake": {"quiet_seconds": 0},
            "http": {"bind": f"{address[0]}:{address[1]}", **http_settings},
            "dispatch": {"workers": 2, "stop_seconds": 5, "postpone_seconds": 0.1},
        }
    )
    engine = HeldEngine()
    daemon = Daemon(settings, engine=engine, tick=tick)
    thread = threading.Thread(target=daemon.run)
    thread.start()
    try:
        _wait_until_ready(daemon, thread, address)
        yield Live(daemon, engine, address, daemon.parts.folders.root)
    finally:
        engine.go.set()
        daemon.stop()
        thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()


def _wait_until_ready(daemon: Daemon, thread: threading.Thread, address: tuple[str, int]) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while thread.is_alive() and time.monotonic() < until:
        try:
            socket.create_connection(address, timeout=1).close()
            daemon.parts.uploads.begin().discard()
        except Exception:  # noqa: BLE001 - not yet
            time.sleep(0.02)
        else:
            return
    raise AssertionError("the daemon did not get ready")


def multipart(fields: Mapping[str, str], files: Mapping[str, tuple[str, bytes]]) -> tuple[bytes, dict[str, str]]:
    """A form as a client sends it, with its Content-Type. files: field -> name and content."""
    boundary = "----freisteller-test"
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    parts += [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{file_name}"\r\n'
        f"Content-Type: application/octet-stream\r\n\r\n".encode()
        + content
        + b"\r\n"
        for name, (file_name, content) in files.items()
    ]
    body = b"".join(parts) + f"--{boundary}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}
