"""Every route for everybody: who gets in, who is refused how, and who sees nothing of other people's orders.

The routes come from the daemon's own table, so a new one is in here by itself. If its path has a part that this module
cannot fill in, `places` has to learn it.
"""

import http.client
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import pytest

from daemon.people.deeds import DeedKind
from daemon.settings.http_section import HttpSettings
from daemon.states import State
from daemon.web.access.all_users import Users
from daemon.web.access.user_rows import Scope
from daemon.web.app import WAYS
from daemon.web.callers import Role
from daemon.web.ways import Way
from tests.drawing import drawn_photo, save_photo
from tests.web.doors import HASH, TESTER
from tests.web.identity_provider import provider
from tests.web.live_daemon import PATIENCE_SECONDS, Live, live_daemon

FIGURES_TOKEN = "s3cret"
DAY = 86400.0
Headers: TypeAlias = Callable[[], Mapping[str, str]]


@dataclass(frozen=True)
class Guest:
    """Somebody who comes to the port. role: what he may do. elsewhere: only in orders that have no photos.

    headers: what he sends this time; a session is a new one, since the one before may have logged out.
    """

    name: str
    role: Role
    headers: Headers
    elsewhere: bool = False


GUESTS = (
    ("nobody", Role.NOBODY),
    ("expired session", Role.NOBODY),
    ("session that nobody gave", Role.NOBODY),
    ("removed token", Role.NOBODY),
    ("token that is over", Role.NOBODY),
    ("disabled user", Role.NOBODY),
    ("token of a disabled user", Role.NOBODY),
    ("wrong figures token", Role.NOBODY),
    ("figures token", Role.MONITOR),
    *((f"{role} by token", role) for role in (Role.MONITOR, Role.VIEWER, Role.REVIEWER, Role.OPERATOR, Role.ADMIN)),
    *((f"{role}", role) for role in (Role.VIEWER, Role.REVIEWER, Role.OPERATOR, Role.ADMIN)),
    ("viewer elsewhere", Role.VIEWER),
    ("operator elsewhere", Role.OPERATOR),
    ("operator elsewhere by token", Role.OPERATOR),
)


@dataclass(frozen=True)
class House:
    """A daemon that has cut out a photo, and everybody who may come. places: what stands for a part of a path."""

    live: Live
    guests: Mapping[str, Guest]
    job: str
    places: Mapping[str, str]

    def path(self, way: Way) -> str:
        """A path of this route that leads to something that is there."""
        if way.path.startswith("/static/"):
            return self.places["static"]
        return re.sub(r"\{(\w+)(?::\w+)?\}", lambda part: self.places[part[1]], way.path)

    def knock(self, way: Way, guest: Guest, method: str = "", **headers: str) -> tuple[int, str]:
        """The status of an answer, and its body unless it may never end."""
        connection = http.client.HTTPConnection(*self.live.address, timeout=PATIENCE_SECONDS)
        method = method or way.method
        body = None if method in ("GET", "HEAD") else b"{"
        kind = "application/octet-stream" if way.path in INTO_AN_ORDER else "application/json"
        own = {"Sec-Fetch-Site": "same-origin", "Content-Type": kind}
        own |= {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, self.path(way), body, {**own, **guest.headers()})
            answer = connection.getresponse()
            endless = answer.getheader("Content-Type", "").startswith("text/event-stream")
            return answer.status, "" if endless else answer.read().decode("utf-8", "replace")
        finally:
            connection.close()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    with (
        provider() as elsewhere,
        live_daemon(
            folder,
            token=FIGURES_TOKEN,
            public_url="http://127.0.0.1",
            oidc={"issuer": elsewhere.issuer, "client_id": "freisteller"},
        ) as live,
        Users(folder / "state", HttpSettings()) as users,
    ):
        save_photo(live.root / "inbox" / "shoes" / "sandal.png", drawn_photo(96, 72))
        until = time.monotonic() + PATIENCE_SECONDS
        while not (done := live.daemon.parts.journal.rows(State.DONE)):
            assert time.monotonic() < until
            time.sleep(0.1)
        guests = {guest.name: guest for guest in _guests(users)}
        assert list(guests) == [name for name, _ in GUESTS]
        yield House(live, guests, done[0].job.id, _places(live, guests["admin"], done[0].job.id))


