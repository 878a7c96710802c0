"""Writes the files of a result into a job's staging folder, each whole, the report last."""

import hashlib
import json
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from daemon.disk.whole_file import write_whole
from daemon.errors import BadPhoto, NoRoom, Said
from daemon.hotfolder import place_files
from daemon.hotfolder.effects import Effect, Tick
from daemon.hotfolder.free_names import stems
from daemon.jobs import Attempt, Job, Outcome, Verdict
from daemon.observe import series
from daemon.observe.meter import Meter
from daemon.pictures import writing
from daemon.pictures.photo import Coverage, Seen
from daemon.pictures.values import Page
from daemon.publishing.rendered_pictures import RenderedPictures, Shower
from daemon.publishing.reports import Cut, Staged, report
from daemon.publishing.staged_renditions import RenditionMaker, StagedRenditions
from daemon.renditions.wanted import Rendition
from daemon.settings import OutputFormat, OutputSettings
from daemon.settings.current import CurrentSettings
from daemon.words.catalogue import Texts, words_in

if TYPE_CHECKING:
    from daemon.publishing.kept_pages import KeptPage  # it knows the journal, which `process` has not

REPORT = "report.json"
_UNFINISHED = "unfinished-"


class ResultMaker(Shower, RenditionMaker, Protocol):
    """What makes the files of a result: the worker that holds the photo."""

    def seen(self) -> Seen:
        """What is known of the photo, for the report."""

    def compose(self, best: Attempt) -> Coverage:
        """Cut the photo out, at full size, by the alpha of an attempt."""

    def write(self, path: Path, output_format: OutputFormat, job_id: str) -> tuple[int, int]:
        """Write what `compose` made, and read it back; returns its size. Raises ValueError, OSError, BadPhoto."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture of a file, whose outcome is decided."""

    page: Page
    outcome: Outcome
    maker: ResultMaker


class Staging:
    """Makes the files of a result. Each call may be repeated: what is there whole stays as it is."""

    def __init__(
        self, meter: Meter, tick: Tick, settings: CurrentSettings, shown: RenderedPictures | None = None
    ) -> None:
        """settings: tell the language of reports. shown: shows results to browsers ahead; None = nobody does."""
        self.meter = meter
        self._settings = settings
        self._shown = shown
        self._tick = tick

    @property
    def words(self) -> Texts:
        """In which reports and notes are written now."""
        return words_in(self._settings.now.language)

    def stage(
        self, job: Job, outputs: OutputSettings, picture: Picture, folder: Path, wanted: Sequence[Rendition] = ()
    ) -> Cut:
        """Write the files of one picture into `folder`, and the renditions that are wanted of it.

        A file that an earlier run finished stays: it may be published already, and we know it again only because it is
        the same file. Raises NoRoom if the disk is full, BadPhoto if the result is wrong even when it is written twice.
        """
        page, outcome = picture.page, picture.outcome
        suffixes = {fmt: page.suffix + writing.suffix_of(fmt) for fmt in outputs.formats}
        paths = {fmt: folder / f"result{suffix}" for fmt, suffix in suffixes.items()}
        missing = {fmt: path for fmt, path in paths.items() if not path.exists()}
        renditions = StagedRenditions(folder, page, wanted, outcome.verdict.grade, self._tick)
        written = self._write(job, picture, missing, renditions) if missing or renditions.missing else {}
        files = tuple((path, suffixes[fmt]) for fmt, path in paths.items())
        size = written.get(outputs.formats[0]) or writing.size_of(files[0][0])
        return Cut(page, outcome, picture.maker.seen(), size, (*files, *renditions.files), renditions.made)

    def stage_kept(self, picture: Picture, kept: "KeptPage", folder: Path) -> Cut:
        """Put the files of a page that stays as it is into `folder`, byte for byte.

        Raises RootAway if a file was moved just now, NoRoom, OSError.
        """
        files = tuple((folder / f"result{file.suffix}", file.suffix) for file in kept.files)
        for file, (path, _) in zip(kept.files, files, strict=True):
            if not path.exists():
                scratch = scratch_of(path, self._tick)
                file.copy(scratch)
                self._tick(Effect.KEEP_RESULT)
                scratch.replace(path)
        seen = picture.maker.seen()
        size = kept.size or (seen.width, seen.height)
        return Cut(picture.page, picture.outcome, seen, size, files, told=kept.renditions)

    def stage_report(
        self,
        job: Job,
        cuts: Sequence[Cut],
        folder: Path,
        content: bytes,
        seconds: Callable[[], float],
        not_done: Mapping[int, Said] = MappingProxyType({}),
    ) -> tuple[Staged, ...]:
        """Write the report on all pictures of a file into `folder`.

        content: SHA-256 of the original. seconds: how long the work on the photo took so far. not_done: why pages were
        left out, by number. Returns all files in the order in which they are published, the report last.
        """
        files = [file for cut in cuts for file in cut.files]
        path = folder / REPORT
        if not path.exists():
            sums = {suffix: content_of(file).hex() for file, suffix in files}
            if self._shown:
                self._shown.keep(job, content, sums)
            self._tick(Effect.STAGE_REPORT)
            write_or_wait(path, report(job, cuts, content.hex(), sums, seconds(), self.words, not_done))
        return (*files, (path, ".json"))

    def place(
        self,
        files: Sequence[Staged],
        folder: Path,
        name: str,
        outputs: OutputSettings,
        moved: frozenset[str] = frozenset(),
    ) -> tuple[Path, ...]:
        """Put staged files into a folder under the name of their photo; outputs say what if that name is taken.

        moved: suffixes of files that were put there before, and that people moved away; they count as placed beside the
        report, where nothing is. Raises like `place_files.place`.
        """
        stem, report = stem_of(name), files[-1][1]
        left = [each for each in files if each[1] not in moved or each[1] == report]
        *_, told = placed = place_files.place(left, folder, stem, equal_names=outputs.equal_names)
        if moved:
            there = told.name.removesuffix(report)
            placed = tuple(
                _free(told, there, suffix) if suffix in moved - {report} else told.with_name(f"{there}{suffix}")
                for _, suffix in files
            )
        first = f"{stem.name}-v1" if outputs.equal_names == "version" else stem.name
        if not placed[0].name.startswith(f"{first}{files[0][1]}"):
            self.meter.count(series.COLLISIONS)
        return placed

    def _write(
        self, job: Job, picture: Picture, paths: Mapping[OutputFormat, Path], renditions: StagedRenditions
    ) -> dict[OutputFormat, tuple[int, int]]:
        """Write files, and what is missing of the renditions; returns the width and height of each file."""
        maker, best, sizes = picture.maker, picture.outcome.best, {}
        with self._shown.showing(job, maker, picture.page.of) if self._shown else nullcontext():
            coverage = maker.compose(best)
        _refuse_unsaid(job, picture.outcome.verdict, coverage)
        for fmt, path in paths.items():
            scratch = scratch_of(path, self._tick)
            try:
                sizes[fmt] = maker.write(scratch, fmt, job.id)
            except OSError as error:
                raise NoRoom(Said("result_not_written", name=job.name, folder=path.parent, fault=error)) from error
            except ValueError as error:
                raise BadPhoto(Said("written_wrong_twice", name=job.name, detail=error)) from error
            self._tick(Effect.KEEP_RESULT)
            scratch.replace(path)
        renditions.make(maker, job.id, partial(scratch_of, tick=self._tick))
        return sizes


