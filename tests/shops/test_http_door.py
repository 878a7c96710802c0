"""The door to shops: what counts as away, that an answer is bounded, and that no secret comes out."""

import time
import traceback
from email.utils import formatdate
from pathlib import Path

import pytest

from daemon.errors import FreistellerError
from daemon.shops.http_door import DoorLimits, HttpDoor, SentFile
from daemon.shops.shop_contract import LoginExpired, ShopAway
from tests.observe.prometheus import free_port
from tests.shops.scripted_server import Answer, Asked, ScriptedServer

SECRET = "shpat_s3cret"
QUICK = DoorLimits(connect_seconds=2, silent_seconds=2, answer_seconds=2, most_bytes=100_000)
PAGE = {"Content-Type": "text/html; charset=utf-8"}


def door(url: str) -> HttpDoor:
    return HttpDoor(f"{url}/admin/", {"X-Token": SECRET}, (SECRET,), QUICK)


def failure(answer: Answer, kind: type[FreistellerError] = ShopAway) -> FreistellerError:
    with ScriptedServer(lambda _: answer) as server, pytest.raises(kind) as caught:
        door(server.url).ask("GET", "x.json")
    return caught.value


def test_a_request_goes_below_the_base_with_our_headers() -> None:
    with ScriptedServer(lambda _: Answer(201, b'{"id": 7}', {"X-Limit": "5"})) as server:
        answer = door(server.url).ask("POST", "x.json", query={"sku": "ä/1"}, json_body={"a": 1})

    (asked,) = server.asked
    assert (asked.method, asked.path, asked.body) == ("POST", "/admin/x.json?sku=%C3%A4%2F1", b'{"a": 1}')
    assert asked.headers["x-token"] == SECRET
    assert (answer.status, answer.headers["x-limit"], answer.json()) == (201, "5", {"id": 7})


def test_our_headers_go_to_no_other_host() -> None:
    with ScriptedServer(lambda _: Answer()) as shop, ScriptedServer(lambda _: Answer()) as storage:
        door(shop.url).ask("PUT", f"{storage.url}/upload")

    assert SECRET not in str(storage.asked[0].headers)


def test_a_login_of_netrc_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password netrc-secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))

    with ScriptedServer(lambda _: Answer()) as server:
        door(server.url).ask("GET", "x")

    assert "authorization" not in server.asked[0].headers


def test_a_redirect_is_not_followed() -> None:
    with ScriptedServer(lambda _: Answer()) as other:
        error = failure(Answer(302, b"", {"Location": f"{other.url}/take-the-token"}))

    assert "leads elsewhere (302)" in str(error)
    assert other.asked == []


@pytest.mark.parametrize("status", [408, 423, 425, 429, 430, 500, 502, 503, 504])
def test_a_busy_shop_is_away(status: int) -> None:
    assert f"answers {status}" in str(failure(Answer(status)))


@pytest.mark.parametrize(("said", "seconds"), [("7", 7.0), ("2.5", 2.5), ("999999", 3600.0), ("soon", 0.0), ("", 0.0)])
def test_how_long_it_wants_to_be_left_alone_is_told(said: str, seconds: float) -> None:
    error = failure(Answer(429, b"", {"Retry-After": said}))

    assert isinstance(error, ShopAway)
    assert error.retry_after_seconds == seconds


def test_a_date_to_come_back_at_is_read() -> None:
    error = failure(Answer(503, b"", {"Retry-After": formatdate(time.time() + 100, usegmt=True)}))

    assert isinstance(error, ShopAway)
    assert 50 < error.retry_after_seconds <= 100


def test_a_page_instead_of_json_is_an_outage() -> None:
    with ScriptedServer(lambda _: Answer(200, b"<!DOCTYPE html><p>Log in", PAGE)) as server:
        answer = door(server.url).ask("GET", "x")

    with pytest.raises(ShopAway, match="answers 200 with a page"):
        answer.json()


