"""`freisteller status` explains a port that is not the daemon's, or that gives no page."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from daemon.commands.doctor import check_up
from daemon.commands.findings import Check
from daemon.commands.retry import retry_jobs
from daemon.commands.status import daemon_page, whole_status
from daemon.errors import RootAway
from daemon.hotfolder.hot_folder import HotFolder
from daemon.observe.health import ROOT_HEADER
from daemon.service.lifecycle import Daemon
from daemon.settings import load
from tests.doubles import ScriptedEngine


@contextmanager
def port_that_answers(code: int, body: bytes, of_root: str | None = "") -> Iterator[str]:
    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(code)
            self.send_header("Content-Length", str(len(body)))
            if of_root is not None:
                self.send_header(ROOT_HEADER, of_root)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            serving.join()


@pytest.mark.parametrize(
    ("code", "body", "says"),
    [
        (401, b"no", "http.token"),
        (404, b"no", "HTTP 404"),
        (503, b"<html>busy</html>", "No daemon answers"),  # of a proxy before it
        (200, b"<html>hello</html>", "No daemon answers"),
    ],
)
def test_a_port_that_gives_no_page_is_explained(code: int, body: bytes, says: str) -> None:
    with port_that_answers(code, body) as bind:
        page, silence = daemon_page(load(flags={"http": {"bind": bind}}), "/readyz")

    assert page is None
    assert says in silence


def test_what_another_program_says_is_not_taken_for_the_daemons_word() -> None:
    with port_that_answers(200, b'{"status": "ok"}', of_root=None) as bind:
        page, silence = daemon_page(load(flags={"http": {"bind": bind}}), "/readyz")

    assert page is None
    assert "no Freisteller of this version" in silence


@pytest.mark.parametrize("state_dir", ["state", ""])
def test_the_daemon_of_another_hot_folder_is_told_and_not_believed(tmp_path: Path, state_dir: str) -> None:
    """Two hot folders on one machine want the same port: the second one's daemon does not start."""
    given = {"state_dir": str(tmp_path / state_dir)} if state_dir else {}
    settings = load(flags={"root": str(tmp_path / "hot"), **given, "http": {"bind": ""}})
    Daemon(settings, engine=ScriptedEngine()).close()
    ours = HotFolder(settings.root_path).find()
    pages = {}
    for of_root in (ours, "3c5a6a5e-0000-4000-8000-000000000000"):
        with port_that_answers(200, b'{"parts": {}}', of_root) as bind:
            asking = settings.model_copy(update={"http": settings.http.model_copy(update={"bind": bind})})
            pages[of_root] = daemon_page(asking, "/readyz")

    (told, nothing), (page, silence) = pages.values()
    assert (told, nothing) == ({"parts": {}}, "")
    assert page is None
    assert f"serves another hot folder than {settings.root_path}" in silence


def test_a_daemon_that_is_not_ready_still_tells_its_parts() -> None:
    with port_that_answers(503, b'{"parts": {}}') as bind:
        assert daemon_page(load(flags={"http": {"bind": bind}}), "/readyz") == ({"parts": {}}, "")


def test_without_a_port_nobody_is_asked() -> None:
    assert "http.bind is empty" in daemon_page(load(flags={"http": {"bind": ""}}), "/readyz")[1]


def test_while_the_share_is_away_status_and_doctor_say_so_and_make_no_folders(tmp_path: Path) -> None:
    told = {"name": "root_away", "text": "The share is gone.", "do": "Mount it.", "since": 1.0, "until": None}
    page = json.dumps({"parts": {}, "obstacles": [told]}).encode()
    root = tmp_path / "hot"
    with port_that_answers(503, page) as bind:
        settings = load(flags={"http": {"bind": bind}, "root": str(root)})
        values = whole_status(settings)
        checks = check_up(settings)

    assert values["obstacles"] == [told]
    assert "states" not in values
    assert Check("fail", "root_away", "The share is gone.", "Mount it.") in checks
    assert "hot folder" not in {check.what for check in checks}
    assert not root.exists()


def test_without_a_daemon_an_empty_mount_point_is_a_share_that_is_away_and_stays_empty(tmp_path: Path) -> None:
    root = tmp_path / "hot"
    settings = load(flags={"root": str(root), "state_dir": str(tmp_path / "state"), "http": {"bind": ""}})
    Daemon(settings, engine=ScriptedEngine()).close()
    root.rename(tmp_path / "share")
    without = check_up(settings)
    root.mkdir()

    told, checks = whole_status(settings), check_up(settings)

    assert [each["name"] for each in told["obstacles"]] == ["root_away"]
    assert "states" not in told
    for found in (checks, without):
        assert [check.level for check in found if check.what == "root_away"] == ["fail"]
    with pytest.raises(RootAway):
        retry_jobs(settings, None)
    assert list(root.iterdir()) == []


def test_doctor_makes_no_hot_folder_of_a_folder_that_is_none(tmp_path: Path) -> None:
    checks = check_up(load(flags={"root": str(tmp_path), "http": {"bind": ""}}))

    (told,) = [check for check in checks if check.what == "hot folder"]
    assert (told.level, "no hot folder yet" in told.detail) == ("warn", True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("disk", ["root_disk_full", "state_disk_full"])
def test_doctor_does_not_find_a_full_disk_that_the_daemon_tells_well(tmp_path: Path, disk: str) -> None:
    settings = load(flags={"root": str(tmp_path / "hot"), "state_dir": str(tmp_path / "state"), "http": {"bind": ""}})
    Daemon(settings, engine=ScriptedEngine()).close()
    told = {"name": disk, "text": "The disk is full.", "do": "Make room.", "since": 1.0, "until": None}
    page = json.dumps({"parts": {}, "obstacles": [told]}).encode()
    with port_that_answers(503, page, HotFolder(settings.root_path).find()) as bind:
        http = settings.http.model_copy(update={"bind": bind})
        checks = check_up(settings.model_copy(update={"http": http}))

    names = {check.what for check in checks}
    assert disk in names
    assert ("folder inbox" in names) == (disk != "root_disk_full")
    assert ("state directory" in names) == (disk != "state_disk_full")
