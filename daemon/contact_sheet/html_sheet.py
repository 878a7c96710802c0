"""Fills the web pages of contact sheets, whose templates lie beside this module."""

import base64
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import partial
from urllib.parse import quote

from daemon.contact_sheet.shown_results import Shown, ShownRendition
from daemon.jobs import Grade
from daemon.words.catalogue import Texts
from daemon.words.promise_texts import both_promises_text, promises_text
from daemon.words.reason_texts import reason_text
from daemon.words.rendition_texts import rule_text

FAILED = "failed"
ORDER = (FAILED, *(grade.value for grade in sorted(Grade, key=lambda grade: grade.rank)))

Picture = tuple[str, bytes | None, str]
"""One picture of a photo: its caption; its JPEG, None = there is none; the URL that a click leads to, "" = nowhere."""

OnPage = tuple[Shown, Iterable[Picture], Iterable[Picture]]
"""A photo, its own pictures, and those of its renditions, if they are shown."""


def pieces_of_page(
    title: str,
    counts: Counter[str],
    remark: str,
    photos: Iterable[OnPage],
    words: Texts,
    *,
    with_renditions: bool = False,
) -> Iterator[str]:
    """The page, piece by piece; each photo is taken from `photos` when its turn has come, and is not kept.

    counts: photos by grade name or "failed"; each becomes a filter.
    """
    tabs = [("all", counts.total()), *((name, counts[name]) for name in ORDER if counts[name])]
    return pieces_of_template(
        "sheet.html.j2", words, title=title, tabs=tabs, remark=remark, photos=photos, with_renditions=with_renditions
    )


def pieces_of_template(name: str, words: Texts, **values: object) -> Iterator[str]:
    """A page of the template `name` beside this module, in a language, piece by piece."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # here, since a daemon fills no sheet

    environment = Environment(
        loader=PackageLoader("daemon.contact_sheet", ""),
        extensions=["jinja2.ext.i18n"],
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
    told = words.catalogue
    environment.install_gettext_callables(told.gettext, told.ngettext, newstyle=True)  # type: ignore[attr-defined]
    environment.filters |= {
        "words": partial(reason_text, words=words),
        "broken": partial(broken_rules, words=words),
        "figure": words.figure,
        "name": partial(name_of, words=words),
        "moved": partial(moved_from, words=words),
        "promises": partial(promises_of, words=words),
        "both": lambda verdict: both_promises_text(verdict, words),
        "means": lambda model: promises_text(model.mean_score, model.mean_rim, None, words),
    }
    return environment.get_template(name).generate(language=words.language, **values)


def grade_of(shown: Shown) -> str:
    """The name of a photo's grade, or "failed"."""
    return shown.grade.value if shown.grade else FAILED


def name_of(shown: Shown, words: Texts) -> str:
    """The name of a photo, with its page if the original has several."""
    return words.say("%(name)s, page %(page)s", name=shown.name, page=shown.page) if shown.page else shown.name


def moved_from(grade: Grade, words: Texts) -> str:
    """That a person gave another grade, in words."""
    return words.say("moved here by a person from %(grade)s", grade=grade.value)


def broken_rules(rendition: ShownRendition, words: Texts) -> str:
    """Which rules a rendition breaks, in words, with its name before them."""
    rules = "; ".join(rule_text(each.rule, each.found, each.wanted, words) for each in rendition.broken)
    return f"{rendition.label}: {rules}"


def promises_of(shown: Shown, words: Texts) -> str:
    """Both promises of a result in figures; "" if it has none."""
    return "" if shown.score is None else promises_text(shown.score, shown.rim, shown.limits, words)


def link(path: str) -> str:
    """The URL of a file by its relative path. "./" before it keeps a name like "javascript:x" a name."""
    return "./" + quote(path.encode("utf-8", "surrogateescape"))


def _base64(jpeg: bytes) -> str:
    return base64.b64encode(jpeg).decode()
