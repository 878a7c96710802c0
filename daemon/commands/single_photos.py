"""Cuts out single photos in this process, for `freisteller process` and for programs in Python."""

import shutil
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from daemon.disk.names import clean_name
from daemon.hotfolder.runtime import Runtime
from daemon.jobs import Attempt, Job, Outcome
from daemon.journal.alphas import Alphas
from daemon.observe.series import Counter
from daemon.observe.stage_clock import StageClock
from daemon.publishing.reports import Staged
from daemon.publishing.staging import Staging, content_of
from daemon.renditions.wanted import MadeRendition
from daemon.service.choose_engine import build_engine, cores, memory_for, workers_for
from daemon.settings import Settings
from daemon.settings.current import CurrentSettings
from daemon.work.cut_file import CutFile
from daemon.work.engine_questions import EngineQuestions
from daemon.work.memory_budget import MemoryBudget
from daemon.work.open_file import WorkInThisProcess
from daemon.work.pipeline import Pipeline
from daemon.work.task import PhotoTask
from daemon.work.witness_desk import WitnessDesk


@dataclass(frozen=True, slots=True)
class SinglePhoto:
    """A photo that was cut out. files: its staged results, the report last. renditions: all, the broken ones too."""

    job: Job
    outcome: Outcome
    files: tuple[Staged, ...]
    renditions: tuple[MadeRendition, ...] = ()


class SinglePhotos:
    """The engine and all that stands around it; a context manager. Many threads may use it at once."""

    def __init__(self, settings: Settings, print_line: Callable[[str], None]) -> None:
        """print_line: is told what is fetched. Raises BadSettings if the engine cannot work at all."""
        self._settings = settings
        meter = _NoMeter()
        budget = MemoryBudget(memory_for(settings))
        runtime = Runtime(stages=StageClock(meter.stage))
        self._engine = build_engine(settings, print_line, crowded=lambda: budget.crowded)
        self._state = Path(tempfile.mkdtemp(prefix="freisteller-"))  # a forked process must not delete it at its end
        self._alphas = Alphas(self._state)
        self._witnesses = WitnessDesk(cores(), meter, runtime.stages, lambda: budget.crowded)
        self._pipeline = Pipeline(
            EngineQuestions(self._engine, self._alphas, meter, runtime),
            recorder=_NoRecorder(),
            meter=meter,
            budget=budget,
            # For a few photos, the start of other processes would take longest.
            workers=WorkInThisProcess(runtime.stages.timed),
            witnesses=self._witnesses,
            runtime=runtime,
        )
        self.staging = Staging(meter, runtime.tick, CurrentSettings(settings))
        try:
            self._pipeline.strategy(settings)  # raises BadSettings before anything begins
            self._engine.start()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    @property
    def at_once(self) -> int:
        """How many photos to have in work."""
        return workers_for(self._settings, self._engine)

    def cut_out(self, photo: Path, folder: Path) -> SinglePhoto:
        """Take one photo from its file to its results, which lie in `folder` then.

        Raises BadPhoto, what the engine raises if it cannot answer now, and NoRoom.
        """
        began = time.perf_counter()
        job = new_job(photo)
        try:
            with CutFile(PhotoTask(job, self._settings), photo, self._pipeline, self.staging) as file:
                outcome = file.cut_out()
                cuts = file.stage(folder)
            content, worked = content_of(photo), lambda: time.perf_counter() - began
            files = self.staging.stage_report(job, cuts, folder, content, worked, file.not_done)
            return SinglePhoto(job, outcome, files, tuple(made for cut in cuts for made in cut.renditions))
        finally:
            self._alphas.drop(job.id)

    def close(self) -> None:
        """End the engine and the witness. May be called twice."""
        self._engine.close()
        self._witnesses.close()
        shutil.rmtree(self._state, ignore_errors=True)


def new_job(photo: Path) -> Job:
    """The job that a photo is to be; nothing is known of it yet."""
    size_bytes = photo.stat().st_size if photo.is_file() else 0  # reading it says what is wrong with it
    return Job(uuid.uuid4().hex, clean_name(photo.name), size_bytes=size_bytes)


class _NoRecorder:
    """Keeps nothing: a second call starts from the beginning."""

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
