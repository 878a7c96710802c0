"""Decides who may ask what, before an answer is looked for."""

import ipaddress
from http import HTTPStatus
from urllib.parse import quote, urlsplit

from starlette.requests import Request

from daemon.web.access.gate import Gate
from daemon.web.callers import Caller, Role
from daemon.web.problems import Refused

PROGRAMS = ("/api/", "/v1.0/")
"""Below these, only programs and our own scripts ask."""


class AccessRules:
    """The rules of one port. name: the host name of `http.bind`. token: reads the figures. gate: says who asks."""

    def __init__(self, name: str, token: str, gate: Gate) -> None:
        self._name = name
        self._token = token
        self._gate = gate

    async def admit(self, request: Request, needed: Role) -> Caller:
        """Who asks. Raises Refused if it may not ask for what needs this role."""
        self._check_host(request)
        caller = await self._gate.caller(request)
        if not caller.role.may(needed):
            raise _refusal(request, caller, needed)
        return caller

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


def _refusal(request: Request, caller: Caller, needed: Role) -> Refused:
    """Why a caller may not have what it asks for. A browser that shows a page is led to where people log in."""
    if caller.role is not Role.NOBODY:
        text = f"this needs the role {needed}, and {caller.name or 'this token'} is a {caller.role}"
        return Refused(HTTPStatus.FORBIDDEN, "not_allowed", text)
    path = request.url.path
    is_page = request.method == "GET" and not path.startswith(PROGRAMS)
    if is_page and "text/html" in request.headers.get("accept", ""):
        goes_to = quote(f"{path}?{request.url.query}".removesuffix("?"), safe="/")
        return Refused(HTTPStatus.SEE_OTHER, "not_logged_in", "log in first", {"Location": f"/login?next={goes_to}"})
    return Refused(
        HTTPStatus.UNAUTHORIZED, "not_logged_in", "log in, or send a bearer token", {"WWW-Authenticate": "Bearer"}
    )
