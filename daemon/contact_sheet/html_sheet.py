"""The web page of a contact sheet: what the template `sheet.html.j2` is filled with, and how."""

import base64
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from daemon.contact_sheet.shown_results import Shown
from daemon.jobs import Grade

FAILED = "failed"
ALL = "all"
ORDER = (FAILED, *(grade.value for grade in sorted(Grade, key=lambda grade: grade.rank)))


@dataclass(frozen=True, slots=True)
class PagePicture:
    """One picture of a photo. jpeg: None = "none" is shown in its place. link: a URL; "" = a click leads nowhere."""

    caption: str
    jpeg: bytes | None
    link: str

    @property
    def base64(self) -> str:
        """The JPEG as a data URL wants it; "" if there is none."""
        return base64.b64encode(self.jpeg or b"").decode()


@dataclass(frozen=True, slots=True)
class PagePhoto:
    """One photo on the page."""

    shown: Shown
    figures: tuple[PagePicture, ...]

    @property
    def label(self) -> str:
        """The name of its grade as CSS takes it."""
        return _label(grade_of(self.shown))

    @property
    def grade_and_score(self) -> str:
        """As people read it, e.g. "gut 0.80"."""
        score = "" if self.shown.score is None else f" {self.shown.score:.2f}"
        return grade_of(self.shown) + score


def pieces_of_page(title: str, counts: Counter[str], remark: str, photos: Iterable[PagePhoto]) -> Iterator[str]:
    """The page, piece by piece; a photo is taken from `photos` when its turn has come, and is not kept.

    counts: photos by grade name or "failed"; each becomes a filter.
    """
    names = [ALL, *(name for name in ORDER if counts[name])]
    tabs = [(_label(name), name, counts.total() if name == ALL else counts[name]) for name in names]
    environment = Environment(
        loader=PackageLoader("daemon.contact_sheet", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    template = environment.get_template("sheet.html.j2")
    return template.generate(title=title, tabs=tabs, remark=remark, photos=photos)


def grade_of(shown: Shown) -> str:
    """The name of a photo's grade, or "failed"."""
    return shown.grade.value if shown.grade else FAILED


def link(path: str) -> str:
    """The URL of a file by its relative path. "./" before it keeps a name like "javascript:x" a name."""
    return "./" + quote(path.encode("utf-8", "surrogateescape"))


def _label(name: str) -> str:
    return name.replace("ü", "ue")
