"""What a proxy says counts if it is listed, and what anybody else says does not."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.requests import Request

from daemon.errors import BadSettings
from daemon.settings import load
from daemon.settings.http_section import HttpSettings
from daemon.web.access.proxies import Peer, Proxies
from daemon.web.callers import Role
from daemon.web.problems import Refused
from tests.web.doors import TESTER, Door, door

ME = "/api/v1/me"
TRUSTING = HttpSettings(proxies=("127.0.0.1", "10.1.0.0/16"), proxy_header="Remote-User")


def peer(http: HttpSettings, connected: str, *headers: tuple[str, str]) -> Peer:
    raw = [(name.lower().encode(), value.encode()) for name, value in headers]
    return Proxies(http).peer(Request({"type": "http", "client": (connected, 1), "headers": raw}))


@pytest.fixture
def port(tmp_path: Path) -> Iterator[Door]:
    with door(tmp_path, TRUSTING, user="anna") as opened:
        yield opened


def test_a_stranger_says_nothing_of_others() -> None:
    told = peer(
        TRUSTING, "10.2.0.1", ("X-Forwarded-For", "1.2.3.4"), ("X-Forwarded-Proto", "https"), ("Remote-User", "anna")
    )

    assert told == Peer("10.2.0.1", False, None, False)


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        (["203.0.113.7"], "203.0.113.7"),
        (["6.6.6.6, 203.0.113.7"], "203.0.113.7"),  # what the client itself claims stands first
        (["6.6.6.6, 203.0.113.7, 10.1.2.3"], "203.0.113.7"),
        (["6.6.6.6", "203.0.113.7, 10.1.2.3"], "203.0.113.7"),
        (["10.1.2.3, 10.1.2.4"], "10.1.2.3"),
        (["2001:db8::1"], "2001:db8::1"),
        ([], "127.0.0.1"),
    ],
)
def test_the_client_is_the_last_machine_that_is_no_proxy_of_ours(forwarded: list[str], address: str) -> None:
    told = peer(TRUSTING, "127.0.0.1", *(("X-Forwarded-For", value) for value in forwarded))

    assert told.address == address
    assert not told.is_this_machine


@pytest.mark.parametrize(
    "headers",
    [
        [("X-Forwarded-For", "unknown")],
        [("X-Forwarded-For", "1.2.3.4, ")],
        [("X-Forwarded-For", "1.2.3.4:80")],
        [("X-Forwarded-Proto", "gopher")],
        [("X-Forwarded-Proto", "https"), ("X-Forwarded-Proto", "http")],
        [("Remote-User", "anna"), ("Remote-User", "bea")],
    ],
    ids=str,
)
def test_what_a_listed_proxy_says_and_nobody_can_read_is_refused(headers: list[tuple[str, str]]) -> None:
    with pytest.raises(Refused) as refused:
        peer(TRUSTING, "10.1.0.9", *headers)

    assert refused.value.status == 400


def test_an_ipv4_proxy_is_known_on_an_ipv6_socket() -> None:
    assert peer(TRUSTING, "::ffff:10.1.0.9", ("X-Forwarded-For", "203.0.113.7")).address == "203.0.113.7"


def test_the_proxy_says_that_the_browser_came_by_tls() -> None:
    assert peer(TRUSTING, "127.0.0.1", ("X-Forwarded-Proto", "https")).by_tls
    assert not peer(TRUSTING, "127.0.0.1", ("X-Forwarded-Proto", "http")).by_tls


def test_whom_the_proxy_let_in_gets_a_session_and_the_api_takes_that_alone(port: Door) -> None:
    header = {"Remote-User": "Anna"}

    without = port.ask(ME, headers=header)
    came = port.ask("/login?next=/review", headers=header)
    inside = port.ask(ME, headers={"Cookie": came.cookie})

    assert without.status == 401
    assert (came.status, came.headers["Location"]) == (303, "/review")
    assert json.loads(inside.body)["name"] == "anna"


def test_a_session_ends_to_count_when_the_proxy_names_somebody_else(port: Door) -> None:
    port.add("bea", Role.VIEWER)
    cookie = port.ask("/login", headers={"Remote-User": "anna"}).cookie

    assert port.ask(ME, headers={"Cookie": cookie, "Remote-User": "ANNA"}).status == 200
    assert port.ask(ME, headers={"Cookie": cookie, "Remote-User": "bea"}).status == 401


@pytest.mark.parametrize("name", ["nobody", "bea"])
def test_whom_the_proxy_let_in_but_we_do_not_know_is_told_what_an_admin_can_do(port: Door, name: str) -> None:
    port.add("bea")
    port.users.rows.set_disabled("bea", True, TESTER)

    page = port.ask("/login", headers={"Remote-User": name})

    assert page.status == 403
    assert "freisteller user" in page.body
    assert not page.cookie


def test_guesses_are_counted_for_the_machine_behind_the_proxy(port: Door) -> None:
    for number in range(40):
        port.log_in(f"name {number}", "wrong", headers={"X-Forwarded-For": "203.0.113.7"})

    assert port.log_in("anna", headers={"X-Forwarded-For": "203.0.113.7"}).status == 429
    assert port.log_in("anna", headers={"X-Forwarded-For": "203.0.113.8"}).status == 303


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ({"proxies": ["10.0.0.1/8"]}, "addresses or networks"),
        ({"proxies": ["proxy.example"]}, "addresses or networks"),
        ({"proxy_header": "Remote-User"}, "needs proxies"),
        ({"proxies": ["10.0.0.1"], "proxy_header": "Remote User"}, "HTTP header"),
        ({"public_url": "photos.example"}, "https://host"),
        ({"public_url": "https://photos.example/table"}, "without a path"),
        ({"public_url": "https://[::1"}, "https://host"),
        ({"session_days": 0}, "session_days"),
    ],
    ids=str,
)
def test_a_setting_that_cannot_be_meant_is_explained(section: dict[str, object], says: str) -> None:
    with pytest.raises(BadSettings, match=says):
        load(flags={"http": section})
