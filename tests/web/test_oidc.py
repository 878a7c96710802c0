"""People log in at a provider of OpenID Connect, and nobody comes in by what it does not prove."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from pydantic import SecretStr

from daemon.errors import BadSettings
from daemon.settings import load
from daemon.settings.http_section import HttpSettings
from daemon.settings.oidc_section import OidcSettings
from daemon.web.access.all_users import Users
from daemon.web.access.oidc_provider import OidcProvider
from daemon.web.access.provider_line import ProviderLine
from daemon.web.access.provider_logins import ProviderLogins
from daemon.web.access.provider_ways import CALLBACK
from daemon.web.access.user_rows import Scope
from daemon.web.callers import Role
from tests.observe.prometheus import free_port
from tests.web.browser import browser, needs_browser
from tests.web.doors import TESTER, Answer, Door, door
from tests.web.identity_provider import CLIENT, SECRET, Provider, provider
from tests.web.live_daemon import live_daemon

ME = "/api/v1/me"
PUBLIC = "http://127.0.0.1:9108"


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with provider() as process:
        yield process


@pytest.fixture
def idp(running: Provider) -> Provider:
    running.does()
    return running


@contextmanager
def door_with(
    idp: Provider, state: Path, public: str = PUBLIC, seconds: float = 10.0, user: str = "", **oidc: object
) -> Iterator[Door]:
    own = {"issuer": idp.issuer, "client_id": CLIENT, "client_secret": SecretStr(SECRET), "name": "Studio", **oidc}
    settings = HttpSettings(public_url=public, oidc=OidcSettings.model_validate(own))
    asked = OidcProvider(settings.oidc, public + CALLBACK, ProviderLine("Studio", seconds))
    with door(state, settings, user=user, logins=lambda desk: ProviderLogins(asked, desk)) as opened:
        yield opened


@pytest.fixture
def port(idp: Provider, tmp_path: Path) -> Iterator[Door]:
    with door_with(idp, tmp_path) as opened:
        opened.add("anna", Role.REVIEWER)
        opened.users.rows.set_oidc("anna", "u-1", TESTER)
        yield opened


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def sent_back(way: str) -> str:
    """Where the provider sends a browser that comes there, as a path of ours."""
    try:
        urllib.request.build_opener(_NoRedirect).open(way, timeout=60).close()
    except urllib.error.HTTPError as answer:
        back = urlsplit(answer.headers["Location"])
        return f"{back.path}?{back.query}"
    raise AssertionError("the provider does not lead back")


def begin(port: Door, goes_to: str = "/orders", headers: Mapping[str, str] | None = None) -> Answer:
    return port.ask(f"/login/oidc?{urlencode({'next': goes_to})}", headers={"Accept": "text/html", **(headers or {})})


def come_back(port: Door, path: str, cookie: str, headers: Mapping[str, str] | None = None) -> Answer:
    """As a browser follows a redirect from another site."""
    cross = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Accept": "text/html"}
    return port.ask(path, headers={**cross, "Cookie": cookie, **(headers or {})})


def log_in(port: Door, goes_to: str = "/orders") -> Answer:
    began = begin(port, goes_to)
    return come_back(port, sent_back(began.headers["Location"]), began.cookie)


def session_of(answer: Answer) -> str:
    """The session's cookie; the other one is taken back."""
    given = [value.partition(";")[0] for value in answer.headers.get_all("Set-Cookie") or []]
    return next((value for value in given if "-login" not in value.partition("=")[0] and not value.endswith('""')), "")


def test_whom_the_provider_lets_in_gets_a_session_like_any_other(port: Door) -> None:
    came = log_in(port, "/orders?x=1")

    assert (came.status, came.headers["Location"]) == (303, "/orders?x=1")
    assert json.loads(port.ask(ME, headers={"Cookie": session_of(came)}).body)["name"] == "anna"
    assert [(event.who, event.what, event.detail) for event in port.users.events.latest(1)] == [
        ("anna", "login", "Studio")
    ]


def test_the_page_to_log_in_has_a_button_in_both_languages(port: Door) -> None:
    english, german = (port.ask("/login", headers={"Accept-Language": each}).body for each in ("en", "de"))

    assert "Log in with Studio" in english
    assert "Mit Studio anmelden" in german
    assert 'href="/login/oidc?next=/"' in english


def test_without_a_provider_there_is_no_button_and_no_way(tmp_path: Path) -> None:
    with door(tmp_path, user="anna") as port:
        assert "oidc" not in port.ask("/login").body
        assert port.ask("/login/oidc").status == 404
        assert port.ask(f"{CALLBACK}?state=x&code=y").status == 404


