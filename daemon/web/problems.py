"""Errors as programs read them: problem details (RFC 9457), whose types are the names of our error classes."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import Response

from daemon.errors import (
    BadOrder,
    BadPhoto,
    BadSettings,
    EngineAway,
    FreistellerError,
    IllegalMove,
    JournalDamaged,
    JournalLocked,
    NoRoom,
    RootAway,
    Vanished,
    said_of,
)
from daemon.web.json_answer import as_json
from daemon.words.said import failure_of

TYPES = "urn:freisteller:problem:"
"""Comes before the name of a problem, and never changes: programs compare the whole."""

RETRY_SECONDS = 10
"""After which a caller may try again what the daemon could not do just now."""


class Refused(FreistellerError):
    """A request cannot be answered as it asks. Answer: tell its sender why.

    kind: the short, fixed name, e.g. "too_large". headers: go with the answer.
    """

    reason = "refused"

    def __init__(self, status: HTTPStatus, kind: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.headers = dict(headers or {})


_STATUS: Mapping[type[FreistellerError], HTTPStatus] = {
    BadSettings: HTTPStatus.UNPROCESSABLE_ENTITY,
    BadOrder: HTTPStatus.UNPROCESSABLE_ENTITY,
    BadPhoto: HTTPStatus.UNPROCESSABLE_ENTITY,
    Vanished: HTTPStatus.GONE,
    IllegalMove: HTTPStatus.CONFLICT,
    RootAway: HTTPStatus.SERVICE_UNAVAILABLE,
    JournalLocked: HTTPStatus.SERVICE_UNAVAILABLE,
    JournalDamaged: HTTPStatus.SERVICE_UNAVAILABLE,
    NoRoom: HTTPStatus.INSUFFICIENT_STORAGE,
    EngineAway: HTTPStatus.SERVICE_UNAVAILABLE,
}


def status_of(error: FreistellerError) -> HTTPStatus:
    """The status that tells an error."""
    if isinstance(error, Refused):
        return error.status
    return next((_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS), HTTPStatus.INTERNAL_SERVER_ERROR)


def problem(error: FreistellerError) -> Response:
    """The answer that tells an error to a program."""
    status = status_of(error)
    kind = error.kind if isinstance(error, Refused) else error.reason
    body = {
        "type": TYPES + kind,
        "title": status.phrase,
        "status": int(status),
        "detail": str(error),
        **failure_of(said_of(error)),
    }
    headers = dict(error.headers) if isinstance(error, Refused) else {}
    if status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        headers.setdefault("Retry-After", str(RETRY_SECONDS))
    return as_json(body, status, headers, media_type="application/problem+json")


def not_found(what: str) -> Refused:
    """The error of something that is not there. what: a sentence for the caller."""
    return Refused(HTTPStatus.NOT_FOUND, "not_found", what)
