"""Tells an error to a person, who opened an address in a browser; programs get problem details."""

from functools import partial
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from daemon.errors import FreistellerError
from daemon.web.access_rules import READING
from daemon.web.problems import problem
from daemon.web.site import Site
from daemon.web.templates import page


def is_for_a_person(request: Request) -> bool:
    """Whether a browser asks in order to show the answer as a page."""
    return request.method in READING and "text/html" in request.headers.get("accept", "")


async def error_page(request: Request, site: Site, error: FreistellerError) -> Response:
    """The answer that tells an error. Status and headers are those that a program would get."""
    told = problem(error)
    if told.status_code < HTTPStatus.BAD_REQUEST:
        return told  # leads to the login
    status = HTTPStatus(told.status_code)
    shown = await run_in_threadpool(partial(page, request, site, "error.html.j2", status, detail=str(error)))
    kept = {name: value for name, value in told.headers.items() if name in ("retry-after", "allow", "www-authenticate")}
    shown.headers.update(kept)
    return shown
