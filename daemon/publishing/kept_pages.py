"""Finds the results of those pages of a file that stay as they are, when a person takes an attempt at another page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from daemon.disk.os_errors import translated
from daemon.errors import RootAway, Said
from daemon.hotfolder import ownership
from daemon.hotfolder.hot_folder import HotFolder
from daemon.jobs import Job
from daemon.journal import Journal
from daemon.pictures.result_names import TAIL
from daemon.publishing.earlier_result import is_of_job
from daemon.publishing.shown_in_report import shown_in_report
from daemon.publishing.told_renditions import told_renditions


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file of an earlier result that is published again, byte for byte, maybe as a person edited it.

    place: below the root. suffix: what its name ends with: "-p2_mask.png".
    """

    root: Path
    place: str
    suffix: str

    def copy(self, to: Path) -> None:
        """Write the same bytes, durable. Raises RootAway if the file is gone or cannot be read now; NoRoom, OSError."""
        with translated(f"Keeping {self.place} as it is"):
            if not ownership.copy_out(self.root, self.place, to):
                raise RootAway(Said("just_moved_again", name=self.place))


@dataclass(frozen=True, slots=True)
class KeptPage:
    """The results of a page that stay as they are. size: (width, height) in pixels as the report has it, or None.

    renditions: what the report tells of those that were made of it.
    """

    files: tuple[KeptFile, ...]
    size: tuple[int, int] | None
    renditions: tuple[Mapping[str, Any], ...] = ()


def pictures_by_page(places: Sequence[str]) -> Mapping[int, tuple[str, ...]]:
    """The places of the pictures of each page, by their names. The report is none."""
    found: dict[int, tuple[str, ...]] = {}
    for place in places:
        tail = TAIL.search(PurePosixPath(place).name)
        if tail and tail["page"] and not place.lower().endswith(".json"):
            number = int(tail["page"])
            found[number] = (*found.get(number, ()), place)
    return found


def kept_pages(folders: HotFolder, journal: Journal, job: Job) -> Mapping[int, KeptPage]:
    """Each page that stays as it is, with those of its files that are where they were. Raises OSError."""
    choice = job.choice
    if choice is None or not choice.page:
        return {}
    report = next((place for place in choice.replaces if place.endswith(".json")), None)
    content = ownership.report_at(folders.root, report) if report else None
    sizes = shown_in_report(content) if content else None
    kept = {}
    for number, places in pictures_by_page(choice.replaces).items():
        there = [place for place in places if is_of_job(folders, journal, job.id, place)]
        if there and number != choice.page:
            size = sizes.of_page(number) if sizes else None
            files = tuple(KeptFile(folders.root, place, _tail_of(place)) for place in there)
            told = told_renditions(content, number, [file.suffix for file in files]) if content else ()
            kept[number] = KeptPage(files, size.result if size else None, told)
    return kept


def _tail_of(place: str) -> str:
    tail = TAIL.search(PurePosixPath(place).name)
    return tail[0] if tail else PurePosixPath(place).suffix
