"""Finds the files that are shown of a job, and names each by its content."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from daemon.disk import open_below
from daemon.disk.file_id import FileId
from daemon.disk.os_errors import translate
from daemon.errors import BadPhoto, FreistellerError, NoRoom, Said, Vanished
from daemon.hotfolder import ownership
from daemon.hotfolder.hot_folder import HotFolder
from daemon.jobs import Job, attempt_numbered
from daemon.journal import JobRow, Journal
from daemon.journal.alphas import Alphas
from daemon.journal.shown_sizes import ShownSizes
from daemon.judgement.best_of_pages import of_page
from daemon.pictures.picture_cache import key_of
from daemon.pictures.pyramid import TILE, levels_of
from daemon.pictures.result_names import picture_in
from daemon.publishing.shown_in_report import shown_in_report
from daemon.states import is_done

ATTEMPT = "attempt-"
"""Begins the name of the layer that shows an attempt; its number follows."""


@dataclass(frozen=True, slots=True)
class ShownFile:
    """A file that is shown. key: changes with its content. place: below the root. layers: what is shown of it.

    job: whose attempts are shown in the layers "attempt-1" …; None if the file itself is shown.
    page: as `pyramid.build_pyramid` takes it. size: (width, height) in pixels. of_page: the page of the photo that it
    is about, from 1; 0 if the photo has only one.
    """

    key: str
    place: str
    file: FileId
    layers: tuple[str, ...]
    page: int
    size: tuple[int, int]
    job: Job | None = None
    of_page: int = 0


class ShownFiles:
    """Looks at folders and journal; decodes nothing. Every method raises OSError if the disk does not answer."""

    def __init__(self, folders: HotFolder, journal: Journal, alphas: Alphas) -> None:
        self._folders = folders
        self._journal = journal
        self._alphas = alphas

    def original(self, row: JobRow, page: int = 0) -> ShownFile | None:
        """The original of a job that is done; None if it was not kept, or is not where it was laid.

        page: of a file of several pages, from 1; 0 = the one that stands for the file, also below.
        """
        return self._original(row, self._sizes(row, page))

    def result(self, row: JobRow, page: int = 0) -> ShownFile | None:
        """The result of a job that is done; None if it is not where the journal has it."""
        return self._result(row, self._sizes(row, page))

    def both(self, row: JobRow, page: int = 0) -> tuple[ShownFile | None, ShownFile | None]:
        """The original and the result; their sizes are asked for once."""
        sizes = self._sizes(row, page)
        return self._original(row, sizes), self._result(row, sizes)

    def _original(self, row: JobRow, sizes: ShownSizes | None) -> ShownFile | None:
        noted = self._journal.originals.of_job(row.job.id)
        found = ownership.file_id_at(self._folders.root, noted.place) if noted and sizes else None
        if found is None or noted is None or sizes is None:
            return None
        untouched = (found.inode, found.size_bytes, found.mtime_ns) == (noted.inode, noted.size_bytes, noted.mtime_ns)
        key = _key(row.content if untouched else None, found, sizes.page)
        return ShownFile(key, noted.place, found, ("colour",), sizes.page, sizes.original, of_page=sizes.page)

    def _result(self, row: JobRow, sizes: ShownSizes | None) -> ShownFile | None:
        place = picture_in(row.results, sizes.page_suffix) if sizes else None
        found = ownership.file_id_at(self._folders.root, place) if place else None
        if found is None or place is None or sizes is None:
            return None
        key = _key(self._journal.result_files.sha256_of(row.job.id, found), found, 0)
        return ShownFile(key, place, found, ("colour", "alpha"), 0, sizes.result, of_page=sizes.page)

    def attempts(self, row: JobRow, page: int = 1) -> ShownFile | None:
        """The alphas of the attempts at a page as results would have them; None if there is nothing to show.

        Shown are those up to the first one whose alpha is not kept any more. The file is unchanged.
        """
        original, job, attempts = self.original(row, page), row.job, of_page(row.job, page)
        if original is None or original.key != _key(row.content, original.file, original.page):
            return None
        layers = []
        for attempt in attempts:
            if attempt.verdict is not None:
                if not self._alphas.keeps(job, attempt.number, attempt.recipe):
                    break
                layers.append(f"{ATTEMPT}{attempt.number}")
        said = repr(("full size", job.id, job.choice.alphas_round if job.choice else job.round, attempts)).encode()
        key = key_of(original.key.encode() + said)
        shown = original.page, original.size, job, original.of_page
        return ShownFile(key, original.place, original.file, tuple(layers), *shown) if layers else None

    def answer(self, job: Job, number: int, size: tuple[int, int]) -> Mapping[str, object] | None:
        """How fine an attempt's alpha was before it was brought to the size of the photo, (width, height).

        "pixels": of its longer side, as the engine computed or a person painted it. "enlarged": how many pixels of the
        photo's side came of one of them, 1 or more. None if it is not kept.
        """
        attempt = attempt_numbered(job.attempts, number)
        kept = self._alphas.size_of(job, number, attempt.recipe) if attempt else None
        if attempt is None or not kept or not all(kept):
            return None
        recipe, view = attempt.recipe, attempt.recipe.view
        pixels = min(max(kept), recipe.process_res or max(kept))
        seen = max(size[0] * (view.right - view.left), size[1] * (view.bottom - view.top))
        return {"pixels": pixels, "enlarged": round(max(1.0, seen / pixels), 2)}

    def _sizes(self, row: JobRow, page: int) -> ShownSizes | None:
        """The sizes of a page's pictures; None for a job without a result, and for a page that there is not."""
        sizes = self._sizes_of_all(row)
        return sizes.of_page(page) if sizes and page else sizes

    def _sizes_of_all(self, row: JobRow) -> ShownSizes | None:
        """The sizes of all pictures. Of an older job its report tells them."""
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


def meaning_of(error: OSError, place: str) -> FreistellerError:
    """What it means that a file that is shown cannot be looked at: it is gone, the disk is away, or we may not."""
    if error.errno in open_below.GONE | open_below.NO_FILE:
        return Vanished(Said("just_moved", name=place))
    away = None if isinstance(error, PermissionError) else translate(error, f"Looking at {place}")
    return away or BadPhoto(Said("not_shown", name=place, fault=error.strerror or error))


def described(job_id: str, kind: str, shown: ShownFile) -> Mapping[str, object]:
    """What the page is told of a picture, as JSON values. Answers below `url` never change.

    kind: "original", "colour" or "alpha", of a page if the photo has several; or an attempt, whose number tells that.
    """
    width, height = shown.size
    of = f"-{shown.of_page}" if shown.of_page and not kind.startswith(ATTEMPT) else ""
    url = f"/pictures/{job_id}/{kind}{of}/{shown.key}/"
    return {"url": url, "width": width, "height": height, "tile": TILE, "levels": levels_of(width, height)}


def _key(content: bytes | None, file: FileId, page: int) -> str:
    """Names a picture: by what the file holds, if that is known, else by the file itself."""
    said = content or repr((file.inode, file.size_bytes, file.mtime_ns)).encode()
    return key_of(said, page)
