"""Asks a witness beside the engine: what another model sees in each photo, from one process for all of them.

The witness helps, and nothing depends on it: where it is missing, dies, hangs or is late, a photo goes without.
"""

import logging
import math
import threading
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooLate
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from daemon.arrays import Rgb
from daemon.engines.onnx.present_model import PresentModel, present_model
from daemon.engines.onnx.ready_weights import STARTER_MODEL
from daemon.errors import EngineMisconfigured, RecipeRefused, said_of
from daemon.jobs import View
from daemon.logs import log
from daemon.observe import series
from daemon.observe.meter import Meter
from daemon.observe.stage_clock import StageClock
from daemon.pictures.values import Samples
from daemon.settings import Settings
from daemon.work.photo_worker import PhotoWorker
from daemon.work.time_limits import TimeLimits
from daemon.work.witness_main import SEE, STAGE, serve
from daemon.work.worker_process import WorkerProcess

LONGEST_SECONDS = 30.0  # of a picture, and of any wait for one: sixty times what it takes on a free core
SECONDS_PER_PHOTO = 3.6  # 1,000 photos an hour come out, however slow the witness is
LOOK_AGAIN_SECONDS = 60.0  # after which somebody may have fetched weights that were missing
FIRST_REST_SECONDS, LONGEST_REST_SECONDS = 30.0, 3600.0  # after a second failure in a row; each further one doubles it
MOST_THREADS = 4  # of a picture: the daemon, its workers and servers on this machine want cores, too


@dataclass(frozen=True, slots=True, eq=False)
class Statement:
    """What a model sees in a photo: its alpha, (H, W), in steps of 1/255; and the processor time that it took."""

    steps: Samples
    cpu_seconds: float


def witness_model(settings: Settings) -> str:
    """The name of the model that the settings want as a witness; "" = none."""
    wanted = settings.judgement.witness
    return {"off": "", "auto": STARTER_MODEL}.get(wanted, wanted)


