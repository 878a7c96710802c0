"""Decides who may ask what, before an answer is looked for."""

import ipaddress
from http import HTTPStatus
from urllib.parse import quote, urlsplit

from starlette.requests import Request

from daemon.settings.http_section import HttpSettings
from daemon.web.access.gate import Gate
from daemon.web.access.proxies import Address
from daemon.web.callers import Caller, Role
from daemon.web.problems import Refused

PROGRAMS = ("/api/", "/v1.0/")
"""Below these, only programs and our own scripts ask."""

READING = ("GET", "HEAD", "OPTIONS")
"""The methods that change nothing."""


class AccessRules:
    """The rules of one port. gate: says who asks."""

    def __init__(self, http: HttpSettings, gate: Gate) -> None:
        self._bind = http.bind
        self._gate = gate
        self._public_origins = {http.public_url} - {""}
        bound = (urlsplit(f"//{http.bind}").hostname or "").lower()
        self._names = {"localhost", bound, urlsplit(http.public_url).hostname or "", *http.hosts} - {""}
        self._is_on_loopback = bound == "localhost" or _is_loopback(bound)

    def check(self, address: Address) -> None:
        """Raises BadSettings if other machines reach the port and nobody has to log in. address: that of `bind`."""
        self._gate.check(self._bind, address)

    async def admit(self, request: Request, needed: Role) -> Caller:
        """Who asks. Raises Refused if it may not ask for what needs this role.

        A token in a header proves that no web page of a stranger is behind the request: browsers do not send it.
        """
        caller = await self._gate.caller(request)
        if not caller.by_token:
            self._refuse_other_names(request)
            if request.method in READING:
                is_fine = _is_ours_or_a_link(request)
            else:
                is_fine = self._is_from_our_page(request, caller)
            if not is_fine:
                raise _foreign_page()
        if not caller.role.may(needed):
            request.scope["freisteller.caller"] = caller  # whoever shows the refusal as a page knows to whom
            raise _refusal(request, caller, needed)
        return caller

    def _refuse_other_names(self, request: Request) -> None:
        """Refuse a request that names another machine.

        Without this check a web page could rebind its own name to our address and ask as one of our own pages. That
        needs a name: whoever comes by the address itself asked for this machine.
        """
        sent = request.headers.get("host")
        if sent is None:
            return  # HTTP/1.0, so no browser
        try:
            name = (urlsplit(f"//{sent}").hostname or "").lower()
            known = name in self._names or _is_loopback(name) or (not self._is_on_loopback and _is_address(name))
        except ValueError:
            known = False
        if not known:
            text = "this machine is not known by that name. If it is ours, set http.hosts or http.public_url"
            raise Refused(HTTPStatus.MISDIRECTED_REQUEST, "not_our_name", text)

    def _is_from_our_page(self, request: Request, caller: Caller) -> bool:
        """Whether no web page of somebody else asks for a change, with the cookie or at the machine of our user.

        Browsers say where a request comes from: in Sec-Fetch-Site over TLS and on loopback, else in Origin.
        """
        site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
        if site is not None:
            return site in ("same-origin", "none")
        if origin is not None:
            return origin in self._public_origins | {f"http://{request.headers.get('host')}"}
        return not caller.name  # no browser, and nobody is logged in: nothing that could be abused


def _is_ours_or_a_link(request: Request) -> bool:
    """Whether a request that changes nothing comes from our own page, or by a link from another one.

    What else a foreign page asks for it could not read, but it could measure our answers and keep us at work.
    """
    return request.headers.get("sec-fetch-site") != "cross-site" or request.headers.get("sec-fetch-mode") == "navigate"


def _foreign_page() -> Refused:
    return Refused(
        HTTPStatus.FORBIDDEN,
        "foreign_page",
        "only our own pages may ask for this, or programs with a token. If a proxy stands before the port, set "
        "http.public_url to the address that people type",
    )


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _is_loopback(name: str) -> bool:
    return _is_address(name) and ipaddress.ip_address(name).is_loopback


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
