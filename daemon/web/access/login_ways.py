"""The routes by which people come in and go: /login, /logout, and who am I."""

from functools import partial
from http import HTTPStatus
from urllib.parse import parse_qs

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from daemon.web.access.cookies import SESSION
from daemon.web.access.login_desk import UnknownSubject
from daemon.web.api.api_schemas import answers
from daemon.web.callers import NOBODY, Role
from daemon.web.json_answer import as_json
from daemon.web.problems import Refused
from daemon.web.site import Site
from daemon.web.templates import page
from daemon.web.ways import Way, caller_of

FORM = "application/x-www-form-urlencoded"
MOST_FORM_BYTES = 8 * 1024


async def show_login(request: Request, site: Site) -> Response:
    """The page to log in; whoever is in already, or is let in by a listed proxy, goes on."""
    goes_to, peer = own_path(request.query_params.get("next", "")), site.gate.peer(request)
    if caller_of(request).role is not Role.NOBODY:
        return RedirectResponse(goes_to, HTTPStatus.SEE_OTHER)
    if peer.user is None:
        return await login_page(request, site, goes_to)
    try:
        secret = await site.desk.by_proxy(peer.user, peer.address, SESSION.sent_by(request, peer))
    except Refused as refused:
        return await login_page(request, site, goes_to, peer.user, refused)
    return let_in(goes_to, secret, request, site)


async def log_in(request: Request, site: Site) -> Response:
    """Take a name and a password from the form."""
    name, password, wanted = await form_fields(request, "name", "password", "next")
    goes_to, peer = own_path(wanted), site.gate.peer(request)
    try:
        secret = await site.desk.log_in(name, password, peer.address, SESSION.sent_by(request, peer))
    except Refused as refused:
        if "text/html" not in request.headers.get("accept", ""):
            raise
        return await login_page(request, site, goes_to, name, refused)
    return let_in(goes_to, secret, request, site)


async def log_out(request: Request, site: Site) -> Response:
    """End the session, and lead on to the login provider at which it began, to log out there too."""
    peer = site.gate.peer(request)
    id_token = await site.desk.log_out(SESSION.sent_by(request, peer))
    response: Response = RedirectResponse("/login", HTTPStatus.SEE_OTHER)
    if id_token is not None and site.provider_logins and "text/html" in request.headers.get("accept", ""):
        request.scope["freisteller.caller"] = NOBODY  # the page shows nobody's menu
        provider, way = site.provider_logins.name, await site.provider_logins.way_out(id_token)
        response = await run_in_threadpool(
            partial(page, request, site, "logged_out.html.j2", provider=provider, way=way)
        )
        if way:  # a redirect of a form to another site would break our own policy (form-action)
            response.headers["Refresh"] = f"0; url={way}"
    SESSION.take(response, peer)
    return response


async def me(request: Request, _: Site) -> Response:
    """Who asks, and what that person or program may do. name: "" = nobody has to log in."""
    caller = caller_of(request)
    orders = None if caller.orders is None else sorted(caller.orders)
    return as_json({"name": caller.name, "role": caller.role.value, "orders": orders})


async def form_fields(request: Request, *names: str) -> tuple[str, ...]:
    """Fields of a form by name, "" if it lacks one. Raises Refused (415, 400) if it is no form."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM:
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "no_form", f"send a form: {', '.join(names)} as {FORM}")
    try:
        fields = parse_qs((await request.body()).decode(), max_num_fields=10)
    except ValueError as error:
        raise Refused(HTTPStatus.BAD_REQUEST, "bad_form", "the form cannot be read") from error
    return tuple(fields.get(name, [""])[0] for name in names)


def own_path(wanted: str) -> str:
    """A path of ours to go on to; "/" for everything that could lead elsewhere."""
    is_ours = wanted.startswith("/") and not wanted.startswith("//") and "\\" not in wanted and wanted.isprintable()
    return wanted if is_ours else "/"


async def login_page(
    request: Request, site: Site, goes_to: str, name: str = "", refused: Refused | None = None
) -> Response:
    """The page with the form. It needs no script. refused: why nobody came in."""
    status = HTTPStatus.OK if refused is None else refused.status
    kind, seconds = (refused.kind, refused.headers.get("Retry-After", "")) if refused else ("", "")
    values: dict[str, object] = {"name": name, "goes_to": goes_to, "refused": kind, "seconds": seconds}
    values["provider"] = site.provider_logins.name if site.provider_logins else ""
    values |= {"subject": "", "command": ""}
    if isinstance(refused, UnknownSubject):
        values |= {"subject": refused.subject, "command": refused.command}
    response = await run_in_threadpool(partial(page, request, site, "login.html.j2", status, **values))
    response.headers.update(refused.headers if refused else {})
    return response


def let_in(goes_to: str, secret: str, request: Request, site: Site) -> Response:
    """Lead on to a page of ours, with a new session."""
    response = RedirectResponse(goes_to, HTTPStatus.SEE_OTHER)
    SESSION.give(response, secret, site.gate.peer(request))
    return response


WAYS = (
    Way("GET", "/login", show_login, Role.NOBODY),
    Way("POST", "/login", log_in, Role.NOBODY, body_bytes=MOST_FORM_BYTES),
    Way("POST", "/logout", log_out, Role.NOBODY),
    Way("GET", "/api/v1/me", me, Role.MONITOR, "Who asks, and what that person or program may do.", answers("Caller")),
)