class WitnessDesk:
    """Photos take turns: one picture at a time, in the order in which they ask. Safe to use from many threads."""

    def __init__(
        self,
        cores: int,
        meter: Meter,
        stages: StageClock,
        crowded: Callable[[], bool],
        longest: float = LONGEST_SECONDS,
    ) -> None:
        """crowded: whether photos in work need the memory that would be kept for the next picture.

        longest: seconds of a picture, and of any wait for one.
        """
        self._threads = max(1, min(MOST_THREADS, cores // 2))
        self._meter = meter
        self._stages = stages
        self._crowded = crowded
        self._longest = longest
        self._limits = TimeLimits()
        self._turns = ThreadPoolExecutor(1, thread_name_prefix="witness")
        self._lock = threading.Lock()
        self._process: WorkerProcess | None = None
        self._looked: dict[str, tuple[float, PresentModel | None]] = {}
        self._hearings = 0  # of photos in work that have a witness
        self._has_answered = False
        self._failures = 0  # in a row
        self._rests_until = -math.inf
        self._closed = False

    @contextmanager
    def beside(self, photo: PhotoWorker, settings: Settings, asked: Collection[str]) -> Iterator["Hearing"]:
        """The hearing of a decoded page, for the length of the block.

        asked: the models that the engine may be asked for it. One of these is no witness: it would agree with itself.
        """
        name = witness_model(settings)
        model = self._present(name, settings) if name and name not in asked else None
        hearing = Hearing(photo, model, self)
        one = 0 if model is None else 1
        self._count_hearing(one)
        try:
            yield hearing
        finally:
            self._count_hearing(-one)
            hearing.end()

    def call(self, picture: Rgb, model: PresentModel) -> "Future[Statement | None]":
        """Show a picture, (H, W, 3) uint8 sRGB, to a model when its turn comes. None comes of it if that fails."""
        with self._lock, suppress(RuntimeError):  # the machine allows no more threads
            if not self._closed:
                return self._turns.submit(self._statement, picture, model)
        nothing: Future[Statement | None] = Future()
        nothing.set_result(None)
        return nothing

    def wait_for(self, answer: "Future[Statement | None]") -> Samples | None:
        """The alpha that a call gave, in steps; None if it failed or takes too long."""
        began, seen, result = time.perf_counter(), None, "failed"
        try:
            seen = answer.result(self._patience())
        except TooLate:
            answer.cancel()
            result = "late"
        except CancelledError:  # the program stops
            pass
        self._meter.count(series.WITNESSES, result="heard" if seen else result)
        cpu_seconds = seen.cpu_seconds if seen else 0.0
        self._stages.add(STAGE, time.perf_counter() - began, cpu_seconds, in_this_thread=False)
        return seen.steps if seen else None

    def _count_hearing(self, by: int) -> None:
        with self._lock:
            self._hearings += by

    def _patience(self) -> float:
        """For how many seconds a photo waits now: so long that those in work together keep up the promised pace.

        The first picture of a process takes longer, since its libraries and its network must be loaded.
        """
        if not self._has_answered:
            return self._longest
        return min(self._longest, SECONDS_PER_PHOTO * max(1, self._hearings))

    def close(self) -> None:
        """End its process; who waits gets nothing. May be called twice."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.kill()
        self._turns.shutdown(cancel_futures=True)
        if self._process is not None:
            self._process.close()

    def _present(self, name: str, settings: Settings) -> PresentModel | None:
        """The model, if it can be run and has not failed lately. That it is missing is logged once."""
        with self._lock:
            now = time.monotonic()
            looked_at, model = self._looked.get(name, (-math.inf, None))
            if model is None and now >= looked_at + LOOK_AGAIN_SECONDS:
                try:
                    model = present_model(name, settings.engine.local, commercial_use=settings.engine.commercial_use)
                except EngineMisconfigured as error:
                    if name not in self._looked:
                        text = f"Results are judged without the witness {name} (judgement.witness): {error}"
                        log.log("witness_missing", text, model=name)
                self._looked[name] = now, model
            return model if now >= self._rests_until else None

    def _statement(self, picture: Rgb, model: PresentModel) -> Statement | None:
        """Done in the thread of the turns."""
        if time.monotonic() < self._rests_until:
            return None
        try:
            process = self._running()
            steps = process.ask(self._longest, SEE, picture, model, self._threads, self._crowded())
        except RecipeRefused:  # the network makes nothing of this picture
            return None
        except Exception as error:  # noqa: BLE001 - drivers, weights, memory, a process that dies: a photo goes on
            self._fail(model, error)
            return None
        self._failures, self._has_answered = 0, True
        return Statement(steps, sum(cpu_seconds for _, _, cpu_seconds in process.stages))

    def _running(self) -> WorkerProcess:
        """The process, or a new one if there is none. Raises NoRoom."""
        with self._lock:
            if self._process is None or self._process.lost or self._process.has_ended:
                self._process, self._has_answered = WorkerProcess(self._limits, serve), False
                if self._closed:
                    self._process.kill()
            return self._process

    def _fail(self, model: PresentModel, error: Exception) -> None:
        with self._lock:
            if self._closed:
                return
            process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.close()
        self._failures += 1
        rest = rest_after(self._failures)
        self._rests_until = time.monotonic() + rest
        goes_on = f"Photos go on without it for {rest:.0f} s" if rest else "A photo goes on without it"
        text = f"The witness {model.name} failed ({said_of(error) or type(error).__name__}). {goes_on}."
        log.log("witness_failed", text, level=logging.WARNING, model=model.name)


def rest_after(failures: int) -> float:
    """For how many seconds nobody asks a witness that failed so often in a row."""
    return min(LONGEST_REST_SECONDS, FIRST_REST_SECONDS * 2.0 ** min(failures - 2, 20)) if failures > 1 else 0.0


class Hearing:
    """One page of a photo and its witness: asked once, while the engine works, and heard once, before any verdict."""

    def __init__(self, photo: PhotoWorker, model: PresentModel | None, desk: WitnessDesk) -> None:
        """model: None = there is no witness."""
        self._photo = photo
        self._model = model
        self._desk = desk
        self._answer: Future[Statement | None] | None = None

    def ask(self) -> None:
        """Show the page to the witness, unless that was done. Returns at once. Raises what the worker raises."""
        if self._model is not None and self._answer is None:
            self._answer = self._desk.call(self._photo.proxy(View()), self._model)

    def tell(self) -> None:
        """Let the worker have what the witness sees, as soon as that is there. Raises what the worker raises."""
        answer, model = self._answer, self._model
        if answer is not None and model is not None:
            self._model = None
            steps = self._desk.wait_for(answer)
            if steps is not None:
                self._photo.hear(model.name, steps)

    def end(self) -> None:
        """Ask no more: what nobody waits for keeps no other photo waiting."""
        if self._answer is not None:
            self._answer.cancel()
