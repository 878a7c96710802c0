"""The route that says what happens now, with the names of photos: what runs, what waits, what is wrong and why."""

from collections.abc import Iterator, Mapping

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from daemon.journal import top_folder
from daemon.web.api.api_schemas import answers
from daemon.web.callers import Caller, Role
from daemon.web.json_answer import as_json
from daemon.web.site import Site
from daemon.web.ways import Way, caller_of
from daemon.words.said import failure_of, failure_values

OF_ORDERS = frozenset({"order_wrong", "back_off", "left_alone"})
"""Obstacles whose text may name photos or folders of any order."""


async def status(request: Request, site: Site) -> Response:
    """What runs now. A caller who may see some orders only gets no figures of the others."""
    return as_json(await run_in_threadpool(_values, site, caller_of(request)))


def _values(site: Site, caller: Caller) -> Mapping[str, object]:
    values = dict(site.status())
    is_alive, loops = site.health.alive()
    is_ready, needs = site.health.ready()
    values["running"] = [*_running(site, caller, values["running"])]
    values |= {"alive": is_alive, "ready": is_ready, "troubles": [*_troubles(loops), *_troubles(needs)]}
    values["obstacles"] = [*_obstacles(site, caller)]
    values["paused_at"] = site.journal.paused_at()
    if caller.orders is None:
        counts = site.journal.counts()
        values["jobs"] = {state.value: count for state, count in counts.states.items()}
        values["grades"] = {grade.value: count for grade, count in counts.grades.items()}
        values["oldest_admitted_at"] = counts.oldest_admitted_at
    return values


def _running(site: Site, caller: Caller, running: object) -> Iterator[Mapping[str, object]]:
    """The photos in work that the caller may see, with their names."""
    assert isinstance(running, list)
    for each in running:
        try:
            name = site.journal.row(each["job"]).job.name
        except KeyError:
            continue  # it ended, and was forgotten, meanwhile
        if caller.sees(top_folder(name)):
            yield {**each, "name": name, "order": top_folder(name)}


def _obstacles(site: Site, caller: Caller) -> Iterator[Mapping[str, object]]:
    """What keeps photos from being done, without what names orders that the caller may not see."""
    for each in site.health.obstacles:
        if caller.orders is None or each.name not in OF_ORDERS:
            yield {**each.shown(), **failure_of(each.text), "remedy": failure_values(each.do)}


def _troubles(page: Mapping[str, object]) -> Iterator[Mapping[str, object]]:
    """The parts of a page of health that are not well."""
    parts = page["parts"]
    assert isinstance(parts, Mapping)
    for name, part in parts.items():
        if not part["ok"]:
            yield {"part": name, "reason": part["detail"], **failure_of(part["detail"])}


WAYS = (
    Way(
        "GET", "/api/v1/status", status, Role.VIEWER, "What runs now, what waits, and what is wrong.", answers("Status")
    ),
)
