"""What a row of the table of routes is: a path, who may go there, and what answers."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from starlette.requests import Request
from starlette.responses import Response

from daemon.errors import FreistellerError
from daemon.web.callers import NOBODY, Caller, Role
from daemon.web.site import Site

Answer: TypeAlias = Callable[[Request, Site], Awaitable[Response]]
"""Answers one request. What takes longer than a millisecond runs by `starlette.concurrency.run_in_threadpool`.

It may raise the errors of `daemon.errors` and of `daemon.web.problems`; the app turns them into answers."""


TellError: TypeAlias = Callable[[FreistellerError, Request], Response]
"""Tells an error in the words that a route's callers know."""


@dataclass(frozen=True, slots=True)
class Way:
    """One method of one path, in Starlette's spelling, e.g. "/api/v1/jobs/{job_id}".

    needs: the least role. The app asks for it before it calls `answer`, so no answer can forget to.
    summary: one sentence in the API's description; "" = not a part of the API. describes: the OpenAPI operation beyond
    that: parameters, requestBody, responses. body_bytes: how many bytes a request may send. whole_seconds: how long
    sending them may take. tell: None = errors are problem details, as everywhere.
    """

    method: str
    path: str
    answer: Answer
    needs: Role
    summary: str = ""
    describes: Mapping[str, object] = field(default_factory=dict)
    body_bytes: int = 64 * 1024
    whole_seconds: float = 30.0
    tell: TellError | None = None


def caller_of(request: Request) -> Caller:
    """Who sent a request, as the app found out before it called the answer."""
    caller = request.scope.get("freisteller.caller", NOBODY)
    assert isinstance(caller, Caller)
    return caller