def test_the_browser_is_sent_with_all_that_binds_the_answer_to_it(port: Door, idp: Provider) -> None:
    first, second = begin(port), begin(port)

    way = urlsplit(first.headers["Location"])
    asked = {name: values[0] for name, values in parse_qs(way.query).items()}
    assert f"{way.scheme}://{way.netloc}{way.path}" == f"{idp.issuer}/authorize"
    assert asked["redirect_uri"] == PUBLIC + CALLBACK
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    again = {name: values[0] for name, values in parse_qs(urlsplit(second.headers["Location"]).query).items()}
    assert not {asked[name] for name in ("state", "nonce", "code_challenge")} & set(again.values())
    assert first.cookie.partition("=")[2] not in first.headers["Location"]


def test_over_tls_both_cookies_are_bound_to_this_host(idp: Provider, tmp_path: Path) -> None:
    with door_with(idp, tmp_path, public="https://photos.example", user="anna") as port:
        port.users.rows.set_oidc("anna", "u-1", TESTER)
        began = begin(port, headers={"Host": "photos.example"})
        came = come_back(port, sent_back(began.headers["Location"]), began.cookie, {"Host": "photos.example"})

    given = [*(began.headers.get_all("Set-Cookie") or []), *(came.headers.get_all("Set-Cookie") or [])]
    assert {each.partition("=")[0] for each in given} == {"__Host-freisteller", "__Host-freisteller-login"}
    for flags in given:
        assert {"httponly", "path=/", "samesite=lax", "secure"} <= {flag.strip().lower() for flag in flags.split(";")}


