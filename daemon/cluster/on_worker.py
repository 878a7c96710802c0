"""Runs errands on a worker's machine: reads the photo on the share, asks this machine's engine, judges and writes."""

import shutil
import tempfile
import threading
import traceback
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from daemon import __version__
from daemon.cluster.errand import Errand, KeptAlpha, Made, Returned, packed, unpacked_errand
from daemon.cluster.plain_settings import as_here
from daemon.disk.os_errors import translated
from daemon.engines.contract import Engine
from daemon.errors import RootAway, Said
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.root_identity import read_identity
from daemon.hotfolder.runtime import Runtime
from daemon.jobs import Attempt, Job, Recipe
from daemon.journal.alphas import Alphas
from daemon.logs import log
from daemon.observe.series import Counter
from daemon.observe.stage_clock import StageClock
from daemon.publishing.reports import Cut
from daemon.publishing.staging import Staging, content_of
from daemon.settings import Settings
from daemon.settings.current import CurrentSettings
from daemon.work.cut_file import CutFile
from daemon.work.engine_questions import EngineQuestions
from daemon.work.memory_budget import MemoryBudget
from daemon.work.pipeline import Pipeline
from daemon.work.processes import Processes
from daemon.work.witness_desk import WitnessDesk


class FarMachine:
    """What a worker keeps between photos: its engine, its processes, its memory. Safe to use from many threads."""

    def __init__(self, settings: Settings, engine: Engine, name: str, memory_bytes: int, cores: int) -> None:
        """settings: of this machine. engine: that it asks; it is started and closed here."""
        self.name = name
        self.leaving = threading.Event()
        """Set when the worker is asked to end: what is in work goes back at its next question to an engine."""
        self._settings = settings
        self._engine = engine
        self._memory_bytes = memory_bytes
        self._cores = cores
        self._folders = HotFolder(settings.root_path)
        self._meter = _ToldMeter()
        self._budget = MemoryBudget(memory_bytes)
        self._runtime = Runtime(stopping=self.leaving.is_set, stages=StageClock(self._meter.stage))
        self._processes = Processes(self._budget, self._meter, self._runtime, CurrentSettings(settings))
        crowded = lambda: self._budget.crowded  # noqa: E731
        self._witnesses = WitnessDesk(cores, self._meter, self._runtime.stages, crowded)
        self._scratch = Path(tempfile.mkdtemp(prefix="freisteller-"))
        self._running = 0
        self._lock = threading.Lock()
        engine.start()

    @property
    def running(self) -> int:
        """How many photos are in work here."""
        with self._lock:
            return self._running

    def told(self) -> Mapping[str, Any]:
        """What the worker says of itself; the daemon decides by it whether it gets photos. Takes no time."""
        root_id = self._seen_root()
        set_aside = "leaving" if self.leaving.is_set() else "" if root_id else "root_away"
        if not set_aside and not any(server.up for server in self._engine.health()):
            set_aside = "engine_away"
        return {
            "version": __version__,
            "engine": self._settings.engine_in_use,
            "cores": self._cores,
            "memory_bytes": self._memory_bytes,
            "root_id": root_id,
            "set_aside": set_aside,
        }

    def run(self, content: bytes) -> bytes:
        """Run an errand; never raises."""
        errand = unpacked_errand(content)
        with self._counted(), self._meter.telling() as told, log.lines_of_one_work():
            log.share(worker=self.name, job=errand.task.job.id)
            alphas = _NewAlphas(self._scratch / uuid.uuid4().hex)
            try:
                made = self._made(errand, alphas)
                returned = Returned(self.name, made)
            except Exception as error:  # noqa: BLE001 - the daemon answers it, whatever it is
                trace = "".join(traceback.format_exception(error))
                returned = Returned(self.name, None, error, error.__cause__, trace)
            finally:
                alphas.forget()
        return packed(replace(returned, alphas=tuple(alphas.new), told=tuple(told)))

    def close(self) -> None:
        """End all work now. May be called twice."""
        self.leaving.set()
        self._engine.close()
        self._processes.close()
        self._witnesses.close()
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _made(self, errand: Errand, alphas: "_NewAlphas") -> Made:
        root, seen = self._folders.root, self._seen_root()
        if not seen or errand.root_id not in ("", seen):
            raise RootAway(Said("far_root_away", root=root, worker=self.name))
        task = replace(errand.task, settings=as_here(errand.task.settings, self._settings))
        for number, recipe, png in errand.alphas:
            alphas.keep_png(task.job, number, recipe, png)
        alphas.new.clear()
        recorder = _Recorded()
        questions = EngineQuestions(self._engine, alphas, self._meter, self._runtime)
        pipeline = Pipeline(
            questions,
            recorder=recorder,
            meter=self._meter,
            budget=self._budget,
            workers=self._processes,
            witnesses=self._witnesses,
            runtime=self._runtime,
        )
        pipeline.dead = errand.dead
        staging = Staging(self._meter, self._runtime.tick, CurrentSettings(task.settings))
        folder = root / errand.folder / uuid.uuid4().hex
        with translated(f"The folder {folder}"):
            folder.mkdir()  # its parent is gone if nobody waits for this any more
        with CutFile(task, root / errand.original, pipeline, staging) as file:
            outcome = file.cut_out()
            cuts = tuple(_below(cut, root) for cut in file.stage(folder))
            sums = {str(place): content_of(root / place).hex() for cut in cuts for place, _ in cut.files}
            return Made(outcome, cuts, sums, file.not_done, tuple(recorder.attempts))

    def _seen_root(self) -> str:
        """The identity of the hot folder that is mounted here; "" if there is none."""
        try:
            return read_identity(self._folders.private) or ""
        except (OSError, RootAway):
            return ""

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self._running += 1
        try:
            yield
        finally:
            with self._lock:
                self._running -= 1


