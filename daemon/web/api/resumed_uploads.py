"""A photo in several requests: where the line breaks, its sender goes on from what has arrived."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from daemon.web.api.api_schemas import answer, in_header, in_query
from daemon.web.api.incoming_photo import MEGABYTE, IncomingPhoto, too_large
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
    known = await desk.run(desk.journal.request_keys.known, caller.name, key) if key else None
    upload = OpenUpload(caller.name, sent, key, IncomingPhoto(desk.uploads, desk.most_megabytes, size), size)
    upload.job = known.job_id if known else ""
    upload_id = site.open_uploads.add(upload)
    try:
        if not known:
            await desk.run(upload.photo.begin, sent.name)
    except BaseException:
        site.open_uploads.drop(upload_id)
        raise
    return as_json(_values(upload_id, upload), HTTPStatus.CREATED, {"Location": f"{_PATH}/{upload_id}"})


async def go_on(request: Request, site: Site) -> Response:
    """Take the next bytes. The last ones make the photo a job, and the answer is that of `POST /api/v1/photos`."""
    upload_id = request.path_params["upload_id"]
    upload, desk = site.open_uploads.of(upload_id, caller_of(request).name), site.uploads
    offset = _number(request.query_params, "offset")
    if upload.job:
        return await answer_with_job(request, site, upload.job)
    with _alone(upload), desk.serving(request):
        if offset != upload.offset:
            raise _conflict("wrong_offset", f"{upload.offset} bytes have arrived; go on from there")

        def take(data: bytes) -> None:
            if upload.offset + len(data) > upload.size_bytes:
                raise Refused(
                    HTTPStatus.UNPROCESSABLE_ENTITY, "too_much", f"only {upload.size_bytes} bytes were announced"
                )
            upload.photo.write(data)

        await desk.pour(request, take)
        if upload.offset < upload.size_bytes:
            return as_json(_values(upload_id, upload))
        await _finish(desk, upload, upload_id, site)
    return await answer_with_job(request, site, upload.job)


async def state(request: Request, site: Site) -> Response:
    """How much of a photo has arrived."""
    upload_id = request.path_params["upload_id"]
    return as_json(_values(upload_id, site.open_uploads.of(upload_id, caller_of(request).name)))


async def give_up(request: Request, site: Site) -> Response:
    """Forget an upload that is not whole. A job stays."""
    upload_id = request.path_params["upload_id"]
    with _alone(site.open_uploads.of(upload_id, caller_of(request).name)):
        site.open_uploads.drop(upload_id)
    return Response(status_code=HTTPStatus.NO_CONTENT)


async def _finish(desk: UploadDesk, upload: OpenUpload, upload_id: str, site: Site) -> None:
    """Make a job of an upload that is whole. What is no photo, or cannot be taken in now, has to be sent anew."""
    try:
        upload.job = await desk.run(
            admit, desk, upload.photo, upload.sent, (upload.who, upload.key) if upload.key else None
        )
    except BaseException:
        site.open_uploads.drop(upload_id)
        raise
    upload.photo.discard()


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


def _values(upload_id: str, upload: OpenUpload) -> dict[str, object]:
    return {"id": upload_id, "bytes": upload.size_bytes, "offset": upload.offset, "job": upload.job or None}


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
