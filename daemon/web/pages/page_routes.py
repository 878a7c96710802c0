"""The pages for people, their static files, and what a phone needs to install them."""

from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from daemon.web.callers import Role
from daemon.web.json_answer import as_json
from daemon.web.pages.static_files import static_files
from daemon.web.problems import not_found
from daemon.web.site import Site
from daemon.web.templates import page
from daemon.web.ways import Answer, Way

FOR_EVER = "public, max-age=31536000, immutable"
ICON_SIZES = (192, 512)


async def front(_: Request, __: Site) -> Response:
    """The front page is the review."""
    return RedirectResponse("/review", HTTPStatus.TEMPORARY_REDIRECT)


def _page(template: str) -> Answer:
    async def answer(request: Request, site: Site) -> Response:
        # The first page of a language reads its templates and texts from disk.
        return await run_in_threadpool(page, request, site, template, shop_colour=site.settings.now.outputs.background)

    return answer


async def static(request: Request, _: Site) -> Response:
    """A script, a style or an icon. Its URL names its version, so it may be kept for ever."""
    files = await run_in_threadpool(static_files)
    found = files.find(request.path_params["version"], request.path_params["name"])
    if found is None:
        raise not_found("there is no such file in this version: load the page again")
    return Response(found[0], headers={"Content-Type": found[1], "Cache-Control": FOR_EVER})


async def manifest(_: Request, __: Site) -> Response:
    """What a phone asks before it installs the pages as an app."""
    files = await run_in_threadpool(static_files)
    icons = [
        {"src": files.url(f"icon-{size}.png"), "sizes": f"{size}x{size}", "type": "image/png", "purpose": purpose}
        for size in ICON_SIZES
        for purpose in ("any", "maskable")
    ]
    body = {
        "name": "Freisteller",
        "short_name": "Freisteller",
        "id": "/",
        "start_url": "/review",
        "scope": "/",
        "display": "standalone",
        "background_color": "#1b1c1e",
        "theme_color": "#1b1c1e",
        "icons": icons,
    }
    return as_json(body, media_type="application/manifest+json")


WAYS = (
    Way("GET", "/", front, Role.NOBODY),
    Way("GET", "/review", _page("review.html.j2"), Role.VIEWER),
    Way("GET", "/orders", _page("orders.html.j2"), Role.VIEWER),
    Way("GET", "/now", _page("now.html.j2"), Role.VIEWER),
    Way("GET", "/drop", _page("drop.html.j2"), Role.OPERATOR),
    Way("GET", "/static/{version}/{name}", static, Role.NOBODY),
    Way("GET", "/manifest.webmanifest", manifest, Role.NOBODY),
)
