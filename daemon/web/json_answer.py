"""Writes JSON answers, also with names that are not UTF-8."""

import json
from collections.abc import Mapping
from http import HTTPStatus

from starlette.responses import Response


def as_json(
    body: object,
    status: HTTPStatus = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
    media_type: str = "application/json",
) -> Response:
    """A value as an answer. Half a character of a broken file name is shown as an escape."""
    text = json.dumps(body, ensure_ascii=False, allow_nan=False)
    return Response(text.encode("utf-8", "backslashreplace") + b"\n", status, headers, media_type)
