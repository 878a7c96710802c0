"""The local engine: rembg's sessions over ONNX Runtime, on this machine's own processor.

Only this module imports onnxruntime. It imports that, Pillow and rembg when the engine starts, not when this module is
imported.
"""

import contextlib
import importlib
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from daemon.arrays import Alpha, Rgb
from daemon.engines import rembg_sessions
from daemon.engines.contract import Answer, ServerHealth
from daemon.engines.least_size import narrowed, widened
from daemon.engines.onnx.weights_folder import present_models, weights_file
from daemon.engines.weights import STARTER_MODEL, ensure_starter_weights
from daemon.errors import EngineAway, EngineFull, EngineMisconfigured, RecipeRefused
from daemon.jobs import Recipe
from daemon.settings import LocalEngineSettings

SERVER = "local"
LONGEST_LOAD_SECONDS = 30.0  # loading that takes longer is a download that hangs; we may cut it off
MOST_SLOTS = 4  # more photos at once only cost memory: one inference already uses a core or more


class LocalEngine:
    """One ONNX session per model, shared by all threads. ONNX Runtime allows several threads to run one session."""

    def __init__(
        self,
        settings: LocalEngineSettings,
        cores: int,
        print_line: Callable[[str], None],
        crowded: Callable[[], bool] = lambda: False,
    ) -> None:
        """crowded: whether the photos in work need the memory that the engine would keep for its next run."""
        self._settings = settings
        self._cores = max(1, cores)
        self._print_line = print_line
        self._crowded = crowded
        self._sessions: dict[str, Any] = {}  # rembg has no types
        self._loading = threading.Lock()
        self._closed = threading.Event()
        self._loader: threading.Thread | None = None
        self._trouble = ""
        self._running = 0
        self._counting = threading.Lock()

    @property
    def slots(self) -> int:
        """The number of cores divided by the threads of one inference, at least 1 and at most MOST_SLOTS."""
        return max(1, min(MOST_SLOTS, self._cores // max(1, self._settings.threads)))

    @property
    def models(self) -> tuple[str, ...]:
        """The configured model first, then the other models whose weights are present."""
        others = (name for name in present_models(self._settings.weights_path) if name != self._settings.model)
        return (self._settings.model, *others)

    def start(self) -> None:
        """Load the configured model in the background, so that the first photo waits less.

        This thread imports the libraries, before other threads work on photos. Their import reads and writes the
        process's environment, and C code in other threads must not read the environment at that moment.
        """
        with contextlib.suppress(EngineMisconfigured):  # the loader thread meets the error again and keeps its text
            for model in self.models:
                _libraries(self._settings.weights_path, model)
        self._loader = threading.Thread(target=self._warm_up, name="local-engine-load", daemon=True)
        self._loader.start()

    def _warm_up(self) -> None:
        # _session keeps the error's text in _trouble. The first photo meets the error again.
        with contextlib.suppress(EngineMisconfigured, RecipeRefused, EngineFull):
            self._session(self._settings.model)

    def cut(self, ticket: uuid.UUID, proxy: Rgb, recipe: Recipe, *, new: bool = False) -> Answer:
        """See `Engine.cut`. The same proxy always gives the same alpha, so the engine need not remember tickets."""
        del ticket, new
        if self._closed.is_set():
            raise EngineAway("The local engine is closed.")
        session = self._session(recipe.model)
        image = importlib.import_module("PIL.Image").fromarray(widened(proxy))
        with self._counting:
            self._running += 1
        began, cpu_began = time.perf_counter(), time.thread_time()
        try:
            masks = session.predict(image)
        except MemoryError as error:
            raise EngineFull(f"Not enough memory for {recipe} on this machine.") from error
        except Exception as error:
            if "alloc" in str(error).lower():
                raise EngineFull(f"Not enough memory for {recipe} on this machine: {error}") from error
            raise RecipeRefused(f"{recipe} failed in the local engine: {error}") from error
        finally:
            with self._counting:
                self._running -= 1
        alpha: Alpha = np.asarray(masks[0].convert("L"), dtype=np.float32) / np.float32(255)
        seconds, cpu_seconds = time.perf_counter() - began, time.thread_time() - cpu_began
        return Answer(narrowed(alpha, proxy), SERVER, {"infer": seconds}, {"infer": cpu_seconds})

    def health(self) -> tuple[ServerHealth, ...]:
        """Up, unless the engine is closed or loading failed and no other model is loaded."""
        up = (not self._trouble or bool(self._sessions)) and not self._closed.is_set()
        return (ServerHealth(SERVER, up, self._trouble or ", ".join(sorted(self._sessions)), self._running),)

    def check(self) -> tuple[ServerHealth, ...]:
        """Load the configured model now and return the health after that."""
        self._warm_up()
        return self.health()

    def close(self) -> None:
        """Take no more work. A running inference ends by itself within a second or two.

        Waits while a model loads: ONNX Runtime aborts a process that ends in the middle of loading.
        """
        self._closed.set()
        if self._loader is not None:
            self._loader.join(LONGEST_LOAD_SECONDS)

    def _session(self, model: str) -> Any:
        with self._loading:
            if model not in self._sessions:
                try:
                    self._sessions[model] = self._load(model)
                except (EngineMisconfigured, EngineFull) as error:
                    if model == self._settings.model:  # without any other model the engine can still work
                        self._trouble = str(error)
                    raise
                if model == self._settings.model:
                    self._trouble = ""
            return self._sessions[model]

    def _load(self, model: str) -> Any:
        folder = self._settings.weights_path
        if model == STARTER_MODEL:
            ensure_starter_weights(folder, self._print_line)
        elif weights_file(folder, model) is None:
            raise EngineMisconfigured(f"The weights of {model} are missing. Put {model}.onnx into {folder}.")
        session, onnxruntime = _libraries(folder, model)
        if session is None:
            raise RecipeRefused(f"rembg has no model {model}.")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._settings.threads or max(1, self._cores // self.slots)
        options.inter_op_num_threads = 1
        # A thread that has nothing to do sleeps: while it looked for work, an inference cost a fifth more of the CPU.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # A memory pattern of the first run makes no later run faster, and it holds 200 MB that a large photo needs.
        options.enable_mem_pattern = False
        try:
            loaded = session(model, options, providers=onnxruntime.get_available_providers())
        except Exception as error:
            raise EngineMisconfigured(f"The weights of {model} in {folder} cannot be loaded: {error}") from error
        loaded.inner_session = _ShrinkingSession(loaded.inner_session, self._crowded, onnxruntime)
        return loaded


class _ShrinkingSession:
    """An ONNX session that releases a run's memory while photos need it.

    Otherwise ONNX Runtime keeps that memory, 270 MB for the starter weights, and the next run is a third faster.
    """

    def __init__(self, session: Any, crowded: Callable[[], bool], onnxruntime: Any) -> None:
        self._session = session
        self._crowded = crowded
        self._shrink_after_run = onnxruntime.RunOptions()
        self._shrink_after_run.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")

    def run(self, outputs: Any, inputs: Any) -> Any:
        """See onnxruntime.InferenceSession.run."""
        return self._session.run(outputs, inputs, self._shrink_after_run if self._crowded() else None)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


def _libraries(weights: Path, model: str) -> tuple[Any, Any]:
    """rembg's class for a model, None if it has none, and ONNX Runtime. Raises EngineMisconfigured without them."""
    rembg_sessions.look_for_weights_in(weights)
    try:
        return rembg_sessions.session_class(model), importlib.import_module("onnxruntime")
    except ImportError as error:
        raise EngineMisconfigured(
            f"The local engine's libraries are missing ({error.name}). Run pip install 'freisteller[local]'."
        ) from error
