"""The page on which people change their own password."""

from functools import partial
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from daemon.web.access.login_desk import no_password
from daemon.web.access.login_ways import MOST_FORM_BYTES, form_fields, let_in
from daemon.web.access.passwords import LONGEST, SHORTEST
from daemon.web.callers import Role
from daemon.web.problems import Refused
from daemon.web.site import Site
from daemon.web.templates import page
from daemon.web.ways import Way, caller_of

_PATH = "/password"
_DONE = f"{_PATH}?done"


async def show_password(request: Request, site: Site) -> Response:
    """The page with the form."""
    return await _page(request, site, is_done="done" in request.query_params)


async def change_password(request: Request, site: Site) -> Response:
    """Take the current password and the new one, twice. All other sessions of this person end."""
    current, new, again = await form_fields(request, "current", "new", "again")
    caller = caller_of(request)
    try:
        if not caller.name or caller.by_token:
            raise no_password()
        if new != again:
            raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "passwords_differ", "The two new passwords differ.")
        secret = await site.desk.change_password(caller.name, current, new, site.gate.peer(request).address)
    except Refused as refused:
        if "text/html" not in request.headers.get("accept", ""):
            raise
        return await _page(request, site, refused)
    return let_in(_DONE, secret, request, site)


async def _page(request: Request, site: Site, refused: Refused | None = None, *, is_done: bool = False) -> Response:
    """The page; it needs no script. refused: why nothing was changed."""
    status = HTTPStatus.OK if refused is None else refused.status
    values: dict[str, object] = {"is_done": is_done, "shortest": SHORTEST, "longest": LONGEST}
    values["refused"] = refused.kind if refused else ""
    values["seconds"] = refused.headers.get("Retry-After", "") if refused else ""
    response = await run_in_threadpool(partial(page, request, site, "password.html.j2", status, **values))
    response.headers.update(refused.headers if refused else {})
    return response


WAYS = (
    Way("GET", _PATH, show_password, Role.VIEWER),
    Way("POST", _PATH, change_password, Role.VIEWER, body_bytes=MOST_FORM_BYTES),
)
