"""Works on strangers' files in processes of their own: a file that kills or blocks its process stops nothing else."""

import logging
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, NoReturn

from daemon.arrays import Alpha, Rgb
from daemon.errors import EngineAway, WorkerLost
from daemon.hotfolder.runtime import Runtime
from daemon.jobs import Attempt, Recipe, View
from daemon.logs import log
from daemon.observe import series
from daemon.observe.meter import Meter
from daemon.pictures.laid_out import LaidOut, Layout
from daemon.pictures.photo import Coverage, Seen
from daemon.pictures.pyramid import Layer
from daemon.pictures.thumbs import Thumb
from daemon.pictures.values import ONLY_PAGE, Page
from daemon.settings import OutputFormat
from daemon.settings.current import CurrentSettings
from daemon.settings.pixel_settings import PixelSettings
from daemon.work.memory_budget import MemoryBudget
from daemon.work.worker_main import DECODE, LAY_OUT, LOOK, LOOK_TO_SHOW, PROVE, RELEASE, SHOW, TAKE, THUMB
from daemon.work.worker_process import WorkerProcess, prepare

_MOST_IDLE = 4  # a new process costs some 20 ms, an idle one some 20 MB
_MOST_FILES = 500  # after which a process is replaced: libraries leak a little
_SECONDS_PER_BYTE = 2e-7  # of what a photo takes in memory: 2 s a megapixel
_RELEASE_SECONDS = 10.0
_SMALL_BYTES = 64 << 20  # a proof that takes no more waits for no memory


class Processes:
    """Gives each file a worker process of its own. It is a `PhotoWorkers`."""

    def __init__(self, budget: MemoryBudget, meter: Meter, runtime: Runtime, settings: CurrentSettings) -> None:
        self._settings = settings
        self._budget = budget
        self._meter = meter
        self._runtime = runtime
        self._lock = threading.Lock()
        self._idle: list[WorkerProcess] = []
        self._busy: set[WorkerProcess] = set()
        self._closed = threading.Event()
        prepare()

    @contextmanager
    def work_on(self, path: Path, settings: PixelSettings) -> Iterator["FileInProcess"]:
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
            need = self.ask(process, name, 0, LOOK, max_megapixels, descriptor=descriptor)
            room = self._budget.held(need, self._runtime.stopping) if need > _SMALL_BYTES else nullcontext()
            with room:
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

    def pyramid(self, path: Path, layers: Mapping[Layer, Path], page: int = 0) -> None:
        """As `PhotoWorkers.pyramid`, in a process that is used for nothing else afterwards."""
        most, process = self._settings.now.intake.max_megapixels, self.take()
        try:
            need = self.ask(process, path.name, 0, LOOK_TO_SHOW, path, most, page)
            with self._budget.held(need, self._runtime.stopping):
                self.ask(process, path.name, need, SHOW, path, layers, most, page, need)
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
        process = self._idle_process() or WorkerProcess()
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
            try:
                process.ask(_RELEASE_SECONDS, RELEASE)
            except WorkerLost:
                return
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
            with suppress(WorkerLost):
                process.ask(_RELEASE_SECONDS, RELEASE)
                return process

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
            raise WorkerLost(
                f"{name} cannot be worked on: the process that did so was lost ({error}). The file may be damaged in "
                "a way that crashes a library, or too large for this machine. Open it in an image editor, export it "
                "again and drop that."
            ) from error


class FileInProcess:
    """One file in a worker process. It is a `PhotoWorker`; the methods are explained there."""

    def __init__(self, processes: Processes, path: Path, settings: PixelSettings) -> None:
        self.page = ONLY_PAGE
        self._processes = processes
        self._path = path
        self._settings = settings
        self._process: WorkerProcess | None = None
        self._need_bytes = 0

    def pages(self) -> tuple[Page, ...]:
        """The pictures of the file that are to be cut out. Raises BadPhoto."""
        found: tuple[Page, ...] = self._ask("pages")
        return found

    def memory_need(self, page: Page) -> int:
        """How many bytes the work on a page takes at most. Raises BadPhoto."""
        need: int = self._ask("memory_need", page)
        self._need_bytes = need
        return need

    def decode(self, page: Page) -> None:
        """Decode a page, and forget the one before. Raises BadPhoto."""
        self._ask(DECODE, page, self._need_bytes)
        self.page = page

    def shrink(self) -> None:
        """Make the small picture that the judgement sees."""
        self._ask("shrink")

    def proxy(self, view: View) -> Rgb:
        """The picture that an engine sees of this view."""
        proxy: Rgb = self._ask("proxy", view)
        return proxy

    def add(self, number: int, recipe: Recipe, alpha: Alpha, base: Attempt | None) -> None:
        """Keep the raw alpha of an attempt."""
        self._ask("add", number, recipe, alpha, base)

    def judge(self, attempt: Attempt) -> Attempt:
        """Search the best finish of the attempt's alpha, and judge it."""
        judged: Attempt = self._ask("judge", attempt)
        return judged

    def judge_again(self, attempts: Sequence[Attempt]) -> list[Attempt]:
        """Attempts with the verdicts that they get beside all alphas that are known by now."""
        judged: list[Attempt] = self._ask("judge_again", attempts)
        return judged

    def seen(self) -> Seen:
        """What is known of the decoded page, for the report."""
        seen: Seen = self._ask("seen")
        return seen

    def compose(self, best: Attempt) -> Coverage:
        """Cut the page out, at full size, by the alpha of an attempt."""
        coverage: Coverage = self._ask("compose", best)
        return coverage

    def write(self, path: Path, output_format: OutputFormat, job_id: str) -> None:
        """Write what `compose` made, and read it back."""
        self._ask("write", path, output_format, job_id)

    def close(self) -> None:
        """Give the process back; another file may have it then."""
        process, self._process = self._process, None
        if process is not None:
            self._processes.give_back(process)

    def _ask(self, word: str, *values: Any) -> Any:
        if self._process is None:
            self._process = self._processes.take()
            self._processes.ask(self._process, self._path.name, 0, TAKE, self._path, self._settings)
        return self._processes.ask(self._process, self._path.name, self._need_bytes, word, *values)


def _refuse() -> NoReturn:
    raise EngineAway("Freisteller is stopping; the photo goes on at the next start.")
