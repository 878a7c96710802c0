"""The lines for Caddy that docs/operations/install.md gives do what they say, with real Caddy and daemon."""

import http.client
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from urllib.parse import urlencode

import pytest

from daemon.settings.http_section import HttpSettings
from daemon.web.access.all_users import Users
from daemon.web.access.user_rows import Scope
from daemon.web.callers import Role
from tests.drawing import drawn_photo, save_photo
from tests.observe.prometheus import free_port
from tests.web.doors import HASH, TESTER
from tests.web.live_daemon import PATIENCE_SECONDS, live_daemon

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("deaf"),
    pytest.mark.skipif(shutil.which("caddy") is None, reason="needs Debian's package caddy"),
]
HOST = "photos.example"
OPERATIONS = Path(__file__).resolve().parent.parent.parent / "docs" / "operations" / "install.md"


def lines_for(front: int, back: int) -> str:
    """What the documentation gives, for these ports and without a certificate."""
    (block,) = re.findall(r"```\n(photos\.example \{.*?\n\})\n```", OPERATIONS.read_text("utf-8"), re.DOTALL)
    site = block.replace(f"{HOST} {{", f"http://{HOST}:{front} {{").replace("127.0.0.1:9108", f"127.0.0.1:{back}")
    return f"{{\n\tadmin off\n\tauto_https off\n\tdefault_bind 127.0.0.1\n}}\n{site}\n"


@contextmanager
def caddy(folder: Path, front: int, back: int) -> Iterator[None]:
    (folder / "Caddyfile").write_text(lines_for(front, back))
    command = ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]
    with (folder / "caddy.log").open("w") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, env={**os.environ, "HOME": str(folder)})
    try:
        until = time.monotonic() + PATIENCE_SECONDS
        while process.poll() is None and time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", front), timeout=1).close()
                break
            except OSError:
                time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(PATIENCE_SECONDS)


def test_streams_uploads_and_addresses_come_through(tmp_path: Path) -> None:
    front, back = free_port(), free_port()
    photo = save_photo(tmp_path / "sent.png", drawn_photo(96, 72)).read_bytes()

    def ask(method: str, path: str, body: bytes | None = None, **headers: str) -> http.client.HTTPResponse:
        connection = doors.enter_context(
            closing(http.client.HTTPConnection("127.0.0.1", front, timeout=PATIENCE_SECONDS))
        )
        own = {"Host": f"{HOST}:{front}", **{name.replace("_", "-"): value for name, value in headers.items()}}
        connection.request(method, path, body, own)
        return doors.enter_context(connection.getresponse())

    with (
        live_daemon(
            tmp_path,
            port=back,
            token="figures",
            public_url=f"http://{HOST}:{front}",
            proxies=["127.0.0.1"],
            proxy_header="Remote-User",
        ),
        Users(tmp_path / "state", HttpSettings()) as users,
        caddy(tmp_path, front, back),
        ExitStack() as doors,
    ):
        users.rows.add("anna", Scope(Role.OPERATOR), HASH, TESTER, time.time())
        key = users.tokens.add("anna", "program", Scope(Role.OPERATOR), TESTER, (0.0, 2e9))

        stream = ask("GET", "/api/v1/events", X_Api_Key=key, Accept_Encoding="gzip")
        first = stream.read1(4096)  # it comes although the answer has no end
        sent = ask("POST", "/api/v1/photos?name=a.png", photo, X_Api_Key=key, Content_Type="image/png")
        told = b""
        while b"event:" not in told:
            told += stream.read1(4096)

        form = urlencode({"name": "anna", "password": "wrong"}).encode()
        kind, origin = "application/x-www-form-urlencoded", f"http://{HOST}:{front}"
        wrong = ask("POST", "/login", form, Content_Type=kind, Origin=origin, X_Forwarded_For="203.0.113.7")
        posing = ask("GET", "/login", Remote_User="anna")

        assert (stream.status, first.startswith(b"retry:")) == (200, True)
        assert sent.status == 202
        assert (wrong.status, users.events.latest(1)[0].address) == (401, "127.0.0.1")  # not the invented one
        assert (posing.status, posing.getheader("Set-Cookie")) == (200, None)
