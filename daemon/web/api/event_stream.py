"""GET /api/v1/events: what happens to photos, as server-sent events, each with the number that the journal gave it."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import suppress

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from daemon.journal.events import JobEvent
from daemon.web.api.event_feed import TooFarBehind
from daemon.web.callers import Caller, Role
from daemon.web.site import Site
from daemon.web.ways import Way, caller_of

ALIVE_SECONDS = 15.0
"""After which a comment shows that the stream is alive, and we ask whether its reader may still see it."""
RETRY_MILLISECONDS = 2000
"""After which a browser connects again by itself."""

HEADERS = {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}


async def events(request: Request, site: Site) -> Response:
    """A stream that goes on until the client leaves, may no longer see it, or the daemon stops."""
    if request.method == "HEAD":
        return Response(headers=HEADERS)
    return StreamingResponse(_stream(request, site), headers=HEADERS)


async def _stream(request: Request, site: Site) -> AsyncIterator[bytes]:
    feed, caller = site.events, caller_of(request)
    async with feed.listening() as woken:
        newest = await feed.newest()
        number = _last_seen(request.headers.get("last-event-id", ""), newest)
        yield f"retry: {RETRY_MILLISECONDS}\n".encode() + _number(newest if number is None else number)
        if number is None:
            yield _message(newest, "reset", {})
            number = newest
        asked_at = time.monotonic()
        while not feed.closed:
            if (left := asked_at + ALIVE_SECONDS - time.monotonic()) <= 0:
                if not _may_go_on(await site.gate.caller(request, is_use=False), caller):
                    break
                yield b": alive\n" + _number(number)
                asked_at = time.monotonic()
                continue
            woken.clear()
            try:
                found = await feed.after(number)
            except TooFarBehind as missed:
                number = missed.newest
                yield _message(number, "reset", {})
                continue
            if found:
                number = found[-1].number
                yield b"".join(_event(event) for event in found if caller.sees(event.folder)) or _number(number)
            else:
                with suppress(TimeoutError):
                    await asyncio.wait_for(woken.wait(), left)
        yield b"event: end\ndata: {}\n\n"


def _last_seen(sent: str, newest: int) -> int | None:
    """The number after which a client goes on; None if it sends what cannot be one of ours."""
    if not sent:
        return newest
    return int(sent) if sent.isascii() and sent.isdigit() and len(sent) < 19 else None


def _may_go_on(now: Caller, before: Caller) -> bool:
    return now.role.may(Role.VIEWER) and (now.name, now.orders) == (before.name, before.orders)


def event_values(event: JobEvent) -> dict[str, object]:
    """What everybody hears of an event, as values for JSON."""
    return {
        "job": event.job_id,
        "order": event.folder,
        "state": event.state,
        "grade": event.grade,
        "version": str(event.number),
        "at": event.at,
    }


def _event(event: JobEvent) -> bytes:
    return _message(event.number, event.kind, event_values(event))


def _message(number: int, kind: str, data: dict[str, object]) -> bytes:
    text = json.dumps(data, ensure_ascii=False)
    return f"id: {number}\nevent: {kind}\ndata: {text}\n\n".encode("utf-8", "backslashreplace")


def _number(number: int) -> bytes:
    """Only the number: the browser keeps it for Last-Event-ID, and tells the page nothing."""
    return f"id: {number}\n\n".encode()


_DESCRIBES = {
    "parameters": [
        {
            "name": "Last-Event-ID",
            "in": "header",
            "description": "The `id` of the last event seen; the stream goes on after it, or sends `reset`.",
            "schema": {"type": "string"},
        }
    ],
    "responses": {
        "200": {
            "description": "A stream without an end. Each event has a number as its id.",
            "content": {"text/event-stream": {"schema": {"type": "string"}}},
        }
    },
}

WAYS = (Way("GET", "/api/v1/events", events, Role.VIEWER, "What happens to photos, as it happens.", _DESCRIBES),)
