"""What holds for every answer: common headers, errors as problems, no traceback, an end that the client sees."""

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from daemon.disk.os_errors import translate
from daemon.errors import FreistellerError
from daemon.logs import log
from daemon.web.bounded_body import BoundedBody
from daemon.web.problems import Refused, problem

HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; "
        "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cache-control": "no-store",
    "server": "freisteller",
}
"""Every answer has them, unless it sets its own."""

MOST_HEADER_BYTES = 16 * 1024
DRAIN_SECONDS = 2.0
DRAIN_BYTES = 16 << 20
"""So much of a body that nobody wants is still read, so that its sender sees why."""

Respond = Callable[[Request, BoundedBody], Awaitable[Response]]
"""Finds the answer to one request."""


class EveryAnswer:
    """The application as uvicorn calls it. respond: see `Respond`; it may raise anything."""

    def __init__(self, respond: Respond) -> None:
        self._respond = respond

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        body = BoundedBody(scope, receive)
        out = _Outgoing(body, send)
        try:
            await self._serve(scope, body, out)
        except ClientDisconnect:
            return
        except Exception as error:  # one request may not harm another, whatever it is
            _log_failure(scope, error)
            if out.started:
                raise  # uvicorn closes the connection, so the client sees that the answer is cut off
            await problem(_internal_error())(scope, body.receive, out.send)
        log.log("http_request", f"{scope['method']} {scope['path']} {out.status}", level=logging.DEBUG)

    async def _serve(self, scope: Scope, body: BoundedBody, out: "_Outgoing") -> None:
        try:
            _refuse_odd_headers(scope)
            response = await self._respond(Request(scope, body.receive), body)
        except FreistellerError as error:
            response = problem(error)
        except OSError as error:
            known = translate(error, "A disk or share does not do what this answer needs")
            if known is None:
                raise
            response = problem(known)
        except HTTPException as error:  # Starlette's own, e.g. for a form that is none
            response = problem(Refused(HTTPStatus(error.status_code), "bad_request", str(error.detail)))
        await response(scope, body.receive, out.send)


class _Outgoing:
    """Sends one answer, with what belongs to every answer."""

    def __init__(self, body: BoundedBody, send: Send) -> None:
        self._body = body
        self._send = send
        self.status = 0

    @property
    def started(self) -> bool:
        return self.status != 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": [*message["headers"], *self._further(message["headers"])]}
        elif not message.get("more_body", False) and not self._body.complete:
            await self._send({**message, "more_body": True})
            await self._body.drain(DRAIN_BYTES, DRAIN_SECONDS)
            message = {**message, "body": b""}
        await self._send(message)

    def _further(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        there = {name.lower() for name, _ in headers}
        further = [(name.encode(), value.encode()) for name, value in HEADERS.items() if name.encode() not in there]
        return further if self._body.complete else [*further, (b"connection", b"close")]


def _log_failure(scope: Scope, error: Exception) -> None:
    text = f"{scope['method']} {scope['path']} failed: {type(error).__name__}: {error}"
    if isinstance(error, FreistellerError | OSError):  # e.g. a share that went away in the middle of a file
        log.log("answer_cut_off", text, level=logging.WARNING)
    else:
        log.log("internal_error", text, level=logging.ERROR, error=error)


def _refuse_odd_headers(scope: Scope) -> None:
    """Refuse what h11 lets through: long headers that come in one piece, and a body that has two lengths.

    A proxy that believes the other length would take a part of the body for a request of somebody else.
    """
    if {b"content-length", b"transfer-encoding"} <= {name for name, _ in scope["headers"]}:
        raise Refused(HTTPStatus.BAD_REQUEST, "bad_request", "a body has either a Content-Length or an encoding")
    size = len(scope["raw_path"]) + len(scope["query_string"])
    size += sum(len(name) + len(value) + 4 for name, value in scope["headers"])
    if size > MOST_HEADER_BYTES:
        raise Refused(
            HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "headers_too_large", "the headers of the request are too long"
        )


def _internal_error() -> Refused:
    return Refused(
        HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "this is a fault of Freisteller; its log says more"
    )
