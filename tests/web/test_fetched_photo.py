"""What is fetched for a stranger: only from the public internet, from the address that was checked, never for long."""

import ipaddress
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from daemon.web.problems import Refused
from daemon.web.removebg import cutout_form, fetched_photo
from daemon.web.removebg.fetched_photo import fetch, is_public
from tests.web.live_daemon import Live, live_daemon

PUBLIC = "93.184.216.34"


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "127.9.9.9", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
     "224.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1",
     "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::1", "2002:7f00:1::",
     "192.0.2.1", "198.18.0.1", "2001:db8::1", "fec0::1", "192.88.99.1", "3fff::1", "2a00:1450::5efe:7f00:1",
     "2a00:1450::200:5efe:a9fe:a9fe", "::127.0.0.1", "::ffff:0:127.0.0.1"],
)  # fmt: skip
def test_no_address_of_our_own_is_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_the_internet_is_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "url",
    ["", "x", "ftp://example.com/a", "file:///etc/passwd", "http://", "http://example.com:22/",
     "http://example.com:99999/",
     "https://user@example.com/a", "http://a b/", "http://example.com/\r\nHost: x", "gopher://x", "http://[::1",
     "//x/y",
     "http://example.com/" + "a" * 5000],
)  # fmt: skip
def test_strange_addresses_are_refused_before_anything_is_looked_up(url: str) -> None:
    asked: list[str] = []

    def look(host: str, _: int) -> list[str]:
        asked.append(host)
        return [PUBLIC]

    with pytest.raises(Refused):
        fetch(url, lambda _: None, look)

    assert asked == []


@pytest.mark.parametrize(
    "addresses", [[], ["127.0.0.1"], [PUBLIC, "10.0.0.1"], ["::1"], ["::ffff:169.254.169.254"]], ids=repr
)
def test_one_address_that_is_not_public_is_enough_to_refuse(
    addresses: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[object] = []
    monkeypatch.setattr(socket, "create_connection", lambda *values: tried.append(values))

    with pytest.raises(Refused, match="public internet"):
        fetch("http://example.com/a.png", lambda _: None, lambda *_: addresses)

    assert tried == []


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.1", "2130706433", "0x7f000001", "[::1]", "[::ffff:7f00:1]", "0", "127.0.0.1.", "ⓛocalhost"],
)
def test_no_spelling_of_this_machine_gets_through(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[object] = []
    monkeypatch.setattr(socket, "create_connection", lambda *values: tried.append(values))

    with pytest.raises(Refused):
        fetch(f"http://{host}/", lambda _: None)

    assert tried == []


@contextmanager
def server(answer: bytes, monkeypatch: pytest.MonkeyPatch, pause_seconds: float = 0.0) -> Iterator[list[bytes]]:
    """A server that plays the one at PUBLIC, port 80. Yields the requests that it got."""
    requests: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        real = socket.create_connection

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                requests.append(connection.recv(65536))
                try:
                    for byte in [answer] if not pause_seconds else [answer[i : i + 1] for i in range(len(answer))]:
                        connection.sendall(byte)
                        time.sleep(pause_seconds)
                except OSError:
                    pass

        thread = threading.Thread(target=serve)
        thread.start()

        def connect(address: tuple[str, int], timeout: float) -> socket.socket:
            assert address == (PUBLIC, 80)
            return real(listener.getsockname(), timeout)

        monkeypatch.setattr(socket, "create_connection", connect)
        yield requests
        thread.join(30)


def fetched(url: str = "http://example.com/a/photo.png?x=1") -> bytes:
    got = bytearray()
    fetch(url, got.extend, lambda *_: [PUBLIC])
    return bytes(got)


def test_a_photo_is_fetched_from_the_address_that_was_checked_under_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with server(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nphoto", monkeypatch) as requests:
        assert fetched() == b"photo"

    head = requests[0].split(b"\r\n")
    assert head[0] == b"GET /a/photo.png?x=1 HTTP/1.1"
    assert b"Host: example.com" in head


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nphoto\r\n",
        b"what?\r\n\r\n",
        b"",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n",
    ],
)
def test_redirects_and_half_answers_are_refused(answer: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with server(answer, monkeypatch), pytest.raises(Refused):
        fetched()


def test_a_server_that_drips_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetched_photo, "SECONDS", 0.5)
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nA: " + b"x" * 500 + b"\r\n\r\nphoto"
    began = time.monotonic()

    with server(answer, monkeypatch, pause_seconds=0.1), pytest.raises(Refused):
        fetched()

    assert time.monotonic() - began < 10


def test_what_takes_the_bytes_ends_a_fetch_that_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    def take(_: bytes) -> None:
        raise Refused(413, "too_large", "enough")  # type: ignore[arg-type]  # a number will do here

    with server(b"HTTP/1.1 200 OK\r\n\r\n" + bytes(1_000_000), monkeypatch), pytest.raises(Refused, match="enough"):
        fetch("http://example.com/", take, lambda *_: [PUBLIC])


@pytest.mark.usefixtures("deaf")
def test_addresses_of_this_machine_are_refused_even_if_fetching_is_allowed(
    tmp_path: Path,
) -> None:
    with live_daemon(tmp_path, fetch_urls=True) as live:
        assert _asked(live, f"http://127.0.0.1:{live.address[1]}/healthz") == 400
        assert _asked(live, "http://localhost/") == 400
        assert _asked(live, "http://[::1") == 400
        assert live.received == []


@pytest.mark.usefixtures("deaf")
def test_servers_that_are_slow_keep_no_photo_of_others_waiting(
    tmp_path: Path, photo: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    go, given_up = threading.Event(), list[bool]()

    def fetch_slowly(*_: object) -> None:
        given_up.append(not go.wait(10))

    monkeypatch.setattr(cutout_form, "fetch", fetch_slowly)
    with live_daemon(tmp_path, fetch_urls=True) as live, ThreadPoolExecutor(16) as pool:
        asked = [pool.submit(_asked, live, "http://example.com/") for _ in range(16)]
        until = time.monotonic() + 30
        while not _all_came(live, len(asked)):
            assert time.monotonic() < until
            time.sleep(0.05)

        answer = live.ask("POST", "/api/v1/photos?name=a.png", photo, {"Content-Type": "image/png"})
        waited = list(given_up)
        go.set()

        assert (answer.status, waited) == (202, [])
        assert {each.result() for each in asked} == {400}  # nothing was fetched


def _all_came(live: Live, count: int) -> bool:
    told = live.ask("GET", "/v1.0/account").headers
    return int(told["x-ratelimit-limit"]) - int(told["x-ratelimit-remaining"]) >= count


def _asked(live: Live, url: str) -> int:
    body = b"image_url=" + url.encode()
    return live.ask("POST", "/v1.0/removebg", body, {"Content-Type": "application/x-www-form-urlencoded"}).status


def test_the_address_that_stands_for_the_internet_here_is_public() -> None:
    assert ipaddress.ip_address(PUBLIC).is_global
