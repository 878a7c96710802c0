"""Writes what an export holds, and what it leaves out: for people as CSV, for programs as JSON."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daemon import __version__
from daemon.exports.csv_cells import for_people
from daemon.exports.exported_picture import ExportedPicture
from daemon.exports.left_out import NotExported
from daemon.words.catalogue import Texts

MANIFEST = "manifest.json"
_VERSION = 1
_COLUMNS = (
    "file", "product", "title", "position", "photo", "rendition", "variant", "grade", "width", "height", "bytes",
    "sha256", "url",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class AnExport:
    """An export of which a folder tells. files: all that it holds, below it, the manifest among them."""

    order: str
    files: frozenset[str]


def picture_values(picture: ExportedPicture, url: str) -> dict[str, Any]:
    """A picture as JSON values. url: "" = it has none."""
    width, height = picture.size
    return {
        "file": picture.name,
        "product": picture.sku,
        "title": picture.title,
        "position": picture.position or None,
        "photo": picture.photo,
        "rendition": picture.rendition,
        "variant": picture.variant,
        "grade": picture.grade.value,
        "width": width,
        "height": height,
        "bytes": picture.bytes,
        "sha256": picture.sha256,
        "url": url,
    }


def manifest_csv(pictures: Iterable[ExportedPicture], urls: Mapping[str, str]) -> bytes:
    """A row for each picture. urls: by the picture's place."""
    rows = (picture_values(each, urls.get(each.name, "")) for each in pictures)
    return for_people(_COLUMNS, (["" if row[key] is None else row[key] for key in _COLUMNS] for row in rows))


def manifest_json(
    order: str,
    made_at: str,
    pictures: Sequence[ExportedPicture],
    urls: Mapping[str, str],
    left_out: Iterable[NotExported],
    files: Iterable[str],
    words: Texts,
) -> bytes:
    """All of an export. files: all that its folder holds beside the manifest. words: in which reasons are told."""
    body = {
        "freisteller": __version__,
        "export_version": _VERSION,
        "order": order,
        "made_at": made_at,
        "pictures": [picture_values(each, urls.get(each.name, "")) for each in pictures],
        "left_out": [left_out_values(each, words) for each in left_out],
        "files": sorted({*files, MANIFEST}),
    }
    return json.dumps(body, ensure_ascii=False, indent=2).encode() + b"\n"


def left_out_values(left_out: NotExported, words: Texts) -> dict[str, str]:
    """What is left out as JSON values."""
    return {"photo": left_out.photo, "rendition": left_out.rendition, "reason": left_out.reason(words)}


def left_out_csv(left_out: Iterable[NotExported], words: Texts) -> bytes:
    """A row for each thing that is left out."""
    return for_people(
        ("photo", "rendition", "reason"), ([each.photo, each.rendition, each.reason(words)] for each in left_out)
    )


def read_manifest(content: bytes) -> AnExport | None:
    """What a manifest tells of its export; None if it is none of ours."""
    try:
        body = json.loads(content)
        if body["export_version"] != _VERSION:
            return None
        return AnExport(str(body["order"]), frozenset(map(str, body["files"])))
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
