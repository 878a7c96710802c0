"""From an outcome to files in a folder: staged whole, then put in place, the report last."""

import hashlib
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import numpy as np

from daemon.arrays import Alpha
from daemon.disk.whole_file import write_whole
from daemon.errors import BadPhoto, NoRoom
from daemon.hotfolder import place_files
from daemon.hotfolder.effects import Effect, Tick
from daemon.hotfolder.hot_folder import HotFolder
from daemon.jobs import Job, Outcome, Verdict
from daemon.journal import JobRow
from daemon.observe import series
from daemon.observe.meter import Meter
from daemon.pictures import compositing, framing, refining, writing
from daemon.pictures.reading import Photo
from daemon.pictures.values import ONLY_PAGE, Frame, Page, Samples
from daemon.publishing.reports import Cut, Seen, Staged, equal_note, failure_note, report
from daemon.settings import OutputFormat, OutputSettings


class Published(NamedTuple):
    """Where the files of a result are, and its original; None where originals are not kept."""

    results: tuple[Path, ...]
    original: Path | None


class Routing:
    """Makes the files of a result and puts them where people look for them; every step may be done twice."""

    def __init__(self, outputs: OutputSettings, meter: Meter, tick: Tick) -> None:
        self._outputs = outputs
        self._meter = meter
        self._tick = tick

    def stage(
        self, job: Job, outcome: Outcome, photo: Photo, alpha: Alpha, staging: Path, page: Page = ONLY_PAGE
    ) -> Cut:
        """Write the files of one picture into `staging`.

        alpha: (h, w) float32 0..1, any size. A file that an earlier run finished is left as it is: it may be published
        already, and is known again by being the same file. Raises NoRoom where the disk is full.
        """
        endings = {fmt: page.mark + writing.suffix_of(fmt) for fmt in self._outputs.formats}
        names = {fmt: staging / f"result{ending}" for fmt, ending in endings.items()}
        if missing := [fmt for fmt, path in names.items() if not path.exists()]:
            self._write(job, outcome.verdict, photo, alpha, {fmt: names[fmt] for fmt in missing})
        files = tuple((path, endings[fmt]) for fmt, path in names.items())
        return Cut(page, outcome, Seen.of(photo), writing.size_of(files[0][0]), files)

    def stage_report(
        self, job: Job, cuts: Sequence[Cut], staging: Path, content: bytes, seconds: Callable[[], float]
    ) -> tuple[Staged, ...]:
        """Write the report on all pictures of a file into `staging`.

        content: SHA-256 of the original. Returns all files in the order in which they are published, the report last.
        """
        files = [file for cut in cuts for file in cut.files]
        note = staging / "report.json"
        if not note.exists():
            sums = {ending: content_of(path).hex() for path, ending in files}
            self._tick(Effect.STAGE_REPORT)
            _write_whole(note, report(job, cuts, content.hex(), sums, seconds()))
        return (*files, (note, ".json"))

    def staged(self, job: Job, staging: Path, content: bytes) -> tuple[Staged, ...]:
        """What an earlier try staged to its end, as `stage_report` returned it.

        Nothing where it did not come so far, or where a file is not as the report says.
        """
        note = staging / "report.json"
        try:
            body = json.loads(note.read_bytes())
            sums = body["sha256"]
            files = tuple((staging / f"result{ending}", str(ending)) for ending in sums)
            whole = all("/" not in ending and content_of(path).hex() == sums[ending] for path, ending in files)
            same = (body["job"], body["round"], body["photo"]["sha256"]) == (job.id, job.round, content.hex())
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return ()
        return (*files, (note, ".json")) if whole and same and files else ()

    def _write(self, job: Job, verdict: Verdict, photo: Photo, alpha: Alpha, paths: dict[OutputFormat, Path]) -> None:
        began = time.perf_counter()
        full = refining.full_size_alpha(photo, alpha)
        _refuse_unsaid(job, verdict, full)
        frame = framing.frame_of(full, self._outputs)
        rgba = compositing.cut_out(photo, full, self._outputs.clean_rims)
        del full  # it is in `rgba`, and of a large photo it is large
        self._meter.stage("refine", time.perf_counter() - began)
        began = time.perf_counter()
        for fmt, path in paths.items():
            scratch = path.with_name(f"unfinished-{path.name}")
            self._tick(Effect.WRITE_RESULT)
            try:
                _write_right(scratch, rgba, photo, fmt, job.id, frame, self._outputs)
            except OSError as error:
                raise NoRoom(f"The result of {job.name} cannot be written to {path.parent}: {error}") from error
            except ValueError as error:
                raise BadPhoto(
                    f"The result of {job.name} was written twice and was wrong each time: {error}"
                ) from error
            self._tick(Effect.KEEP_RESULT)
            scratch.replace(path)
        self._meter.stage("write", time.perf_counter() - began)

    def publish(
        self,
        folders: HotFolder,
        job: Job,
        outcome: Outcome,
        files: Sequence[Staged],
        note: Callable[[tuple[Path, ...]], None],
    ) -> "Published":
        """Put staged files into their grade folder, note where they are, and put the original into `archiv/`."""
        began = time.perf_counter()
        self._tick(Effect.PUBLISH)
        placed = self.place(files, folders.grade(outcome.verdict.grade), job.name)
        note(placed)
        archived = self.archive(folders, job)
        self._meter.stage("publish", time.perf_counter() - began)
        return Published(placed, archived)

    def archive(self, folders: HotFolder, job: Job) -> Path | None:
        """Put the original of a finished job into `archiv/`, if it is in work and to be kept. May be repeated."""
        original = folders.jobs.claimed(job.id)
        if original is None or not self._outputs.keep_originals:
            return None
        self._tick(Effect.ARCHIVE)
        return place_files.retire(original, folders.archive, PurePosixPath(job.name))

    def place(self, files: Sequence[Staged], folder: Path, name: str) -> tuple[Path, ...]:
        """Put staged files into a folder under the name of their photo, or what the settings say where it is taken."""
        stem = stem_of(name)
        placed = place_files.place(files, folder, stem, equal_names=self._outputs.equal_names)
        first = f"{stem.name}-v1" if self._outputs.equal_names == "version" else stem.name
        if not placed[0].name.startswith(f"{first}{files[0][1]}"):
            self._meter.count(series.COLLISIONS)
        return placed

    def leave_out(self, folders: HotFolder, job: Job, first: JobRow) -> tuple[Path, ...]:
        """Put an original whose content came before into `archiv/`, a note that names the first one beside it.

        May be repeated. Returns where they are: original (where originals are kept), note.
        """
        original = folders.jobs.claimed(job.id)
        if original is None:
            return ()
        note = folders.jobs.staging(job.id) / "equal.txt"
        if not note.exists():
            _write_whole(note, equal_note(PurePosixPath(job.name).name, first))
        self._tick(Effect.ARCHIVE)
        suffix = PurePosixPath(job.name).suffix
        files = ((original, suffix), (note, f"{suffix}.txt"))
        return place_files.place(
            files if self._outputs.keep_originals else files[1:], folders.archive, stem_of(job.name)
        )

    def lay_aside(self, folders: HotFolder, job_id: str, name: str, reason: str) -> tuple[Path, ...]:
        """Put the original of a failed job into `failed/`, a note with the reason beside it. May be repeated.

        Returns where they are: original, note; nothing where there is no original any more.
        """
        original = folders.jobs.claimed(job_id)
        if original is None:
            return ()
        note = folders.jobs.staging(job_id) / "reason.txt"
        if not note.exists():
            _write_whole(note, failure_note(PurePosixPath(name).name, job_id, reason))
        self._tick(Effect.LAY_ASIDE)
        suffix = PurePosixPath(name).suffix
        return place_files.place(((original, suffix), (note, f"{suffix}.txt")), folders.failed, stem_of(name))


