"""POST /api/v1/photos: a photo comes in, as a form or as it is, and becomes a job."""

import hashlib
import json
import re
from collections.abc import Mapping
from email.message import Message
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from daemon.intake.uploads import SentPhoto
from daemon.journal import RequestKey, SentAlong
from daemon.states import is_over
from daemon.web.api.api_schemas import answer, in_header, in_query
from daemon.web.api.incoming_photo import IncomingPhoto
from daemon.web.api.job_values import job_values, seen_by
from daemon.web.api.job_wait import wait_for_end
from daemon.web.api.upload_desk import UploadDesk
from daemon.web.callers import Role
from daemon.web.json_answer import as_json
from daemon.web.problems import Refused
from daemon.web.site import Site
from daemon.web.streamed_form import Write, form_of
from daemon.web.ways import Way, caller_of

MOST_BYTES = 200_000_000_000
"""Of any request; http.upload_mb decides, since it can be changed."""
WHOLE_SECONDS = 6 * 3600.0
_PATH = "/api/v1/photos"
_KEY = re.compile(r'"?([\x21\x23-\x7e][\x20\x21\x23-\x7e]{0,253})"?')
_WAIT = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,6})\"?\s*(?:$|[,;])", re.IGNORECASE)


async def post_photo(request: Request, site: Site) -> Response:
    """Receive, prove and admit one photo; wait for its end if its sender likes to."""
    desk, who = site.uploads, caller_of(request).name
    key = _key_of(request)
    if key is None:
        return await _receive(request, site, None)
    with desk.only_one(who, key):
        return await _receive(request, site, key)


async def _receive(request: Request, site: Site, key: str | None) -> Response:
    desk = site.uploads
    with desk.serving(request) as photo:
        fields = await _body_of(request, desk, photo)
        sent = _sent(photo, fields)
        order = await desk.run(desk.uploads.check, sent)
        caller = caller_of(request)
        if not caller.sees(order):
            raise Refused(HTTPStatus.FORBIDDEN, "not_allowed", f"{caller.name} may not send photos to this order")
        job_id = await desk.run(_admit, desk, photo, sent, (caller.name, key) if key else None)
    return await _answer(request, site, job_id)


async def _body_of(request: Request, desk: UploadDesk, photo: IncomingPhoto) -> Mapping[str, str]:
    """Receive the photo; returns the fields that came with it."""
    if request.headers.get("content-encoding", "identity") != "identity":
        raise _unsupported("a body with a Content-Encoding")
    content_type = request.headers.get("content-type", "")
    if content_type.startswith("application/x-www-form-urlencoded"):
        raise _unsupported("an urlencoded form")

    def open_part(_: str, file_name: str | None) -> Write | None:
        if file_name is None:
            return None
        photo.begin(file_name)
        return photo.write

    form = form_of(content_type, open_part)
    if form is not None:
        await desk.pour(request, form.feed)
        await desk.run(form.end)
        return form.fields
    await desk.run(photo.begin, request.query_params.get("name") or _name_in(request))
    await desk.pour(request, photo.write)
    return request.query_params


def _sent(photo: IncomingPhoto, fields: Mapping[str, str]) -> SentPhoto:
    name = fields.get("name") or photo.name
    settings = fields.get("settings", "").strip()
    if settings:
        try:
            settings = json.dumps(json.loads(settings), sort_keys=True)
        except (ValueError, RecursionError) as error:
            raise Refused(HTTPStatus.UNPROCESSABLE_ENTITY, "bad_order", f"settings is no JSON: {error}") from error
    return SentPhoto(name, fields.get("order", ""), SentAlong(settings))


def _admit(desk: UploadDesk, photo: IncomingPhoto, sent: SentPhoto, who_and_key: tuple[str, str] | None) -> str:
    """Make a job of the photo, or find the one that an earlier request of this key made. Returns its id."""
    file = photo.received()
    if who_and_key is None:
        return desk.uploads.take_in(file, sent).id
    what = json.dumps([file.sha256.hex(), sent.name, sent.order, sent.along.settings])
    key = RequestKey(*who_and_key, hashlib.sha256(what.encode("utf-8", "surrogatepass")).digest())
    known = desk.journal.request_keys.known(key.who, key.key)
    if known is None:
        return desk.uploads.take_in(file, SentPhoto(sent.name, sent.order, SentAlong(sent.along.settings, key))).id
    if known.request != key.request:
        raise Refused(
            HTTPStatus.UNPROCESSABLE_ENTITY,
            "key_used",
            "this Idempotency-Key came before with another photo; take a new key for each photo",
        )
    return known.job_id


async def _answer(request: Request, site: Site, job_id: str) -> Response:
    headers = {"Location": f"/api/v1/jobs/{job_id}"}
    found = _WAIT.search(", ".join(request.headers.getlist("prefer")))
    if found:
        seconds = min(float(found[1]), site.uploads.wait_seconds)
        headers["Preference-Applied"] = f"wait={seconds:.0f}"
        await wait_for_end(site.journal, job_id, seconds, request)
    seen = await run_in_threadpool(seen_by, site, caller_of(request), job_id)
    status = HTTPStatus.CREATED if is_over(seen.row.job.state) else HTTPStatus.ACCEPTED
    return as_json(await run_in_threadpool(job_values, site, seen), status, headers)


def _key_of(request: Request) -> str | None:
    sent = request.headers.get("idempotency-key")
    if sent is None:
        return None
    found = _KEY.fullmatch(sent)
    if not found:
        raise Refused(HTTPStatus.BAD_REQUEST, "bad_key", "an Idempotency-Key has 1 to 254 printable ASCII characters")
    return found[1]


def _name_in(request: Request) -> str:
    """The file name in the request's Content-Disposition, also in RFC 8187's spelling; "" if there is none."""
    header = Message()
    header["Content-Disposition"] = request.headers.get("content-disposition", "")
    return header.get_filename("") or ""


def _unsupported(what: str) -> Refused:
    return Refused(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        f"{what} cannot be received; send multipart/form-data, or the photo itself",
    )


_FILE = {"type": "string", "format": "binary"}
_FORM = {
    "type": "object",
    "properties": {
        "photo": _FILE,
        "name": {"type": "string"},
        "order": {"type": "string"},
        "settings": {"type": "string"},
    },
    "required": ["photo"],
}
_DESCRIBES: Mapping[str, object] = {
    "parameters": [
        *(in_query(name, "string") for name in ("name", "order", "settings")),
        in_header("Prefer"),
        in_header("Content-Disposition"),
        in_header("Idempotency-Key", pattern="^[!#-~]([ !#-~]{0,252}[!#-~])?$"),
    ],
    "requestBody": {
        "required": True,
        "content": {"multipart/form-data": {"schema": _FORM}, "image/*": {"schema": _FILE}},
    },
    "responses": {
        **answer("SentPhoto", "201", "The photo has come to its end."),
        **answer("SentPhoto", "202", "The photo is taken in; its place is in Location."),
    },
}

WAYS = (
    Way(
        "POST",
        _PATH,
        post_photo,
        Role.OPERATOR,
        "Send a photo",
        _DESCRIBES,
        body_bytes=MOST_BYTES,
        whole_seconds=WHOLE_SECONDS,
    ),
)
