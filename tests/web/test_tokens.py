"""Programs come in by tokens, which may do at most what their user may."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.errors import BadSettings
from daemon.web.access.user_rows import Scope
from daemon.web.callers import Role
from tests.web.doors import TESTER, Answer, Door, door

ME = "/api/v1/me"


@pytest.fixture
def port(tmp_path: Path) -> Iterator[Door]:
    with door(tmp_path) as opened:
        opened.add("shop", Role.OPERATOR, frozenset({"a", "b"}))
        yield opened


def sent(port: Door, token: str, header: str = "Authorization", kind: str = "Bearer ") -> Answer:
    return port.ask(ME, headers={header: f"{kind}{token}"})


@pytest.mark.parametrize(
    ("header", "kind"), [("Authorization", "Bearer "), ("authorization", "bearer "), ("x-api-key", "")]
)
def test_a_program_shows_its_token_in_a_header(port: Door, header: str, kind: str) -> None:
    token = port.token("shop", Scope(Role.VIEWER, frozenset({"b", "c"})))

    assert token.startswith("frs_")
    assert json.loads(sent(port, token, header, kind).body) == {"name": "shop", "role": "viewer", "orders": ["b"]}


def test_the_secret_of_a_token_is_in_no_file(port: Door, tmp_path: Path) -> None:
    token = port.token("shop", Scope(Role.VIEWER)).encode()
    sent(port, token.decode())

    assert not any(token in path.read_bytes() for path in tmp_path.iterdir())


def test_a_token_does_no_more_than_its_user_may_now(port: Door) -> None:
    token = port.token("shop", Scope(Role.OPERATOR))
    port.users.rows.set_scope("shop", Scope(Role.VIEWER, frozenset({"z"})), TESTER)

    assert json.loads(sent(port, token).body) == {"name": "shop", "role": "viewer", "orders": ["z"]}


@pytest.mark.parametrize("end", ["over", "removed", "disabled", "user removed", "no order left", "changed", "empty"])
def test_a_token_that_counts_no_longer_lets_nobody_in(port: Door, end: str) -> None:
    token = port.token("shop", Scope(Role.VIEWER), days=2)
    assert sent(port, token).status == 200

    match end:
        case "over":
            port.clock.advance(2 * 86400)
        case "removed":
            port.users.tokens.remove("shop", "program", TESTER)
        case "disabled":
            port.users.rows.set_disabled("shop", True, TESTER)
        case "user removed":
            port.add("anna")
            port.users.rows.remove("shop", TESTER)
        case "no order left":
            token = port.token("shop", Scope(Role.VIEWER, frozenset({"a"})), "narrow")
            port.users.rows.set_scope("shop", Scope(Role.OPERATOR, frozenset({"b"})), TESTER)
        case "changed":
            token = token[:-1] + ("A" if token[-1] != "A" else "B")
        case _:
            token = "frs_"

    assert sent(port, token).status == 401


def test_a_wrong_token_is_not_made_good_by_a_session(port: Door) -> None:
    port.add("anna")
    cookie = port.log_in("anna").cookie

    assert port.ask(ME, headers={"Cookie": cookie, "Authorization": "Bearer frs_wrong"}).status == 401
    assert port.ask(ME, headers={"Cookie": cookie, "Authorization": "Basic YTpi"}).status == 200


def test_when_a_token_was_used_last_is_known_to_the_minute(port: Door) -> None:
    token = port.token("shop", Scope(Role.VIEWER))
    start = port.clock()
    for seconds in (0, 30, 31):
        port.clock.advance(seconds)
        sent(port, token)

    assert [each.used_at for each in port.users.tokens.all()] == [start + 61]


def test_two_tokens_of_a_user_have_different_names(port: Door) -> None:
    port.token("shop", Scope(Role.VIEWER))

    with pytest.raises(BadSettings, match="has a token program already"):
        port.token("shop", Scope(Role.VIEWER))


def test_tokens_are_at_least_256_random_bits(port: Door) -> None:
    tokens = {port.token("shop", Scope(Role.VIEWER), f"number {number}") for number in range(50)}

    assert len(tokens) == 50
    assert {len(token) for token in tokens} == {len("frs_") + 43}
