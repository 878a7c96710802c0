"""Fills the web page of a contact sheet, whose template `sheet.html.j2` lies beside this module."""

import base64
from collections import Counter
from collections.abc import Iterable, Iterator
from urllib.parse import quote

from daemon.contact_sheet.shown_results import Shown
from daemon.jobs import Grade, Reason
from daemon.words.catalogue import LANGUAGES, words_in
from daemon.words.reason_texts import reason_text

FAILED = "failed"
ORDER = (FAILED, *(grade.value for grade in sorted(Grade, key=lambda grade: grade.rank)))

Picture = tuple[str, bytes | None, str]
"""One picture of a photo: its caption; its JPEG, None = there is none; the URL that a click leads to, "" = nowhere."""


def pieces_of_page(
    title: str, counts: Counter[str], remark: str, photos: Iterable[tuple[Shown, Iterable[Picture]]]
) -> Iterator[str]:
    """The page, piece by piece; each photo is taken from `photos` when its turn has come, and is not kept.

    counts: photos by grade name or "failed"; each becomes a filter.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined  # here, since a daemon fills no sheet

    environment = Environment(
        loader=PackageLoader("daemon.contact_sheet", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {
        "grade": grade_of,
        "label": lambda name: name.replace("ü", "ue"),
        "base64": _base64,
    }
    environment.filters["words"] = _words
    tabs = [("all", counts.total()), *((name, counts[name]) for name in ORDER if counts[name])]
    return environment.get_template("sheet.html.j2").generate(title=title, tabs=tabs, remark=remark, photos=photos)


def grade_of(shown: Shown) -> str:
    """The name of a photo's grade, or "failed"."""
    return shown.grade.value if shown.grade else FAILED


def link(path: str) -> str:
    """The URL of a file by its relative path. "./" before it keeps a name like "javascript:x" a name."""
    return "./" + quote(path.encode("utf-8", "surrogateescape"))


def _words(reason: Reason | str) -> str:
    return reason_text(reason, words_in(LANGUAGES[0]))


def _base64(jpeg: bytes) -> str:
    return base64.b64encode(jpeg).decode()
