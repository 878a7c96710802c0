"""Receives a request of remove.bg: a form of either kind, or JSON, with a photo in one of three ways."""

import json
from collections.abc import Mapping

from starlette.requests import Request

from daemon.web.api.incoming_photo import IncomingPhoto
from daemon.web.api.upload_desk import UploadDesk
from daemon.web.removebg.asked_layout import bad_parameter
from daemon.web.removebg.fetched_photo import fetch, name_in
from daemon.web.streamed_form import Base64Text, Write, form_of

_MOST_JSON_BYTES = 34_000_000  # a photo of 25 MB; it is in memory as a whole; forms are not
_SWITCHED_OFF = "photos are not fetched from addresses here; send the photo itself, or set http.fetch_urls"


def encoded_bytes(content_type: str) -> float:
    """How many bytes of a body may stand for one of the photo: base64 takes four for three, escapes three for one."""
    return 4.0 if content_type.startswith("application/x-www-form-urlencoded") else 1.4


async def receive(request: Request, desk: UploadDesk, photo: IncomingPhoto, ground: IncomingPhoto) -> Mapping[str, str]:
    """Receive photo and background; returns all short fields. Raises Refused unless there is one source."""

    def open_part(field: str, file_name: str | None) -> Write | None:
        if field == "image_file":
            return _lazily(photo, file_name or "")
        if field == "image_file_b64":
            return Base64Text(_lazily(photo, ""))
        return _lazily(ground, file_name or "") if field == "bg_image_file" else None

    content_type = request.headers.get("content-type", "")
    form = form_of(content_type, open_part)
    if form is not None:
        await desk.pour(request, form.feed)
        await desk.run(form.end)
        fields: Mapping[str, str] = form.fields
    elif content_type.partition(";")[0].strip() == "application/json":
        fields = await _json_fields(request, desk, photo)
    else:
        raise bad_parameter("send a form (multipart or urlencoded) or JSON")
    for name, file in (("image_url", photo), ("bg_image_url", ground)):
        if url := fields.get(name, "").strip():
            await _fetch_into(desk, file, url)
    photo.received()
    return fields


async def _json_fields(request: Request, desk: UploadDesk, photo: IncomingPhoto) -> Mapping[str, str]:
    body = bytearray()

    def gather(data: bytes) -> None:
        body.extend(data)
        if len(body) > _MOST_JSON_BYTES:
            raise bad_parameter(f"JSON may have {_MOST_JSON_BYTES} bytes; send a larger photo as a form")

    def read() -> Mapping[str, str]:
        try:
            values = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise bad_parameter(f"this is no JSON: {error}") from error
        if not isinstance(values, dict) or any(isinstance(value, dict | list) for value in values.values()):
            raise bad_parameter("JSON must be one object of plain values")
        encoded = values.pop("image_file_b64", None)
        if encoded:
            decode = Base64Text(_lazily(photo, ""))
            decode(str(encoded).encode("utf-8", "replace"))
            decode(b"")
        return {str(name): _text(value) for name, value in values.items() if value is not None}

    await desk.pour(request, gather)
    return await desk.run(read)


async def _fetch_into(desk: UploadDesk, file: IncomingPhoto, url: str) -> None:
    if not desk.may_fetch:
        raise bad_parameter(_SWITCHED_OFF)

    def fetch_all() -> None:
        fetch(url, _lazily(file, name_in(url)))

    await desk.run_aside(fetch_all)


def _lazily(photo: IncomingPhoto, name: str) -> Write:
    """Begins the photo with its first byte: many clients send an empty field for what they do not use."""
    has_begun = [False]

    def write(data: bytes) -> None:
        if data and not has_begun[0]:
            photo.begin(name)
            has_begun[0] = True
        if data:
            photo.write(data)

    return write


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
