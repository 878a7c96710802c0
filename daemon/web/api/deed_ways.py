"""The routes by which people decide: a grade, another try, another attempt, to failed/, a priority, and undo."""

import json
import re
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, TypeAlias

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from daemon.errors import FreistellerError, IllegalMove, Said, Vanished, said_of
from daemon.jobs import Grade
from daemon.journal.deed_rows import Deed
from daemon.people.deeds import Changed, DeedKind
from daemon.people.fail_deed import MOST_CHARACTERS, one_line
from daemon.people.priority_deed import HIGHEST
from daemon.states import is_waiting
from daemon.web.api.api_schemas import answers, in_header
from daemon.web.api.job_values import job_values, seen_by
from daemon.web.api.list_parameters import bad_parameter
from daemon.web.callers import Caller, Role
from daemon.web.json_answer import as_json
from daemon.web.problems import TYPES, Refused, not_found
from daemon.web.site import Site
from daemon.web.ways import Answer, Way, caller_of
from daemon.words.said import failure_of

Wish: TypeAlias = Mapping[str, object]
WishIn: TypeAlias = Callable[[Mapping[str, Any]], Wish]
"""Reads what is wanted from the body of a request. Raises Refused."""
_NEEDS = {DeedKind.CANCEL: Role.OPERATOR, DeedKind.PRIORITY: Role.OPERATOR}
"""The role that a deed needs, and what takes it back. For all others it is the reviewer's."""
_TAG = re.compile(r'"([0-9]{1,18})"')
_MOST_NUMBER = 2**53


def _deciding(kind: DeedKind, wish_in: WishIn) -> Answer:
    """What answers a deed on one job. wish_in: reads the body; raises Refused."""

    async def decide(request: Request, site: Site) -> Response:
        caller, job_id = caller_of(request), request.path_params["job_id"]
        await run_in_threadpool(seen_by, site, caller, job_id)
        wish, version = wish_in(await _body(request)), version_in(request)
        return await run_in_threadpool(_act, site, caller, job_id, kind, wish, version)

    return decide


def _act(site: Site, caller: Caller, job_id: str, kind: DeedKind, wish: Wish, version: int | None) -> Response:
    seen = seen_by(site, caller, job_id)
    if kind is DeedKind.FAIL and is_waiting(seen.row.job.state) and not caller.role.may(Role.OPERATOR):
        raise Refused(HTTPStatus.FORBIDDEN, "not_allowed", Said("needs_operator"))

    def act() -> int:
        return site.deeds.act(kind, job_id, caller.name, wish, version)

    return done(site, caller, job_id, act)


async def undo(request: Request, site: Site) -> Response:
    """Take a deed back, or do it again."""
    caller, number = caller_of(request), request.path_params["number"]
    base = await run_in_threadpool(_base, site, caller, number)
    await _body(request)
    return await run_in_threadpool(_undo, site, caller, number, base)


def _base(site: Site, caller: Caller, number: int) -> Deed:
    """The deed that is to be taken back, or done again. Raises Refused if the caller may not."""
    try:
        base = site.deeds.base_of(min(number, _MOST_NUMBER))
    except KeyError:
        raise not_found(f"There is no deed {number}.") from None
    if not caller.sees(base.folder):
        raise not_found(f"There is no deed {number}.")
    if not caller.role.may(needed := _NEEDS.get(DeedKind(base.kind), Role.REVIEWER)):
        raise Refused(HTTPStatus.FORBIDDEN, "not_allowed", Said("needs_role", role=needed))
    return base


def _undo(site: Site, caller: Caller, number: int, base: Deed) -> Response:
    def again() -> int:
        return site.deeds.undo(number, caller.name)

    return done(site, caller, base.job_id, again) if base.job_id else as_json({"order": base.folder, "deed": again()})


async def prioritize(request: Request, site: Site) -> Response:
    """Have the photos of an order started before others."""
    order, caller = request.path_params["order"], caller_of(request)
    if not caller.sees(order):
        raise not_found(f"There is no order {order}.")
    priority = (await _body(request)).get("priority")
    if not isinstance(priority, int) or isinstance(priority, bool) or abs(priority) > HIGHEST:
        raise bad_parameter(f"priority is a whole number from {-HIGHEST} to {HIGHEST}")
    deed = await run_in_threadpool(site.deeds.prioritize, order, priority, caller.name)
    return as_json({"order": order, "deed": deed})


