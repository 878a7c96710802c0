"""A photo that comes in several requests: the line breaks, nothing is sent twice, and there is one job."""

import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.intake import kept_uploads, received_file, uploads
from daemon.settings.http_section import HttpSettings
from daemon.web.access.all_users import Users
from daemon.web.access.user_rows import Scope
from daemon.web.api import open_uploads
from daemon.web.callers import Role
from tests.test_crash_at_every_step import results
from tests.web.doors import HASH, TESTER
from tests.web.live_daemon import Answered, Live, live_daemon

pytestmark = pytest.mark.usefixtures("deaf")

UPLOADS = "/api/v1/uploads"


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    with live_daemon(tmp_path, upload_mb=5, wait_seconds=90) as running:
        yield running


def begun(live: Live, size: int, query: str = "&name=a.png&order=kunde", **headers: str) -> str:
    answer = live.ask("POST", f"{UPLOADS}?bytes={size}{query}", headers=named(headers))
    assert answer.status == 201, answer.body
    assert answer.json["offset"] == 0
    return answer.headers["location"]


def named(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def put(live: Live, place: str, offset: int, data: bytes, **headers: str) -> Answered:
    return live.ask("PUT", f"{place}?offset={offset}", data, named(headers))


def jobs(live: Live) -> int:
    return sum(live.daemon.parts.journal.counts().states.values())


def test_a_photo_in_three_parts_becomes_one_job(live: Live, photo: bytes) -> None:
    third = len(photo) // 3
    place = begun(live, len(photo))

    answers = [put(live, place, 0, photo[:third]), put(live, place, third, photo[third : 2 * third])]
    last = put(live, place, 2 * third, photo[2 * third :], Prefer="wait=90")
    after = live.ask("GET", place)

    assert [(each.status, each.json["offset"], each.json["job"]) for each in answers] == [
        (200, third, None),
        (200, 2 * third, None),
    ]
    assert (last.status, last.json["name"], last.json["state"]) == (201, "kunde/a.png", "done")
    assert (after.json["job"], after.json["offset"]) == (last.json["id"], len(photo))
    assert sorted(results(live.root)) == ["kunde/a.json", "kunde/a.png"]
    assert live.received == []


def test_after_a_broken_line_it_goes_on_from_what_has_arrived(live: Live, photo: bytes) -> None:
    whole = photo + bytes(3_000_000)
    place = begun(live, len(whole))
    with socket.create_connection(live.address) as connection:
        head = f"PUT {place}?offset=0 HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(whole)}\r\n\r\n"
        connection.sendall(head.encode() + whole[:2_500_000])
        until = time.monotonic() + 60
        while live.ask("GET", place).json["offset"] < 1_000_000:
            assert time.monotonic() < until
    arrived = live.ask("GET", place).json["offset"]

    until = time.monotonic() + 60
    while (rest := put(live, place, arrived, whole[arrived:])).status == 409:  # until the broken line is noticed
        assert time.monotonic() < until
        arrived = live.ask("GET", place).json["offset"]

    assert rest.status == 202
    assert 1_000_000 <= arrived <= 2_500_000
    assert jobs(live) == 1


def test_the_last_answer_may_be_lost(live: Live, photo: bytes) -> None:
    place = begun(live, len(photo))
    first = put(live, place, 0, photo)

    again = put(live, place, 0, photo)

    assert first.json["id"] == again.json["id"] == live.ask("GET", place).json["job"]
    assert jobs(live) == 1


def test_a_wrong_offset_is_a_conflict_and_changes_nothing(live: Live, photo: bytes) -> None:
    place = begun(live, len(photo))
    put(live, place, 0, photo[:50])

    for offset in (0, 49, 51, len(photo)):
        answer = put(live, place, offset, photo)
        assert (answer.status, answer.problem) == (409, "wrong_offset")

    assert put(live, place, 50, photo[50:]).status == 202


def test_more_than_was_announced_is_refused(live: Live, photo: bytes) -> None:
    place = begun(live, len(photo) - 1)

    answer = put(live, place, 0, photo)

    assert (answer.status, answer.problem) == (422, "too_much")
    assert jobs(live) == 0


def test_what_is_no_photo_is_refused_at_the_end_and_forgotten(live: Live) -> None:
    place = begun(live, 6)

    answer = put(live, place, 0, b"<html>")

    assert (answer.status, answer.problem) == (422, "bad_photo")
    assert live.ask("GET", place).status == 404
    assert live.received == []


def test_a_key_that_made_a_job_needs_no_bytes_again(live: Live, photo: bytes) -> None:
    place = begun(live, len(photo), Idempotency_Key="k")
    job = put(live, place, 0, photo).json["id"]

    again = live.ask("POST", f"{UPLOADS}?bytes={len(photo)}&name=a.png&order=kunde", headers={"Idempotency-Key": "k"})

    assert (again.status, again.json["job"], again.json["offset"]) == (201, job, len(photo))
    assert jobs(live) == 1


def test_who_gives_up_leaves_nothing(live: Live, photo: bytes) -> None:
    place = begun(live, len(photo))
    put(live, place, 0, photo[:50])
    assert len(live.received) == 1

    assert live.ask("DELETE", place).status == 204
    assert live.ask("GET", place).status == 404
    assert list((live.root / ".freisteller" / "uploads").iterdir()) == []


def age(live: Live, place: str, seconds: float) -> None:
    """Let nobody have asked for an upload in so long."""
    at = time.time() - seconds
    os.utime(live.root / ".freisteller" / "uploads" / place.rpartition("/")[2] / ".upload.json", (at, at))


def test_an_upload_that_nobody_asks_for_is_forgotten(live: Live, photo: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_uploads, "_TOUCH_SECONDS", 0.0)
    old, new = begun(live, len(photo)), begun(live, len(photo))
    age(live, old, kept_uploads.KEEP_SECONDS + 60)
    age(live, new, kept_uploads.KEEP_SECONDS - 600)

    assert live.daemon.parts.uploads.clear_forgotten() == 1
    assert [live.ask("GET", place).status for place in (old, new)] == [404, 200]
    assert len(live.received) == 1
    assert live.daemon.parts.uploads.clear_forgotten() == 0  # whoever asks is not forgotten


def test_too_many_are_asked_to_come_back(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_uploads, "MOST_OPEN", 1)
    begun(live, 5)

    answer = live.ask("POST", f"{UPLOADS}?bytes=5")

    assert (answer.status, "retry-after" in answer.headers) == (429, True)


def test_those_that_became_jobs_keep_nobody_out(live: Live, photo: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_uploads, "MOST_OPEN", 1)

    for _ in range(3):
        assert put(live, begun(live, len(photo)), 0, photo).status == 202


def test_one_that_waits_for_its_sender_makes_room_for_others(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(open_uploads, "MOST_OPEN", 2)
    oldest, other = begun(live, 5), begun(live, 5)
    for place in (oldest, other):
        age(live, place, uploads.QUIET_SECONDS + 60)
    age(live, oldest, uploads.QUIET_SECONDS + 120)

    begun(live, 5)

    assert [live.ask("GET", place).status for place in (oldest, other)] == [404, 200]


def test_all_of_them_together_have_a_bound_in_megabytes(tmp_path: Path) -> None:
    with live_daemon(tmp_path, upload_mb=2, unfinished_mb=3) as live:
        first = begun(live, 2_000_000)

        answer = live.ask("POST", f"{UPLOADS}?bytes=1000001")
        begun(live, 1_000_000)

        assert (answer.status, answer.problem) == (429, "too_many")
        assert live.ask("GET", first).status == 200


def test_after_a_restart_it_goes_on_from_what_has_arrived(tmp_path: Path, photo: bytes) -> None:
    half = len(photo) // 2
    with live_daemon(tmp_path) as live:
        place = begun(live, len(photo))
        put(live, place, 0, photo[:half])
    with live_daemon(tmp_path) as live:
        told, head = live.ask("GET", place), live.ask("HEAD", place)
        again = put(live, place, 0, photo)
        last = put(live, place, half, photo[half:], Prefer="wait=30")
        live.wait_until_done(1)

        assert (told.status, told.json["offset"], told.json["job"]) == (200, half, None)
        assert head.headers["upload-offset"] == str(half)
        assert (again.status, again.problem) == (409, "wrong_offset")
        assert last.json["name"] == "kunde/a.png"
        assert (live.root / "archiv" / "kunde" / "a.png").read_bytes() == photo
        assert jobs(live) == 1
    with live_daemon(tmp_path) as live:
        assert live.ask("GET", place).json["job"] == last.json["id"]  # also the last answer may be lost
        assert put(live, place, half, photo[half:]).json["id"] == last.json["id"]
        assert jobs(live) == 1


def test_what_cannot_be_taken_in_now_is_kept(live: Live, photo: bytes) -> None:
    place = begun(live, len(photo))
    live.daemon.parts.uploads.close()  # as a daemon that stops
    stopping = put(live, place, 0, photo)
    live.daemon.parts.uploads.open()

    last = put(live, place, live.ask("GET", place).json["offset"], b"")

    assert (stopping.status, last.status) == (503, 202)
    assert jobs(live) == 1


def test_who_may_no_longer_send_to_an_order_cannot_finish_what_was_begun(tmp_path: Path, photo: bytes) -> None:
    with live_daemon(tmp_path) as live, Users(Path(live.daemon.parts.opened.state), HttpSettings()) as users:
        users.rows.add("anna", Scope(Role.OPERATOR, frozenset({"kunde", "shoes"})), HASH, TESTER, time.time())
        token = users.tokens.add("anna", "program", Scope(Role.OPERATOR), TESTER, (0.0, 2e9))
        anna = {"Authorization": f"Bearer {token}"}
        place = live.ask("POST", f"{UPLOADS}?bytes={len(photo)}&order=kunde", headers=anna).headers["location"]
        users.rows.set_scope("anna", Scope(Role.OPERATOR, frozenset({"shoes"})), TESTER)

        answer = live.ask("PUT", f"{place}?offset=0", photo, anna)

        assert (answer.status, answer.problem) == (403, "not_allowed")
        assert jobs(live) == 0


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("", 400),
        ("bytes=x", 400),
        ("bytes=-1", 400),
        ("bytes=0", 400),
        ("bytes=%D9%A1", 400),
        (f"bytes={10**20}", 400),
        (f"bytes={10**10}", 413),
        ("bytes=5&settings={", 422),
        ('bytes=5&settings={"engine":{}}', 422),
    ],
)
def test_what_cannot_be_begun_is_refused(live: Live, query: str, status: int) -> None:
    answer = live.ask("POST", f"{UPLOADS}?{query}".replace('"', "%22"))

    assert answer.status == status
    assert live.received == []


