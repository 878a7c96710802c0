"""Finds out who sends a request: by a token, by a session, or because nobody has to log in."""

import asyncio
import hmac
import ipaddress
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar
from urllib.parse import urlsplit

from starlette.requests import Request

from daemon.errors import BadSettings
from daemon.settings.http_section import HttpSettings
from daemon.web.access.all_users import Users
from daemon.web.access.cookies import SESSION
from daemon.web.access.proxies import Address, Peer, Proxies
from daemon.web.access.token_rows import PREFIX
from daemon.web.access.user_rows import User, name_key
from daemon.web.callers import NOBODY, Caller, Role

T = TypeVar("T")


class Gate:
    """One gate for all routes. It asks the users' file anew each time, so what a command changes counts at once."""

    def __init__(self, users: Users | None, http: HttpSettings, clock: Callable[[], float] = time.time) -> None:
        """users: None = there is no user. clock: Unix seconds."""
        self.users = users
        self.clock = clock
        self._token = http.token.get_secret_value()
        self._figures = (self._token, users.own_token if users else "")  # whoever sends one of these may read them
        self._proxies = Proxies(http)
        self._is_private = not http.proxies and _names_this_machine(http.public_url)
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="users")  # the file has one connection

    def check(self, bind: str, address: Address) -> None:
        """Raises BadSettings if other machines reach the port and nobody has to log in. address: that of `bind`."""
        self._is_private = self._is_private and address.is_loopback
        if self._token or self._is_private or self._has_users():
            return
        raise BadSettings(
            f"Other machines can reach the port (http.bind = {bind}, http.public_url, http.proxies), and there is no "
            "user yet. Make the first one, with the same --config: freisteller user add NAME --role admin. If they "
            "shall only read the figures, set http.token instead (any long random text; Prometheus sends it as "
            "authorization credentials)."
        )

    async def caller(self, request: Request, is_use: bool = True) -> Caller:
        """Who sends this request. Raises Refused if a listed proxy says what cannot be read.

        A long answer may ask again: the session can be over meanwhile. is_use: whether that keeps the session alive.
        """
        peer, sent = self.peer(request), _sent_token(request)
        if any(token and hmac.compare_digest(sent.encode(), token.encode()) for token in self._figures):
            return Caller("", Role.MONITOR, by_token=True)
        return await self.with_users(self._caller, peer, sent, SESSION.sent_by(request, peer), is_use)

    def peer(self, request: Request) -> Peer:
        """Who is at the other end of the connection. Raises Refused as `caller` does."""
        return self._proxies.peer(request)

    async def with_users(self, act: Callable[..., T], *values: object) -> T:
        """Do something with the users' file, in its own thread: a disk may be slow."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, act, *values)

    def close(self) -> None:
        """Let go of the thread."""
        self._threads.shutdown(cancel_futures=True)

    def _caller(self, peer: Peer, sent: str, session: str, is_use: bool) -> Caller:
        if sent.startswith(PREFIX):
            return (self.users and self.users.tokens.caller(sent, self.clock())) or NOBODY
        if not self._has_users():
            may_be_open = peer.is_this_machine and self._is_private and not self._token
            return Caller("", Role.ADMIN) if may_be_open else NOBODY
        user = self.users.sessions.user(session, self.clock(), is_use) if self.users and session and not sent else None
        if user is None or (peer.user is not None and name_key(peer.user) != name_key(user.name)):
            return NOBODY
        return caller_by_session(user)

    def _has_users(self) -> bool:
        return self.users is not None and self.users.rows.any()


def caller_by_session(user: User) -> Caller:
    """The caller that a user is, once logged in."""
    return Caller(user.name, user.scope.role, user.scope.orders)


def _sent_token(request: Request) -> str:
    """What a program sends as `Authorization: Bearer` or `X-Api-Key`; "" if neither.

    Other kinds of authorization are a proxy's affair.
    """
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    return request.headers.get("x-api-key", "").strip()


def _names_this_machine(url: str) -> bool:
    """Whether a URL leads to loopback; "" counts."""
    host = urlsplit(url).hostname or "localhost"
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
