"""`freisteller process`: cuts out single photos into a folder, by the same steps as the daemon."""

import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from daemon.commands.single_photos import SinglePhotos, new_job
from daemon.commands.terminal import job_end_line
from daemon.errors import BadSettings, FreistellerError
from daemon.logs import log
from daemon.publishing.job_events import JobEnd
from daemon.settings import Settings
from daemon.words.catalogue import LANGUAGES, words_in
from daemon.words.reason_texts import reason_text


@dataclass(frozen=True, slots=True)
class Processed:
    """How one photo ended."""

    photo: Path
    end: JobEnd

    @property
    def failed(self) -> bool:
        """Whether there is no result."""
        return self.end.grade is None

    def values(self) -> dict[str, Any]:
        """For JSON."""
        end = self.end
        return {
            "photo": str(self.photo),
            "grade": end.grade.value if end.grade else "failed",
            "score": end.score,
            "rim": end.verdict.rim if end.verdict else None,
            "seconds": round(end.seconds, 3),
            "reason": reason_text(end.reason, words_in(LANGUAGES[0])),
            "results": [str(path) for path in end.results],
        }


def process_photos(
    settings: Settings, photos: Sequence[Path], out_dir: Path, out: Console, *, quiet: bool
) -> list[Processed]:
    """Cut out `photos` into `out_dir`, several at once. Returns how each ended, in the order given.

    Raises BadSettings if the folder cannot be made or the engine cannot work at all.
    """
    log.set_up("warning" if settings.log.level == "info" else settings.log.level, settings.log.format, sys.stderr)
    make_out_dir(out_dir)
    with (
        SinglePhotos(settings, lambda line: None if quiet else out.print(line, markup=False)) as single,
        ThreadPoolExecutor(single.at_once) as executor,
        _progress(len(photos), out, quiet=quiet) as show,
    ):
        processor = _Processor(settings, single, out_dir)
        return list(executor.map(lambda photo: show(processor.process(photo)), photos))


def make_out_dir(folder: Path) -> None:
    """Make the folder that --out names, if it is not there. Raises BadSettings if it cannot be made."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadSettings(f"The folder --out {folder} cannot be made: {error.strerror}. Name another one.") from error


class _Processor:
    """Cuts out one photo at a time, in each of several threads."""

    def __init__(self, settings: Settings, single: SinglePhotos, out_dir: Path) -> None:
        self._settings = settings
        self._single = single
        self._out_dir = out_dir
        self._placing = threading.Lock()

    def process(self, photo: Path) -> Processed:
        """Take one photo from its file to its results. What goes wrong is how it ended, not an exception."""
        began = time.perf_counter()
        try:
            with tempfile.TemporaryDirectory(dir=self._out_dir, prefix=".freisteller-") as folder:
                done = self._single.cut_out(photo, Path(folder))
                with self._placing:
                    results = self._single.staging.place(
                        done.files, self._out_dir, done.job.name, self._settings.outputs
                    )
        except FreistellerError as error:
            return Processed(photo, JobEnd(new_job(photo), None, None, time.perf_counter() - began, str(error)))
        verdict = done.outcome.verdict
        reason = verdict.reasons[0] if verdict.reasons else ""
        seconds = time.perf_counter() - began
        return Processed(photo, JobEnd(done.job, verdict.grade, verdict.score, seconds, reason, results, verdict))


@contextmanager
def _progress(total: int, out: Console, *, quiet: bool) -> Iterator[Any]:
    """Gives what shows each photo that ended: a line, and on a terminal a bar with the time left. quiet: nothing."""
    if quiet or not out.is_terminal:
        yield lambda done: _told(done, out, quiet=quiet)
        return
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    times = (TimeElapsedColumn(), TextColumn("ETA"), TimeRemainingColumn())
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), *times)
    with Progress(*columns, console=out, transient=True) as progress:
        task = progress.add_task("Cutting out", total=total)

        def show(done: Processed) -> Processed:
            progress.advance(task)
            return _told(done, progress.console, quiet=False)

        yield show


def _told(done: Processed, out: Console, *, quiet: bool) -> Processed:
    if not quiet:
        out.print(job_end_line(done.end, out.width))
    return done
