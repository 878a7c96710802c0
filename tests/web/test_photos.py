"""POST /api/v1/photos against a whole daemon: each photo comes in once, and whatever is wrong is said clearly."""

import base64
import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import pytest

from daemon.intake import received_file
from daemon.states import State
from daemon.web.api import upload_desk
from tests.test_crash_at_every_step import files_below, results
from tests.test_full_state_disk import small_disk
from tests.web.live_daemon import Answered, Live, live_daemon, multipart

pytestmark = pytest.mark.usefixtures("deaf")

PHOTOS = "/api/v1/photos"


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    with live_daemon(tmp_path, upload_mb=2, wait_seconds=90) as running:
        yield running


def send(live: Live, photo: bytes, headers: dict[str, str] | None = None, **fields: str) -> Answered:
    body, form = multipart(fields, {"photo": ("a.png", photo)})
    return live.ask("POST", PHOTOS, body, {**form, **(headers or {})})


def jobs(live: Live) -> int:
    return sum(live.daemon.parts.journal.counts().states.values())


def test_a_form_becomes_a_job_that_is_waited_for(live: Live, photo: bytes) -> None:
    settings = json.dumps({"outputs": {"formats": ["mask"]}})

    answer = send(live, photo, {"Prefer": "wait=90"}, order="kunde", settings=settings)

    assert answer.status == 201
    assert answer.headers["location"] == f"/api/v1/jobs/{answer.json['id']}"
    assert answer.headers["preference-applied"] == "wait=90"
    assert (answer.json["state"], answer.json["name"]) == ("done", "kunde/a.png")
    assert sorted(results(live.root)) == ["kunde/a.json", "kunde/a_mask.png"]
    assert live.received == []


def test_a_photo_may_be_sent_as_it_is(live: Live, photo: bytes) -> None:
    headers = {"Content-Disposition": "attachment; filename*=UTF-8''sch%C3%B6n.jpg", "Prefer": "wait=90"}

    answer = live.ask("POST", f"{PHOTOS}?order=kunde", photo, headers)

    assert (answer.status, answer.json["name"]) == (201, "kunde/schön.png")


def test_who_does_not_wait_is_told_where_to_look(live: Live, photo: bytes) -> None:
    live.engine.go.clear()

    answers = [send(live, photo), send(live, photo, {"Prefer": "respond-async, wait=0"})]

    assert [answer.status for answer in answers] == [202, 202]
    assert answers[0].json["id"] != answers[1].json["id"]


