"""Works on strangers' files in processes of their own: a file that kills or blocks its process stops nothing else."""

import logging
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

from daemon.errors import EngineAway, Said, WorkerLost
from daemon.hotfolder.runtime import Runtime
from daemon.logs import log
from daemon.observe import series
from daemon.observe.meter import Meter
from daemon.pictures.laid_out import LaidOut, Layout
from daemon.pictures.pyramid import Layer
from daemon.pictures.thumbs import Thumb
from daemon.settings.current import CurrentSettings
from daemon.settings.pixel_settings import PixelSettings
from daemon.work.file_in_process import FileInProcess
from daemon.work.memory_budget import MemoryBudget
from daemon.work.photo_worker import KeptAttempts
from daemon.work.picture_in_process import PictureInProcess
from daemon.work.time_limits import TimeLimits
from daemon.work.worker_main import (
    LAY_OUT,
    LOOK,
    LOOK_TO_SHOW,
    PROVE,
    SHOW,
    SHOW_ATTEMPTS,
    THUMB,
)
from daemon.work.worker_process import WorkerProcess, prepare

_MOST_IDLE = 4  # a new process costs some 20 ms, an idle one some 20 MB
_MOST_FILES = 500  # after which a process is replaced: libraries leak a little
_RELEASE_SECONDS = 10.0
_SECONDS_PER_BYTE = 2e-7  # of what a photo takes in memory: 2 s a megapixel
_SMALL_BYTES = 64 << 20  # a proof that takes no more waits for no memory


class Processes:
    """Gives each file a worker process of its own. It is a `PhotoWorkers`."""

    def __init__(self, budget: MemoryBudget, meter: Meter, runtime: Runtime, settings: CurrentSettings) -> None:
        self._settings = settings
        self._budget = budget
        self._meter = meter
        self._runtime = runtime
        self._lock = threading.Lock()
        self._limits = TimeLimits()
        self._idle: list[WorkerProcess] = []
        self._busy: set[WorkerProcess] = set()
        self._closed = threading.Event()
        prepare()

    @contextmanager
    def work_on(self, path: Path, settings: PixelSettings) -> Iterator[FileInProcess]:
        """A worker for this file. Its process is taken when it is first asked."""
        file = FileInProcess(self, path, settings)
        try:
            yield file
        finally:
            file.close()

    def prove(self, descriptor: int, name: str, max_megapixels: float) -> None:
        """As `PhotoWorkers.prove`. A file that must be in memory as a whole waits until there is room."""
        process = self.take()
        try:
            small = _SMALL_BYTES
            need = self.ask(process, name, small, LOOK, name, max_megapixels, small, descriptor=descriptor)
            if need:
                with self._budget.held(need, self._runtime.stopping):
                    self.ask(process, name, need, PROVE, name, max_megapixels, need)
        finally:
            self.give_back(process)

    def thumb(self, path: Path, longest: int, max_megapixels: float, page: int) -> Thumb:
        """The small picture of a file. Raises WorkerLost, too."""
        process = self.take()
        try:
            thumb: Thumb = self.ask(process, path.name, 0, THUMB, path, longest, max_megapixels, page)
            return thumb
        finally:
            self.give_back(process)

    @contextmanager
    def picture(
        self, path: Path, layers: Collection[Layer], page: int = 0, *, hurried: bool = False
    ) -> Iterator[PictureInProcess]:
        """As `PhotoWorkers.picture`, in a process that is used for nothing else afterwards."""
        most = self._settings.now.intake.max_megapixels
        with self._opened(path, page, SHOW, tuple(layers), most, page, hurried) as (process, need):
            yield PictureInProcess(self, process, path.name, need)

    @contextmanager
    def attempts(
        self, path: Path, settings: PixelSettings, kept: KeptAttempts, *, hurried: bool = False
    ) -> Iterator[PictureInProcess]:
        """As `PhotoWorkers.attempts`, in a process that is used for nothing else afterwards."""
        with self._opened(path, kept.page, SHOW_ATTEMPTS, settings, kept, hurried) as (process, need):
            yield PictureInProcess(self, process, path.name, need)

    @contextmanager
    def _opened(self, path: Path, page: int, word: str, *values: Any) -> Iterator[tuple[WorkerProcess, int]]:
        """A process that has done this for a page of a file, and the bytes it may take."""
        most, process = self._settings.now.intake.max_megapixels, self.take()
        try:
            need = self.ask(process, path.name, 0, LOOK_TO_SHOW, path, most, page)
            with self._budget.held(need, self._runtime.stopping):
                self.ask(process, path.name, need, word, path, *values, need)
                yield process, need
        finally:
            process.close()
            self.give_back(process)

    def lay_out(self, path: Path, layout: Layout, target: Path) -> LaidOut:
        """As `PhotoWorkers.lay_out`."""
        most, process = self._settings.now.intake.max_megapixels, self.take()
        try:
            need = self.ask(process, path.name, 0, LOOK_TO_SHOW, path, most, 0)
            with self._budget.held(need, self._runtime.stopping):
                laid: LaidOut = self.ask(process, path.name, need, LAY_OUT, path, layout, target, most, need)
            return laid
        finally:
            self.give_back(process)

    def close(self) -> None:
        """End all work now. May be called twice."""
        with self._lock:
            self._closed.set()
            idle, self._idle = self._idle, []
            for process in self._busy:
                process.kill()
        for process in idle:
            process.close()

    def take(self) -> WorkerProcess:
        """A process that has nothing to do. Raises NoRoom, or EngineAway if the program stops."""
        process = self._idle_process() or WorkerProcess(self._limits)
        with self._lock:
            self._busy.add(process)
            if self._closed.is_set():
                process.kill()
        return process

    def give_back(self, process: WorkerProcess) -> None:
        """Keep a process for the next file, or end it."""
        process.files += 1
        with self._lock:
            self._busy.discard(process)
            keeps = not (self._closed.is_set() or process.lost or process.files >= _MOST_FILES)
            keeps = keeps and len(self._idle) < _MOST_IDLE
        if keeps:
            process.release()
            with self._lock:
                self._idle.append(process)
        else:
            process.close()

    def _idle_process(self) -> WorkerProcess | None:
        """One that still answers: what befell it while it was idle is no photo's fault."""
        while True:
            with self._lock:
                if self._closed.is_set():
                    _refuse()
                if not self._idle:
                    return None
                process = self._idle.pop()
            if process.is_free(_RELEASE_SECONDS):
                return process
            process.kill()
            process.close()

    def ask(
        self, process: WorkerProcess, name: str, need_bytes: int, word: str, *values: Any, descriptor: int | None = None
    ) -> Any:
        """Ask a process for a step of the work on the file of that name; need_bytes says how large it is."""
        seconds = self._settings.now.dispatch.hang_seconds + need_bytes * _SECONDS_PER_BYTE
        try:
            return process.ask(seconds, word, *values, descriptor=descriptor)
        except WorkerLost as error:
            if self._closed.is_set():
                _refuse()
            self._meter.count(series.WORKERS_LOST)
            text = f"{name}: the process that worked on this file was lost: {error}. The others go on."
            log.log("worker_lost", text, level=logging.WARNING, name=name, step=word)
            raise WorkerLost(Said("process_lost", name=name, detail=error)) from error
        finally:
            for stage in process.stages:
                self._runtime.stages.add(*stage, in_this_thread=False)


def _refuse() -> NoReturn:
    raise EngineAway(Said("stopping"))
