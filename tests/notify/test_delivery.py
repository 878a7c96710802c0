"""One try to deliver a notice, to real servers and real programs."""

import hashlib
import hmac
import json
import os
import time
from pathlib import Path

import pytest
from pydantic import SecretStr

from daemon.notify.delivery import Undelivered, deliver
from daemon.settings import HookSettings
from daemon.words.catalogue import words_in
from tests.observe.prometheus import eventually, free_port
from tests.observe.receiver import Receiver

BODY = b'{"event": "test"}\n'


def web(url: str, **more: object) -> HookSettings:
    return HookSettings.model_validate({"url": url, **more})


def failure(hook: HookSettings, limit_seconds: float = 20.0) -> Undelivered:
    with pytest.raises(Undelivered) as caught:
        deliver(hook, "test", BODY, limit_seconds)
    return caught.value


def test_a_url_gets_the_json_by_post_with_token_and_headers() -> None:
    with Receiver() as receiver:
        deliver(web(f"{receiver.url}?key=7", token="abc", headers={"X-Room": "studio"}), "test", BODY, 20)

    assert receiver.bodies == [{"event": "test"}]
    assert receiver.paths == ["/hook?key=7"]
    sent = receiver.headers[0]
    assert (sent["Authorization"], sent["X-Room"], sent["Content-Type"]) == ("Bearer abc", "studio", "application/json")
    assert sent["User-Agent"].startswith("freisteller/")


def test_a_secret_signs_the_body_and_the_time() -> None:
    with Receiver() as receiver:
        deliver(web(receiver.url, secret="s3cret"), "test", BODY, 20)

    at, _, sent = receiver.headers[0]["X-Freisteller-Signature"].removeprefix("t=").partition(",v1=")
    assert abs(time.time() - int(at)) < 60
    assert sent == hmac.new(b"s3cret", at.encode() + b"." + BODY, hashlib.sha256).hexdigest()
    assert "s3cret" not in str(receiver.headers)


def test_without_a_secret_nothing_is_signed() -> None:
    with Receiver() as receiver:
        deliver(web(receiver.url), "test", BODY, 20)

    assert "X-Freisteller-Signature" not in receiver.headers[0]


def test_a_user_in_the_url_is_sent_as_basic_auth() -> None:
    with Receiver() as receiver:
        deliver(web(receiver.url.replace("://", "://anna:s%20t@")), "test", BODY, 20)

    assert receiver.headers[0]["Authorization"] == "Basic YW5uYTpzIHQ="


@pytest.mark.parametrize(("status", "again"), [(500, True), (503, True), (429, True), (404, False), (301, False)])
def test_only_what_may_succeed_later_is_tried_again(status: int, again: bool) -> None:
    with Receiver(status) as receiver:
        error = failure(web(receiver.url))

    assert (error.reason, error.again) == ("refused", again)
    assert str(status) in str(error)


def test_a_server_that_cannot_be_reached_is_tried_again() -> None:
    error = failure(web(f"http://127.0.0.1:{free_port()}/secret-path"))

    assert (error.reason, error.again) == ("unreachable", True)
    assert "secret-path" not in str(error)


@pytest.mark.parametrize("receiver", [Receiver(hang=True), Receiver(drip=True)], ids=["silent", "dripping"])
def test_a_server_cannot_hold_a_try_beyond_its_limit(receiver: Receiver) -> None:
    with receiver:
        began = time.monotonic()
        error = failure(web(receiver.url), limit_seconds=0.5)

    assert (error.reason, error.again) == ("timeout", True)
    assert time.monotonic() - began < 15  # the server sends a byte now and then for half a minute


def test_a_certificate_that_is_not_trusted_is_named() -> None:
    error = failure(HookSettings(url=SecretStr("https://127.0.0.1:1/"), ca_file="/no/such/ca.pem"))

    assert (error.reason, error.again) == ("refused", False)
    assert "/no/such/ca.pem" in str(error)


def script(folder: Path, text: str) -> tuple[str, ...]:
    path = folder / "hook.sh"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return (str(path),)


def test_a_program_gets_the_json_as_its_input_and_its_arguments_unchanged(tmp_path: Path) -> None:
    command = (*script(tmp_path, f'cat > {tmp_path}/got; echo "$1 $FREISTELLER_EVENT" > {tmp_path}/said'), "$(id) ; x")

    deliver(HookSettings(command=command), "failed", BODY, 20)

    assert (tmp_path / "got").read_bytes() == BODY
    assert (tmp_path / "said").read_text() == "$(id) ; x failed\n"


def test_a_program_sees_nothing_of_our_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FREISTELLER__HTTP__TOKEN", "hunter2")

    deliver(HookSettings(command=script(tmp_path, f"env > {tmp_path}/env")), "test", BODY, 20)

    assert "hunter2" not in (tmp_path / "env").read_text()


def test_a_program_that_does_not_read_its_input_does_no_harm(tmp_path: Path) -> None:
    deliver(HookSettings(command=script(tmp_path, "exit 0")), "test", BODY * 100_000, 20)


def test_a_program_that_fails_is_tried_again(tmp_path: Path) -> None:
    error = failure(HookSettings(command=script(tmp_path, "exit 3")))

    assert (error.reason, error.again) == ("refused", True)
    assert "code 3" in str(error)


def test_a_program_that_is_not_there_is_named() -> None:
    error = failure(HookSettings(command=("/no/such/program",)))

    assert (error.reason, error.again) == ("refused", False)
    assert "/no/such/program" in str(error)


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def test_a_program_that_takes_too_long_is_killed_with_its_children(tmp_path: Path) -> None:
    command = script(tmp_path, f"sleep 300 &\necho $! > {tmp_path}/child; wait")

    error = failure(HookSettings(command=command), limit_seconds=1.0)

    child = int((tmp_path / "child").read_text())
    assert (error.reason, error.again) == ("timeout", True)
    assert eventually(lambda: gone(child))


def test_what_is_sent_is_one_line_of_json() -> None:
    from daemon.notify.notices import Origin, payload, trial

    sent = payload(trial(0.0, words_in("en")), Origin("1.2.3", "studio", os.fsdecode(b"/srv/\xff\xc3\xbc")))

    assert sent.count(b"\n") == 1
    assert json.loads(sent)["at"] == "1970-01-01T00:00:00Z"
    assert json.loads(sent)["root"] == "/srv/\udcffü"
