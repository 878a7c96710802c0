"""Decides who may ask what, before an answer is looked for."""

import hmac
import ipaddress
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.requests import Request

from daemon.web.callers import NOBODY, Caller, Role
from daemon.web.problems import Refused


class AccessRules:
    """The rules of one port. name: the host name of `http.bind`. token: reads the figures; "" = none is needed."""

    def __init__(self, name: str, token: str) -> None:
        self._name = name
        self._token = token

    async def admit(self, request: Request, needed: Role) -> Caller:
        """Who asks. Raises Refused if it may not ask for what needs this role."""
        self._check_host(request)
        caller = self._caller(request)
        if not caller.role.may(needed):
            raise Refused(
                HTTPStatus.UNAUTHORIZED, "not_logged_in", "a bearer token is needed", {"WWW-Authenticate": "Bearer"}
            )
        return caller

    def _caller(self, request: Request) -> Caller:
        if not self._token:
            return Caller("", Role.ADMIN)  # loopback alone
        sent = request.headers.get("authorization", "")
        if hmac.compare_digest(sent.encode(), f"Bearer {self._token}".encode()):
            return Caller("", Role.MONITOR, by_token=True)
        return NOBODY

    def _check_host(self, request: Request) -> None:
        """Refuse a request that names another machine. A port with a token answers to any name.

        Without this check a web page could rebind its own name to 127.0.0.1 and read the pages.
        """
        sent = request.headers.get("host")
        if self._token or sent is None:
            return
        try:
            name = urlsplit(f"//{sent}").hostname or ""
            known = name in ("localhost", self._name) or ipaddress.ip_address(name).is_loopback
        except ValueError:
            known = False
        if not known:
            raise Refused(HTTPStatus.MISDIRECTED_REQUEST, "not_our_name", "not a name of this machine")
