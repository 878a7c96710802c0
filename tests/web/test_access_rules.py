"""Pages of strangers in the browser of a person who is logged in, and names that lead to our address."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from pydantic import ValidationError

from daemon.settings.http_section import HttpSettings
from daemon.web.access.user_rows import Scope
from daemon.web.callers import Role
from tests.web.doors import Door, door
from tests.web.ports import asked

PUBLIC = HttpSettings(public_url="https://photos.studio", proxies=("127.0.0.1",))


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Door]:
    """A port on loopback without users."""
    with door(tmp_path) as opened:
        yield opened


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Door]:
    """A port with a user."""
    with door(tmp_path, user="anna") as opened:
        yield opened


def logout(at: Door, headers: Mapping[str, str]) -> int:
    """A change, asked for by a person who is logged in, with these headers and no others."""
    cookie = at.log_in("anna").cookie
    assert cookie
    return asked(at.address, "/logout", "POST", {"Cookie": cookie, **headers})[0].status


def own(at: Door) -> str:
    return f"http://{at.address[0]}:{at.address[1]}"


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_our_own_pages_may_change_something(studio: Door, site: str) -> None:
    assert logout(studio, {"Sec-Fetch-Site": site}) == 303


@pytest.mark.parametrize("site", ["cross-site", "same-site", "", "SAME-ORIGIN"])
def test_pages_of_others_may_not(studio: Door, site: str) -> None:
    assert logout(studio, {"Sec-Fetch-Site": site}) == 403


def test_where_the_browser_is_from_counts_more_than_what_origin_says(studio: Door) -> None:
    assert logout(studio, {"Sec-Fetch-Site": "cross-site", "Origin": own(studio)}) == 403


def test_an_old_browser_is_known_by_its_origin(studio: Door) -> None:
    assert logout(studio, {"Origin": own(studio)}) == 303


@pytest.mark.parametrize(
    "origin", ["null", "", "http://127.0.0.1", "https://evil.example", "http://127.0.0.1:1", "http://evil.example:80"]
)
def test_another_origin_is_refused(studio: Door, origin: str) -> None:
    assert logout(studio, {"Origin": origin}) == 403


def test_a_cookie_without_a_word_where_it_comes_from_is_refused(studio: Door) -> None:
    assert logout(studio, {}) == 403


def test_a_foreign_page_cannot_log_anybody_in(studio: Door) -> None:
    assert studio.log_in("anna", headers={"Sec-Fetch-Site": "cross-site"}).status == 403


def test_a_foreign_page_cannot_change_anything_on_this_machine_either(home: Door) -> None:
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "cross-site", "Origin": "null"}):
        assert home.ask("/logout", "POST", headers).status == 403


@pytest.mark.parametrize("mode", ["no-cors", "cors", ""])
def test_a_foreign_page_cannot_keep_us_at_work_either(home: Door, mode: str) -> None:
    assert home.ask("/metrics", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": mode}).status == 403


def test_a_link_of_a_foreign_page_leads_to_us(home: Door) -> None:
    assert home.ask("/status", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}).status == 200


def test_a_token_needs_no_further_proof(studio: Door) -> None:
    token = studio.token("anna", Scope(Role.ADMIN))
    headers = {"Authorization": f"Bearer {token}", "Sec-Fetch-Site": "cross-site", "Host": "photos.elsewhere"}

    assert studio.ask("/metrics", headers=headers).status == 200
    assert studio.ask("/logout", "POST", headers).status != 403


def test_behind_a_proxy_the_public_address_is_ours(tmp_path: Path) -> None:
    with door(tmp_path, PUBLIC, user="anna") as studio:
        fine = {"Host": "photos.studio", "Origin": "https://photos.studio", "X-Forwarded-Proto": "https"}
        assert logout(studio, fine) == 303
        assert logout(studio, {**fine, "Origin": "https://photos.studio.evil.example"}) == 403
        assert logout(studio, {**fine, "Origin": "http://evil.example"}) == 403


def test_the_refusal_names_the_setting(studio: Door) -> None:
    cookie = studio.log_in("anna").cookie
    sent = {"Cookie": cookie, "Sec-Fetch-Site": "cross-site", "Origin": "https://photos.studio"}

    assert "http.public_url" in studio.ask("/logout", "POST", sent).body
    assert "http.hosts" in studio.ask("/metrics", headers={"Host": "photobox"}).body


@pytest.mark.parametrize("host", ["evil.example", "evil.example:9108", "192.168.1.7", "photos.studio.evil.example"])
def test_users_do_not_open_the_port_to_other_names(studio: Door, host: str) -> None:
    cookie = studio.log_in("anna").cookie

    assert studio.ask("/metrics", headers={"Host": host, "Cookie": cookie}).status == 421
    assert studio.ask("/login", headers={"Host": host}).status == 421


@pytest.mark.parametrize("host", ["photobox", "Photobox.local:9108", "localhost", "127.0.0.1:80"])
def test_a_name_from_the_settings_is_ours(tmp_path: Path, host: str) -> None:
    with door(tmp_path, HttpSettings(hosts=("photobox", "photobox.LOCAL"))) as home:
        assert home.ask("/healthz", headers={"Host": host}).status == 200


def test_in_a_network_the_address_itself_is_ours_but_no_strange_name(tmp_path: Path) -> None:
    with door(tmp_path, bind="0.0.0.0:0", user="anna") as studio:
        assert studio.ask("/login", headers={"Host": "192.168.1.7:9108"}).status == 200
        assert studio.ask("/login", headers={"Host": "evil.example"}).status == 421


@pytest.mark.parametrize("name", ["https://photobox", "photobox:80", "", "*", "a b", ".local"])
def test_hosts_are_names_without_ports(name: str) -> None:
    with pytest.raises(ValidationError, match="names without a port"):
        HttpSettings(hosts=(name,))