def scratch_of(path: Path, tick: Tick) -> Path:
    """Where a file of a staging folder is written until it is whole; what an earlier run left there is removed."""
    tick(Effect.WRITE_RESULT)
    for left in path.parent.glob(f"{_UNFINISHED}*-{path.name}"):
        left.unlink(missing_ok=True)
    # A name of its own: a worker that outlives a killed daemon for a moment may still be writing this file.
    return path.with_name(f"{_UNFINISHED}{uuid.uuid4().hex}-{path.name}")


def staged_as_decided(job: Job, folder: Path, content: bytes) -> tuple[Staged, ...]:
    """The files that an earlier try staged to its end, as `Staging.stage_report` returned them.

    content: SHA-256 of the original. Returns nothing if a file is missing or is not as the report says, or if the
    report is of another job, round or original.
    """
    path = folder / REPORT
    try:
        body = json.loads(path.read_bytes())
        sums = body["sha256"]
        files = tuple((folder / f"result{suffix}", str(suffix)) for suffix in sums)
        whole = all("/" not in suffix and content_of(file).hex() == sums[suffix] for file, suffix in files)
        ours = (body["job"], body["round"], body["photo"]["sha256"]) == (job.id, job.round, content.hex())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return ()
    return (*files, (path, ".json")) if whole and files and ours else ()


def stem_of(name: str) -> PurePosixPath:
    """The name of a photo below `inbox/` without its suffix."""
    path = PurePosixPath(name)
    return path.with_suffix("") if path.suffix else path


def content_of(path: Path) -> bytes:
    """SHA-256 of all that a file holds, read piece by piece."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def write_or_wait(path: Path, content: bytes) -> None:
    """Write a file whole. Raises NoRoom if it cannot be written."""
    try:
        write_whole(path, content)
    except OSError as error:
        raise NoRoom(Said("file_not_written", path=path, fault=error)) from error


def _refuse_unsaid(job: Job, verdict: Verdict, coverage: Coverage) -> None:
    """Raise BadPhoto if the result is empty or the whole photo, and the verdict does not say so."""
    if coverage.is_empty and "empty" not in verdict.defects:
        raise BadPhoto(Said("nothing_left", name=job.name))
    if coverage.is_full and "full" not in verdict.defects:
        raise BadPhoto(Said("whole_photo_left", name=job.name))


def _free(report: Path, stem: str, suffix: str) -> Path:
    """A place beside a report where no file is."""
    names = (report.with_name(f"{each}{suffix}") for each in stems("unique", stem, suffix))
    return next(place for place in names if not place.exists())
