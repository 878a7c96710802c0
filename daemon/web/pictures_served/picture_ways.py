"""The routes to pictures: one that fits a screen, and tiles. Their addresses change with what they show."""

import re
from collections.abc import Mapping
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from daemon.journal import JobRow, top_folder
from daemon.judgement.best_of_pages import page_of
from daemon.pictures.pyramid import MEDIA_TYPES, Layer
from daemon.web.api.sent_file import is_known
from daemon.web.callers import Role
from daemon.web.pictures_served.shown_files import ATTEMPT, ShownFile
from daemon.web.problems import not_found
from daemon.web.site import Site
from daemon.web.ways import Way, caller_of

_FOR_EVER = "private, max-age=31536000, immutable"
_KIND = re.compile(rf"(original|colour|alpha|{ATTEMPT.rstrip('-')})(?:-([1-9][0-9]{{0,5}}))?")
_LAYERS: Mapping[str, Layer] = {"original": "colour", "colour": "colour", "alpha": "alpha"}


async def fitting(request: Request, site: Site) -> Response:
    """A whole picture, no side longer than 1,600 pixels."""
    shown, layer, tag = await _found(request, site)
    if (known := _if_known(request, tag)) is not None:
        return known
    return _picture(await site.pictures.shelf.fit(shown, layer), layer, tag)


async def tile(request: Request, site: Site) -> Response:
    """A part of a picture, 512 pixels wide and high, of one of its sizes."""
    shown, layer, tag = await _found(request, site)
    if (known := _if_known(request, tag)) is not None:
        return known
    level, column, row = (request.path_params[name] for name in ("level", "column", "row"))
    content = await site.pictures.shelf.tile(shown, layer, level, column, row)
    if content is None:
        raise not_found(f"There is no tile {level}/{column}/{row}.")
    return _picture(content, layer, tag)


async def ahead(request: Request, site: Site) -> Response:
    """Have a picture built in a quiet moment, because somebody may look closely at it soon. Answers at once."""
    shown, _, _ = await _found(request, site)
    site.pictures.shelf.build_ahead(shown)
    return Response(status_code=HTTPStatus.NO_CONTENT, headers={"Cache-Control": "no-store"})


async def _found(request: Request, site: Site) -> tuple[ShownFile, str, str]:
    """What is asked for, with the layer and the ETag. Raises Refused if the caller may not see it, or it is old."""
    job_id, kind, key = (request.path_params[name] for name in ("job_id", "kind", "key"))
    what, layer, page = _asked(kind)
    caller = caller_of(request)

    def row() -> JobRow:
        try:
            found = site.journal.row(job_id)
        except KeyError:
            raise not_found(f"There is no job {job_id}.") from None
        if not caller.sees(top_folder(found.job.name)):
            raise not_found(f"There is no job {job_id}.")
        return found

    shown = await site.pictures.shelf.run(lambda: site.pictures.find(row, what, page))
    if shown.key != key or layer not in shown.layers:
        raise not_found("This picture has changed since. Ask for the job again: it says where the new one is.")
    return shown, layer, f'"{request.url.path.removeprefix("/pictures/")}"'


def _asked(kind: str) -> tuple[str, str, int]:
    """What a kind of picture names: the kind without its page, the layer, the page; 0 = the one that stands for all."""
    named = _KIND.fullmatch(kind)
    if named and named[1] in _LAYERS:
        return named[1], _LAYERS[named[1]], int(named[2] or 0)
    if named and named[2]:
        return kind, kind, page_of(int(named[2]))
    raise not_found(f"There is no picture of the kind {kind}.")


def _if_known(request: Request, tag: str) -> Response | None:
    if not is_known(request, tag):
        return None
    return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"ETag": tag, "Cache-Control": _FOR_EVER})


def _picture(content: bytes, layer: str, tag: str) -> Response:
    kind = MEDIA_TYPES["colour" if layer == "colour" else "alpha"]
    return Response(content, media_type=kind, headers={"ETag": tag, "Cache-Control": _FOR_EVER})


_BELOW = "/pictures/{job_id}/{kind}/{key}"

WAYS = (
    Way("GET", f"{_BELOW}/fit", fitting, Role.VIEWER),
    Way("GET", f"{_BELOW}/ahead", ahead, Role.VIEWER),
    Way("GET", f"{_BELOW}/{{level:int}}/{{column:int}}/{{row:int}}", tile, Role.VIEWER),
)
