"""The routes by which people come in with the word of a provider: /login/oidc, and back from it."""

import logging
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from daemon.logs import log
from daemon.web.access.cookies import LOGIN, SESSION
from daemon.web.access.login_ways import let_in, login_page, own_path
from daemon.web.access.provider_logins import ProviderLogins
from daemon.web.callers import Role
from daemon.web.problems import Refused, not_found
from daemon.web.site import Site
from daemon.web.ways import Way

CALLBACK = "/login/oidc/callback"


async def begin(request: Request, site: Site) -> Response:
    """Send a browser to the provider. It is a link, since a form may not lead to another site."""
    logins, goes_to = _logins(site), own_path(request.query_params.get("next", ""))
    try:
        way, cookie = await logins.begin(goes_to)
    except Refused as refused:
        return await _refused(request, site, goes_to, refused)
    response = RedirectResponse(way, HTTPStatus.SEE_OTHER)
    LOGIN.give(response, cookie, site.gate.peer(request))
    return response


async def come_back(request: Request, site: Site) -> Response:
    """Let in whom the provider sends back with a code, in the browser that went there."""
    logins, fields, peer = _logins(site), request.query_params, site.gate.peer(request)
    goes_to = "/"
    try:
        begun = logins.take(fields.get("state", ""), LOGIN.sent_by(request, peer))
        goes_to, code = begun.goes_to, fields.get("code", "")
        if not code:
            raise Refused(
                HTTPStatus.FORBIDDEN,
                "provider_refused",
                f"{logins.name} did not let you in ({fields.get('error', 'it sends no code')[:100]}).",
            )
        old = SESSION.sent_by(request, peer)
        secret = await logins.finish(begun, code, fields.get("iss"), peer.address, old)
    except Refused as refused:
        response = await _refused(request, site, goes_to, refused)
    else:
        response = let_in(goes_to, secret, request, site)
    LOGIN.take(response, peer)
    return response


async def _refused(request: Request, site: Site, goes_to: str, refused: Refused) -> Response:
    if refused.kind == "provider_fault":
        log.log("login_provider_fault", str(refused), level=logging.WARNING)
    return await login_page(request, site, goes_to, "", refused)


def _logins(site: Site) -> ProviderLogins:
    if site.provider_logins is None:
        raise not_found("nobody logs in elsewhere here: http.oidc is not set")
    return site.provider_logins


WAYS = (Way("GET", "/login/oidc", begin, Role.NOBODY), Way("GET", CALLBACK, come_back, Role.NOBODY))
