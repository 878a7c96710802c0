"""`freisteller process`: the same pipeline, with photos and an output folder instead of a hot folder."""

import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from daemon import __version__
from daemon.commands.terminal import ending_line
from daemon.disk.names import clean_name
from daemon.errors import BadSettings, FreistellerError
from daemon.hotfolder.runtime import Runtime
from daemon.jobs import Attempt, Job
from daemon.journal.alphas import Alphas
from daemon.logs import log
from daemon.observe.metrics import Metrics
from daemon.publishing.job_events import JobEnd
from daemon.publishing.staging import Staging, content_of
from daemon.service.choose_engine import build_engine, memory_for, workers_for
from daemon.settings import Settings
from daemon.work.cut_file import CutFile
from daemon.work.memory_budget import MemoryBudget
from daemon.work.pipeline import Pipeline
from daemon.work.task import PhotoTask


@dataclass(frozen=True, slots=True)
class Processed:
    """What became of one photo."""

    photo: Path
    ending: JobEnd

    @property
    def failed(self) -> bool:
        """Whether there is no result."""
        return self.ending.grade is None

    def values(self) -> dict[str, Any]:
        """For JSON."""
        ending = self.ending
        return {
            "photo": str(self.photo),
            "grade": ending.grade.value if ending.grade else "failed",
            "score": ending.score,
            "seconds": round(ending.seconds, 3),
            "reason": ending.reason,
            "results": [str(path) for path in ending.results],
        }


class _NoRecorder:
    """Nothing is kept: a second call of `process` starts afresh."""

    def record_attempt(self, job: Job, attempt: Attempt) -> None:
        """Forget it."""


def process_photos(
    settings: Settings, photos: Sequence[Path], out_dir: Path, out: Console, *, quiet: bool
) -> list[Processed]:
    """Cut out `photos` into `out_dir`, several at once; one ending each, in the order given.

    Raises BadSettings where the folder cannot be written or the engine cannot work at all.
    """
    log.set_up("warning" if settings.log.level == "info" else settings.log.level, settings.log.format, sys.stderr)
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadSettings(f"--out {out_dir} cannot be made: {error.strerror}") from error
    budget = MemoryBudget(memory_for(settings))
    engine = build_engine(
        settings, lambda line: None if quiet else out.print(line, markup=False), crowded=lambda: budget.crowded
    )
    metrics = Metrics(__version__, engine.models)
    with tempfile.TemporaryDirectory(prefix="freisteller-") as state:
        alphas = Alphas(Path(state))
        runtime = Runtime()
        pipeline = Pipeline(
            engine, alphas=alphas, recorder=_NoRecorder(), meter=metrics, budget=budget, runtime=runtime
        )
        pipeline.strategy(settings)  # raises BadSettings before anything begins
        bench = _Bench(settings, pipeline, Staging(metrics, runtime.tick), alphas, out_dir)
        engine.start()
        try:
            with (
                ThreadPoolExecutor(workers_for(settings, engine)) as executor,
                _progress(len(photos), out, quiet=quiet) as told,
            ):
                return list(executor.map(lambda photo: told(bench.process(photo)), photos))
        finally:
            engine.close()


class _Bench:
    def __init__(self, settings: Settings, pipeline: Pipeline, staging: Staging, alphas: Alphas, out_dir: Path) -> None:
        self._settings = settings
        self._pipeline = pipeline
        self._staging = staging
        self._alphas = alphas
        self._out_dir = out_dir
        self._placing = threading.Lock()

    def process(self, photo: Path) -> Processed:
        """One photo from file to files; what goes wrong is its ending, not an exception."""
        began = time.perf_counter()
        size_bytes = photo.stat().st_size if photo.is_file() else 0  # the ending says what is wrong with it
        job = Job(uuid.uuid4().hex, clean_name(photo.name), size_bytes=size_bytes)
        try:
            with tempfile.TemporaryDirectory(dir=self._out_dir, prefix=".freisteller-") as folder:
                with CutFile(PhotoTask(job, self._settings), photo, self._pipeline, self._staging) as file:
                    outcome = file.cut_out()
                    cuts = file.stage(Path(folder))
                files = self._staging.stage_report(
                    job, cuts, Path(folder), content_of(photo), lambda: time.perf_counter() - began
                )
                with self._placing:
                    results = self._staging.place(files, self._out_dir, job.name, self._settings.outputs)
        except FreistellerError as error:
            return Processed(photo, JobEnd(job, None, None, time.perf_counter() - began, str(error)))
        finally:
            self._alphas.drop(job.id)
        verdict = outcome.verdict
        reason = verdict.reasons[0] if verdict.reasons else ""
        seconds = time.perf_counter() - began
        return Processed(photo, JobEnd(job, verdict.grade, verdict.score, seconds, reason, results))


@contextmanager
def _progress(total: int, out: Console, *, quiet: bool) -> Iterator[Any]:
    """A bar with the time left on a terminal, a line per photo everywhere; nothing when quiet."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("ETA"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=out, disable=quiet or not out.is_terminal, transient=True) as progress:
        task = progress.add_task("Cutting out", total=total)

        def told(done: Processed) -> Processed:
            if not quiet:
                progress.console.print(ending_line(done.ending))
            progress.advance(task)
            return done

        yield told
