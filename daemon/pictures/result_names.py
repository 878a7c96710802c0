"""Knows the files of a result by their names, as `writing` names them."""

import re
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

REPORT = ".json"
"""What the name of a report ends with."""
_WITH_ALPHA = (".png", ".webp", ".tif")  # the quickest to read comes first
_WITHOUT = ("_mask.png", "_flat.tif")
FOR = "_for-"
"""Comes before the name of a rendition in the name of its file: "shoe_for-ebay.jpg"."""
TAIL = re.compile(r"(?:-p(?P<page>[0-9]+))?(?P<what>_mask|_flat|_for-[a-z0-9-]+)?\.[^.]*$")
"""What tells the files of one result apart: page, what it shows, suffix; searched in a name of lower case."""


def picture_in(names: Sequence[str], page_suffix: str = "") -> str | None:
    """The picture among the files of a result that shows most: one with an alpha, if there is one.

    names: of files, or their places, or only what comes behind the name of the photo. page_suffix: of the page.
    """
    tails = tails_of(names)
    ends = {name: tail for name, tail in tails.items() if not tail.endswith(REPORT) and not is_rendition(tail)}
    for suffix in _WITH_ALPHA:
        for name, end in ends.items():
            if end.endswith(page_suffix + suffix) and not end.endswith(_WITHOUT):
                return name
    of_page = [name for name, end in ends.items() if page_suffix in end]
    return next((name for name in of_page if not ends[name].endswith(_WITHOUT[0])), next(iter(of_page), None))


def tails_of(names: Iterable[str]) -> dict[str, str]:
    """What comes behind the photo's name in the names, or places, of all files of a result; in lower case.

    The report says what the photo is called, which may itself end as renditions do: "shoe_for-kids.jpg".
    """
    names = tuple(names)
    called = next((PurePosixPath(name).stem.lower() for name in names if name.lower().endswith(REPORT)), None)
    return {name: _tail(PurePosixPath(name).name.lower(), called) for name in names}


def _tail(name: str, called: str | None) -> str:
    if called and name.startswith(called) and TAIL.fullmatch(name, len(called)):
        return name[len(called) :]
    if name.endswith(REPORT):
        return REPORT  # one report describes all pages, so "shoe-p2.json" belongs to a photo called "shoe-p2"
    found = TAIL.search(name)
    return found[0] if found else ""


def is_rendition(name: str) -> bool:
    """Whether a file of a result is a rendition, by its name, or by what comes behind the name of the photo."""
    tail = TAIL.search(name.lower())
    return bool(tail and (tail["what"] or "").startswith(FOR))
