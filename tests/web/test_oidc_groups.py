"""A login provider's groups say what people may do here, and logging out here logs out there."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from daemon.commands.doctor_login import login_checks
from daemon.errors import BadSettings
from daemon.settings import Settings, load
from daemon.settings.http_section import HttpSettings
from daemon.settings.oidc_section import OidcSettings
from daemon.web.access.oidc_provider import LONGEST_HINT, OidcProvider
from daemon.web.access.provider_line import ProviderLine
from daemon.web.access.provider_ways import CALLBACK
from daemon.web.access.user_rows import Scope, User
from daemon.web.callers import Role
from tests.web.doors import TESTER, Answer, Door, door
from tests.web.identity_provider import CLIENT, Provider, provider
from tests.web.test_oidc import ME, PUBLIC, door_with, log_in, sent_back, session_of

ROLES = {"studio-admins": "admin", "packers": "operator", "retouchers": "reviewer", "guests": "viewer"}


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with provider() as process:
        yield process


@pytest.fixture
def idp(running: Provider) -> Provider:
    running.does()
    return running


@pytest.fixture
def port(idp: Provider, tmp_path: Path) -> Iterator[Door]:
    with door_with(idp, tmp_path, user="chief", roles=ROLES) as opened:
        yield opened


def person(*groups: str, name: str = "eva", sub: str = "u-1") -> dict[str, object]:
    return {"sub": sub, "preferred_username": name, "groups": list(groups)}


def who(port: Door, came: Answer) -> tuple[str, str] | None:
    """The name and the role of whom a login let in; None if nobody is in."""
    cookie = session_of(came)
    answer = port.ask(ME, headers={"Cookie": cookie}) if cookie else None
    told = json.loads(answer.body) if answer and answer.status == 200 else None
    return told and (told["name"], told["role"])


def kept(port: Door, name: str) -> User:
    return port.users.rows.known(name)


def happened(port: Door, what: str) -> list[tuple[str, str]]:
    return [(event.whom, event.detail) for event in port.users.events.latest(50) if event.what == what]


# ---- roles by groups ----


def test_who_is_in_a_group_comes_in_without_a_user_and_with_its_role(port: Door, idp: Provider) -> None:
    idp.does(person=person("everybody", "retouchers"))

    came = log_in(port)

    assert who(port, came) == ("eva", "reviewer")
    assert kept(port, "eva").by_groups
    assert happened(port, "user_added") == [
        ("eva", "Studio: reviewer by group retouchers"),
        ("chief", "admin"),
    ]
    assert happened(port, "login")[0] == ("eva", "Studio: reviewer by group retouchers")
    assert who(port, log_in(port)) == ("eva", "reviewer")
    assert len(happened(port, "user_added")) == 2


@pytest.mark.parametrize("groups", [("studio-admins", "guests"), ("guests", "studio-admins", "packers")])
def test_the_highest_role_counts(port: Door, idp: Provider, groups: tuple[str, ...]) -> None:
    idp.does(person=person(*groups))

    assert who(port, log_in(port)) == ("eva", "admin")


def test_groups_that_only_the_userinfo_tells_count_as_well(port: Door, idp: Provider) -> None:
    idp.does(person={"sub": "u-1", "name": "Eva Maier"}, besides={"groups": ["packers"]})

    assert who(port, log_in(port)) == ("Eva Maier", "operator")


@pytest.mark.parametrize("groups", [[], ["others"], ["Studio-Admins"], ["studio-admins "]])
def test_who_is_in_no_group_of_ours_is_refused_as_before(port: Door, idp: Provider, groups: list[str]) -> None:
    idp.does(person=person(*groups))

    refused = log_in(port)

    assert (refused.status, who(port, refused)) == (403, None)
    assert "freisteller user oidc NAME u-1" in refused.body
    assert port.users.rows.named("eva") is None


def test_a_provider_that_tells_no_groups_lets_in_whom_an_admin_named(port: Door, idp: Provider) -> None:
    port.add("anna", Role.REVIEWER)
    port.users.rows.set_oidc("anna", "u-1", TESTER)
    idp.does(person={"sub": "u-1"})

    assert who(port, log_in(port)) == ("anna", "reviewer")


def test_without_roles_in_the_settings_no_group_counts(idp: Provider, tmp_path: Path) -> None:
    idp.does(person={**person("admin"), "groups": {"no": "list"}})
    with door_with(idp, tmp_path, user="chief") as port:
        assert log_in(port).status == 403


def test_another_claim_may_tell_the_groups(idp: Provider, tmp_path: Path) -> None:
    idp.does(person={**person("studio-admins"), "https://studio.example/roles": ["guests"]})
    with door_with(idp, tmp_path, user="chief", roles=ROLES, groups_claim="https://studio.example/roles") as port:
        assert who(port, log_in(port)) == ("eva", "viewer")


# ---- hostile claims ----


@pytest.mark.parametrize(
    "groups",
    ["studio-admins", {"studio-admins": True}, [["studio-admins"]], ["studio-admins", 7], [None], True, 7, None],
    ids=str,
)
@pytest.mark.parametrize("where", ["person", "besides"])
def test_groups_of_a_wrong_type_let_nobody_in(port: Door, idp: Provider, groups: object, where: str) -> None:
    claims: dict[str, dict[str, object]] = {"person": {"sub": "u-1", "preferred_username": "eva"}, "besides": {}}
    claims[where]["groups"] = groups
    if where == "person" and groups is None:
        claims["besides"]["groups"] = None  # the double leaves out a claim that is None
    idp.does(**claims)

    refused = log_in(port)

    assert (refused.status, who(port, refused)) == (502, None)
    assert port.users.rows.named("eva") is None


def test_ten_thousand_groups_are_read_to_the_last(port: Door, idp: Provider) -> None:
    many = [f"group-{number}" for number in range(10_000)]
    idp.does(person={"sub": "u-1", "preferred_username": "eva"}, besides={"groups": [*many, "packers"]})

    assert who(port, log_in(port)) == ("eva", "operator")


def test_ten_thousand_groups_in_the_token_itself_let_nobody_in(port: Door, idp: Provider) -> None:
    idp.does(person=person(*(f"group-{number}" for number in range(10_000)), "packers"))

    refused = log_in(port)

    assert (refused.status, who(port, refused)) == (502, None)


@pytest.mark.parametrize(
    ("name", "called"),
    [("a\u202eb", "eva@example.org"), ("-x", "eva@example.org"), ("x" * 65, "eva@example.org"), (7, "eva@example.org")],
)
def test_a_name_that_nobody_could_type_is_not_taken(port: Door, idp: Provider, name: object, called: str) -> None:
    idp.does(person={**person("guests"), "preferred_username": name, "email": "eva@example.org"})

    assert who(port, log_in(port)) == (called, "viewer")


def test_a_name_that_somebody_has_is_not_taken_over(port: Door, idp: Provider) -> None:
    port.add("anna", Role.ADMIN)
    idp.does(person=person("guests", name="ANNA"))

    assert who(port, log_in(port)) == ("ANNA 2", "viewer")
    assert kept(port, "anna").oidc is None
    assert kept(port, "anna").scope.role is Role.ADMIN


# ---- a role that follows the groups ----


def test_the_role_follows_the_token_also_in_sessions_that_live(port: Door, idp: Provider) -> None:
    idp.does(person=person("studio-admins"))
    first = log_in(port)
    assert who(port, first) == ("eva", "admin")
    idp.does(person=person("guests"))

    second = log_in(port)

    assert who(port, second) == ("eva", "viewer")
    assert who(port, first) == ("eva", "viewer")
    assert happened(port, "role_changed") == [("eva", "Studio: viewer by group guests")]


def test_who_lost_the_group_is_out_everywhere_at_the_next_login(port: Door, idp: Provider) -> None:
    idp.does(person=person("packers"))
    lives = log_in(port)
    token = port.token("eva", Scope(Role.OPERATOR))
    idp.does(person=person("others"))

    refused = log_in(port)

    assert (refused.status, who(port, refused), who(port, lives)) == (403, None, None)
    assert port.ask(ME, headers={"Authorization": f"Bearer {token}"}).status == 401
    assert happened(port, "group_lost") == [("eva", "Studio")]
    idp.does(person=person("guests"))
    assert who(port, log_in(port)) == ("eva", "viewer")


def test_a_session_by_a_group_ends_after_its_hours_although_it_is_used(idp: Provider, tmp_path: Path) -> None:
    idp.does(person=person("guests"))
    with door_with(idp, tmp_path, user="chief", roles=ROLES, session_hours=2.0) as port:
        by_group, by_password = log_in(port), port.log_in("chief")
        for _ in range(2):
            port.clock.advance(3500.0)
            assert who(port, by_group) == ("eva", "viewer")

        port.clock.advance(300.0)

        assert who(port, by_group) is None
        assert port.ask(ME, headers={"Cookie": by_password.cookie}).status == 200


def test_a_named_user_has_the_role_of_the_group_only_as_long_as_it_is_in_it(port: Door, idp: Provider) -> None:
    port.add("anna", Role.VIEWER)
    port.users.rows.set_oidc("anna", "u-1", TESTER)
    idp.does(person=person("packers"))
    by_group = log_in(port)
    assert who(port, by_group) == ("anna", "operator")
    assert kept(port, "anna").scope.role is Role.VIEWER
    idp.does(person=person())

    named = log_in(port)

    assert who(port, named) == ("anna", "viewer")
    assert who(port, by_group) is None


def test_a_limit_to_orders_stays_and_keeps_a_group_from_making_an_admin(port: Door, idp: Provider) -> None:
    idp.does(person=person("guests"))
    log_in(port)
    port.users.rows.set_scope("eva", Scope(Role.VIEWER, frozenset({"shoes"})), TESTER)
    idp.does(person=person("studio-admins"))

    came = log_in(port)

    told = json.loads(port.ask(ME, headers={"Cookie": session_of(came)}).body)
    assert (told["role"], told["orders"]) == ("operator", ["shoes"])
    assert kept(port, "eva").scope == Scope(Role.OPERATOR, frozenset({"shoes"}))


def test_a_disabled_member_of_a_group_stays_out(port: Door, idp: Provider) -> None:
    idp.does(person=person("studio-admins"))
    lives = log_in(port)
    port.users.rows.set_disabled("eva", True, TESTER)

    assert (log_in(port).status, who(port, lives)) == (403, None)


def test_whom_an_admin_names_later_no_longer_needs_a_group(port: Door, idp: Provider) -> None:
    idp.does(person=person("packers"))
    log_in(port)
    port.users.rows.set_oidc("eva", "u-1", TESTER)
    idp.does(person=person())

    assert who(port, log_in(port)) == ("eva", "operator")


def test_a_proxy_lets_in_nobody_who_came_by_a_group(idp: Provider, tmp_path: Path) -> None:
    idp.does(person=person("studio-admins"))
    with door_with(idp, tmp_path, user="chief", roles=ROLES) as port:
        log_in(port)
    http = HttpSettings(public_url=PUBLIC, proxies=("127.0.0.1",), proxy_header="Remote-User")
    with door(tmp_path, http) as port:
        assert port.ask("/login", headers={"Remote-User": "eva", "Accept": "text/html"}).status == 403


# ---- logging out ----


def log_out(port: Door, cookie: str) -> Answer:
    return port.ask("/logout", "POST", {"Cookie": cookie, "Accept": "text/html", "Accept-Language": "en"})


def test_logging_out_leads_to_the_provider_which_leads_back(port: Door, idp: Provider) -> None:
    idp.does(person=person("guests"))
    cookie = session_of(log_in(port))

    left = log_out(port, cookie)

    seconds, _, way = (left.headers["Refresh"] or "").partition("; url=")
    assert (left.status, seconds, way.startswith(f"{idp.issuer}/end?")) == (200, "0", True)
    assert parse_qs(urlsplit(way).query)["post_logout_redirect_uri"] == [f"{PUBLIC}/login"]
    assert sent_back(way).rstrip("?") == "/login"  # it knew the ID token
    assert "Log out at Studio" in left.body
    assert "eva" not in left.body
    assert port.ask(ME, headers={"Cookie": cookie}).status == 401


@pytest.mark.parametrize(
    "behaviour",
    [
        {"described": {"end_session_endpoint": None}},
        {"described": {"end_session_endpoint": "http://evil.example/end"}},
        {"described": {"end_session_endpoint": "javascript:alert(1)"}},
        {"described": {"end_session_endpoint": "https://evil.example/\r\nSet-Cookie: a=b"}},
        {"described": {"end_session_endpoint": 7}},
    ],
    ids=str,
)
def test_without_a_logout_at_the_provider_the_page_says_so(
    idp: Provider, tmp_path: Path, behaviour: Mapping[str, object]
) -> None:
    idp.does(person=person("guests"), **behaviour)
    with door_with(idp, tmp_path, user="chief", roles=ROLES) as port:
        cookie = session_of(log_in(port))

        left = log_out(port, cookie)

        assert (left.status, left.headers["Refresh"]) == (200, None)
        assert "but not at Studio" in left.body
        assert "evil" not in left.body
        assert port.ask(ME, headers={"Cookie": cookie}).status == 401


def test_people_may_log_out_here_only(idp: Provider, tmp_path: Path) -> None:
    idp.does(person=person("guests"))
    with door_with(idp, tmp_path, user="chief", roles=ROLES, logout="here") as port:
        left = log_out(port, session_of(log_in(port)))

    assert (left.headers["Refresh"], "but not at Studio" in left.body) == (None, True)


def test_who_came_by_password_is_led_nowhere_else(port: Door) -> None:
    left = log_out(port, port.log_in("chief").cookie)

    assert (left.status, left.headers["Location"], left.headers["Refresh"]) == (303, "/login", None)


def test_an_id_token_that_fits_no_address_is_left_out(idp: Provider) -> None:
    settings = OidcSettings(issuer=idp.issuer, client_id=CLIENT)
    asked = OidcProvider(settings, PUBLIC + CALLBACK, ProviderLine("Studio"))

    assert "id_token_hint" in asked.way_out("x" * LONGEST_HINT)
    assert "id_token_hint" not in asked.way_out("x" * (LONGEST_HINT + 1))


# ---- settings ----


@pytest.mark.parametrize(
    ("oidc", "says"),
    [
        ({"roles": {"studio": "boss"}}, "roles"),
        ({"roles": {"": "admin"}}, "roles"),
        ({"roles": ["admin"]}, "roles"),
        ({"groups_claim": ""}, "groups_claim"),
        ({"session_hours": 0}, "session_hours"),
        ({"logout": "no"}, "logout"),
    ],
    ids=str,
)
def test_a_setting_that_cannot_be_meant_is_explained(oidc: Mapping[str, object], says: str) -> None:
    with pytest.raises(BadSettings, match=says):
        load(flags={"http": {"oidc": oidc}})


def doctor(idp: Provider, **oidc: object) -> dict[str, str]:
    own = {"issuer": idp.issuer, "client_id": CLIENT, **oidc}
    settings: Settings = load(flags={"http": {"public_url": PUBLIC, "oidc": own}})
    return {check.what: check.level for check in login_checks(settings)}


def test_the_doctor_asks_the_provider(idp: Provider) -> None:
    assert doctor(idp, roles=ROLES) == {"login provider": "OK"}
    idp.does(described={"claims_supported": ["sub", "email"], "scopes_supported": ["openid"]})
    assert doctor(idp, roles=ROLES) == {
        "login provider": "OK",
        "login provider: scopes": "warn",
        "login provider: groups": "warn",
    }
    idp.does(described={"end_session_endpoint": None, "claims_supported": 7})
    assert [*doctor(idp)] == ["login provider", "login provider: logout"]
    assert [*doctor(idp, logout="here")] == ["login provider"]
    assert doctor(Provider("http://127.0.0.1:9")) == {"login provider": "fail"}
    idp.does(described={"issuer": "https://evil.example"})
    assert doctor(idp) == {"login provider": "fail"}
    assert list(login_checks(load())) == []
