"""Finds the files that are shown of a job, and names each by its content."""

import hashlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import PurePosixPath

from daemon.disk.file_id import FileId
from daemon.errors import NoRoom
from daemon.hotfolder import ownership
from daemon.hotfolder.hot_folder import HotFolder
from daemon.journal import JobRow, Journal
from daemon.journal.shown_sizes import ShownSizes
from daemon.pictures.pyramid import TILE, Layer, levels_of
from daemon.publishing.shown_in_report import shown_in_report
from daemon.states import is_done

_WITH_ALPHA = (".png", ".webp", ".tif")  # the quickest to read comes first
_WITHOUT = ("_mask.png", "_flat.tif")
_KEY_CHARACTERS = 24


@dataclass(frozen=True, slots=True)
class ShownFile:
    """A file that is shown. key: changes with its content. place: below the root. layers: what is shown of it.

    page: as `pyramid.build_pyramid` takes it. size: (width, height) in pixels.
    """

    key: str
    place: str
    file: FileId
    layers: tuple[Layer, ...]
    page: int
    size: tuple[int, int]


class ShownFiles:
    """Looks at folders and journal; decodes nothing. Every method raises OSError if the disk does not answer."""

    def __init__(self, folders: HotFolder, journal: Journal) -> None:
        self._folders = folders
        self._journal = journal

    def original(self, row: JobRow) -> ShownFile | None:
        """The original of a job that is done; None if it was not kept, or is not where it was laid."""
        noted, sizes = self._journal.originals.of_job(row.job.id), self._sizes(row)
        found = ownership.file_id_at(self._folders.root, noted.place) if noted and sizes else None
        if found is None or noted is None or sizes is None:
            return None
        untouched = (found.inode, found.size_bytes, found.mtime_ns) == (noted.inode, noted.size_bytes, noted.mtime_ns)
        key = _key(row.content if untouched else None, found, sizes.page)
        return ShownFile(key, noted.place, found, ("colour",), sizes.page, sizes.original)

    def result(self, row: JobRow) -> ShownFile | None:
        """The result of a job that is done; None if it is not where the journal has it."""
        sizes = self._sizes(row)
        place = _picture_in(row.results, sizes.page_suffix) if sizes else None
        found = ownership.file_id_at(self._folders.root, place) if place else None
        if found is None or place is None or sizes is None:
            return None
        key = _key(self._journal.result_files.sha256_of(row.job.id, found), found, 0)
        return ShownFile(key, place, found, ("colour", "alpha"), 0, sizes.result)

    def _sizes(self, row: JobRow) -> ShownSizes | None:
        """The sizes of the pictures; None for a job without a result. Of an older job its report tells them."""
        if not is_done(row.job.state) or row.job.grade is None or not row.results:
            return None
        known = self._journal.shown_sizes.of_jobs([row.job.id]).get(row.job.id)
        report = next((place for place in row.results if place.endswith(".json")), None)
        if known is not None or report is None:
            return known
        content = ownership.report_at(self._folders.root, report)
        told = shown_in_report(content) if content is not None else None
        if told is not None:
            with suppress(NoRoom):  # it is read again the next time
                self._journal.shown_sizes.record(row.job.id, told)
        return told


def described(job_id: str, kind: str, shown: ShownFile) -> Mapping[str, object]:
    """What the page is told of a picture, as JSON values. Answers below `url` never change."""
    width, height = shown.size
    url = f"/pictures/{job_id}/{kind}/{shown.key}/"
    return {"url": url, "width": width, "height": height, "tile": TILE, "levels": levels_of(width, height)}


def _picture_in(places: tuple[str, ...], page_suffix: str) -> str | None:
    """The picture among the files of a result that shows most: one with an alpha, if there is one."""
    names = {place: PurePosixPath(place).name.lower() for place in places if not place.endswith(".json")}
    for suffix in _WITH_ALPHA:
        for place, name in names.items():
            if name.endswith(page_suffix + suffix) and not name.endswith(_WITHOUT):
                return place
    of_page = [place for place, name in names.items() if page_suffix in name]
    return next((place for place in of_page if not names[place].endswith("_mask.png")), next(iter(of_page), None))


def _key(content: bytes | None, file: FileId, page: int) -> str:
    """Names a picture: by what the file holds, if that is known, else by the file itself."""
    said = content or repr((file.inode, file.size_bytes, file.mtime_ns)).encode()
    return hashlib.sha256(said + bytes([page % 256])).hexdigest()[:_KEY_CHARACTERS]
