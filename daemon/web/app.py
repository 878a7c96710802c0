"""The application: one table of routes, and the way from a request to its answer."""

from collections.abc import Sequence
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route
from starlette.types import ASGIApp

from daemon.errors import FreistellerError
from daemon.web import monitoring
from daemon.web.access import audit_ways, login_ways, password_ways, provider_ways
from daemon.web.access_rules import AccessRules
from daemon.web.api import (
    deed_ways,
    download_ways,
    event_stream,
    job_ways,
    latest_events,
    order_ways,
    photos,
    resumed_uploads,
    status_ways,
    touch_up_way,
)
from daemon.web.api.api_description import described
from daemon.web.bounded_body import BoundedBody
from daemon.web.callers import Role
from daemon.web.every_answer import EveryAnswer
from daemon.web.pages import page_routes
from daemon.web.pages.error_page import error_page, is_for_a_person
from daemon.web.pictures_served import picture_ways
from daemon.web.problems import Refused, not_found
from daemon.web.removebg import removebg_ways
from daemon.web.site import Site
from daemon.web.ways import Way

_WAYS: tuple[Way, ...] = (
    *monitoring.WAYS,
    *login_ways.WAYS,
    *password_ways.WAYS,
    *provider_ways.WAYS,
    *audit_ways.WAYS,
    *picture_ways.WAYS,
    *photos.WAYS,
    *resumed_uploads.WAYS,
    *job_ways.WAYS,
    *order_ways.WAYS,
    *deed_ways.WAYS,
    *touch_up_way.WAYS,
    *download_ways.WAYS,
    *status_ways.WAYS,
    *event_stream.WAYS,
    *latest_events.WAYS,
    *removebg_ways.WAYS,
    *page_routes.WAYS,
)

WAYS: tuple[Way, ...] = described(_WAYS)
"""All routes there are. Tests walk this table, and so does the description of the API."""


def make_app(site: Site, rules: AccessRules, ways: Sequence[Way] = WAYS) -> ASGIApp:
    """The application for one daemon."""
    return EveryAnswer(_Ways(site, rules, ways).respond)


class _Ways:
    """Finds the row of the table that a request means, and lets it answer whoever may ask."""

    def __init__(self, site: Site, rules: AccessRules, ways: Sequence[Way]) -> None:
        self._site = site
        self._rules = rules
        self._routes = [(Route(way.path, way.answer, methods=[way.method]), way) for way in ways]

    async def respond(self, request: Request, body: BoundedBody) -> Response:
        try:
            return await self._answered(request, body)
        except FreistellerError as error:
            if not is_for_a_person(request):
                raise
            return await error_page(request, self._site, error)

    async def _answered(self, request: Request, body: BoundedBody) -> Response:
        way, allowed = self._find(request)
        if way is None:
            request.scope["freisteller.caller"] = await self._rules.admit(request, Role.MONITOR)
            raise _method_not_allowed(allowed) if allowed else not_found("nothing is at this address")
        try:
            request.scope["freisteller.caller"] = await self._rules.admit(request, way.needs)
            body.allow(way.body_bytes, way.whole_seconds)
            return await way.answer(request, self._site)
        except FreistellerError as error:
            if way.tell is None:
                raise
            return way.tell(error, request)

    def _find(self, request: Request) -> tuple[Way | None, set[str]]:
        """The row that is meant; or None, and the methods that this path has."""
        allowed: set[str] = set()
        for route, way in self._routes:
            match, found = route.matches(request.scope)
            if match is Match.FULL:
                request.scope["path_params"] = found["path_params"]
                return way, allowed
            if match is Match.PARTIAL:
                allowed |= route.methods or set()
        return None, allowed


def _method_not_allowed(allowed: set[str]) -> Refused:
    methods = ", ".join(sorted(allowed))
    return Refused(
        HTTPStatus.METHOD_NOT_ALLOWED, "method_not_allowed", f"this address takes {methods}", {"Allow": methods}
    )
