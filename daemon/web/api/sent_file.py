"""Sends an open file: the whole of it, a part of it, or only that the caller has it already (RFC 9110)."""

import os
import re
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from typing import BinaryIO

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from daemon.web.problems import Refused

CHUNK_BYTES = 1 << 18
_ONE_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})")


def sent_file(request: Request, file: BinaryIO, media_type: str, headers: Mapping[str, str]) -> Response:
    """The answer to a request for a file, which is closed at its end. Raises Refused (416).

    A list of several ranges is answered with the whole, as the standard allows.
    """
    known = os.fstat(file.fileno())
    tag = f'"{known.st_ino:x}-{known.st_mtime_ns:x}-{known.st_size:x}"'
    every = {**headers, "ETag": tag, "Accept-Ranges": "bytes"}
    if is_known(request, tag):
        file.close()
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=every)
    part = _asked_part(request, tag, known.st_size)
    if part is None:
        every["Content-Length"] = str(known.st_size)
        if request.method == "HEAD":
            file.close()
            return Response(headers=every, media_type=media_type)
        return StreamingResponse(_pieces(file, 0, known.st_size), HTTPStatus.OK, every, media_type)
    if not part:
        file.close()
        text = f"the file has {known.st_size} bytes, so there is nothing at that range"
        content_range = {"Content-Range": f"bytes */{known.st_size}"}
        raise Refused(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, "no_such_range", text, content_range)
    every["Content-Length"] = str(len(part))
    every["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{known.st_size}"
    return StreamingResponse(_pieces(file, part.start, len(part)), HTTPStatus.PARTIAL_CONTENT, every, media_type)


def is_known(request: Request, tag: str) -> bool:
    """Whether the caller says that it has the version with this ETag (If-None-Match)."""
    sent = [each.strip().removeprefix("W/") for each in request.headers.get("if-none-match", "").split(",")]
    return tag in sent or "*" in sent


def _asked_part(request: Request, tag: str, size: int) -> range | None:
    """The bytes that are asked for; empty = there are none of them, None = the whole file."""
    asked = _ONE_RANGE.fullmatch(request.headers.get("range", "").strip())
    if asked is None or request.method != "GET" or request.headers.get("if-range", tag) != tag:
        return None
    first, last = asked.groups()
    if not first:
        return range(max(0, size - int(last)), size) if last else None
    if last and int(last) < int(first):
        return None
    return range(int(first), min(int(last) + 1 if last else size, size))


async def _pieces(file: BinaryIO, start: int, size: int) -> AsyncIterator[bytes]:
    """`size` bytes from `start`. A file that is cut off meanwhile ends the answer early, which its reader sees."""
    with file:
        await run_in_threadpool(file.seek, start)
        while size > 0 and (piece := await run_in_threadpool(file.read, min(CHUNK_BYTES, size))):
            size -= len(piece)
            yield piece
