"""GET /api/v1/audit: who did what, and when: deeds, moved results, logins, and who may come in."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from daemon.journal import PersonVerdict
from daemon.journal.deed_rows import UNDO, Deed
from daemon.web.access.access_events import AccessEvent
from daemon.web.api.api_schemas import answers, in_query
from daemon.web.api.list_parameters import bad_parameter, limit
from daemon.web.callers import Role
from daemon.web.json_answer import as_json
from daemon.web.site import Site
from daemon.web.ways import Way

_CURSOR = re.compile(r"([0-9]{1,18})-([0-9]{1,18})-([0-9]{1,18})")
_NEWEST = 10**18 - 1  # above every number


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that somebody did. number: grows within its list. values: as JSON shows it."""

    number: int
    at: float
    values: Mapping[str, object]


ListOfEntries: TypeAlias = Callable[[int, int], Sequence[Entry]]
"""The newest entries with a number below the first argument, newest first, at most so many as the second says."""


async def audit(request: Request, site: Site) -> Response:
    """A page of all that people did, newest first."""
    sent, most = request.query_params.get("cursor", ""), limit(request.query_params)
    found = _CURSOR.fullmatch(sent) if sent else None
    if sent and found is None:
        raise bad_parameter("this cursor belongs to another list; begin at the first page: leave the cursor out")
    before = tuple(map(int, found.groups())) if found else (_NEWEST,) * 3
    entries, left = await run_in_threadpool(merged, (_deeds(site), _moves(site), _access(site)), before, most)
    return as_json({"entries": [entry.values for entry in entries], "next": "-".join(map(str, left)) if left else None})


def merged(
    lists: Sequence[ListOfEntries], before: Sequence[int], most: int
) -> tuple[list[Entry], tuple[int, ...] | None]:
    """The newest entries of all lists together, and where the next page begins; None if there is none.

    Each list is gone through by its numbers, so a clock that was set back hides and repeats nothing.
    """
    heads = [list(entries(number, most + 1)) for entries, number in zip(lists, before, strict=True)]
    taken: list[Entry] = []
    positions = list(before)
    while len(taken) < most and any(heads):
        newest = max((each for each in range(len(heads)) if heads[each]), key=lambda each: heads[each][0].at)
        entry = heads[newest].pop(0)
        positions[newest] = entry.number
        taken.append(entry)
    return taken, tuple(positions) if any(heads) else None


def _deeds(site: Site) -> ListOfEntries:
    def entries(before: int, most: int) -> Sequence[Entry]:
        found, _ = site.journal.deeds.latest(str(before), most)
        return [Entry(deed.number, deed.begun_at, _deed_values(deed)) for deed in found]

    return entries


def _deed_values(deed: Deed) -> Mapping[str, object]:
    wish = deed.body.get("wish") or {}
    detail = f"of {deed.undoes}" if deed.kind == UNDO else ", ".join(f"{key} {value}" for key, value in wish.items())
    return {
        "at": deed.begun_at,
        "who": deed.who,
        "what": deed.kind,
        "deed": deed.number,
        "job": deed.job_id,
        "order": deed.folder,
        "name": deed.name,
        "detail": detail,
        "fault": deed.fault,
        "address": "",
    }


def _moves(site: Site) -> ListOfEntries:
    """Verdicts that people gave by moving a file; who: "" if nobody knows."""

    def entries(before: int, most: int) -> Sequence[Entry]:
        return [
            Entry(number, each.at, _move_values(each)) for number, each in site.journal.verdicts.moved(before, most)
        ]

    return entries


def _move_values(verdict: PersonVerdict) -> Mapping[str, object]:
    return {
        "at": verdict.at,
        "who": verdict.who,
        "what": "moved",
        "deed": None,
        "job": verdict.job_id,
        "order": verdict.folder,
        "name": verdict.name,
        "detail": f"from {verdict.from_grade} to {verdict.to_grade}",
        "fault": None,
        "address": "",
    }


def _access(site: Site) -> ListOfEntries:
    def entries(before: int, most: int) -> Sequence[Entry]:
        users = site.gate.users
        return [] if users is None else list(_access_entries(users.events.latest(most, before)))

    return entries


def _access_entries(events: Sequence[AccessEvent]) -> Iterator[Entry]:
    for event in events:
        nothing = {"deed": None, "job": "", "order": "", "fault": None}
        told = {"at": event.at, "who": event.who, "what": event.what, "name": event.whom, "detail": event.detail}
        yield Entry(event.number, event.at, {**told, **nothing, "address": event.address})


_DESCRIBES = {
    "parameters": [in_query("limit", "integer", minimum=1), in_query("cursor", "string")],
    **answers("Audit"),
}

WAYS = (Way("GET", "/api/v1/audit", audit, Role.ADMIN, "Who did what, and when.", _DESCRIBES),)
