"""GET /api/v1/events/latest: what happened before somebody began to listen, with the names of photos."""

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from daemon.web.api.api_schemas import answers, in_query
from daemon.web.api.event_stream import event_values
from daemon.web.api.list_parameters import limit
from daemon.web.callers import Role
from daemon.web.json_answer import as_json
from daemon.web.site import Site
from daemon.web.ways import Way, caller_of


async def latest_events(request: Request, site: Site) -> Response:
    """The last events of the orders that the caller may see, newest first."""
    found = await run_in_threadpool(site.journal.events.latest, limit(request.query_params), caller_of(request).orders)
    return as_json({"events": [{"kind": event.kind, "name": name, **event_values(event)} for event, name in found]})


_DESCRIBES = {
    "parameters": [in_query("limit", "integer", minimum=1)],
    **answers("LatestEvents"),
}

WAYS = (Way("GET", "/api/v1/events/latest", latest_events, Role.VIEWER, "What happened last", _DESCRIBES),)