def done(site: Site, caller: Caller, job_id: str, act: Callable[[], int]) -> Response:
    """Act, and answer with the job as it is then, also if somebody else or the folder was first."""
    try:
        deed = act()
    except KeyError:
        raise not_found(f"There is no job {job_id}.") from None
    except (Changed, IllegalMove, Vanished) as error:
        return _refusal(error, job_values(site, seen_by(site, caller, job_id)))
    return as_json({"job": job_values(site, seen_by(site, caller, job_id)), "deed": deed})


def _refusal(error: FreistellerError, job: Mapping[str, object]) -> Response:
    status = HTTPStatus.PRECONDITION_FAILED if isinstance(error, Changed) else HTTPStatus.CONFLICT
    told = {"type": TYPES + error.reason, "title": status.phrase, "status": int(status), "detail": str(error)}
    return as_json({**told, **failure_of(said_of(error)), "job": job}, status, media_type="application/problem+json")


async def _body(request: Request) -> Mapping[str, Any]:
    """The JSON object that was sent; nothing sent is an empty one. Raises Refused (400)."""
    content = await request.body()
    try:
        body = json.loads(content) if content.strip() else {}
    except (ValueError, RecursionError):
        raise bad_parameter("the body is a JSON object") from None
    if not isinstance(body, dict):
        raise bad_parameter("the body is a JSON object")
    return body


def version_in(request: Request) -> int | None:
    """The version that the caller saw; None if it does not say. One that never was is as one that is over."""
    sent = request.headers.get("if-match", "*").strip()
    if sent == "*":
        return None
    found = _TAG.fullmatch(sent)
    return int(found[1]) if found else -1


def _grade_in(body: Mapping[str, Any]) -> Wish:
    grade = body.get("grade")
    if grade not in list(Grade):
        raise bad_parameter(f"grade is one of {', '.join(Grade)}")
    return {"grade": str(grade)}


def _word_in(body: Mapping[str, Any]) -> Wish:
    word = body.get("word")
    if not isinstance(word, str) or not one_line(word):
        raise bad_parameter(f"word says why, in up to {MOST_CHARACTERS} characters")
    return {"word": one_line(word)}


def _number_in(body: Mapping[str, Any]) -> Wish:
    number = body.get("number")
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number < _MOST_NUMBER:
        raise bad_parameter("number is that of an attempt")
    return {"number": number}


def _nothing_in(_: Mapping[str, Any]) -> Wish:
    return {}


def _describes(**properties: Mapping[str, object]) -> dict[str, object]:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    body = {"required": bool(properties), "content": {"application/json": {"schema": schema}}}
    return {"requestBody": body, **answers("Decided"), "parameters": [in_header("If-Match")]}


def _on_job(path: str, kind: DeedKind, wish_in: WishIn, summary: str, /, **properties: Mapping[str, object]) -> Way:
    needs = _NEEDS.get(kind, Role.REVIEWER)
    path = f"/api/v1/jobs/{{job_id}}/{path}"
    return Way("POST", path, _deciding(kind, wish_in), needs, summary, _describes(**properties))


_WHOLE = {"type": "integer"}

WAYS = (
    _on_job("verdict", DeedKind.GRADE, _grade_in, "Give a result a grade.", grade={"type": "string", "enum": [*Grade]}),
    _on_job("retry", DeedKind.RETRY, _nothing_in, "Try a photo again."),
    _on_job("attempt", DeedKind.ATTEMPT, _number_in, "Take another attempt of a result.", number=_WHOLE),
    _on_job("fail", DeedKind.FAIL, _word_in, "Send a photo to failed/, with a word.", word={"type": "string"}),
    _on_job("cancel", DeedKind.CANCEL, _nothing_in, "Cancel a photo that waits."),
    Way(
        "POST",
        "/api/v1/deeds/{number:int}/undo",
        undo,
        Role.REVIEWER,
        "Take a deed back, or do it again.",
        _describes(),
    ),
    Way(
        "POST",
        "/api/v1/orders/{order:path}/priority",
        prioritize,
        _NEEDS[DeedKind.PRIORITY],
        "Start the photos of an order before others.",
        _describes(priority=_WHOLE),
    ),
)
