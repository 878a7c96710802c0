"""What a report tells of renditions: writes, reads and changes it."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from daemon.pictures.result_names import FOR
from daemon.pictures.values import ONLY_PAGE, Page
from daemon.renditions.encoded_rendition import rendition_suffix
from daemon.renditions.wanted import MadeRendition
from daemon.settings.rendition_words import rendition_label


def told_renditions(content: bytes, page: int, suffixes: Collection[str]) -> tuple[Mapping[str, Any], ...]:
    """What a report tells of a page's renditions, as it does: those that were left out, and those that are still there.

    suffixes: what the names of the page's files end with, e.g. "-p2_for-ebay.jpg". Returns nothing if the report tells
    of none, or was edited so that it cannot be read.
    """
    try:
        parts = {int(part["page"]): part for part in json.loads(content).get("pages", ())}
        told = parts[page].get("renditions", ())
        return tuple(dict(each) for each in told if not each["kept"] or _is_among(each, suffixes))
    except Exception:  # noqa: BLE001 - whatever a parser raises for strangers' JSON
        return ()


def rendition_values(made: MadeRendition, page: Page = ONLY_PAGE) -> dict[str, Any]:
    """A rendition as JSON values: what was made, and each rule with its figure.

    kept: whether there is a file of it. file: what its name ends with, as under "sha256".
    """
    return {
        "name": made.rendition.name,
        "variant": made.rendition.variant or None,
        "preset": made.rendition.preset or None,
        "kept": not made.broken,
        "file": None if made.broken else rendition_suffix(made.rendition, page),
        "width": made.size[0],
        "height": made.size[1],
        "bytes": made.bytes,
        "format": made.rendition.encoding.format,
        "export": {
            "folder": made.rendition.folder,
            "template": made.rendition.template,
            "pictures": made.rendition.pictures,
        },
        "quality": made.quality or None,
        "share": {"side": round(made.share[0], 4), "area": round(made.share[1], 4)},
        "scale": round(made.scale, 4),
        "rules": [asdict(proof) for proof in made.proofs],
        "remarks": list(made.remarks),
    }


def told_labels(content: bytes) -> Mapping[int, frozenset[str]] | None:
    """The labels of the renditions of which a report tells, by page. None if it is not as we write reports."""
    try:
        body = json.loads(content)
        return {page: frozenset(map(label_told, part.get("renditions", ()))) for page, part in _parts(body)}
    except Exception:  # noqa: BLE001 - whatever a parser raises for strangers' JSON
        return None


def retold(
    content: bytes, gone: Collection[str], new: Mapping[int, Sequence[Mapping[str, Any]]], sums: Mapping[str, str]
) -> bytes:
    """A report that tells of other renditions, as `told_labels` could read it.

    gone: labels of which it tells no longer. new: by page, the values of those that were made now. sums: SHA-256 of new
    files, by suffix.
    """
    body = json.loads(content)
    for page, part in _parts(body):
        added = new.get(page, ())
        labels = {*gone, *map(label_told, added)}
        told = [*(each for each in part.get("renditions", ()) if label_told(each) not in labels), *added]
        if told:
            part["renditions"] = told
        else:
            part.pop("renditions", None)
    kept = {
        suffix: content for suffix, content in body["sha256"].items() if not any(f"{FOR}{g}." in suffix for g in gone)
    }
    body["sha256"] = {**kept, **sums}
    return json.dumps(body, ensure_ascii=False, indent=2).encode() + b"\n"


def _parts(body: dict[str, Any]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The part on each page; that on the whole file tells of its leading page."""
    yield int(body.get("page", 1)), body
    for part in body.get("pages", ()):
        yield int(part["page"]), part


def label_told(told: Mapping[str, Any]) -> str:
    """What a rendition's file is called after. told: as a report tells of it. Raises what strangers' JSON may."""
    return rendition_label(str(told["name"]), str(told.get("variant") or ""))


def _is_among(told: Mapping[str, Any], suffixes: Collection[str]) -> bool:
    return any(f"{FOR}{label_told(told)}." in suffix for suffix in suffixes)
