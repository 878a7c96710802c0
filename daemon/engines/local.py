"""The local engine: rembg's sessions over ONNX Runtime, on this machine's own processor.

The only importer of rembg, onnxruntime and Pillow; it imports them when it starts, not when it is read.
"""

import contextlib
import importlib
import importlib.util
import os
import sys
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from daemon.arrays import Alpha, Rgb
from daemon.engines.contract import Answer, ServerHealth
from daemon.engines.weights import STARTER_MODEL, ensure_starter_weights, present_models, weights_file
from daemon.errors import EngineAway, EngineFull, EngineMisconfigured, RecipeRefused
from daemon.jobs import Recipe
from daemon.settings import LocalEngineSettings

SERVER = "local"
LONGEST_LOAD_SECONDS = 30.0  # beyond that it is a download that hangs, which may be cut off
MOST_SLOTS = 4  # more photos at once than this only cost memory: an inference already uses a core or more


class LocalEngine:
    """One ONNX session per model, shared by all threads (a session's run is thread-safe)."""

    def __init__(
        self,
        settings: LocalEngineSettings,
        cores: int,
        say: Callable[[str], None],
        crowded: Callable[[], bool] = lambda: False,
    ) -> None:
        self._settings = settings
        self._cores = max(1, cores)
        self._say = say
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
        """As many photos at once as there are cores for, given the threads of one inference."""
        return max(1, min(MOST_SLOTS, self._cores // max(1, self._settings.threads)))

    @property
    def models(self) -> tuple[str, ...]:
        """The configured model first, then others whose weights are there."""
        others = (name for name in present_models(self._settings.weights_path) if name != self._settings.model)
        return (self._settings.model, *others)

    def start(self) -> None:
        """Load the configured model in the background, so that the first photo need not wait for all of it.

        The libraries themselves are loaded here, before photos are worked on in other threads: their start reads and
        sets the process's environment, which C code in other threads must not read at that moment.
        """
        with contextlib.suppress(EngineMisconfigured):  # the loader meets it again, and keeps it as the trouble
            _libraries(self._settings.weights_path)
        self._loader = threading.Thread(target=self._warm_up, name="local-engine-load", daemon=True)
        self._loader.start()

    def _warm_up(self) -> None:
        # What goes wrong is kept in _trouble; the first photo meets it again and is postponed with that reason.
        with contextlib.suppress(EngineMisconfigured, RecipeRefused, EngineFull):
            self._session(self._settings.model)

    def cut(self, ticket: uuid.UUID, proxy: Rgb, recipe: Recipe, *, new: bool = False) -> Answer:
        """See `Engine.cut`; the same proxy gives the same alpha, so the ticket need not be remembered."""
        del ticket, new
        if self._closed.is_set():
            raise EngineAway("The local engine is closed.")
        session = self._session(recipe.model)
        image = importlib.import_module("PIL.Image").fromarray(proxy)
        with self._counting:
            self._running += 1
        began = time.perf_counter()
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
        return Answer(alpha, SERVER, {"infer": time.perf_counter() - began})

    def health(self) -> tuple[ServerHealth, ...]:
        """Up unless loading failed or it is closed."""
        up = not self._trouble and not self._closed.is_set()
        return (ServerHealth(SERVER, up, self._trouble or ", ".join(sorted(self._sessions)), self._running),)

    def check(self) -> tuple[ServerHealth, ...]:
        """Load the configured model now and say how that went."""
        self._warm_up()
        return self.health()

    def close(self) -> None:
        """Take no more work; a running inference ends by itself within a second or two.

        Waits for loading that is under way: a process that ends in the middle of it is aborted by ONNX Runtime.
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
                    if model == self._settings.model:  # without another one the engine can still work
                        self._trouble = str(error)
                    raise
                if model == self._settings.model:
                    self._trouble = ""
            return self._sessions[model]

    def _load(self, model: str) -> Any:
        folder = self._settings.weights_path
        if model == STARTER_MODEL:
            ensure_starter_weights(folder, self._say)
        elif weights_file(folder, model) is None:
            raise EngineMisconfigured(f"The weights of {model} are missing: put {model}.onnx into {folder}.")
        sessions, onnxruntime = _libraries(folder)
        session = next((kind for kind in sessions.sessions_class if kind.name() == model), None)
        if session is None:
            raise RecipeRefused(f"rembg knows no model {model}.")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._settings.threads or max(1, self._cores // self.slots)
        options.inter_op_num_threads = 1
        # A plan of the first run's memory makes no later one faster, and holds 200 MB that a large photo needs.
        options.enable_mem_pattern = False
        try:
            loaded = session(model, options, providers=onnxruntime.get_available_providers())
        except Exception as error:
            raise EngineMisconfigured(f"The weights of {model} in {folder} cannot be loaded: {error}") from error
        loaded.inner_session = _Frugal(loaded.inner_session, self._crowded, _giving_back(onnxruntime))
        return loaded


class _Frugal:
    """An ONNX session that gives the memory of a run back when photos need it.

    Else ONNX Runtime keeps it, 270 MB for the starter weights, and the next run is a third faster.
    """

    def __init__(self, session: Any, crowded: Callable[[], bool], giving_back: Any) -> None:
        self._session = session
        self._crowded = crowded
        self._giving_back = giving_back

    def run(self, outputs: Any, inputs: Any) -> Any:
        """See onnxruntime.InferenceSession.run."""
        return self._session.run(outputs, inputs, self._giving_back if self._crowded() else None)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


def _giving_back(onnxruntime: Any) -> Any:
    options = onnxruntime.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options


def _libraries(weights: Path) -> tuple[Any, Any]:
    """rembg's sessions and ONNX Runtime. Raises EngineMisconfigured where they are not installed."""
    os.environ["U2NET_HOME"] = str(weights)  # rembg looks here, and downloads nothing behind our back
    # What is photographed here is nobody else's business, nor that it is.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        return _sessions_alone(), importlib.import_module("onnxruntime")
    except ImportError as error:
        raise EngineMisconfigured(
            f"The local engine's libraries are missing ({error.name}): pip install 'freisteller[local]'."
        ) from error


def _sessions_alone() -> Any:
    """rembg's sessions without rembg's own start.

    That imports pymatting, SciPy's solvers and Numba for an edge refinement that is not ours: half a second and 70 MB.
    """
    loaded = sys.modules.get("rembg.sessions")
    if loaded is not None:
        return loaded
    found = importlib.util.find_spec("rembg")
    if found is None:
        raise ImportError("No module named 'rembg'", name="rembg")
    if "rembg" in sys.modules:
        return importlib.import_module("rembg.sessions")
    sys.modules["rembg"] = importlib.util.module_from_spec(found)
    try:
        return importlib.import_module("rembg.sessions")
    finally:
        del sys.modules["rembg"]  # whoever else imports rembg gets all of it
