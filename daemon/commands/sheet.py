"""`freisteller sheet`: makes a contact sheet of results."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress

from daemon.contact_sheet.build_sheet import make_sheet
from daemon.contact_sheet.shown_results import find
from daemon.errors import BadSettings
from daemon.settings import Settings


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
    settings: Settings, folder: Path, target: Path, originals: Path | None, most: int, out: Console, *, quiet: bool
) -> WrittenSheet:
    """Write `target`.png and `target`.html of the results below `folder`. Raises BadSettings if there are none."""
    found = find(folder, originals)
    if not found.shown:
        raise BadSettings(f"{folder} holds no results with a report of Freisteller. Name another folder.")
    shown = found.shown[:most]
    remark = f"{len(shown):,} photos"
    if len(shown) < len(found.shown):
        remark = f"the {most:,} worst of {len(found.shown):,} photos"
    without = sum(one.original is None for one in shown)
    if without:
        remark += f"; {without:,} without original" + ("" if originals else " (name their folder with --originals)")
    if found.lost:
        remark += f"; {found.lost:,} reports without result"
    with Progress(console=out, disable=quiet or not out.is_terminal, transient=True) as progress:
        task = progress.add_task("Reading", total=len(shown))
        files = make_sheet(
            shown,
            target,
            folder.resolve().name,
            max_megapixels=settings.intake.max_megapixels,
            threads=len(os.sched_getaffinity(0)),
            remark=remark,
            on_photo=lambda: progress.advance(task),
        )
    return WrittenSheet(files, len(shown), remark)
