"""All results of an order as one ZIP file, and what happens now; over a real port."""

import io
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.settings.http_section import HttpSettings
from daemon.web.access.all_users import Users
from daemon.web.access.user_rows import Scope
from daemon.web.api.zip_stream import CutShort, clean_name, zip_stream
from daemon.web.callers import Role
from tests.drawing import drawn_photo, save_photo
from tests.web.doors import HASH, TESTER
from tests.web.live_daemon import PATIENCE_SECONDS, Live, live_daemon


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A daemon that has cut out three photos of an order, and one without."""
    with live_daemon(tmp_path_factory.mktemp("downloads")) as live:
        for name in ("shoes/a ä.png", "shoes/b.png", "shoes/c.png", "d.png"):
            save_photo(live.root / "inbox" / name, drawn_photo(96, 72))
        live.wait_until_done(4)
        yield live


def unpacked(body: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(body)) as archive:
        assert archive.testzip() is None
        return {name: archive.read(name) for name in archive.namelist()}


def results(live: Live) -> dict[str, bytes]:
    found = [path for grade in ("sehr_gut", "gut", "ungenügend") for path in (live.root / grade).rglob("*.png")]
    return {str(path.relative_to(live.root)): path.read_bytes() for path in found}


def test_an_order_comes_as_it_lies_in_the_grade_folders(live: Live) -> None:
    answer = live.ask("GET", "/api/v1/results.zip?order=shoes")

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/zip"
    assert answer.headers["content-disposition"] == "attachment; filename*=UTF-8''shoes.zip"
    assert unpacked(answer.body) == {place: body for place, body in results(live).items() if "/shoes/" in place}


def test_photos_without_an_order_come_as_well(live: Live) -> None:
    names = unpacked(live.ask("GET", "/api/v1/results.zip?order=").body)

    assert [Path(name).name for name in names] == ["d.png"]


def test_reports_come_if_they_are_asked_for(live: Live) -> None:
    names = unpacked(live.ask("GET", "/api/v1/results.zip?order=shoes&reports=yes").body)

    assert sorted(Path(name).suffix for name in names) == [".json"] * 3 + [".png"] * 3


@pytest.mark.parametrize(
    ("query", "status"), [("", 400), ("?order=hats", 404), ("?order=shoes&grade=fine", 400), ("?order=../etc", 404)]
)
def test_what_is_not_there_is_a_clear_answer(live: Live, query: str, status: int) -> None:
    answer = live.ask("GET", f"/api/v1/results.zip{query}")

    assert answer.status == status
    assert answer.json["detail"]


def test_a_result_that_people_took_away_is_named_in_the_file(live: Live, tmp_path: Path) -> None:
    (taken,) = [live.root / place for place in results(live) if place.endswith("/b.png")]
    taken.rename(tmp_path / "b.png")
    try:
        files = unpacked(live.ask("GET", "/api/v1/results.zip?order=shoes").body)
    finally:
        (tmp_path / "b.png").rename(taken)

    assert str(taken.relative_to(live.root)) in files.pop("missing.txt").decode()
    assert sorted(Path(name).name for name in files) == ["a ä.png", "c.png"]


def test_a_file_that_becomes_shorter_ends_the_stream_with_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(bytes(1 << 20))
    pieces = zip_stream([("a.png", lambda: path.open("rb"))], [])
    next(pieces)
    path.write_bytes(b"")

    with pytest.raises(CutShort):
        list(pieces)


def test_a_file_that_vanishes_ends_the_stream_with_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        list(zip_stream([("a.png", lambda: (tmp_path / "a.png").open("rb"))], []))


@pytest.mark.parametrize(
    ("name", "clean"), [("gut/a.png", "gut/a.png"), ("a\\b:c\n.png", "a_b_c_.png"), ("a\udcff.png", "a?.png")]
)
def test_a_name_can_be_unpacked_everywhere(name: str, clean: str) -> None:
    assert clean_name(name) == clean.replace("?", "_")


def test_the_status_names_what_runs_and_what_is_wrong(live: Live) -> None:
    live.engine.go.clear()
    try:
        save_photo(live.root / "inbox" / "hats" / "e.png", drawn_photo(96, 72))
        until = time.monotonic() + PATIENCE_SECONDS
        while not (found := live.ask("GET", "/api/v1/status").json)["running"]:
            assert time.monotonic() < until
            time.sleep(0.05)
    finally:
        live.engine.go.set()

    (running,) = found["running"]
    assert (running["name"], running["order"]) == ("hats/e.png", "hats")
    double = {"server": "double", "up": True, "in_hand": 0, "paused": [], "message": "", "failure": None}
    assert found["servers"] == [double]
    assert found["ready"] is True
    assert found["troubles"] == []
    assert found["jobs"]["done"] >= 4


def test_the_status_says_why_nothing_can_be_done(live: Live) -> None:
    live.daemon.parts.health.report("engine", False, "no server answers")
    try:
        found = live.ask("GET", "/api/v1/status").json
    finally:
        live.daemon.parts.health.report("engine", True)

    assert found["ready"] is False
    failure = {"code": "", "values": {}, "text": "no server answers"}
    assert found["troubles"] == [{"part": "engine", "reason": "no server answers", "failure": failure}]


def test_a_caller_with_orders_gets_nothing_of_other_orders(live: Live) -> None:
    state = live.daemon.parts.opened.state
    with Users(state, HttpSettings()) as users:
        scope = Scope(Role.VIEWER, frozenset({"scarves"}))
        users.rows.add("anna", scope, HASH, TESTER, time.time())
        token = users.tokens.add("anna", "program", scope, TESTER, (0.0, 2e9))
        sent = {"Authorization": f"Bearer {token}"}
        live.engine.go.clear()
        try:
            save_photo(live.root / "inbox" / "coats" / "f.png", drawn_photo(96, 72))
            until = time.monotonic() + PATIENCE_SECONDS
            while not live.daemon.parts.progress.running():
                assert time.monotonic() < until
                time.sleep(0.05)
            others = live.ask("GET", "/api/v1/results.zip?order=shoes", headers=sent)
            status = live.ask("GET", "/api/v1/status", headers=sent).json
        finally:
            live.engine.go.set()
            users.rows.remove("anna", TESTER)

    assert others.status == 404
    assert status["running"] == []
    assert "jobs" not in status
