"""POST /api/v1/photos: a photo comes in, as a form or as it is, and becomes a job."""

from collections.abc import Mapping
from email.message import Message
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from daemon.web.api.api_schemas import answer, in_header, in_query
from daemon.web.api.incoming_photo import IncomingPhoto
from daemon.web.api.sent_photos import admit, answer_with_job, check, key_of, sent_photo
from daemon.web.api.upload_desk import UploadDesk
from daemon.web.callers import Role
from daemon.web.problems import Refused
from daemon.web.site import Site
from daemon.web.streamed_form import Write, form_of
from daemon.web.ways import Way, caller_of

MOST_BYTES = 200_000_000_000
"""Of any request; http.upload_mb decides, since it can be changed."""
WHOLE_SECONDS = 6 * 3600.0
_PATH = "/api/v1/photos"


async def post_photo(request: Request, site: Site) -> Response:
    """Receive, prove and admit one photo; wait for its end if its sender likes to."""
    desk, who = site.uploads, caller_of(request).name
    key = key_of(request)
    if key is None:
        return await _receive(request, site, None)
    with desk.only_one(who, key):
        return await _receive(request, site, key)


async def _receive(request: Request, site: Site, key: str | None) -> Response:
    desk = site.uploads
    with desk.serving(request) as photo:
        fields = await _body_of(request, desk, photo)
        sent = sent_photo(photo.name, fields)
        caller = caller_of(request)
        await desk.run(check, desk, sent, caller)
        job_id = await desk.run(admit, desk, photo, sent, (caller.name, key) if key else None)
    return await answer_with_job(request, site, job_id)


async def _body_of(request: Request, desk: UploadDesk, photo: IncomingPhoto) -> Mapping[str, str]:
    """Receive the photo; returns the fields that came with it."""
    if request.headers.get("content-encoding", "identity") != "identity":
        raise _unsupported("a body with a Content-Encoding")
    content_type = request.headers.get("content-type", "")
    if content_type.startswith("application/x-www-form-urlencoded"):  # also what curl says of any body by itself
        raise _unsupported("an urlencoded form")
    if content_type.startswith("application/json"):
        raise _unsupported("JSON")

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


def _name_in(request: Request) -> str:
    """The file name in the request's Content-Disposition, also in RFC 8187's spelling; "" if there is none."""
    header = Message()
    header["Content-Disposition"] = request.headers.get("content-disposition", "")
    return header.get_filename("") or ""


def _unsupported(what: str) -> Refused:
    return Refused(
        HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        f"{what} cannot be received; send multipart/form-data, or the photo itself as e.g. image/jpeg",
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
