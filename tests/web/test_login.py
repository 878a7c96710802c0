"""People log in, stay in, and are out again, over a real port."""

import json
from collections.abc import Iterator
from pathlib import Path

import argon2
import pytest
from pydantic import SecretStr

from daemon.errors import BadSettings
from daemon.settings.http_section import HttpSettings
from daemon.web.access import login_desk, passwords
from daemon.web.access.user_rows import Scope
from daemon.web.callers import Role
from tests.web.doors import HASH, PASSWORD, TESTER, Door, door

ME = "/api/v1/me"


@pytest.fixture
def port(tmp_path: Path) -> Iterator[Door]:
    with door(tmp_path) as opened:
        yield opened


def test_without_users_this_machine_is_let_in_as_admin(port: Door) -> None:
    assert json.loads(port.ask(ME).body) == {"name": "", "role": "admin", "orders": None}


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"])
def test_without_users_nobody_comes_in_through_a_proxy(port: Door, header: str) -> None:
    assert port.ask(ME, headers={header: "203.0.113.7"}).status == 401


def test_as_soon_as_there_is_a_user_this_machine_has_to_log_in_too(port: Door) -> None:
    port.add("anna")

    assert port.ask(ME).status == 401
    assert port.ask("/metrics").status == 401


def test_whoever_logs_in_is_known_by_name_role_and_orders(port: Door) -> None:
    port.add("Änna", Role.REVIEWER, frozenset({"b", "a"}))

    came = port.log_in("ÄNNA", goes_to="/orders?x=1")

    assert (came.status, came.headers["Location"]) == (303, "/orders?x=1")
    assert json.loads(port.ask(ME, headers={"Cookie": came.cookie}).body) == {
        "name": "Änna",
        "role": "reviewer",
        "orders": ["a", "b"],
    }


def test_the_cookie_is_out_of_reach_for_scripts_and_other_sites(port: Door) -> None:
    port.add("anna")

    flags = port.log_in("anna").headers["Set-Cookie"]

    assert flags.startswith("freisteller=")
    assert {flag.strip().lower() for flag in flags.split(";")[1:]} == {"httponly", "path=/", "samesite=lax"}


def test_over_tls_the_cookie_is_bound_to_this_host(tmp_path: Path) -> None:
    with door(tmp_path, HttpSettings(public_url="https://photos.example"), user="anna") as port:
        flags = port.log_in("anna", headers={"Host": "localhost"}).headers["Set-Cookie"]

    assert flags.startswith("__Host-freisteller=")
    assert {flag.strip().lower() for flag in flags.split(";")[1:]} == {"httponly", "path=/", "samesite=lax", "secure"}


def test_the_secret_of_a_session_is_in_no_file(port: Door, tmp_path: Path) -> None:
    port.add("anna")

    secret = port.log_in("anna").cookie.partition("=")[2].encode()

    assert len(secret) >= 43
    assert not any(secret in path.read_bytes() for path in tmp_path.iterdir())


@pytest.mark.parametrize(("name", "password"), [("anna", "wrong"), ("nobody", PASSWORD), ("bea", PASSWORD), ("", "")])
def test_a_wrong_name_and_a_wrong_password_are_refused_alike(port: Door, name: str, password: str) -> None:
    port.add("anna")
    port.add("bea")
    port.users.rows.set_disabled("bea", True, TESTER)

    refused = port.log_in(name, password)

    assert refused.status == 401
    assert json.loads(refused.body)["detail"] == "The name or the password is wrong."
    assert not refused.cookie


def test_a_user_without_a_password_cannot_log_in(port: Door) -> None:
    port.users.rows.add("robot", Scope(Role.VIEWER), None, TESTER, 0.0)

    assert port.log_in("robot", "").status == 401


def test_each_login_gets_a_new_session_and_ends_the_old_one(port: Door) -> None:
    port.add("anna")
    first = port.log_in("anna").cookie

    second = port.log_in("anna", headers={"Cookie": first}).cookie

    assert first != second
    assert port.ask(ME, headers={"Cookie": first}).status == 401
    assert port.ask(ME, headers={"Cookie": second}).status == 200


def test_logging_out_ends_the_session_for_good(port: Door) -> None:
    port.add("anna")
    cookie = port.log_in("anna").cookie

    gone = port.ask("/logout", "POST", {"Cookie": cookie})

    assert (gone.status, gone.headers["Location"]) == (303, "/login")
    assert port.ask(ME, headers={"Cookie": cookie}).status == 401


def test_an_unused_session_ends_and_a_used_one_does_not_until_its_last_day(port: Door) -> None:
    port.add("anna")
    idle, used = port.log_in("anna").cookie, port.log_in("anna").cookie
    for _ in range(13):
        port.clock.advance(3600)
        assert port.ask(ME, headers={"Cookie": used}).status == 200

    assert port.ask(ME, headers={"Cookie": idle}).status == 401
    for _ in range(33):
        port.clock.advance(10 * 3600)
        port.ask(ME, headers={"Cookie": used})
    assert port.ask(ME, headers={"Cookie": used}).status == 401