def test_json_that_is_too_deep_is_none() -> None:
    with ScriptedServer(lambda _: Answer(200, b"[" * 50_000)) as server:
        answer = door(server.url).ask("GET", "x")

    with pytest.raises(ShopAway, match="no JSON"):
        answer.json()


def test_a_page_that_forbids_is_an_outage_and_json_that_does_is_not() -> None:
    assert "something before the shop" in str(failure(Answer(403, b"<html>Are you a robot?", PAGE)))
    assert "no scope" in str(failure(Answer(403, b'{"errors": "no scope"}'), LoginExpired))


def test_an_expired_login_is_told_and_the_secret_is_not() -> None:
    error = failure(Answer(401, f'{{"errors": "{SECRET} has expired"}}'.encode()), LoginExpired)

    assert "*** has expired" in str(error)
    assert SECRET not in "".join(traceback.format_exception(error))


def test_an_error_of_the_network_shows_no_secret() -> None:
    with pytest.raises(ShopAway, match=r"127\.0\.0\.1 cannot be reached") as caught:
        door(f"http://127.0.0.1:{free_port()}").ask("GET", f"x?key={SECRET}")

    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_lost_answer_is_an_outage() -> None:
    assert "cannot be reached" in str(failure(Answer(cut=True)))
    assert "cannot be reached" in str(failure(Answer(body=b'{"id"', claims=100)))


def test_an_answer_without_end_is_given_up() -> None:
    assert "answers with more than" in str(failure(Answer(body=b" " * 200_000)))


def test_a_form_has_its_fields_before_the_file(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"JPEG")

    with ScriptedServer(lambda _: Answer()) as server:
        sent = SentFile("file", "shoe-main-1a2b3c4d.jpg", tmp_path / "a.jpg", "image/jpeg")
        door(server.url).ask("POST", "up", form={"key": "tmp/1", "policy": "p"}, file=sent)

    body = server.asked[0].body
    assert body.index(b'name="key"') < body.index(b'name="policy"') < body.index(b'name="file"')
    assert b'filename="shoe-main-1a2b3c4d.jpg"\r\nContent-Type: image/jpeg\r\n\r\nJPEG\r\n' in body


def test_a_file_goes_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"JPEG")

    def respond(asked: Asked) -> Answer:
        return Answer(200, asked.body)

    with ScriptedServer(respond) as server:
        answer = door(server.url).ask("PUT", "up", headers={"Content-Type": "image/jpeg"}, raw=tmp_path / "a.jpg")

    assert answer.body == b"JPEG"
    assert server.asked[0].headers["content-length"] == "4"


def test_words_of_a_shop_are_one_short_line() -> None:
    shown = door("http://127.0.0.1").words("a\nb\x1b[31m " + "x" * 1000)

    assert shown.startswith("a b [31m x")
    assert len(shown) == 300


def test_a_status_that_the_caller_reads_is_handed_over() -> None:
    with ScriptedServer(lambda _: Answer(503)) as server:
        asked = door(server.url)
        answer = asked.ask("GET", "x", read=(503,))

    assert answer.status == 503
    with pytest.raises(ShopAway, match=r"127\.0\.0\.1 answers 503"):
        asked.judged(answer)


def test_a_token_that_came_later_is_in_no_error() -> None:
    asked = door("http://127.0.0.1")
    for number in range(30):
        asked.keep_secret(f"token-{number}")

    assert asked.words(f"{SECRET} and token-29 and token-15") == "*** and *** and ***"


def test_an_authority_of_the_environment_does_not_go_before_our_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """requests would take REQUESTS_CA_BUNDLE instead of what its session was told."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "of-the-environment.pem"))
    asked = HttpDoor(f"https://127.0.0.1:{free_port()}/", ca_file=str(tmp_path / "ours.pem"))

    with pytest.raises(OSError, match=r"ours\.pem"):
        asked.ask("GET", "x")
