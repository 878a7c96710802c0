"""Lets people in by name and password, or by the word of a listed proxy; slowly, if somebody guesses."""

import asyncio
import logging
import shlex
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import TypeVar

from daemon.errors import BadSettings
from daemon.logs import log
from daemon.web.access import passwords
from daemon.web.access.access_events import FAILED, By
from daemon.web.access.all_users import Users
from daemon.web.access.gate import Gate
from daemon.web.access.group_members import told_by
from daemon.web.access.login_limits import LoginLimits
from daemon.web.access.proven_person import ProvenPerson
from daemon.web.access.session_rows import FromProvider
from daemon.web.access.user_rows import LONGEST_NAME, User, name_key
from daemon.web.problems import Refused

T = TypeVar("T")

MOST_HASHED_AT_ONCE = 2
"""Each takes 19 MiB and a core for some 50 ms."""
MOST_WAITING = 20


class UnknownSubject(Refused):
    """A login provider let in somebody who is no user of ours. Answer: say what an admin can do.

    command: what an admin types, with NAME for the user's name.
    """

    def __init__(self, provider: str, subject: str) -> None:
        self.subject = subject
        self.command = f"freisteller user oidc NAME {'-- ' * subject.startswith('-')}{shlex.quote(subject)}"
        text = (
            f"{provider} calls you {subject}, and no user here is called so. An admin can change that: {self.command}"
        )
        super().__init__(HTTPStatus.FORBIDDEN, "unknown_subject", text)