def test_a_client_that_goes_away_while_it_waits_does_not_cancel_the_photo(live: Live, photo: bytes) -> None:
    live.engine.go.clear()
    body, form = multipart({}, {"photo": ("a.png", photo)})
    head = f"POST {PHOTOS} HTTP/1.1\r\nHost: localhost\r\nPrefer: wait=90\r\nContent-Length: {len(body)}\r\n"
    head += f"Content-Type: {form['Content-Type']}\r\n\r\n"
    with socket.create_connection(live.address) as connection:
        connection.sendall(head.encode() + body)
        wait_for(lambda: jobs(live) == 1)
    live.engine.go.set()

    wait_for(lambda: len(results(live.root)) == 2)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_client_that_goes_away_while_it_sends_leaves_nothing(live: Live, photo: bytes, chunked: bool) -> None:
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(photo)}"
    piece = photo[: len(photo) // 2]
    with socket.create_connection(live.address) as connection:
        connection.sendall(f"POST {PHOTOS} HTTP/1.1\r\nHost: localhost\r\n{length}\r\n\r\n".encode())
        connection.sendall(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked else piece)
        wait_for(lambda: len(live.received) == 1)

    wait_for(lambda: live.received == [])
    assert jobs(live) == 0


def test_ten_gigabytes_are_refused_before_they_come(live: Live) -> None:
    with socket.create_connection(live.address) as connection:
        connection.sendall(f"POST {PHOTOS} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {10**10}\r\n\r\n".encode())
        answer = connection.recv(65536)

    assert b" 413 " in answer.split(b"\r\n")[0]
    assert live.received == []


def test_ten_gigabytes_that_nobody_announced_are_refused_at_the_limit(live: Live) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(1_000):  # the rest is not even looked at
            yield bytes(1_000_000)

    try:
        answer = live.ask("POST", PHOTOS, chunks())
    except (BrokenPipeError, ConnectionResetError):  # the port has closed the connection meanwhile
        pass
    else:
        assert (answer.status, answer.problem) == (413, "too_large")
    wait_for(lambda: live.received == [])
    assert jobs(live) == 0


def test_a_full_disk_is_told_and_nothing_is_left(live: Live, photo: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(received_file, "SPARE_BYTES", 1 << 60)

    answer = send(live, photo)

    assert (answer.status, answer.problem) == (507, "no_room")
    assert live.received == []
    assert jobs(live) == 0


@pytest.fixture
def small_root(tmp_path: Path) -> Iterator[Path]:
    yield from small_disk(tmp_path / "hot", 20)


@pytest.mark.parametrize("kind", ["raw", "form", "base64"])
def test_a_disk_that_gets_full_while_a_photo_arrives_keeps_nothing_of_it(
    tmp_path: Path, small_root: Path, photo: bytes, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(received_file, "SPARE_BYTES", -(1 << 40))  # nobody knows beforehand
    large = photo + bytes(24_000_000)
    with live_daemon(tmp_path) as live:
        if kind == "raw":
            answer = live.ask("POST", PHOTOS, (large[start : start + 65536] for start in range(0, len(large), 65536)))
        elif kind == "form":
            answer = send(live, large)
        else:
            body = urlencode({"image_file_b64": base64.b64encode(large).decode()}).encode()
            answer = live.ask("POST", "/v1.0/removebg", body, {"Content-Type": "application/x-www-form-urlencoded"})

        assert answer.status == 507
        assert live.received == []
        assert jobs(live) == 0
        assert send(live, photo, {"Prefer": "wait=90"}).json["state"] == "done"


@pytest.mark.parametrize(
    ("body", "headers", "status", "problem"),
    [
        (b"", {}, 422, "no_photo"),
        (b"<html>", {}, 422, "bad_photo"),
        (b"photo=x", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "unsupported_media_type"),
        (b'{"photo": "aGVsbG8="}', {"Content-Type": "application/json"}, 415, "unsupported_media_type"),
        (b"x", {"Content-Encoding": "gzip"}, 415, "unsupported_media_type"),
        (b"x", {"Content-Type": "multipart/form-data"}, 400, "bad_request"),
        (b"x", {"Content-Type": "multipart/form-data; boundary=B"}, 400, "bad_request"),
        (b"--B\r\n", {"Content-Type": "multipart/form-data; boundary=B"}, 400, "bad_request"),
        (b"--B\r\nA: b\r\n\r\nx\r\n--B--\r\n", {"Content-Type": "multipart/form-data; boundary=B"}, 400, "bad_request"),
        (b"--B\r\n" + b"A: b\r\n" * 99, {"Content-Type": "multipart/form-data; boundary=B"}, 400, "bad_request"),
        (b"x", {"Content-Type": "multipart/form-data; boundary=" + "B" * 999}, 400, "bad_request"),
        (b"x", {"Idempotency-Key": ""}, 400, "bad_key"),
        (b"x", {"Idempotency-Key": "k" * 300}, 400, "bad_key"),
    ],
)
def test_what_is_no_upload_is_refused(
    live: Live, body: bytes, headers: dict[str, str], status: int, problem: str
) -> None:
    answer = live.ask("POST", PHOTOS, body, headers)

    assert (answer.status, answer.problem) == (status, problem)
    assert answer.headers["content-type"] == "application/problem+json"
    assert live.received == []
    assert jobs(live) == 0


@pytest.mark.parametrize(
    ("settings", "problem"),
    [("{", "bad_order"), ('{"engine": {}}', "bad_order"), ('{"outputs": {"formats": ["gif"]}}', "bad_order"),
     ("[" * 100_00, "bad_order"), ("3", "bad_order")],
)  # fmt: skip
def test_settings_that_cannot_be_used_are_refused(live: Live, photo: bytes, settings: str, problem: str) -> None:
    answer = send(live, photo, settings=settings)

    assert (answer.status, answer.problem) == (422, problem)
    assert jobs(live) == 0


def test_two_photos_in_one_request_are_refused(live: Live, photo: bytes) -> None:
    body, form = multipart({}, {"a": ("a.png", photo), "b": ("b.png", photo)})

    answer = live.ask("POST", PHOTOS, body, form)

    assert (answer.status, answer.problem) == (422, "several_photos")
    assert live.received == []


def test_a_long_field_and_many_fields_are_refused(live: Live, photo: bytes) -> None:
    assert send(live, photo, order="x" * 70_000).status == 400
    body, form = multipart({f"f{number}": "" for number in range(200)}, {})
    assert live.ask("POST", PHOTOS, body, form).status == 400


def test_names_lead_nowhere(live: Live, photo: bytes) -> None:
    answer = live.ask("POST", f"{PHOTOS}?name=..%2F..%2F..%2Fetc%2Fpasswd%00.png&order=..%5C..%5Cboot.%0A", photo)

    assert (answer.status, answer.json["name"]) == (202, "boot/passwd.png")


def test_the_same_key_and_photo_make_one_job(live: Live, photo: bytes) -> None:
    key = {"Idempotency-Key": "order 4711"}

    first, again = send(live, photo, key, order="kunde"), send(live, photo, key, order="kunde")
    other = send(live, photo, key, order="another")

    assert (first.status, again.status in (201, 202)) == (202, True)
    assert first.json["id"] == again.json["id"]
    assert first.headers["location"] == again.headers["location"]
    assert (other.status, other.problem) == (422, "key_used")
    assert jobs(live) == 1
    assert live.received == []


def test_a_request_whose_key_is_still_running_is_a_conflict(live: Live, photo: bytes) -> None:
    head = f"POST {PHOTOS} HTTP/1.1\r\nHost: localhost\r\nIdempotency-Key: k\r\nContent-Length: {len(photo)}\r\n\r\n"
    with socket.create_connection(live.address) as connection:
        connection.sendall(head.encode() + photo[:99])
        wait_for(lambda: len(live.received) == 1)
        meanwhile = send(live, photo, {"Idempotency-Key": "k"})
        connection.sendall(photo[99:])
        first = connection.recv(65536)

    assert (meanwhile.status, meanwhile.problem) == (409, "still_running")
    assert int(meanwhile.headers["retry-after"]) > 0
    assert b" 202 " in first.split(b"\r\n")[0]
    assert jobs(live) == 1


def test_equal_photos_at_once_are_photos_of_their_own(live: Live, photo: bytes) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: send(live, photo, {"Prefer": "wait=90"}, order="kunde"), range(8)))

    assert [answer.status for answer in answers] == [201] * 8
    assert len({answer.json["id"] for answer in answers}) == 8
    assert len(results(live.root)) == 16
    assert files_below(live.root / "failed") == []


def test_too_many_at_once_are_asked_to_come_back(live: Live, photo: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upload_desk, "MOST_AT_ONCE", 0)

    answer = send(live, photo)

    assert (answer.status, answer.problem) == (429, "too_many")
    assert int(answer.headers["retry-after"]) > 0


def test_an_equal_photo_is_skipped_as_in_the_inbox(tmp_path: Path, photo: bytes) -> None:
    with live_daemon(tmp_path) as live:
        settings = live.daemon.parts.settings
        intake = settings.now.intake.model_copy(update={"equal_content": "skip"})
        settings.now = settings.now.model_copy(update={"intake": intake})
        first = send(live, photo, {"Prefer": "wait=90"})
        second = send(live, photo, {"Prefer": "wait=90"})

        assert live.daemon.parts.journal.row(second.json["id"]).same_as == first.json["id"]
        assert (first.json["grade"] is None, second.json["grade"]) == (False, None)
        assert len(live.daemon.parts.journal.rows(State.DONE)) == 2


def wait_for(what: object, seconds: float = 60.0) -> None:
    until = time.monotonic() + seconds
    while not what():  # type: ignore[operator]  # a callable
        assert time.monotonic() < until
        time.sleep(0.02)