_HERE: list[FarMachine] = []
"""The machine that this process is; Dask calls functions, and no methods."""


def be(machine: FarMachine) -> None:
    """Let `run` work on this machine from now on."""
    _HERE[:] = [machine]


def run(content: bytes) -> bytes:
    """Run an errand in a worker's process."""
    return _HERE[0].run(content)


class _NewAlphas(Alphas):
    """The alphas of one errand, and those that were not there before."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._all = folder
        self.new: list[KeptAlpha] = []

    def keep_png(self, job: Job, number: int, recipe: Recipe, png: bytes) -> None:
        """Keep an alpha, and remember it."""
        super().keep_png(job, number, recipe, png)
        self.new.append((number, recipe, png))

    def forget(self) -> None:
        """Delete all of them."""
        shutil.rmtree(self._all, ignore_errors=True)


class _Recorded:
    """Keeps what is to be recorded in the daemon's journal. It is an `AttemptRecorder`."""

    def __init__(self) -> None:
        self.attempts: list[tuple[Attempt, ...]] = []

    def record_attempts(self, job: Job, attempts: Sequence[Attempt]) -> None:
        """Keep what came of recipes."""
        del job
        self.attempts.append(tuple(attempts))


_Call = tuple[str, tuple[Any, ...], Mapping[str, str]]


class _ToldMeter:
    """Keeps calls for the daemon's own meter, by the thread that works on the photo. It is a `Meter`."""

    def __init__(self) -> None:
        self._of_thread = threading.local()

    @contextmanager
    def telling(self) -> Iterator[list[_Call]]:
        """Keep what this thread measures in the block."""
        calls: list[_Call] = []
        self._of_thread.calls = calls
        try:
            yield calls
        finally:
            del self._of_thread.calls

    def stage(self, stage: str, seconds: float, cpu_seconds: float = 0.0) -> None:
        """See `Meter.stage`."""
        self._keep("stage", stage, seconds, cpu_seconds)

    def attempt(self, model: str, score: float | None, error_reason: str | None) -> None:
        """See `Meter.attempt`."""
        self._keep("attempt", model, score, error_reason)

    def engine_busy(self, server: str, seconds: float) -> None:
        """See `Meter.engine_busy`."""
        self._keep("engine_busy", server, seconds)

    def count(self, row: Counter, by: float = 1, /, **labels: str) -> None:
        """See `Meter.count`."""
        self._keep("count", row, by, **labels)

    def _keep(self, name: str, *values: Any, **labels: str) -> None:
        calls: list[_Call] | None = getattr(self._of_thread, "calls", None)
        if calls is not None:
            calls.append((name, values, labels))


def _below(cut: Cut, root: Path) -> Cut:
    """A picture with the places of its files relative to the root."""
    return replace(cut, files=tuple((path.relative_to(root), suffix) for path, suffix in cut.files))