def _guests(users: Users) -> Iterator[Guest]:
    now = time.time()

    def session(name: str, role: Role, orders: frozenset[str] | None = None, at: float = now) -> Headers:
        user = users.rows.add(name, Scope(role, orders), HASH, TESTER, now)
        return lambda: {"Cookie": f"freisteller={users.sessions.begin(user, at)}"}

    def token(user: str, role: Role, label: str, days: float = 1.0) -> Headers:
        secret = users.tokens.add(user, label, Scope(role), TESTER, (now - DAY, now + days * DAY))
        return lambda: {"Authorization": f"Bearer {secret}"}

    yield Guest("nobody", Role.NOBODY, dict)
    yield Guest("expired session", Role.NOBODY, session("late", Role.ADMIN, at=now - 30 * DAY))
    yield Guest("session that nobody gave", Role.NOBODY, lambda: {"Cookie": "freisteller=" + "A" * 43})
    removed = token("late", Role.ADMIN, "removed")
    users.tokens.remove("late", "removed", TESTER)
    yield Guest("removed token", Role.NOBODY, removed)
    yield Guest("token that is over", Role.NOBODY, token("late", Role.ADMIN, "over", days=-0.1))
    session("gone", Role.ADMIN)
    before = {"Cookie": f"freisteller={users.sessions.begin(users.rows.known('gone'), now)}"}
    gone_token = token("gone", Role.ADMIN, "program")
    users.rows.set_disabled("gone", True, TESTER)
    yield Guest("disabled user", Role.NOBODY, lambda: before)
    yield Guest("token of a disabled user", Role.NOBODY, gone_token)
    yield Guest("wrong figures token", Role.NOBODY, lambda: {"Authorization": f"Bearer {FIGURES_TOKEN}x"})
    yield Guest("figures token", Role.MONITOR, lambda: {"Authorization": f"Bearer {FIGURES_TOKEN}"})
    for role in (Role.MONITOR, Role.VIEWER, Role.REVIEWER, Role.OPERATOR, Role.ADMIN):
        yield Guest(f"{role} by token", role, token("late", role, role))
    for role in (Role.VIEWER, Role.REVIEWER, Role.OPERATOR, Role.ADMIN):
        yield Guest(f"{role}", role, session(f"the {role}", role))
    other = frozenset({"hats"})
    yield Guest("viewer elsewhere", Role.VIEWER, session("hat viewer", Role.VIEWER, other), True)
    yield Guest("operator elsewhere", Role.OPERATOR, session("hat operator", Role.OPERATOR, other), True)
    yield Guest("operator elsewhere by token", Role.OPERATOR, token("hat operator", Role.OPERATOR, "hats"), True)


def _places(live: Live, admin: Guest, job: str) -> dict[str, str]:
    """The real parts of paths: of the job, its files, its pictures, and of a static file."""
    told = live.ask("GET", f"/api/v1/jobs/{job}", headers=admin.headers()).json
    _, _, picture_job, kind, key, _ = told["pictures"]["alpha"]["url"].split("/")
    page = live.ask("GET", "/login").body.decode()
    static = re.search(r'"(/static/[^"]+)"', page)
    assert static
    return {
        "job_id": job,
        "job": picture_job,
        "upload_id": "0" * 32,
        "kind": kind,
        "key": key,
        "level": "0",
        "column": "0",
        "row": "0",
        "name": told["results"][0]["name"],
        "order": told["order"],
        "number": str(live.daemon.parts.deeds.act(DeedKind.GRADE, job, "admin", {"grade": told["grade"]})),
        "static": static[1],
    }


INTO_AN_ORDER = ("/api/v1/photos",)
"""Here a photo without an order comes in, and that is outside the orders of whoever is limited to some."""


OF_ITS_SENDER = ("/api/v1/uploads/{upload_id}",)
"""To everybody but who began it, there is no such upload."""


