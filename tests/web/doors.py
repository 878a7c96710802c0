"""A real port with users, for tests: nobody mocks a session, a cookie or a hash."""

import http.client
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import cast
from urllib.parse import urlencode

from daemon.observe.health import Health
from daemon.observe.metrics import Metrics
from daemon.settings.http_section import HttpSettings
from daemon.web.access.access_events import By
from daemon.web.access.all_users import Users
from daemon.web.access.gate import Gate
from daemon.web.access.login_desk import LoginDesk
from daemon.web.access.passwords import hash_of
from daemon.web.access.provider_logins import ProviderLogins
from daemon.web.access.user_rows import Scope
from daemon.web.access_rules import AccessRules
from daemon.web.callers import Role
from daemon.web.site import Site
from daemon.web.web_server import WebServer
from tests.doubles import Clock

TESTER = By("tester", "test")
PASSWORD = "correct horse battery"
HASH = hash_of(PASSWORD)
"""Of the one password of all tests: hashing takes its time."""


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: str

    @property
    def cookie(self) -> str:
        """The cookie that it sets, as a browser sends it back; "" if none."""
        return (self.headers["Set-Cookie"] or "").partition(";")[0]


@dataclass(frozen=True)
class Door:
    """A port with users. clock: theirs."""

    users: Users
    clock: Clock
    address: tuple[str, int]

    def ask(
        self, path: str, method: str = "GET", headers: Mapping[str, str] | None = None, body: str | None = None
    ) -> Answer:
        """One request, over a connection of its own, as one of our own pages sends it."""
        connection = http.client.HTTPConnection(*self.address, timeout=60)
        try:
            connection.request(method, path, body, {"Sec-Fetch-Site": "same-origin", **(headers or {})})
            response = connection.getresponse()
            return Answer(response.status, response.headers, response.read().decode("utf-8", "replace"))
        finally:
            connection.close()

    def add(self, name: str, role: Role = Role.VIEWER, orders: frozenset[str] | None = None) -> None:
        self.users.rows.add(name, Scope(role, orders), HASH, TESTER, self.clock())

    def log_in(
        self, name: str, password: str = PASSWORD, goes_to: str = "", headers: Mapping[str, str] | None = None
    ) -> Answer:
        body = urlencode({"name": name, "password": password, "next": goes_to})
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.ask("/login", "POST", {**form, **(headers or {})}, body)

    def token(self, user: str, scope: Scope, label: str = "program", days: float = 1.0) -> str:
        now = self.clock()
        return self.users.tokens.add(user, label, scope, TESTER, (now, now + days * 86400))


@contextmanager
def door(
    state: Path,
    http: HttpSettings | None = None,
    bind: str = "127.0.0.1:0",
    user: str = "",
    logins: Callable[[LoginDesk], ProviderLogins | None] = lambda _: None,
    **further: object,
) -> Iterator[Door]:
    """A port, open while the block runs; with no folder and no journal behind it.

    user: an admin who was there. logins: makes the logins at a provider. further: other parts of the site.
    """
    settings, clock = http or HttpSettings(), Clock()
    with Users(state, settings, clock) as users:
        if user:
            users.rows.add(user, Scope(Role.ADMIN), HASH, TESTER, clock())
        gate = Gate(users, settings, clock)
        desk = LoginDesk(gate)
        now = SimpleNamespace(now=SimpleNamespace(http=settings, language="en"))
        common = {
            "metrics": Metrics("1.2.3"),
            "health": Health(),
            "folders": SimpleNamespace(identity="the-root"),
            "status": dict,
            "settings": now,
            "provider_logins": logins(desk),
        }
        parts = SimpleNamespace(**{**common, "gate": gate, "desk": desk, **further})
        rules = AccessRules(settings.model_copy(update={"bind": bind}), gate)
        server = WebServer(bind, cast("Site", parts), rules)
        try:
            yield Door(users, clock, server.start())
        finally:
            server.close()
            desk.close()
            gate.close()