def stem_of(name: str) -> PurePosixPath:
    """The name of a photo below `inbox/` without its ending."""
    path = PurePosixPath(name)
    return path.with_suffix("") if path.suffix else path


def _refuse_unsaid(job: Job, verdict: Verdict, alpha: Samples) -> None:
    """Nothing and everything are results only where the verdict says so. Raises BadPhoto."""
    if not alpha.any() and "empty" not in verdict.defects:
        raise BadPhoto(f"Nothing of {job.name} would be left: its subject is where the photo itself is transparent.")
    if alpha.min() == np.iinfo(alpha.dtype).max and "full" not in verdict.defects:
        raise BadPhoto(f"The result of {job.name} would be the whole photo, and its verdict says otherwise.")


def _write_right(
    path: Path,
    rgba: Samples,
    photo: Photo,
    output_format: OutputFormat,
    identity: str,
    frame: Frame | None,
    outputs: OutputSettings,
) -> None:
    """Write a result and read it back, a second time where the first went wrong. Raises ValueError, OSError."""
    for last in (False, True):
        path.unlink(missing_ok=True)  # of a run that died while it wrote, or of the first time
        writing.write(path, rgba, photo, output_format, identity, frame, outputs.ground, outputs.jpeg_quality)
        try:
            writing.verify(path, rgba, output_format, frame)
            return
        except ValueError:
            if last:
                raise


def _write_whole(path: Path, content: bytes) -> None:
    try:
        write_whole(path, content)
    except OSError as error:
        raise NoRoom(f"{path} cannot be written: {error}") from error


def content_of(path: Path) -> bytes:
    """SHA-256 of all that a file holds, read piece by piece."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def refuse_if_written(job: Job, before: os.stat_result, after: os.stat_result) -> None:
    """Raise BadPhoto where a writer whom nobody saw, as on a share, went on writing the original in work.

    What was made of it lacks what came since, a page maybe.
    """
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise BadPhoto(
            f"{job.name} was still being written while it was in work ({before.st_size} bytes became {after.st_size}). "
            "All that was written is in this file: move it back into inbox/ once it is complete."
        )
