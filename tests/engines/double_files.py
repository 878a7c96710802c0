"""The double's files: their names, POST /upload/image and GET /view."""

import hashlib
import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote

from tests.engines.double_faults import Faults

FileName = tuple[str, str, str]
"""type, sub-folder, name."""

KINDS = ("input", "temp", "output")
STORED_AT = "Sun, 22 Nov 2026 20:23:45 GMT"
MEDIA_TYPES = {"png": "image/png", "jpg": "image/jpeg", "txt": "text/plain"}


class RouteRaised(Exception):
    """A route of the recorded server raised here. aiohttp answers 500 and closes the connection."""


@dataclass(frozen=True)
class Reply:
    """An HTTP answer. body: bytes, or a JSON object."""

    status: int
    body: bytes | dict[str, str] = b""
    media_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def file_name(image: str) -> FileName:
    """The file that LoadImage means by "folder/name" or "name [temp]"."""
    kind = "input"
    for annotation in KINDS:
        if image.endswith(f" [{annotation}]"):
            kind, image = annotation, image.removesuffix(f" [{annotation}]")
    folder, _, name = image.rpartition("/")
    return kind, folder, name


def view(files: Mapping[FileName, bytes], query: Mapping[str, str], headers: Mapping[str, str]) -> Reply:
    """GET /view, as a static file: with ETag, Last-Modified and ranges."""
    name, kind, folder = query.get("filename", ""), query.get("type", "output"), query.get("subfolder", "")
    if not name:
        return Reply(404)
    if name.startswith("/") or ".." in name or kind not in KINDS:
        return Reply(400)
    if ".." in folder.split("/"):
        return Reply(403)
    if name.endswith("]"):
        kind, _, name = file_name(name)
    place = (kind, folder, posixpath.basename(name))  # the folder counts only as `subfolder`
    content = files.get(place)
    if content is None:
        return Reply(404)
    tag = f'"{hashlib.sha1(content).hexdigest()[:16]}-{len(content):x}"'
    answered = {"Etag": tag, "Last-Modified": STORED_AT, "Content-Disposition": f'filename="{place[2]}"'}
    media_type = MEDIA_TYPES.get(place[2].rpartition(".")[2], "application/octet-stream")
    if tag == headers.get("If-None-Match") or headers.get("If-Modified-Since") == STORED_AT:
        return Reply(304, b"", media_type, answered)
    answered["Accept-Ranges"] = "bytes"
    wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", headers.get("Range", ""))
    if not wanted:
        return Reply(200, content, media_type, answered)
    first, last = int(wanted[1]), min(int(wanted[2]), len(content) - 1)
    answered["Content-Range"] = f"bytes {first}-{last}/{len(content)}"
    return Reply(206, content[first : last + 1], media_type, answered)


def upload(files: dict[FileName, bytes], content_type: str, body: bytes, faults: Faults) -> Reply:
    """POST /upload/image. Without overwrite, other bytes under a name that is taken get a number."""
    fields = _multipart(content_type, body)
    if "image" not in fields:
        return Reply(400)
    nothing: tuple[str | None, bytes] = (None, b"")
    name, content = fields["image"]
    kind = fields.get("type", nothing)[1].decode() or "input"
    folder = fields.get("subfolder", nothing)[1].decode()
    if name is None or kind not in KINDS:
        raise RouteRaised
    if not posixpath.normpath(posixpath.join("/kind", folder, name)).startswith("/kind/"):
        return Reply(400)
    inside = _place(kind, folder, name)[1]
    if "/" in name and not any(f"{known[1]}/".startswith(f"{inside}/") for known in files if known[0] == kind):
        raise RouteRaised  # the server does not make a folder that is part of the name
    stored = name
    if fields.get("overwrite", nothing)[1].decode() not in ("true", "1"):
        stem, dot, ending = name.rpartition(".")
        count = 1
        while files.get(_place(kind, folder, stored), content) != content:
            stored = f"{stem} ({count}){dot}{ending}"
            count += 1
    if faults.happens("corrupt_uploads"):
        content = b"\x89PNG\r\n\x1a\n rubbish"
    if faults.happens("mislaid_uploads"):
        files.pop(_place(kind, folder, stored), None)
    else:
        files[_place(kind, folder, stored)] = content
    return Reply(200, {"name": stored, "subfolder": folder, "type": kind})


def _multipart(content_type: str, body: bytes) -> dict[str, tuple[str | None, bytes]]:
    """Field -> (file name or None, content). File names come in raw UTF-8, or as in RFC 5987."""
    found = re.search(r'boundary="?([^";]+)', content_type)
    if not content_type.startswith("multipart/") or not found:
        return {}
    fields: dict[str, tuple[str | None, bytes]] = {}
    for part in body.split(b"--" + found[1].encode())[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        text = head.decode("utf-8", "surrogateescape")
        name = re.search(r'[; ]name="([^"]*)"', text)
        plain = re.search(r'filename="([^"]*)"', text)
        extended = re.search(r"filename\*=utf-8''([^\s;]+)", text, re.IGNORECASE)
        file = unquote(extended[1]) if extended else plain[1] if plain else None
        if name:
            fields[name[1]] = (file, content.removesuffix(b"\r\n"))
    return fields


def _place(kind: str, folder: str, name: str) -> FileName:
    """Where an upload goes. A name may contain a folder."""
    inside, last = posixpath.split(posixpath.normpath(posixpath.join("/", folder, name)))
    return kind, inside.strip("/"), last
