"""The route that takes an alpha that a person touched up, and has the result made anew with it."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from daemon.errors import BadPhoto, Said, WorkerLost
from daemon.jobs import Job
from daemon.judgement.best_of_pages import pages_of_job
from daemon.people.deeds import Changed, DeedKind
from daemon.web.api.api_schemas import answers, in_header, in_query
from daemon.web.api.deed_ways import done, version_in
from daemon.web.api.job_values import seen_by
from daemon.web.api.list_parameters import bad_parameter
from daemon.web.callers import Caller, Role
from daemon.web.site import Site
from daemon.web.ways import Way, caller_of

_PNG_BEGINS = b"\x89PNG\r\n\x1a\n"
MOST_BYTES = 64 << 20  # an alpha of 100 megapixels takes some 5 MB; one that was drawn as noise, 100


async def touch_up(request: Request, site: Site) -> Response:
    """Keep the alpha as another attempt, and take that."""
    caller, job_id = caller_of(request), request.path_params["job_id"]
    await run_in_threadpool(seen_by, site, caller, job_id)
    content, version = await request.body(), version_in(request)
    if not content.startswith(_PNG_BEGINS):
        raise bad_parameter("the body is a PNG")
    wanted = request.query_params.get("page")
    return await run_in_threadpool(_touch_up, site, caller, job_id, (content, wanted), version)


def _page_in(wanted: str | None, job: Job) -> int:
    """The page that is meant. Raises Refused if it is not said of a file of several, or if there is no such page."""
    pages = pages_of_job(job)
    if wanted is None and len(pages) == 1:
        return pages[0]
    if wanted is None or wanted not in map(str, pages):
        raise bad_parameter(f"page says which page of {job.name} was touched up: 1 to {pages[-1]}, e.g. ?page=1")
    return int(wanted)


def _touch_up(site: Site, caller: Caller, job_id: str, sent: tuple[bytes, str | None], version: int | None) -> Response:
    job = seen_by(site, caller, job_id).row.job
    name, content, page = job.name, sent[0], _page_in(sent[1], job)

    def act() -> int:
        if version is not None and site.journal.lists.version_of(job_id) != version:
            raise Changed(Said("changed_since", name=name))
        try:
            number = site.touch_ups.add(job_id, content, page)
        except WorkerLost as error:
            raise BadPhoto(Said("unreadable_alpha", name=name, detail=error)) from error
        return site.deeds.act(DeedKind.ATTEMPT, job_id, caller.name, {"number": number}, version)

    return done(site, caller, job_id, act)


_PNG = {"schema": {"type": "string", "contentMediaType": "image/png"}}

WAYS = (
    Way(
        "POST",
        "/api/v1/jobs/{job_id}/touch-up",
        touch_up,
        Role.REVIEWER,
        "Make a result anew with an alpha that a person touched up: a grey PNG of 8 bit, as large as the result. Of a "
        "file of several pages only the one that `page` names, which must be said; otherwise it is 1.",
        {
            "requestBody": {"required": True, "content": {"image/png": _PNG}},
            **answers("Decided"),
            "parameters": [in_query("page", "integer", minimum=1), in_header("If-Match")],
        },
        body_bytes=MOST_BYTES,
        whole_seconds=300.0,
    ),
)
