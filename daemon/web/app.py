"""The application: one table of routes, and what holds for all of them."""

from collections.abc import Awaitable, Callable, Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from daemon.errors import FreistellerError
from daemon.web import monitoring
from daemon.web.access import login_ways
from daemon.web.access_rules import AccessRules
from daemon.web.api import photos
from daemon.web.pictures_served import picture_ways
from daemon.web.problems import problem
from daemon.web.site import Site
from daemon.web.ways import Way

WAYS: tuple[Way, ...] = (
    *monitoring.WAYS,
    *login_ways.WAYS,
    *picture_ways.WAYS,
    *photos.WAYS,
)
"""All routes there are. Tests walk this table, and so does the description of the API."""

HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
    "server": "freisteller",
}
"""Every answer has them, unless it sets its own."""


def make_app(site: Site, rules: AccessRules, ways: Sequence[Way] = WAYS) -> Starlette:
    """The application for one daemon."""
    routes = [Route(way.path, _endpoint(way, site, rules), methods=[way.method]) for way in ways]
    return Starlette(routes=routes, middleware=[Middleware(CommonHeaders)])


class CommonHeaders:
    """Adds HEADERS to every answer, also to those of Starlette itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def send_more(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                headers = message["headers"]
                assert isinstance(headers, list)
                there = {name.lower() for name, _ in headers}
                extra = [(k.encode(), v.encode()) for k, v in HEADERS.items() if k.encode() not in there]
                message = {**message, "headers": [*headers, *extra]}
            await send(message)

        await self._app(scope, receive, send_more)  # type: ignore[arg-type]  # Starlette's message is a MutableMapping


def _endpoint(way: Way, site: Site, rules: AccessRules) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            request.scope["freisteller.caller"] = await rules.admit(request, way.needs)
            return await way.answer(request, site)
        except FreistellerError as error:
            return problem(error)

    return endpoint
