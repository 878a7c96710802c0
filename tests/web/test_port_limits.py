"""Slow, fat, lying and silent clients at the port: each loses its own connection, and nobody else's."""

import errno
import http.client
import json
import logging
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from daemon.errors import JournalLocked, RootAway
from daemon.observe.metrics import Metrics
from daemon.web.callers import Role
from daemon.web.every_answer import HEADERS
from daemon.web.guarded_connection import PortLimits
from daemon.web.site import Site
from daemon.web.ways import Way
from tests.observe.prometheus import eventually
from tests.web.ports import LONGEST_SECONDS, Address, all_of, asked, port, problem_of, raw, watched_site

FEW = 8
QUICK = PortLimits(connections=FEW, of_one_address=FEW, header_seconds=0.3, idle_seconds=1, answer_seconds=0.3)
PATIENT = PortLimits(connections=FEW, of_one_address=FEW, header_seconds=60.0, idle_seconds=60, answer_seconds=60.0)


@contextmanager
def connected(address: Address, count: int) -> Iterator[list[socket.socket]]:
    """So many connections at once."""
    connections = [socket.create_connection(address, LONGEST_SECONDS) for _ in range(count)]
    try:
        yield connections
    finally:
        for connection in connections:
            connection.close()


async def count_bytes(request: Request, _: Site) -> Response:
    return Response(str(len(await request.body())))


async def read_nothing(_: Request, __: Site) -> Response:
    return Response("read nothing")


async def fail(_: Request, __: Site) -> Response:
    raise ZeroDivisionError("a secret thought")


async def fail_late(_: Request, __: Site) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"the first half"
        raise ZeroDivisionError("a secret thought")

    return StreamingResponse(pieces())


async def lose_the_share(_: Request, __: Site) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"the first half"
        raise RootAway("the share went away")

    return StreamingResponse(pieces(), headers={"Content-Length": "1000"})


async def miss(request: Request, __: Site) -> Response:
    raise MISSING[request.path_params["what"]]


MISSING: dict[str, Exception] = {
    "share": RootAway("the share is away"),
    "disk": OSError(errno.EIO, "Input/output error"),
    "room": OSError(errno.ENOSPC, "No space left on device"),
    "journal": JournalLocked("somebody has it open"),
}


async def page(_: Request, __: Site) -> Response:
    return Response(bytes(32 << 10))


async def huge(_: Request, __: Site) -> Response:
    return Response(bytes(32 << 20))


WAYS = (
    Way("POST", "/count", count_bytes, Role.NOBODY, body_bytes=100_000),
    Way("POST", "/count-quickly", count_bytes, Role.NOBODY, body_bytes=100_000, whole_seconds=1.0),
    Way("POST", "/ignore", read_nothing, Role.NOBODY, body_bytes=100_000_000),
    Way("GET", "/fail", fail, Role.NOBODY),
    Way("GET", "/fail-late", fail_late, Role.NOBODY),
    Way("GET", "/lost", lose_the_share, Role.NOBODY),
    Way("GET", "/miss/{what}", miss, Role.NOBODY),
    Way("GET", "/page", page, Role.NOBODY),
    Way("GET", "/huge", huge, Role.NOBODY),
    Way("GET", "/count", read_nothing, Role.NOBODY),
)


@pytest.fixture(scope="module")
def address() -> Iterator[Address]:
    """A port whose clients have time, as a test on a busy machine needs it."""
    with port(limits=PATIENT, ways=WAYS) as opened:
        yield opened


@pytest.fixture(scope="module")
def hasty() -> Iterator[Address]:
    """A port whose clients must be quick."""
    with port(limits=QUICK, ways=WAYS) as opened:
        yield opened


def test_headers_without_end_are_cut_off() -> None:
    with port() as address:
        assert b"200" not in raw(address, b"GET /metrics HTTP/1.1\r\nX: " + b"a" * 200_000)
        assert asked(address, "/metrics")[0].status == 200


