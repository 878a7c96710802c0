"""`freisteller sheet`: makes a contact sheet of results."""

import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from daemon.contact_sheet.build_sheet import make_sheet, worst_of
from daemon.contact_sheet.shown_results import Found, find
from daemon.errors import BadSettings
from daemon.settings import Settings
from daemon.words.catalogue import LANGUAGES, Texts, words_in


@dataclass(frozen=True, slots=True)
class WrittenSheet:
    """The files of a sheet, how many photos are on it, and what a person should know about it."""

    files: tuple[Path, ...]
    photos: int
    remark: str

    def values(self) -> dict[str, Any]:
        """For JSON."""
        return {"files": [str(path) for path in self.files], "photos": self.photos, "told": self.remark}


def show_results(
    settings: Settings,
    folder: Path,
    target: Path,
    originals: Path | None,
    most: int,
    out: Console,
    *,
    quiet: bool,
    renditions: bool,
) -> WrittenSheet:
    """Write `target`.png and `target`.html of the results below `folder`. Raises BadSettings if there are none.

    renditions: whether these are shown beside each result.
    """
    found = find(folder, originals)
    if not found.shown:
        raise BadSettings(f"{folder} holds no results with a report of Freisteller. Name another folder.")
    shown = found.shown[:most]
    words, english = words_in(settings.language), words_in(LANGUAGES[0])
    remark = partial(_remark, found, most, named=originals is not None)  # in a language
    with Progress(console=out, disable=quiet or not out.is_terminal, transient=True) as progress:
        task = progress.add_task("Reading", total=len(shown))
        files = make_sheet(
            shown,
            target,
            folder.resolve().name,
            max_megapixels=settings.intake.max_megapixels,
            threads=len(os.sched_getaffinity(0)),
            words=words,
            remark=remark(words),
            renditions=renditions,
            on_photo=lambda: progress.advance(task),
        )
    return WrittenSheet(files, len(shown), remark(english))


def _remark(found: Found, most: int, words: Texts, *, named: bool) -> str:
    """How many photos a sheet has, and what is missing. named: whether a person named the folder of the originals."""
    shown = found.shown[:most]
    told = words.count("%(num)s photo", "%(num)s photos", len(shown))
    if len(shown) < len(found.shown):
        told = worst_of(len(shown), len(found.shown), words)
    if without := sum(one.original is None for one in shown):
        told += "; " + words.say("%(n)s without original", n=words.figure(without))
        if not named:
            told += " " + words.say("(name their folder with --originals)")
    if found.lost:
        told += "; " + words.count("%(num)s report without result", "%(num)s reports without result", found.lost)
    return told
