"""Tells errors as remove.bg told them: `{"errors": [{"title", "code"}]}`, 403 for keys, 400 for photos."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from daemon.errors import FreistellerError
from daemon.web.json_answer import as_json
from daemon.web.problems import RETRY_SECONDS, Refused, status_of

_CODES: Mapping[str, str] = {
    "several_photos": "multiple_sources",
    "no_photo": "missing_source",
    "too_large": "file_too_large",
    "too_many": "rate_limit_exceeded",
    "bad_request": "invalid_parameter",
    "bad_photo": "failed_to_read_image",
    "not_allowed": "auth_failed",
}
"""The names of our problems -> the codes that clients know. Any other keeps its name."""
_BAD_REQUESTS = frozenset({
    HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
})  # fmt: skip


def removebg_error(error: FreistellerError, request: Request) -> Response:
    """The answer that tells an error to a client of remove.bg."""
    status = status_of(error)
    kind = error.kind if isinstance(error, Refused) else error.reason
    headers = dict(error.headers) if isinstance(error, Refused) else {}
    code, title = _CODES.get(kind, kind), str(error)
    if status is HTTPStatus.UNAUTHORIZED:
        status, headers = HTTPStatus.FORBIDDEN, {}
        code = "invalid_api_key" if request.headers.get("x-api-key") else "auth_failed"
        title = "This API key is not known here" if code == "invalid_api_key" else "This needs an API key"
        title += ". An admin makes one with: freisteller user token add NAME TOKEN --role operator"
    elif status in _BAD_REQUESTS:
        status = HTTPStatus.BAD_REQUEST
    elif status in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
        headers.setdefault("Retry-After", str(RETRY_SECONDS))
    return as_json({"errors": [{"title": title, "code": code}]}, status, headers)
