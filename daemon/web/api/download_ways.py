"""The route that sends all results of an order as one ZIP file."""

from collections.abc import Iterator
from functools import partial
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from daemon.hotfolder import ownership
from daemon.jobs import Grade
from daemon.journal.job_lists import ListOfJobs, Sort
from daemon.people.moved_results import is_report
from daemon.states import State
from daemon.web.api.job_values import result_places
from daemon.web.api.list_parameters import bad_parameter, word, yes_or_no
from daemon.web.api.opened_result import opened_result
from daemon.web.api.zip_stream import zip_stream
from daemon.web.callers import Role
from daemon.web.problems import not_found
from daemon.web.site import Site
from daemon.web.ways import Way, caller_of

_JOBS_AT_ONCE = 500
_MISSING = "missing.txt"


async def download(request: Request, site: Site) -> Response:
    """The results of one order, in the folders of their grades."""
    sent, caller = request.query_params, caller_of(request)
    order = sent.get("order")
    if order is None:
        raise bad_parameter("order must name an order; an empty one means the photos without an order")
    grade, reports = word(sent, "grade", Grade), yes_or_no(sent, "reports") or False
    wanted = ListOfJobs(state=State.DONE, grade=grade, order=order, visible=caller.orders, sort=Sort.OLDEST)
    places, missing = await run_in_threadpool(_places, site, wanted, reports)
    if not places:
        raise not_found(f"There is no result of {order or 'photos without an order'} to download.")
    files = [(place, partial(opened_result, site.folders, place)) for place in places]
    extra = [(_MISSING, _told(missing))] if missing else []
    name = quote(f"{order or 'freisteller'}.zip", safe="")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{name}"}
    return StreamingResponse(zip_stream(files, extra), media_type="application/zip", headers=headers)


def _places(site: Site, wanted: ListOfJobs, reports: bool) -> tuple[list[str], list[str]]:
    """The places of all files to send, and of those that people took away."""
    there: list[str] = []
    missing: list[str] = []
    for place in _recorded(site, wanted):
        if reports or not is_report(place):
            found = ownership.file_id_at(site.folders.root, place)
            (there if found else missing).append(place)
    return there, missing


def _recorded(site: Site, wanted: ListOfJobs) -> Iterator[str]:
    cursor: str | None = None
    while True:
        found, cursor = site.journal.lists.page(wanted, _JOBS_AT_ONCE, cursor)
        for seen in found:
            yield from result_places(seen)
        if cursor is None:
            return


def _told(missing: list[str]) -> bytes:
    lines = ["These results are not in this file, because somebody moved or deleted them:", *missing, ""]
    return "\r\n".join(lines).encode("utf-8", "replace")


_PARAMETERS = {
    "parameters": [
        {"name": "order", "in": "query", "required": True, "schema": {"type": "string"}},
        {"name": "grade", "in": "query", "schema": {"type": "string", "enum": [*Grade]}},
        {"name": "reports", "in": "query", "schema": {"type": "string", "enum": ["yes", "no"]}},
    ],
    "responses": {"200": {"description": "The file.", "content": {"application/zip": {}}}},
}
WAYS = (
    Way("GET", "/api/v1/results.zip", download, Role.VIEWER, "All results of an order as one ZIP file.", _PARAMETERS),
)
