"""`freisteller sheet`: results laid out for people to look at."""

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
class Made:
    """The files of a sheet, how many photos are on it, and what a person should know of it."""

    files: tuple[Path, ...]
    photos: int
    told: str

    def values(self) -> dict[str, Any]:
        """For JSON."""
        return {"files": [str(path) for path in self.files], "photos": self.photos, "told": self.told}


def show_results(
    settings: Settings, folder: Path, target: Path, originals: Path | None, most: int, out: Console, *, quiet: bool
) -> Made:
    """Write `target`.png and `target`.html of the results below `folder`. Raises BadSettings where there are none."""
    found = find(folder, originals)
    if not found.shown:
        raise BadSettings(f"{folder} holds no results with a report of Freisteller, so there is nothing to show.")
    shown = found.shown[:most]
    told = f"{len(shown):,} photos" if len(shown) == len(found.shown) else f"the {most:,} worst of {len(found.shown):,}"
    without = sum(one.original is None for one in shown)
    if without:
        told += f"; the original of {without:,} was not found" + ("" if originals else " (--originals says where)")
    if found.lost:
        told += f"; {found.lost:,} reports have no result any more"
    with Progress(console=out, disable=quiet or not out.is_terminal, transient=True) as progress:
        task = progress.add_task("Looking", total=len(shown))
        files = make_sheet(
            shown,
            target,
            folder.resolve().name,
            max_megapixels=settings.intake.max_megapixels,
            threads=len(os.sched_getaffinity(0)),
            remark=told,
            on_photo=lambda: progress.advance(task),
        )
    return Made(files, len(shown), told)
