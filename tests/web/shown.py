"""A daemon that has done photos, and a port that shows them."""

import http.client
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from daemon.arrays import Rgb
from daemon.journal import JobRow
from daemon.service.lifecycle import Daemon
from daemon.service.open_web import make_site
from daemon.settings import load
from daemon.settings.http_section import HttpSettings
from daemon.states import State
from daemon.web.access_rules import AccessRules
from daemon.web.site import Site
from daemon.web.web_server import WebServer
from tests.doubles import ScriptedEngine
from tests.drawing import drawn_photo, save_photo


@dataclass(frozen=True)
class Answered:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Shown:
    """A daemon whose photos are done, with its site on a port."""

    def __init__(self, daemon: Daemon, site: Site, address: tuple[str, int], root: Path) -> None:
        self.daemon = daemon
        self.site = site
        self.root = root
        self.address = address

    def get(self, path: str, headers: Mapping[str, str] | None = None) -> Answered:
        """Ask for a path."""
        connection = http.client.HTTPConnection(*self.address, timeout=60)
        try:
            connection.request("GET", path, headers=dict(headers or {}))
            answer = connection.getresponse()
            return Answered(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def post(self, path: str, content: bytes, headers: Mapping[str, str] | None = None) -> Answered:
        """Send bytes to a path, as a program on this machine does."""
        connection = self.connection()
        try:
            connection.request("POST", path, content, {"Sec-Fetch-Site": "none", **(headers or {})})
            answer = connection.getresponse()
            return Answered(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def publish(self) -> None:
        """Do what is decided and not published yet."""
        while job := self.daemon.parts.journal.take_decided(2.0**40, ()):
            self.daemon.parts.task_runner.run(job)

    def connection(self) -> http.client.HTTPConnection:
        """A connection that may be used again and again."""
        return http.client.HTTPConnection(self.address[0], self.address[1], timeout=60)

    def row(self, name: str = "a.jpg") -> JobRow:
        """The job of a photo."""
        return next(row for row in self.daemon.parts.journal.rows(State.DONE) if row.job.name == name)

    def url(self, kind: str, name: str = "a.jpg") -> str:
        """Where a picture of a photo is; it ends with a slash."""
        pictures = self.site.pictures.of(self.row(name))
        assert pictures is not None
        described = pictures[kind]
        assert isinstance(described, Mapping)
        return str(described["url"])


def do_all(daemon: Daemon) -> None:
    """Take all photos in and do them, in this thread."""
    daemon.parts.engine.start()
    while (scan := daemon.parts.inbox_loop.turn(urgent=True)) and scan.incomplete:
        daemon.parts.watcher.wait(scan.next_look_seconds, threading.Event())
    while job := daemon.parts.journal.take(2.0**40):
        daemon.parts.task_runner.run(job)


@contextmanager
def shown(
    folder: Path,
    photos: Mapping[str, Rgb] | None = None,
    engine: ScriptedEngine | None = None,
    sections: Mapping[str, object] | None = None,
) -> Iterator[Shown]:
    """A daemon that has done these photos. sections: of its settings."""
    flags = {
        "root": str(folder / "hot"),
        "state_dir": str(folder / "state"),
        "intake": {"quiet_seconds": 0},
        "http": {"bind": ""},
        **(sections or {}),
    }
    for name, pixels in (photos or {"a.jpg": drawn_photo(1300, 900)}).items():
        save_photo(folder / "hot" / "inbox" / name, pixels)
    with ExitStack() as doors:
        daemon = Daemon(load(flags=flags), engine=engine or ScriptedEngine())
        doors.callback(daemon.close)
        do_all(daemon)
        site = make_site(daemon.parts, doors)
        server = WebServer("127.0.0.1:0", site, AccessRules(HttpSettings(), site.gate))
        doors.callback(server.close)
        yield Shown(daemon, site, server.start(), folder / "hot")