def refusal_of_strangers(way: Way) -> int:
    """remove.bg says 403 where others say 401."""
    return 403 if way.path.startswith("/v1.0/") else 401


def is_about_a_job(way: Way) -> bool:
    return any(part in way.path for part in ("{job", "{order", "{number"))


def title(way: Way) -> str:
    return f"{way.method} {way.path}"


IN_TURN = sorted(WAYS, key=lambda way: way.method)
"""What reads comes first: what changes may end what is read."""


@pytest.mark.parametrize("way", IN_TURN, ids=title)
@pytest.mark.parametrize(("name", "role"), GUESTS, ids=[name for name, _ in GUESTS])
def test_each_route_lets_in_whom_it_should(house: House, way: Way, name: str, role: Role) -> None:
    guest = house.guests[name]
    assert guest.role is role

    status, body = house.knock(way, guest)

    if not role.may(way.needs):
        assert status == (refusal_of_strangers(way) if role is Role.NOBODY else 403), body
    elif (guest.elsewhere and is_about_a_job(way)) or way.path in OF_ITS_SENDER:
        assert status == 404, body
    elif guest.elsewhere and way.path in INTO_AN_ORDER:
        assert status == 403, body
    else:
        assert status not in (401, 403, 404), body
        assert status < 500, body


@pytest.mark.parametrize("way", [way for way in WAYS if way.method == "GET"], ids=title)
def test_whoever_is_limited_to_other_orders_reads_nothing_of_this_one(house: House, way: Way) -> None:
    for name in ("viewer elsewhere", "operator elsewhere", "operator elsewhere by token"):
        _, body = house.knock(way, house.guests[name])

        assert "shoes" not in body
        assert "sandal" not in body
        assert is_about_a_job(way) or house.job not in body  # an error may repeat what was asked for


@pytest.mark.parametrize("way", [way for way in WAYS if way.method == "GET"], ids=title)
def test_asking_for_the_head_alone_needs_the_same_role(house: House, way: Way) -> None:
    status, _ = house.knock(way, house.guests["nobody"], "HEAD")

    assert (status == refusal_of_strangers(way)) == (way.needs is not Role.NOBODY)


@pytest.mark.parametrize("way", [way for way in WAYS if way.method != "GET"], ids=title)
@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_no_page_of_a_stranger_changes_anything_with_our_cookie(house: House, way: Way, site: str) -> None:
    status, body = house.knock(way, house.guests["admin"], **{"Sec_Fetch_Site": site})

    assert status == 403
    assert "foreign_page" in body


@pytest.mark.parametrize("way", [way for way in WAYS if way.method == "GET"], ids=title)
def test_reading_changes_nothing_of_the_users(house: House, way: Way) -> None:
    assert house.knock(way, house.guests["admin"])[0] < 500
    with Users(house.live.daemon.parts.opened.state, HttpSettings()) as users:
        assert len(users.rows.all()) == 8


def test_an_address_that_is_none_tells_a_stranger_nothing(house: House) -> None:
    nothing = Way("GET", "/no/such/address", WAYS[0].answer, Role.NOBODY)

    assert house.knock(nothing, house.guests["nobody"])[0] == 401
    assert house.knock(nothing, house.guests["viewer"])[0] == 404


@pytest.mark.parametrize(("name", "sees"), [("viewer", True), ("viewer elsewhere", False)])
def test_the_stream_of_events_tells_of_ones_own_orders_only(house: House, name: str, sees: bool) -> None:
    connection = http.client.HTTPConnection(*house.live.address, timeout=PATIENCE_SECONDS)
    newest = house.live.daemon.parts.journal.events.newest()
    last = {"Last-Event-ID": str(newest - 1)}
    connection.request("GET", "/api/v1/events", headers={**house.guests[name].headers(), **last})
    stream, told = connection.getresponse(), b""
    while f"id: {newest}\n".encode() not in told:  # who may not see an event gets its number alone
        told += stream.read1(4096)
    connection.close()

    assert (b"shoes" in told) == (house.job.encode() in told) == sees