def test_a_full_disk_is_told_at_the_beginning(live: Live, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(received_file, "SPARE_BYTES", 1 << 60)

    answer = live.ask("POST", f"{UPLOADS}?bytes=5")

    assert (answer.status, answer.problem) == (507, "no_room")
    assert live.received == []


def test_an_upload_is_of_its_sender_alone(tmp_path: Path) -> None:
    with live_daemon(tmp_path) as live, Users(Path(live.daemon.parts.opened.state), HttpSettings()) as users:
        users.rows.add("anna", Scope(Role.OPERATOR), HASH, TESTER, time.time())
        users.rows.add("ben", Scope(Role.ADMIN), HASH, TESTER, time.time())
        anna, ben = (
            {"Authorization": f"Bearer {users.tokens.add(name, 'program', Scope(role), TESTER, (0.0, 2e9))}"}
            for name, role in (("anna", Role.OPERATOR), ("ben", Role.ADMIN))
        )
        place = live.ask("POST", f"{UPLOADS}?bytes=9", headers=anna).headers["location"]

        assert live.ask("GET", place, headers=anna).status == 200
        assert live.ask("GET", place, headers=ben).status == 404
        assert live.ask("PUT", f"{place}?offset=0", b"x", ben).status == 404
        assert live.ask("DELETE", place, headers=ben).status == 404


def test_an_unknown_upload_is_not_found(live: Live) -> None:
    for method in ("GET", "PUT", "DELETE"):
        answer = live.ask(method, f"{UPLOADS}/0123?offset=0", b"" if method == "PUT" else None)
        assert (answer.status, json.loads(answer.body)["status"]) == (404, 404)