@pytest.mark.parametrize("change", ["password", "role", "disabled", "removed"])
def test_what_a_command_changes_ends_the_sessions_of_that_user_only(port: Door, tmp_path: Path, change: str) -> None:
    port.add("anna")
    port.add("bea")
    hers, others = port.log_in("anna").cookie, port.log_in("bea").cookie
    rows = port.users.rows

    match change:
        case "password":
            rows.set_password("anna", HASH, TESTER)
        case "role":
            rows.set_scope("anna", Scope(Role.ADMIN), TESTER)
        case "disabled":
            rows.set_disabled("anna", True, TESTER)
            rows.set_disabled("anna", False, TESTER)
        case _:
            rows.remove("anna", TESTER)

    assert port.ask(ME, headers={"Cookie": hers}).status == 401
    assert port.ask(ME, headers={"Cookie": others}).status == 200


def test_a_page_leads_to_the_login_and_back_and_the_api_says_401(port: Door) -> None:
    port.add("anna")
    browser = {"Accept": "text/html,*/*"}

    page = port.ask("/status?a=1&b=2", headers=browser)

    assert (page.status, page.headers["Location"]) == (303, "/login?next=/status%3Fa%3D1%26b%3D2")
    assert 'value="/status?a=1&amp;b=2"' in port.ask(page.headers["Location"], headers=browser).body
    assert port.ask(ME, headers=browser).status == 401


@pytest.mark.parametrize("evil", ["https://evil.example/", "//evil.example", "/\\evil.example", "evil", "/a\nb", ""])
def test_a_login_leads_to_our_own_pages_only(port: Door, evil: str) -> None:
    port.add("anna")

    assert port.log_in("anna", goes_to=evil).headers["Location"] == "/"


def test_a_wrong_password_in_a_browser_shows_the_form_again_without_markup_of_strangers(port: Door) -> None:
    port.add("anna")

    page = port.log_in('"><script>', "wrong", headers={"Accept": "text/html"})

    assert page.status == 401
    assert "The name or the password is wrong." in page.body
    assert 'value="&#34;&gt;&lt;script&gt;"' in page.body


def test_a_form_of_another_kind_is_refused(port: Door) -> None:
    assert port.ask("/login", "POST", {"Content-Type": "application/json"}, "{}").status == 415


def test_the_token_of_the_figures_reads_the_figures(tmp_path: Path) -> None:
    with door(tmp_path, HttpSettings(token=SecretStr("s3cret"))) as port:
        port.add("anna")
        told = port.ask(ME, headers={"Authorization": "Bearer s3cret"})

    assert json.loads(told.body) == {"name": "", "role": "monitor", "orders": None}


@pytest.mark.parametrize(
    "http",
    [HttpSettings(public_url="https://photos.example"), HttpSettings(proxies=("127.0.0.1",))],
    ids=["public_url", "proxies"],
)
def test_a_port_behind_a_proxy_needs_a_user_to_start(tmp_path: Path, http: HttpSettings) -> None:
    with pytest.raises(BadSettings, match="freisteller user add NAME --role admin"), door(tmp_path, http):
        pass


def test_a_port_for_other_machines_needs_a_user_to_start(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="freisteller user add NAME --role admin"), door(tmp_path, bind="0.0.0.0:0"):
        pass


def test_with_a_user_a_port_for_other_machines_starts(tmp_path: Path) -> None:
    with door(tmp_path) as port:
        port.add("anna")

    with door(tmp_path, bind="0.0.0.0:0") as port:
        assert port.ask(ME).status == 401


def test_the_page_to_log_in_speaks_german_and_tells_how_long_to_wait(port: Door) -> None:
    port.add("anna")
    browser = {"Accept": "text/html", "Accept-Language": "de"}

    pages = [port.log_in("anna", "wrong", headers=browser) for _ in range(6)]

    assert "Der Name oder das Passwort ist falsch." in pages[0].body
    assert pages[-1].status == 429
    assert f"in {pages[-1].headers['Retry-After']} s" in pages[-1].body


def test_a_port_for_other_machines_does_not_open_when_the_last_user_goes(tmp_path: Path) -> None:
    with door(tmp_path, bind="0.0.0.0:0", user="anna") as port:
        port.users.rows.remove("anna", TESTER)

        assert port.ask(ME, headers={"Host": "127.0.0.1"}).status == 401


def test_a_hash_of_an_earlier_version_is_made_anew_at_the_next_login(port: Door) -> None:
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    port.users.rows.add("anna", Scope(Role.VIEWER), weak, TESTER, port.clock())

    came = port.log_in("anna")

    assert port.ask(ME, headers={"Cookie": came.cookie}).status == 200
    kept = str(port.users.rows.known("anna").password)
    assert argon2.extract_parameters(kept) == argon2.extract_parameters(HASH)
    assert port.log_in("anna").status == 303


def test_a_password_that_changes_while_its_hash_is_made_anew_stays_changed(
    port: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    weak = argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    port.users.rows.add("anna", Scope(Role.VIEWER), weak, TESTER, port.clock())

    def hash_slowly(password: str) -> str:
        port.users.rows.set_password("anna", HASH, TESTER)  # an admin is faster
        return argon2.PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(password)

    monkeypatch.setattr(passwords, "hash_of", hash_slowly)

    assert port.log_in("anna").status == 401
    assert port.users.rows.known("anna").password == HASH


def test_when_too_many_log_in_at_once_the_next_is_told_when_to_come_again(
    port: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    port.add("anna")
    monkeypatch.setattr(login_desk, "MOST_WAITING", 0)

    refused = [port.log_in("anna") for _ in range(10)]
    monkeypatch.undo()

    assert {(each.status, each.headers["Retry-After"]) for each in refused} == {(503, "2")}
    assert port.log_in("anna").status == 303  # and none of it counted as a guess
