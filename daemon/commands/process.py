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
from daemon.jobs import Attempt, Job
from daemon.journal.alphas import Alphas
from daemon.logs import log
from daemon.observe.metrics import Metrics
from daemon.publishing.job_events import JobEnd
from daemon.publishing.staging import Routing, content_of
from daemon.service.choose_engine import build_engine, build_pipeline, memory_for, workers_for
from daemon.settings import Settings
from daemon.work.cut_file import cut_and_stage
from daemon.work.memory_budget import MemoryBudget
from daemon.work.pipeline import Pipeline


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


class _NoNotebook:
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
        pipeline = build_pipeline(
            settings,
            engine,
            alphas=alphas,
            notebook=_NoNotebook(),
            meter=metrics,
            budget=budget,
            tick=lambda _: None,
            stopping=lambda: False,
        )
        bench = _Bench(pipeline, Routing(settings.outputs, metrics, lambda _: None), alphas, out_dir)
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
    def __init__(self, pipeline: Pipeline, routing: Routing, alphas: Alphas, out_dir: Path) -> None:
        self._pipeline = pipeline
        self._routing = routing
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
                staging = Path(folder)
                outcome, cuts = cut_and_stage(
                    job,
                    photo,
                    self._pipeline,
                    self._routing,
                    staging,
                    lambda bench: self._pipeline.cut_out(job, bench),
                    lambda _: None,
                )
                files = self._routing.stage_report(
                    job, cuts, staging, content_of(photo), lambda: time.perf_counter() - began
                )
                with self._placing:
                    results = self._routing.place(files, self._out_dir, job.name)
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
