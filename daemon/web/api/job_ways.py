"""The routes that show jobs: lists, one job, its report, the files of its result."""

import time
from contextlib import suppress
from http import HTTPStatus
from pathlib import PurePosixPath
from typing import BinaryIO
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from daemon.errors import Said, Vanished
from daemon.hotfolder import ownership
from daemon.jobs import Grade
from daemon.journal.job_lists import ForeignCursor, ListOfJobs, Sort
from daemon.people.moved_results import is_report
from daemon.states import State
from daemon.web.api.api_schemas import answers, in_query
from daemon.web.api.job_values import job_values, result_places, seen_by, with_tries
from daemon.web.api.list_parameters import bad_parameter, limit, word, yes_or_no
from daemon.web.api.opened_result import opened_result
from daemon.web.api.sent_file import is_known, sent_file
from daemon.web.callers import Caller, Role
from daemon.web.json_answer import as_json
from daemon.web.problems import not_found
from daemon.web.site import Site
from daemon.web.ways import Way, caller_of

_LOOKS, _PAUSE_SECONDS = 4, 0.1  # a verdict moves the files first and says where they are a moment later
_TYPES = {
    ".png": "image/png",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
    ".webp": "image/webp",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".json": "application/json",
}


async def jobs(request: Request, site: Site) -> Response:
    """A page of a list."""
    sent = request.query_params
    wanted = ListOfJobs(
        state=word(sent, "state", State),
        grade=word(sent, "grade", Grade),
        order=sent.get("order"),
        decided=yes_or_no(sent, "decided"),
        visible=caller_of(request).orders,
        sort=word(sent, "sort", Sort) or Sort.NEWEST,
    )
    return as_json(await run_in_threadpool(_page, site, wanted, limit(sent), sent.get("cursor") or None))


def _page(site: Site, wanted: ListOfJobs, most: int, cursor: str | None) -> dict[str, object]:
    try:
        found, further = site.journal.lists.page(wanted, most, cursor)
    except ForeignCursor as error:
        raise bad_parameter(str(error).rstrip(".")) from error
    return {"jobs": [job_values(site, seen) for seen in found], "next": further}


async def job(request: Request, site: Site) -> Response:
    """One job with its attempts; 304 if the caller has it as it is."""
    body = await run_in_threadpool(_job, site, caller_of(request), request.path_params["job_id"])
    tag = f'"{body["version"]}"'
    headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
    if is_known(request, tag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return as_json(body, headers=headers)


def _job(site: Site, caller: Caller, job_id: str) -> dict[str, object]:
    return with_tries(site, seen_by(site, caller, job_id))


async def report(request: Request, site: Site) -> Response:
    """The report beside a result, as it was written."""
    content = await run_in_threadpool(_report, site, caller_of(request), request.path_params["job_id"])
    return Response(content, media_type="application/json")


def _report(site: Site, caller: Caller, job_id: str) -> bytes:
    seen = seen_by(site, caller, job_id)
    place = next((place for place in result_places(seen) if is_report(place)), None)
    if place is None:
        raise not_found(f"{seen.row.job.name} has no report.")
    content = ownership.report_at(site.folders.root, place)
    if content is None:
        raise Vanished(Said("file_gone", name=place))
    return content


async def result(request: Request, site: Site) -> Response:
    """A file of a result, sent piece by piece, under its name in the grade folder."""
    name = request.path_params["name"]
    file = await run_in_threadpool(_opened, site, caller_of(request), request.path_params["job_id"], name)
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        "Cache-Control": "private, no-cache",
    }
    kind = _TYPES.get(PurePosixPath(name).suffix.lower(), "application/octet-stream")
    return await run_in_threadpool(sent_file, request, file, kind, headers)


def _opened(site: Site, caller: Caller, job_id: str, name: str) -> BinaryIO:
    """A file of a result. Only what the journal names is opened, and no link is followed."""
    for look in range(_LOOKS):
        time.sleep(_PAUSE_SECONDS if look else 0)
        seen = seen_by(site, caller, job_id)
        place = next((place for place in result_places(seen) if PurePosixPath(place).name == name), None)
        if place is None:
            raise not_found(f"{seen.row.job.name} has no result of this name.")
        if ownership.file_id_at(site.folders.root, place) is not None:
            with suppress(FileNotFoundError):
                return opened_result(site.folders, place)
    raise Vanished(Said("file_gone", name=place))


_LISTS = {
    "parameters": [
        in_query("state", "string", *State),
        in_query("grade", "string", *Grade),
        in_query("order", "string"),
        in_query("decided", "string", "yes", "no"),
        in_query("sort", "string", *Sort),
        in_query("limit", "integer", minimum=1),
        in_query("cursor", "string"),
    ],
    **answers("Jobs"),
}
_FILES: dict[str, object] = {kind: {} for kind in sorted({*_TYPES.values(), "application/octet-stream"})}
_FILE = {
    "responses": {
        "200": {
            "description": "The file.",
            "content": _FILES,
        },
        "206": {"description": "The part that Range asks for.", "content": _FILES},
        "304": {"description": "The caller has the file already: If-None-Match names its ETag."},
    }
}

WAYS = (
    Way("GET", "/api/v1/jobs", jobs, Role.VIEWER, "List jobs, page by page.", _LISTS),
    Way("GET", "/api/v1/jobs/{job_id}", job, Role.VIEWER, "One job with its attempts.", answers("JobWithTries")),
    Way("GET", "/api/v1/jobs/{job_id}/report", report, Role.VIEWER, "The report of a job."),
    Way("GET", "/api/v1/jobs/{job_id}/results/{name}", result, Role.VIEWER, "A file of a job's result.", _FILE),
)
