"""The two routes of remove.bg: cut one photo out and answer with it; say that nothing is charged."""

import base64
import json
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from http import HTTPStatus
from typing import BinaryIO

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from daemon.jobs import attempt_numbered
from daemon.states import is_over
from daemon.web.api.incoming_photo import IncomingPhoto
from daemon.web.api.job_wait import wait_for_end
from daemon.web.api.photos import MOST_BYTES, WHOLE_SECONDS
from daemon.web.callers import Role
from daemon.web.json_answer import as_json
from daemon.web.problems import RETRY_SECONDS, Refused
from daemon.web.removebg.asked_layout import AskedLayout, asked_layout
from daemon.web.removebg.cutout_desk import CutOut, reasons_of
from daemon.web.removebg.cutout_form import encoded_bytes, receive
from daemon.web.removebg.removebg_description import ACCOUNT, CUT_OUT
from daemon.web.removebg.removebg_errors import removebg_error
from daemon.web.site import Site
from daemon.web.ways import Way, caller_of

CREDITS = 1_000_000
"""What clients are told that they may still spend. Nothing is charged, so it never gets less."""
MOST_REASONS = 10
_MEDIA_TYPES = {"png": "image/png", "jpg": "image/jpeg", "webp": "image/webp", "zip": "application/zip"}
_PIECE_BYTES = 1 << 18


async def post_removebg(request: Request, site: Site) -> Response:
    """Cut out one photo, and answer with the result as it is asked for."""
    desk, uploads = site.cut_outs, site.uploads
    with uploads.serving(request, encoded_bytes(request.headers.get("content-type", ""))) as photo:
        ground = IncomingPhoto(uploads.uploads, uploads.most_megabytes)
        try:
            fields = await receive(request, uploads, photo, ground)
            asked = asked_layout(fields if ground.file is None else {**fields, "bg_image_file": "sent"})
            job_id = await uploads.run(desk.job_of, photo, caller_of(request))
            row = await wait_for_end(site.journal, job_id, uploads.wait_seconds, request)
            if not is_over(row.job.state):
                raise Refused(
                    HTTPStatus.SERVICE_UNAVAILABLE,
                    "still_running",
                    "the photo is still in work; send the same bytes again, and you get its result",
                    {"Retry-After": str(RETRY_SECONDS)},
                )
            layout = replace(asked.layout, picture=ground.file.path if ground.file else None)
            cut_out = await uploads.run(desk.cut_out, row, layout)
        finally:
            ground.discard()
        return await _answer(request, site, asked, cut_out)


async def get_account(_: Request, site: Site) -> Response:
    """What an account of remove.bg says of itself."""
    attributes = {
        "credits": {"total": CREDITS, "subscription": 0, "payg": CREDITS, "enterprise": 0},
        "api": {"free_calls": CREDITS, "sizes": "all"},
    }
    return as_json({"data": {"attributes": attributes}}, headers=_rate(site))


async def _answer(request: Request, site: Site, asked: AskedLayout, cut_out: CutOut) -> Response:
    headers = {**_rate(site), **_headers(asked, cut_out)}
    if not wants_json(request.headers.get("accept", "")):
        headers["Content-Length"] = str(cut_out.size_bytes)
        return StreamingResponse(_pieces(cut_out.file), HTTPStatus.OK, headers, _MEDIA_TYPES[cut_out.laid.kind])
    left, top, right, bottom = cut_out.laid.subject
    data = {
        "result_b64": await run_in_threadpool(_as_base64, cut_out.file),
        "foreground_top": top,
        "foreground_left": left,
        "foreground_width": right - left,
        "foreground_height": bottom - top,
    }
    return as_json({"data": data}, headers=headers)


def wants_json(accept: str) -> bool:
    """Whether an Accept header asks for JSON, and for it alone."""
    kinds = {kind.partition(";")[0].strip().lower() for kind in accept.split(",")}
    return "application/json" in kinds and not any(kind.startswith(("image/", "application/zip")) for kind in kinds)


def _headers(asked: AskedLayout, cut_out: CutOut) -> dict[str, str]:
    job, (width, height) = cut_out.row.job, cut_out.laid.size
    left, top, right, bottom = cut_out.laid.subject
    best = attempt_numbered(job.attempts, job.best)
    rim = best.verdict.rim if best and best.verdict else None
    return {
        "X-Width": str(width),
        "X-Height": str(height),
        "X-Credits-Charged": "0",
        "X-Foreground-Top": str(top),
        "X-Foreground-Left": str(left),
        "X-Foreground-Width": str(right - left),
        "X-Foreground-Height": str(bottom - top),
        "X-Freisteller-Job": job.id,
        "X-Freisteller-Grade": job.grade.label if job.grade else "",
        "X-Freisteller-Score": f"{job.score or 0:.4f}",
        **({} if rim is None else {"X-Freisteller-Rim": f"{rim:.4f}"}),
        "X-Freisteller-Reasons": json.dumps(reasons_of(cut_out.row)[:MOST_REASONS]),
        **({"X-Type": asked.kind_of_photo} if asked.kind_of_photo else {}),
        **({"X-Freisteller-Ignored": ", ".join(asked.ignored)} if asked.ignored else {}),
    }


def _rate(site: Site) -> dict[str, str]:
    """How many requests may be under way at once, and how many more there may be now."""
    most, left = site.uploads.places
    return {
        "X-RateLimit-Limit": str(most),
        "X-RateLimit-Remaining": str(left),
        "X-RateLimit-Reset": str(int(time.time()) + RETRY_SECONDS),
    }


async def _pieces(file: BinaryIO) -> AsyncIterator[bytes]:
    with file:
        while data := await run_in_threadpool(file.read, _PIECE_BYTES):
            yield data


def _as_base64(file: BinaryIO) -> str:
    with file:
        return base64.b64encode(file.read()).decode()


WAYS = (
    Way(
        "POST",
        "/v1.0/removebg",
        post_removebg,
        Role.OPERATOR,
        "Cut out one photo, as remove.bg did",
        CUT_OUT,
        body_bytes=MOST_BYTES,
        whole_seconds=WHOLE_SECONDS,
        tell=removebg_error,
    ),
    Way(
        "GET",
        "/v1.0/account",
        get_account,
        Role.OPERATOR,
        "What an account of remove.bg says of itself",
        ACCOUNT,
        tell=removebg_error,
    ),
)