class LoginDesk:
    """For one event loop. Passwords are compared in threads of its own."""

    def __init__(self, gate: Gate) -> None:
        self._gate = gate
        self._limits = LoginLimits()
        self._threads = ThreadPoolExecutor(MOST_HASHED_AT_ONCE, thread_name_prefix="passwords")
        self._waiting = 0

    async def log_in(self, name: str, password: str, address: str, old_session: str = "") -> str:
        """Begin a session; returns its secret. address: of the person's machine. old_session: ends.

        Raises Refused: 401 for a wrong name or password, without saying which; 429 or 503 with Retry-After.
        """
        users = self._users()
        account = name_key(name[: LONGEST_NAME + 1])
        with self._place():
            self._limits.begin(account, address, time.monotonic())
            user = await self._gate.with_users(users.rows.named, account)
            kept = user.password if user and not user.disabled else None
            if not await self._hashed(passwords.matches, kept, password) or user is None or kept is None:
                await self._failed(users, user, address)
                raise _wrong()
            self._limits.succeeded(account, address)
            if passwords.is_outdated(kept):
                user = await self._hash_anew(users, user, password)
            return await self._begin(users, user, address, old_session)

    async def change_password(self, name: str, current: str, new: str, address: str) -> str:
        """Give a user another password. All sessions of the user end, and a new one begins; returns its secret.

        Raises Refused: 401 for a wrong current password, 409 if the user has none or it was just changed elsewhere, 422
        for a new one that is too easy to guess; 429 or 503 with Retry-After.
        """
        users = self._users()
        with self._place():
            self._limits.begin(name_key(name), address, time.monotonic())
            user = await self._gate.with_users(users.rows.named, name)
            if user is None or user.password is None:
                raise no_password()
            if not await self._hashed(passwords.matches, user.password, current):
                await self._failed(users, user, address)
                raise _wrong()
            self._limits.succeeded(name_key(name), address)
            try:
                passwords.check_password(new, user.name)
            except BadSettings as error:
                raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "bad_password", str(error)) from error
            hashed = await self._hashed(passwords.hash_of, new)
            by = By(user.name, address)
            if not await self._gate.with_users(users.rows.set_own_password, user, hashed, by):
                raise Refused(HTTPStatus.CONFLICT, "changed", "The password was just changed elsewhere.")
            log.log("password_changed", f"{user.name} changed the password from {address}", user=user.name)
            return await self._begin(users, replace(user, password=hashed), address, "")

    async def by_proxy(self, name: str, address: str, old_session: str = "") -> str:
        """Begin a session for whom a listed proxy let in. Raises Refused with 403 if that is no user of ours."""
        users = self._users()
        user = await self._gate.with_users(users.rows.named, name)
        if user is None or user.disabled or user.by_groups:
            await self._failed(users, user, address)
            raise Refused(
                HTTPStatus.FORBIDDEN, "unknown_user", f"{name} may not come in here. An admin can change that: "
                f"freisteller user add {name} --no-password",
            )  # fmt: skip
        return await self._begin(users, user, address, old_session)

    async def by_provider(self, person: ProvenPerson, provider: str, address: str, old_session: str = "") -> str:
        """Begin a session for whom a login provider let in. Raises Refused with 403 if that may not come in.

        Who is in a group with a role needs no user before. provider: what people call it.
        """
        users, now = self._users(), self._gate.clock()
        user = await self._gate.with_users(users.groups.user_of, person, provider, By("", address), now)
        if user is None or user.disabled:
            await self._failed(users, user, address, f"{provider}: {person.subject}")
            raise UnknownSubject(provider, person.subject)
        ends_at = None if person.role is None else now + person.session_seconds
        told = FromProvider(person.role, ends_at, person.id_token)
        return await self._begin(users, user, address, old_session, told_by(provider, person), told)

    async def log_out(self, session: str) -> str | None:
        """End a session, if there is one. Returns the word of the login provider at which it began, if it did there."""
        users = self._gate.users
        if users is None or not session:
            return None
        user = await self._gate.with_users(users.sessions.user, session, self._gate.clock())
        id_token = await self._gate.with_users(users.sessions.end, session)
        if user:
            await self._gate.with_users(users.events.record, By(user.name, ""), "logout", user.name)
        return id_token

    def close(self) -> None:
        """Let go of the threads."""
        self._threads.shutdown(cancel_futures=True)

    async def _begin(
        self,
        users: Users,
        user: User,
        address: str,
        old_session: str,
        detail: str = "",
        told: FromProvider | None = None,
    ) -> str:
        begun = await self._gate.with_users(users.sessions.begin, user, self._gate.clock(), told)
        if begun is None:  # somebody changed the password or disabled the user at this very moment
            raise _wrong()
        if old_session:
            await self._gate.with_users(users.sessions.end, old_session)
        await self._gate.with_users(users.events.record, By(user.name, address), "login", user.name, detail)
        log.log("logged_in", f"{user.name} logged in from {address}", user=user.name, address=address)
        return str(begun)

    async def _hash_anew(self, users: Users, user: User, password: str) -> User:
        """The user with a hash by today's parameters. If the password was changed meanwhile, it is not the user's."""
        hashed = await self._hashed(passwords.hash_of, password)
        await self._gate.with_users(users.rows.hash_anew, user, hashed)
        return replace(user, password=hashed)

    async def _failed(self, users: Users, user: User | None, address: str, detail: str = "") -> None:
        """A name that is unknown is not kept: people type passwords into the wrong field."""
        name = user.name if user else ""
        await self._gate.with_users(users.events.record, By(name, address), FAILED, name, detail)
        text = f"A login failed: {name or 'an unknown name'} from {address}"
        log.log("login_failed", text, level=logging.WARNING, user=name, address=address)

    async def _hashed(self, act: Callable[..., T], *values: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, act, *values)

    @contextmanager
    def _place(self) -> Iterator[None]:
        """A place among those who log in now. Raises Refused (503) if there is none."""
        if self._waiting >= MOST_WAITING:
            raise Refused(
                HTTPStatus.SERVICE_UNAVAILABLE, "busy", "Too many people log in at once.", {"Retry-After": "2"}
            )
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

    def _users(self) -> Users:
        if self._gate.users is None:
            raise _wrong()
        return self._gate.users


def no_password() -> Refused:
    """The answer to who wants to change a password, but has none."""
    return Refused(HTTPStatus.CONFLICT, "no_password", "Only who logs in with a password can change it.")


def _wrong() -> Refused:
    return Refused(HTTPStatus.UNAUTHORIZED, "wrong_password", "The name or the password is wrong.")
