"""Lets people in by the word of a provider: each answer of it belongs to one login that one browser began."""

import asyncio
import hashlib
import hmac
import logging
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Protocol, TypeVar

from daemon.logs import log
from daemon.web.access.login_desk import LoginDesk
from daemon.web.access.proven_person import ProvenPerson
from daemon.web.problems import Refused

T = TypeVar("T")

BEGUN_SECONDS = 600.0
"""So long a person may take at the provider."""
MOST_BEGUN = 10_000
MOST_AT_ONCE = 8
WAIT_SECONDS = 15.0
"""For the provider, all its answers together."""


@dataclass(frozen=True, slots=True)
class LoginSecrets:
    """What binds an answer of the provider to the login that we began. All three are random."""

    state: str
    nonce: str
    verifier: str


class LoginProvider(Protocol):
    """Where people log in. Its calls block, for a bounded time, and raise Refused. name: what people call it."""

    name: str

    def way_there(self, secrets: LoginSecrets) -> str:
        """The URL at which a person logs in."""

    def person(self, code: str, issuer: str | None, secrets: LoginSecrets) -> ProvenPerson:
        """Who it is to whom the provider gave this code. issuer: as its answer calls it; None = it does not."""

    def way_out(self, id_token: str) -> str:
        """The URL at which a person logs out; "" if there is none. id_token: the provider's word at the login."""

    def fault(self, why: str) -> Refused:
        """The error of a provider that does not do what it must."""


@dataclass(frozen=True, slots=True)
class BegunLogin:
    """A login on its way. browser: the digest of the cookie that came with it. until: on a clock that goes forward."""

    secrets: LoginSecrets
    browser: bytes
    goes_to: str
    until: float


class ProviderLogins:
    """For one event loop. It never waits for the provider in a thread that others need, nor when the daemon stops."""

    def __init__(self, provider: LoginProvider, desk: LoginDesk) -> None:
        self._provider = provider
        self._desk = desk
        self._begun: OrderedDict[str, BegunLogin] = OrderedDict()
        self._running = 0

    @property
    def name(self) -> str:
        """What people call the provider."""
        return self._provider.name

    async def begin(self, goes_to: str) -> tuple[str, str]:
        """Where a person logs in, and the cookie that its browser has to bring back. Raises Refused."""
        chosen, cookie = LoginSecrets(*(secrets.token_urlsafe(32) for _ in range(3))), secrets.token_urlsafe(32)
        way = await self._run(self._provider.way_there, chosen)
        now = time.monotonic()
        while self._begun and (len(self._begun) >= MOST_BEGUN or next(iter(self._begun.values())).until < now):
            self._begun.popitem(last=False)
        self._begun[chosen.state] = BegunLogin(chosen, _digest(cookie), goes_to, now + BEGUN_SECONDS)
        return way, cookie

    def take(self, state: str, cookie: str) -> BegunLogin:
        """The login that this browser began; it is over with that. Raises Refused if there is none."""
        begun = self._begun.get(state)
        if begun is None or begun.until < time.monotonic() or not hmac.compare_digest(begun.browser, _digest(cookie)):
            raise Refused(
                HTTPStatus.BAD_REQUEST,
                "login_not_begun",
                "This login was begun in another browser, or too long ago, or it is over. Begin it again.",
            )
        return self._begun.pop(state)

    async def finish(self, begun: BegunLogin, code: str, issuer: str | None, address: str, old_session: str) -> str:
        """Begin a session for whom the provider let in; returns its secret. Raises Refused.

        code, issuer: of the provider's answer. address: of the person's machine. old_session: ends.
        """
        person = await self._run(self._provider.person, code, issuer, begun.secrets)
        return await self._desk.by_provider(person, self.name, address, old_session)

    async def way_out(self, id_token: str) -> str:
        """Where a person logs out at the provider too; "" if nobody can do that there, or not now."""
        try:
            return await self._run(self._provider.way_out, id_token)
        except Refused as refused:
            log.log("login_provider_fault", str(refused), level=logging.WARNING)
            return ""

    async def _run(self, act: Callable[..., T], *values: object) -> T:
        """Do something that waits for the provider. The thread ends by itself, since each answer has its time."""
        if self._running >= MOST_AT_ONCE:
            raise Refused(
                HTTPStatus.SERVICE_UNAVAILABLE, "busy", "Too many people log in at once.", {"Retry-After": "10"}
            )
        loop, done = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()

        def settle(result: T | None, error: BaseException | None) -> None:
            self._running -= 1
            if done.done():
                return  # nobody waits for it any more
            if error is None:
                done.set_result(result)
            else:
                done.set_exception(error)

        def work() -> None:
            result, fault = None, None
            try:
                result = act(*values)
            except BaseException as error:  # noqa: BLE001 - whoever waits gets it
                fault = error
            if not loop.is_closed():
                loop.call_soon_threadsafe(settle, result, fault)

        self._running += 1
        threading.Thread(target=work, name="login provider", daemon=True).start()
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                return await done  # type: ignore[no-any-return]  # a future of T
        except TimeoutError as error:
            raise self._provider.fault(f"it does not answer within {WAIT_SECONDS:.0f} s") from error


def _digest(cookie: str) -> bytes:
    return hashlib.sha256(cookie.encode("utf-8", "surrogateescape")).digest()
