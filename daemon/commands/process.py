"""`freisteller process`: cuts out single photos into a folder, by the same steps as the daemon."""

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

from daemon.commands.terminal import job_end_line
from daemon.disk.names import clean_name
from daemon.errors import BadSettings, FreistellerError
from daemon.hotfolder.runtime import Runtime
from daemon.jobs import Attempt, Job
from daemon.journal.alphas import Alphas
from daemon.logs import log
from daemon.observe.series import Counter
from daemon.observe.stage_clock import StageClock
from daemon.publishing.job_events import JobEnd
from daemon.publishing.staging import Staging, content_of
from daemon.service.choose_engine import build_engine, cores, memory_for, workers_for
from daemon.settings import Settings
from daemon.settings.current import CurrentSettings
from daemon.words.catalogue import LANGUAGES, words_in
from daemon.words.reason_texts import reason_text
from daemon.work.cut_file import CutFile
from daemon.work.engine_questions import EngineQuestions
from daemon.work.memory_budget import MemoryBudget
from daemon.work.open_file import WorkInThisProcess
from daemon.work.pipeline import Pipeline
from daemon.work.task import PhotoTask
from daemon.work.witness_desk import WitnessDesk


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


class _NoRecorder:
    """Keeps nothing: a second call of `process` starts from the beginning."""

    def record_attempts(self, job: Job, attempts: Sequence[Attempt]) -> None:
        """Do nothing."""


class _NoMeter:
    """Counts nothing: nobody asks this process for figures."""

    def stage(self, stage: str, seconds: float, cpu_seconds: float = 0.0) -> None:
        """Do nothing."""

    def attempt(self, model: str, score: float | None, error_reason: str | None) -> None:
        """Do nothing."""

    def engine_busy(self, server: str, seconds: float) -> None:
        """Do nothing."""

    def count(self, row: Counter, by: float = 1, /, **labels: str) -> None:
        """Do nothing."""


def process_photos(
    settings: Settings, photos: Sequence[Path], out_dir: Path, out: Console, *, quiet: bool
) -> list[Processed]:
    """Cut out `photos` into `out_dir`, several at once. Returns how each ended, in the order given.

    Raises BadSettings if the folder cannot be made or the engine cannot work at all.
    """
    log.set_up("warning" if settings.log.level == "info" else settings.log.level, settings.log.format, sys.stderr)
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadSettings(f"The folder --out {out_dir} cannot be made: {error.strerror}. Name another one.") from error
    budget = MemoryBudget(memory_for(settings))
    engine = build_engine(
        settings, lambda line: None if quiet else out.print(line, markup=False), crowded=lambda: budget.crowded
    )
    meter = _NoMeter()
    with tempfile.TemporaryDirectory(prefix="freisteller-") as state:
        alphas = Alphas(Path(state))
        runtime = Runtime(stages=StageClock(meter.stage))
        witnesses = WitnessDesk(cores(), meter, runtime.stages, lambda: budget.crowded)
        pipeline = Pipeline(
            EngineQuestions(engine, alphas, meter, runtime),
            recorder=_NoRecorder(),
            meter=meter,
            budget=budget,
            # For a few photos, the start of other processes would take longest.
            workers=WorkInThisProcess(runtime.stages.timed),
            witnesses=witnesses,
            runtime=runtime,
        )
        pipeline.strategy(settings)  # raises BadSettings before anything begins
        staging = Staging(meter, runtime.tick, CurrentSettings(settings))
        processor = _Processor(settings, pipeline, staging, alphas, out_dir)
        engine.start()
        try:
            with (
                ThreadPoolExecutor(workers_for(settings, engine)) as executor,
                _progress(len(photos), out, quiet=quiet) as show,
            ):
                return list(executor.map(lambda photo: show(processor.process(photo)), photos))
        finally:
            engine.close()
            witnesses.close()


class _Processor:
    """Cuts out one photo at a time, in each of several threads."""

    def __init__(self, settings: Settings, pipeline: Pipeline, staging: Staging, alphas: Alphas, out_dir: Path) -> None:
        self._settings = settings
        self._pipeline = pipeline
        self._staging = staging
        self._alphas = alphas
        self._out_dir = out_dir
        self._placing = threading.Lock()

    def process(self, photo: Path) -> Processed:
        """Take one photo from its file to its results. What goes wrong is how it ended, not an exception."""
        began = time.perf_counter()
        size_bytes = photo.stat().st_size if photo.is_file() else 0  # reading it says what is wrong with it
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
        return Processed(photo, JobEnd(job, verdict.grade, verdict.score, seconds, reason, results, verdict))


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
        out.print(job_end_line(done.end))
    return done