@pytest.mark.parametrize(
    "goes_to", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_nobody_is_led_to_another_site(port: Door, goes_to: str) -> None:
    assert log_in(port, goes_to).headers["Location"] == "/"


def test_a_session_of_before_ends(port: Door) -> None:
    old = port.log_in("anna").cookie
    began = begin(port)

    came = come_back(port, sent_back(began.headers["Location"]), f"{began.cookie}; {old}")

    assert came.status == 303
    assert port.ask(ME, headers={"Cookie": old}).status == 401


def test_logging_out_ends_it(port: Door) -> None:
    cookie = session_of(log_in(port))

    port.ask("/logout", "POST", {"Cookie": cookie})

    assert port.ask(ME, headers={"Cookie": cookie}).status == 401


# ---- what binds an answer to one browser ----


def test_a_callback_without_the_cookie_lets_nobody_in(port: Door) -> None:
    back = sent_back(begin(port).headers["Location"])

    refused = come_back(port, back, "")

    assert refused.status == 400
    assert "begun in another browser" in refused.body
    assert not session_of(refused)


def test_the_answer_for_one_browser_is_of_no_use_in_another(port: Door) -> None:
    stolen = sent_back(begin(port).headers["Location"])
    other = begin(port)

    assert come_back(port, stolen, other.cookie).status == 400
    assert come_back(port, stolen.replace("state=", "state=x"), other.cookie).status == 400


def test_an_answer_counts_once_even_if_the_provider_takes_its_code_again(port: Door, idp: Provider) -> None:
    idp.does(takes_codes_again=True)
    began = begin(port)
    back = sent_back(began.headers["Location"])

    first, second = (come_back(port, back, began.cookie) for _ in range(2))

    assert (first.status, second.status) == (303, 400)


def test_a_code_of_another_login_is_refused_by_its_proof_key(port: Door) -> None:
    mine, others = begin(port), begin(port)
    code = parse_qs(urlsplit(sent_back(others.headers["Location"])).query)["code"][0]
    back = urlsplit(sent_back(mine.headers["Location"]))
    state = parse_qs(back.query)["state"][0]

    refused = come_back(port, f"{CALLBACK}?{urlencode({'state': state, 'code': code})}", mine.cookie)

    assert (refused.status, session_of(refused)) == (502, "")


def test_an_answer_in_the_name_of_another_provider_is_refused(port: Door) -> None:
    began = begin(port)

    refused = come_back(port, sent_back(began.headers["Location"]) + "&iss=https://evil.example", began.cookie)

    assert (refused.status, session_of(refused)) == (502, "")


def test_whoever_says_no_at_the_provider_is_told_so(port: Door, idp: Provider) -> None:
    idp.does(refuses="access_denied")

    refused = log_in(port)

    assert refused.status == 403
    assert "Studio did not let you in" in refused.body


# ---- what the provider must prove ----

PAST, FUTURE = 1_000_000_000, 4_000_000_000  # no real time: all processes of a test run must give a test one name


@pytest.mark.parametrize(
    "behaviour",
    [
        {"token": {"nonce": "another"}},
        {"token": {"nonce": None}},
        {"token": {"aud": "another client"}},
        {"token": {"aud": [CLIENT, "another client"]}},  # without azp
        {"token": {"aud": [CLIENT, "another client"], "azp": "another client"}},
        {"token": {"aud": None}},
        {"token": {"iss": "https://evil.example"}},
        {"token": {"iss": None}},
        {"token": {"exp": PAST}},
        {"token": {"exp": None}},
        {"token": {"exp": "never"}},
        {"token": {"iat": FUTURE}},
        {"token": {"nbf": FUTURE}},
        {"token": {"sub": None}},
        {"token": {"sub": ["u-1"]}},
        {"token": {"sub": ""}},
        {"sign": "none"},
        {"sign": "HS256"},
        {"sign": "swapped"},
        {"told": {"/token": [200, {"access_token": "x"}]}},
        {"told": {"/token": [200, {"id_token": 7}]}},
        {"told": {"/token": [200, {"id_token": "a.b.c"}]}},
        {"told": {"/token": [200, {"id_token": "ä" * 70000}]}},
        {"told": {"/token": [200, []]}},
        {"told": {"/token": [200, "no JSON"]}},
        {"told": {"/token": [200, "[" * 100_000]}},
        {"told": {"/token": [500, "<html>"]}},
        {"told": {"/token": [302, ""]}},
        {"told": {"/keys": [200, {"keys": []}]}},
        {"told": {"/keys": [200, {"keys": "none"}]}},
        {"told": {"/keys": [200, {"keys": [7, {"kty": "RSA"}, {"kty": "oct", "k": "c2VjcmV0"}]}]}},
        {"told": {"/keys": [404, {}]}},
    ],
    ids=lambda behaviour: str(behaviour)[:60],
)
def test_nobody_comes_in_by_what_is_not_proven(port: Door, idp: Provider, behaviour: Mapping[str, object]) -> None:
    idp.does(**behaviour)

    refused = log_in(port)

    assert refused.status == 502
    assert "The login at Studio does not work now" in refused.body
    assert not session_of(refused)
    assert port.users.events.latest(1)[0].what != "login"


@pytest.mark.parametrize(
    "described",
    [
        {"issuer": "https://evil.example"},
        {"authorization_endpoint": "http://evil.example/authorize"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": None},
        {"authorization_endpoint": "https://evil.example/\r\nSet-Cookie: a=b"},
    ],
    ids=str,
)
def test_a_description_that_leads_elsewhere_is_not_followed(
    port: Door, idp: Provider, described: Mapping[str, object]
) -> None:
    idp.does(described=described)

    refused = begin(port)

    assert (refused.status, refused.headers["Location"]) == (502, None)


def test_new_keys_of_the_provider_are_read_when_a_token_names_them(port: Door, idp: Provider) -> None:
    assert log_in(port).status == 303
    idp.does(sign="rotated")

    assert log_in(port).status == 303


def test_keys_that_were_broken_for_a_while_do_no_harm_afterwards(port: Door, idp: Provider) -> None:
    idp.does(told={"/keys": [200, {"keys": []}]})
    assert log_in(port).status == 502
    idp.does()

    assert log_in(port).status == 303


# ---- who it is ----


def test_who_is_no_user_of_ours_is_told_what_an_admin_can_do(port: Door, idp: Provider) -> None:
    idp.does(person={"sub": "it's <me>"})

    refused = log_in(port)

    assert refused.status == 403
    assert "Studio calls you it&#39;s &lt;me&gt;" in refused.body
    assert "freisteller user oidc NAME" in refused.body
    assert port.users.events.latest(1)[0].detail == "Studio: it's <me>"


def test_a_disabled_user_does_not_come_in(port: Door) -> None:
    port.users.rows.set_disabled("anna", True, TESTER)

    assert log_in(port).status == 403


def test_a_session_ends_with_the_right_to_come_in_by_the_provider(port: Door) -> None:
    cookie = session_of(log_in(port))

    port.users.rows.set_oidc("anna", None, TESTER)

    assert port.ask(ME, headers={"Cookie": cookie}).status == 401
    assert log_in(port).status == 403


@pytest.mark.parametrize(
    ("behaviour", "status"),
    [
        ({"person": {"sub": "1", "email": "anna@example.org", "email_verified": True}}, 303),
        ({"person": {"sub": "1", "email": "anna@example.org", "email_verified": False}}, 502),
        ({"person": {"sub": "1", "email": "anna@example.org", "email_verified": "true"}}, 502),
        ({"person": {"sub": "1", "email": "anna@example.org"}}, 502),
        ({"person": {"sub": "1"}, "besides": {"email": "anna@example.org", "email_verified": True}}, 303),
        ({"person": {"sub": "1"}, "besides": {"sub": "2", "email": "anna@example.org", "email_verified": True}}, 502),
        ({"person": {"sub": "1"}, "told": {"/userinfo": [401, {}]}}, 502),
        ({"person": {"sub": "1"}}, 502),
    ],
    ids=str,
)
def test_an_address_counts_only_if_the_provider_verified_it(
    idp: Provider, tmp_path: Path, behaviour: Mapping[str, object], status: int
) -> None:
    idp.does(**behaviour)
    with door_with(idp, tmp_path, claim="email") as port:
        port.add("anna")
        port.users.rows.set_oidc("anna", "anna@example.org", TESTER)

        assert log_in(port).status == status


# ---- a provider that hangs ----


@pytest.mark.parametrize("kind", ["slow", "endless"])
@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/token", "/keys"])
def test_a_provider_that_does_not_end_its_answer_makes_a_page_and_nothing_else(
    idp: Provider, tmp_path: Path, kind: str, path: str
) -> None:
    with door_with(idp, tmp_path, seconds=1.0) as port:
        port.add("anna")
        port.users.rows.set_oidc("anna", "u-1", TESTER)
        idp.does(**{kind: [path]})
        began = begin(port)
        refused = began if began.status != 303 else come_back(port, sent_back(began.headers["Location"]), began.cookie)

        assert refused.status == 502
        assert "The login at Studio does not work now" in refused.body
        assert port.log_in("anna").status == 303


def test_a_provider_that_is_not_there_leaves_the_passwords(tmp_path: Path) -> None:
    with door_with(Provider("http://127.0.0.1:9"), tmp_path) as port:
        port.add("anna")

        assert begin(port).status == 502
        assert port.log_in("anna").status == 303


# ---- settings ----


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ({"oidc": {"issuer": "http://login.example", "client_id": "x"}}, "https://host"),
        ({"oidc": {"issuer": "https://anna:pw@login.example", "client_id": "x"}}, "https://host"),
        ({"oidc": {"issuer": "https://login.example/?a=b", "client_id": "x"}}, "https://host"),
        ({"oidc": {"issuer": "https://login.example"}}, "client_id"),
        ({"oidc": {"issuer": "https://login.example", "client_id": "x"}}, "public_url"),
        ({"oidc": {"scopes": ["email"]}}, "openid"),
        ({"oidc": {"claim": "groups"}}, "claim"),
    ],
    ids=str,
)
def test_a_setting_that_cannot_be_meant_is_explained(section: dict[str, object], says: str) -> None:
    with pytest.raises(BadSettings, match=says):
        load(flags={"http": section})


