"""Reads from a report which renditions a result has, and what is said of those that were left out."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from daemon.errors import Said
from daemon.exports.left_out import BrokenRule
from daemon.pictures.result_names import FOR, REPORT, tails_of
from daemon.pictures.values import Page
from daemon.publishing.left_out_pages import page_count
from daemon.renditions.encoded_rendition import SUFFIXES
from daemon.renditions.wanted import Pictures, RenditionFormat
from daemon.settings.rendition_words import folder_of, rendition_label, template_of

_FORMATS: Mapping[str, RenditionFormat] = {name: name for name in SUFFIXES}
_PICTURES: Mapping[str, Pictures] = {"all": "all", "first": "first", "further": "further"}


@dataclass(frozen=True, slots=True)
class ToldPicture:
    """A rendition as a report tells of it.

    page_suffix: of a file with several pages, e.g. "-p2", else "". place: of its file below the root; "" = it has none.
    sha256: of the file when it was proven, in hexadecimal digits. broken: the rules that kept it out. folder, template,
    pictures: of its name in an export, as they were when it was made; None in reports of earlier versions.
    """

    name: str
    variant: str
    preset: str
    page_suffix: str
    place: str
    sha256: str
    format: RenditionFormat
    size: tuple[int, int]
    bytes: int
    broken: tuple[BrokenRule, ...]
    folder: str | None = None
    template: str | None = None
    pictures: Pictures = "all"

    @property
    def label(self) -> str:
        """How people are told of it; as `Rendition.label`."""
        return rendition_label(self.name, self.variant)


def told_pictures(content: bytes, places: Sequence[str]) -> tuple[ToldPicture, ...]:
    """The renditions in a report. places: of the files of its result, below the root.

    Raises ValueError with a Said if it is no report that can be read.
    """
    tails = {tail: place for place, tail in tails_of(places).items()}
    try:
        body = json.loads(content)
        sums = {str(suffix).lower(): str(digest) for suffix, digest in body["sha256"].items()}
        return tuple(_told(each, suffix, tails, sums) for suffix, each in _renditions(body))
    except Exception as error:  # whatever a parser raises for JSON that somebody edited
        raise ValueError(Said("export_report_unreadable")) from error


def report_among(places: Sequence[str]) -> str | None:
    """The place of the report among the files of a result."""
    return next((place for place in places if place.lower().endswith(REPORT)), None)


def _renditions(body: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each rendition with the suffix of its page."""
    pages = body.get("pages") or ()
    for part in pages or (body,):
        suffix = Page(number=int(part["page"]), of=page_count(body)).suffix if pages else ""
        for each in part.get("renditions", ()):
            yield suffix, each


def _told(told: Mapping[str, Any], page_suffix: str, tails: Mapping[str, str], sums: Mapping[str, str]) -> ToldPicture:
    name, variant, form = str(told["name"]), str(told.get("variant") or ""), _FORMATS[told["format"]]
    tail = f"{page_suffix}{FOR}{rendition_label(name, variant)}{SUFFIXES[form]}"
    export = told.get("export", {})
    return ToldPicture(
        name=name,
        variant=variant,
        preset=str(told["preset"] or ""),
        page_suffix=page_suffix,
        place=tails.get(tail, "") if told["kept"] else "",
        sha256=sums.get(tail, "") if told["kept"] else "",
        format=form,
        size=(int(told["width"]), int(told["height"])),
        bytes=int(told["bytes"]),
        broken=tuple(
            (str(rule["rule"]), str(rule["found"]), str(rule["wanted"])) for rule in told["rules"] if not rule["holds"]
        ),
        folder=folder_of(str(export["folder"])) if "folder" in export else None,
        template=template_of(str(export["template"])) if "template" in export else None,
        pictures=_PICTURES[export.get("pictures", "all")],
    )