def test_long_headers_that_come_in_one_piece_are_refused(address: Address) -> None:
    response, body = asked(address, "/count", headers={"X": "a" * 20_000})

    assert (response.status, problem_of(body)) == (431, "headers_too_large")


def test_a_long_address_is_refused(address: Address) -> None:
    assert asked(address, "/count?" + "a" * 20_000)[0].status == 431


def test_a_client_that_sends_half_a_header_loses_its_connection(hasty: Address) -> None:
    assert raw(hasty, b"GET /count HTTP/1.1\r\n") == b""


def test_a_byte_now_and_then_does_not_keep_a_connection(hasty: Address) -> None:
    with socket.create_connection(hasty, LONGEST_SECONDS) as slow:
        assert _is_cut_off(slow, b"G", pause=0.05)


def test_the_time_for_headers_also_limits_a_second_request() -> None:
    limits = PortLimits(header_seconds=1.0, idle_seconds=3600)
    with port(limits=limits, ways=WAYS) as address, socket.create_connection(address, LONGEST_SECONDS) as connection:
        connection.sendall(b"GET /count HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = b""
        while not answer.endswith(b"read nothing"):
            answer += connection.recv(65536)
        connection.sendall(b"GET /count HTTP/1.1\r\n")
        assert all_of(connection) == b""


def test_an_idle_connection_is_closed(hasty: Address) -> None:
    with socket.create_connection(hasty, LONGEST_SECONDS) as connection:
        connection.sendall(b"GET /count HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert all_of(connection).endswith(b"read nothing")


def test_silent_clients_cannot_keep_others_out_for_long(hasty: Address) -> None:
    with connected(hasty, FEW) as silent:
        for connection in silent:
            assert all_of(connection) == b""  # the port closes the connection by itself
        assert eventually(lambda: _served(hasty, "/count"))


def test_more_clients_than_allowed_are_dropped_at_once() -> None:
    with port(limits=PATIENT) as address:
        with connected(address, FEW), socket.create_connection(address, LONGEST_SECONDS) as late:
            assert all_of(late) == b""
        assert eventually(lambda: _served(address, "/metrics"))


def test_one_client_cannot_take_all_connections() -> None:
    limits = PortLimits(connections=FEW, of_one_address=FEW // 2, header_seconds=60.0)
    with port(limits=limits) as address, connected(address, FEW):
        with pytest.raises((ConnectionError, http.client.HTTPException)):
            asked(address, "/metrics")
        other = http.client.HTTPConnection(*address, timeout=LONGEST_SECONDS, source_address=("127.0.0.2", 0))
        other.request("GET", "/metrics")
        assert other.getresponse().status == 200
        other.close()


def _is_cut_off(connection: socket.socket, piece: bytes, pause: float = 0.0) -> bool:
    """Whether the port at last refuses to take the same piece again and again."""
    until = time.monotonic() + LONGEST_SECONDS
    while time.monotonic() < until:
        try:
            connection.sendall(piece)
        except OSError:
            return True
        time.sleep(pause)
    return False


def _served(address: Address, path: str) -> bool:
    try:
        return asked(address, path)[0].status == 200
    except (ConnectionError, http.client.HTTPException):
        return False


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_clients_that_ask_and_never_read_lose_their_connections(hasty: Address, version: bytes) -> None:
    with connected(hasty, FEW) as lazy:
        for connection in lazy:
            connection.sendall(b"GET /huge HTTP/" + version + b"\r\nHost: localhost\r\n\r\n")
        assert eventually(lambda: _served(hasty, "/count"))


def test_a_client_that_asks_often_and_never_reads_loses_its_connection(hasty: Address) -> None:
    with connected(hasty, FEW) as lazy:
        for connection in lazy:
            connection.setblocking(False)
            try:
                while True:
                    connection.send(b"GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n" * 100)
            except OSError:
                pass
        assert eventually(lambda: _served(hasty, "/count"))


def test_a_slow_reader_who_reads_gets_everything() -> None:
    limits = PortLimits(answer_seconds=2.0)
    with port(limits=limits, ways=WAYS) as address, socket.create_connection(address, LONGEST_SECONDS) as slow:
        slow.sendall(b"GET /huge HTTP/1.0\r\n\r\n")
        received, began = 0, time.monotonic()
        while piece := slow.recv(256 << 10):
            received += len(piece)
            if time.monotonic() - began < 2 * limits.answer_seconds:
                time.sleep(0.05)
        assert received > 32 << 20


def test_several_requests_at_once_are_answered_in_order(address: Address) -> None:
    first = b"POST /count HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n\r\nabc"
    last = b"GET /count HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    answer = raw(address, first * 3 + last)

    assert answer.count(b"HTTP/1.1 200 OK") == 4
    assert answer.count(b"\r\n\r\n3") == 3
    assert answer.endswith(b"read nothing")


def test_a_body_that_is_announced_too_large_is_refused_before_it_comes(address: Address) -> None:
    with socket.create_connection(address, LONGEST_SECONDS) as connection:
        connection.sendall(b"POST /count HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10000000000\r\n\r\n")
        head, _, body = all_of(connection).partition(b"\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in head.lower()
    assert problem_of(body) == "too_large"


def test_a_body_of_unknown_length_is_refused_when_it_is_too_large(address: Address) -> None:
    def pieces() -> Iterator[bytes]:
        yield from (bytes(10_000) for _ in range(1000))

    connection = http.client.HTTPConnection(*address, timeout=LONGEST_SECONDS)
    connection.request("POST", "/count", pieces(), encode_chunked=True, headers={"Transfer-Encoding": "chunked"})
    response = connection.getresponse()

    assert (response.status, problem_of(response.read())) == (413, "too_large")
    connection.close()


def test_who_sends_too_much_still_sees_why(address: Address) -> None:
    response, body = asked(address, "/count", "POST", body=bytes(8_000_000))

    assert (response.status, problem_of(body)) == (413, "too_large")


def test_a_body_that_nobody_reads_does_not_become_the_next_request(address: Address) -> None:
    hidden = b"GET /huge HTTP/1.1\r\nHost: localhost\r\n\r\n"
    head = b"POST /ignore HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % len(hidden)
    answer = raw(address, head + hidden)

    assert answer.count(b"HTTP/1.1") == 1
    assert answer.endswith(b"read nothing")


def test_a_body_with_two_lengths_is_refused(address: Address) -> None:
    head = b"POST /count HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = raw(address, head + b"0\r\n\r\nGET /huge HTTP/1.1\r\nHost: localhost\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1") == 1


def test_a_body_without_end_that_nobody_reads_is_cut_off(hasty: Address) -> None:
    with socket.create_connection(hasty, LONGEST_SECONDS) as connection:
        connection.sendall(b"POST /ignore HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert _is_cut_off(connection, b"10000\r\n" + bytes(0x10000) + b"\r\n")


def test_a_body_that_comes_too_slowly_is_refused(address: Address) -> None:
    with socket.create_connection(address, LONGEST_SECONDS) as slow:
        slow.sendall(b"POST /count-quickly HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n")
        for _ in range(14):
            slow.sendall(b"a")
            time.sleep(0.1)
        answer = all_of(slow)

    assert answer.startswith(b"HTTP/1.1 408")
    assert problem_of(answer.partition(b"\r\n\r\n")[2]) == "too_slow"


def test_a_body_shorter_than_announced_is_refused(address: Address) -> None:
    answer = raw(address, b"POST /count-quickly HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nshort")

    assert answer.startswith(b"HTTP/1.1 408")


def test_a_client_that_goes_away_in_its_body_is_no_fault_of_ours(
    address: Address, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO), socket.create_connection(address, LONGEST_SECONDS) as gone:
        gone.sendall(b"POST /count HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nshort")
    assert asked(address, "/count")[0].status == 200
    time.sleep(0.1)

    assert caplog.records == []


@pytest.mark.parametrize(
    "rubbish",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET /count HTTP/one\r\n\r\n",
        b"\r\n\r\n\r\n",
        b"POST /count HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        b"POST /count HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_no_http_is_refused_without_a_log_line(
    hasty: Address, rubbish: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        answer = raw(hasty, rubbish + b"\r\n" * 20)

    assert answer == b"" or answer.startswith(b"HTTP/1.1 400")
    assert eventually(lambda: _served(hasty, "/count"))
    assert caplog.records == []


def test_rubbish_behind_a_request_does_not_harm_its_answer(address: Address) -> None:
    answer = raw(address, b"GET /count HTTP/1.1\r\nHost: localhost\r\n\r\n\x00rubbish\r\n\r\n")

    assert answer.startswith(b"HTTP/1.1 200")


def test_an_unknown_error_is_a_500_and_one_line_in_the_log(address: Address, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        response, body = asked(address, "/fail")

    assert (response.status, problem_of(body)) == (500, "internal_error")
    assert b"secret" not in body
    (record,) = caplog.records
    assert (vars(record)["action"], record.exc_info is not None) == ("internal_error", True)
    assert "GET /fail failed: ZeroDivisionError" in record.getMessage()


def test_an_error_in_the_middle_of_an_answer_cuts_it_off(address: Address, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), pytest.raises(http.client.IncompleteRead):
        asked(address, "/fail-late")

    (record,) = caplog.records
    assert vars(record)["action"] == "internal_error"


def test_a_share_that_goes_away_in_a_file_cuts_it_off_and_is_no_fault_of_ours(
    address: Address, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO), pytest.raises(http.client.IncompleteRead):
        asked(address, "/lost")

    (record,) = caplog.records
    assert (vars(record)["action"], record.exc_info) == ("answer_cut_off", None)


def test_an_error_of_ours_is_a_problem_with_its_name(address: Address) -> None:
    response, body = asked(address, "/miss/share")

    assert response.status == 503
    assert response.getheader("Retry-After") == "10"
    assert response.getheader("Content-Type") == "application/problem+json"
    told = json.loads(body)
    assert (problem_of(body), told["status"], told["detail"]) == ("root_away", 503, "the share is away")


@pytest.mark.parametrize(
    ("what", "status", "kind"),
    [("disk", 503, "root_away"), ("room", 507, "no_room"), ("journal", 503, "journal_locked")],
)
def test_a_disk_that_fails_is_told_and_is_no_fault_of_ours(
    address: Address, caplog: pytest.LogCaptureFixture, what: str, status: int, kind: str
) -> None:
    with caplog.at_level(logging.INFO):
        response, body = asked(address, f"/miss/{what}")

    assert (response.status, problem_of(body)) == (status, kind)
    assert caplog.records == []


@pytest.mark.parametrize("path", ["/count", "/nothing", "/fail", "/miss/share", "/page?" + "a" * 20_000])
def test_every_answer_has_what_keeps_browsers_strict(address: Address, path: str) -> None:
    response, _ = asked(address, path)
    headers = {name.lower(): value for name, value in response.getheaders()}

    assert headers.items() >= HEADERS.items()
    for directive in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "script-src 'self';"):
        assert directive in headers["content-security-policy"]


def test_a_path_with_several_methods_names_them_all(address: Address) -> None:
    response, body = asked(address, "/count", "DELETE")

    assert (response.status, response.getheader("Allow")) == (405, "GET, HEAD, POST")
    assert problem_of(body) == "method_not_allowed"


def test_a_browser_may_keep_its_connection(address: Address) -> None:
    connection = http.client.HTTPConnection(*address, timeout=LONGEST_SECONDS)
    for _ in range(3):
        connection.request("POST", "/count", b"abc")
        assert connection.getresponse().read() == b"3"
        kept = connection.sock
    assert connection.sock is kept
    connection.close()


def test_a_large_page_of_figures_reaches_who_reads_it() -> None:
    class ManyMetrics(Metrics):
        def exposition(self) -> bytes:
            return bytes(8 << 20)

    with port(watched_site(ManyMetrics("1"))) as address:
        assert len(asked(address, "/metrics")[1]) == 8 << 20
