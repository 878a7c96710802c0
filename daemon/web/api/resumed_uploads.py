"""A photo in several requests: where the line breaks, its sender goes on from what has arrived."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from daemon.errors import BadOrder, BadPhoto
from daemon.web.api.api_schemas import answer, in_header, in_query
from daemon.web.api.incoming_photo import MEGABYTE, too_large
from daemon.web.api.open_uploads import OpenUpload
from daemon.web.api.photos import MOST_BYTES, WHOLE_SECONDS
from daemon.web.api.sent_photos import admit, answer_with_job, check, key_of, sent_photo
from daemon.web.api.upload_desk import UploadDesk
from daemon.web.callers import Role
from daemon.web.json_answer import as_json
from daemon.web.problems import Refused
from daemon.web.site import Site
from daemon.web.ways import Way, caller_of

_PATH = "/api/v1/uploads"


async def begin(request: Request, site: Site) -> Response:
    """Announce a photo: how large it is, and what `POST /api/v1/photos` takes."""
    desk, caller, fields = site.uploads, caller_of(request), request.query_params
    size = _number(fields, "bytes", least=1)
    if size > desk.most_megabytes * MEGABYTE:
        raise too_large(desk.most_megabytes)
    key, sent = key_of(request), sent_photo("", fields)
    await desk.run(check, desk, sent, caller)
    upload = await site.open_uploads.begin(caller.name, key, sent, size)
    return _told(upload, HTTPStatus.CREATED, Location=f"{_PATH}/{upload.id}")


async def go_on(request: Request, site: Site) -> Response:
    """Take the next bytes. The last ones make the photo a job, and the answer is that of `POST /api/v1/photos`."""
    caller = caller_of(request)
    upload, desk = await site.open_uploads.of(request.path_params["upload_id"], caller.name), site.uploads
    offset = _number(request.query_params, "offset")
    if upload.job:
        return await answer_with_job(request, site, upload.job)
    with _alone(upload), desk.serving(request):
        await desk.run(check, desk, upload.sent, caller)  # it may be a day later
        if offset != upload.offset:
            raise _conflict("wrong_offset", f"{upload.offset} bytes have arrived; go on from there")
        await site.open_uploads.open(upload)

        def take(data: bytes) -> None:
            if upload.offset + len(data) > upload.note.size_bytes:
                raise Refused(
                    HTTPStatus.UNPROCESSABLE_ENTITY, "too_much", f"only {upload.note.size_bytes} bytes were announced"
                )
            upload.photo.write(data)

        await desk.pour(request, take)
        if upload.offset < upload.note.size_bytes:
            return _told(upload)
        await _finish(desk, upload, site)
    return await answer_with_job(request, site, upload.job)


async def state(request: Request, site: Site) -> Response:
    """How much of a photo has arrived, also in a header for who asks by HEAD."""
    return _told(await site.open_uploads.of(request.path_params["upload_id"], caller_of(request).name))


async def give_up(request: Request, site: Site) -> Response:
    """Forget an upload that is not whole. A job stays."""
    upload = await site.open_uploads.of(request.path_params["upload_id"], caller_of(request).name)
    with _alone(upload):
        await site.open_uploads.drop(upload)
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def _finish(desk: UploadDesk, upload: OpenUpload, site: Site) -> None:
    """Make a job of an upload that is whole. What is no photo is forgotten; what cannot be taken in now is kept."""
    try:
        who_and_key = (upload.note.who, upload.note.key)
        upload.job = await desk.run(admit, desk, upload.photo, upload.sent, who_and_key)
    except (BadPhoto, BadOrder, Refused):
        await site.open_uploads.drop(upload)
        raise
    except BaseException:
        site.open_uploads.let_go(upload)
        raise
    assert upload.photo.file is not None  # it was admitted
    upload.photo.file.let_go()


@contextmanager
def _alone(upload: OpenUpload) -> Iterator[None]:
    """Raises Refused (409) if another request works on it."""
    if upload.is_busy:
        raise _conflict("still_running", "another request sends to this upload now; ask how much has arrived")
    upload.is_busy = True
    try:
        yield
    finally:
        upload.is_busy = False
        upload.touched = time.monotonic()


def _told(upload: OpenUpload, status: HTTPStatus = HTTPStatus.OK, **headers: str) -> Response:
    values = {"id": upload.id, "bytes": upload.note.size_bytes, "offset": upload.offset, "job": upload.job or None}
    return as_json(values, status, {"Upload-Offset": str(upload.offset), **headers})


def _number(fields: Mapping[str, str], name: str, least: int = 0) -> int:
    text = fields.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 16 and int(text) >= least):
        raise Refused(HTTPStatus.BAD_REQUEST, "bad_request", f"{name} must be a number of bytes")
    return int(text)


def _conflict(kind: str, detail: str) -> Refused:
    return Refused(HTTPStatus.CONFLICT, kind, detail, {"Retry-After": "1"})


_BEGIN: Mapping[str, object] = {
    "parameters": [
        {**in_query("bytes", "integer", minimum=1), "required": True},
        *(in_query(name, "string") for name in ("name", "order", "settings")),
        in_header("Idempotency-Key", pattern="^[!#-~]([ !#-~]{0,252}[!#-~])?$"),
    ],
    "responses": answer("Upload", "201", "Send the bytes to the place in Location."),
}
_GO_ON: Mapping[str, object] = {
    "parameters": [{**in_query("offset", "integer", minimum=0), "required": True}, in_header("Prefer")],
    "requestBody": {
        "required": False,  # whoever lost the last answer asks again
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    },
    "responses": {
        **answer("Upload", "200", "More has to come."),
        **answer("SentPhoto", "201", "The photo has come to its end."),
        **answer("SentPhoto", "202", "The photo is taken in; its place is in Location."),
    },
}
_ONE = f"{_PATH}/{{upload_id}}"
_GONE: Mapping[str, object] = {"responses": {"204": {"description": "It is forgotten."}}}

WAYS = (
    Way("POST", _PATH, begin, Role.OPERATOR, "Begin to send a photo in several requests", _BEGIN),
    Way(
        "PUT",
        _ONE,
        go_on,
        Role.OPERATOR,
        "Send the next bytes of a photo",
        _GO_ON,
        body_bytes=MOST_BYTES,
        whole_seconds=WHOLE_SECONDS,
    ),
    Way("GET", _ONE, state, Role.OPERATOR, "How much of a photo has arrived", {"responses": answer("Upload")}),
    Way("DELETE", _ONE, give_up, Role.OPERATOR, "Forget a photo that is not whole", _GONE),
)