@needs_browser
def test_a_person_logs_in_at_the_provider_with_a_browser(idp: Provider, tmp_path: Path) -> None:
    idp.does(asks=True)
    number = free_port()
    base = f"http://127.0.0.1:{number}"
    oidc = {"issuer": idp.issuer, "name": "Studio", "client_id": CLIENT, "client_secret": SECRET}
    with (
        live_daemon(tmp_path, port=number, public_url=base, oidc=oidc),
        Users(tmp_path / "state", HttpSettings()) as users,
    ):
        users.rows.add("anna", Scope(Role.VIEWER), None, TESTER, 0.0)
        with browser(base, language="de-DE") as page:
            page.open("/orders")
            page.click("a[href^='/login/oidc']")
            page.wait(lambda: page.shows("#yes"), "the provider's page")
            page.click("#yes")
            page.wait_for_text("[role=alert]", "freisteller user oidc NAME u-1")
            users.rows.set_oidc("anna", "u-1", TESTER)

            page.open("/orders")
            page.click("a[href^='/login/oidc']")
            page.wait(lambda: page.shows("#yes"), "the provider's page")
            page.click("#yes")
            page.wait(lambda: page.run("return location.pathname") == "/orders", "the page that was wanted")
            assert page.run("return document.documentElement.dataset.user") == "anna"
            assert not [said for said in page.said() if "Security Policy" in said]


def test_authlib_is_loaded_only_for_a_provider() -> None:
    script = (
        "import sys, daemon.web.web_server, daemon.service.open_web, daemon.web.access.provider_ways\n"
        "assert not {'authlib', 'joserfc', 'cryptography'} & set(sys.modules), sorted(sys.modules)"
    )

    subprocess.run([sys.executable, "-c", script], check=True, timeout=120)
