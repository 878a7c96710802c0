"""The built-in engine: models of the table on ONNX Runtime, in this process."""

import contextlib
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

from daemon.arrays import Rgb
from daemon.engines.contract import BUILT_IN, Answer, ServerHealth
from daemon.engines.least_size import narrowed, widened
from daemon.engines.onnx.batch_trial import BatchTrial
from daemon.engines.onnx.fallback_session import FallbackSession, is_full_memory
from daemon.engines.onnx.fallbacks import Fallbacks
from daemon.engines.onnx.kept_speeds import SeenSpeeds
from daemon.engines.onnx.kept_trials import KeptTrials
from daemon.engines.onnx.network_input import network_input
from daemon.engines.onnx.network_output import alpha_of_map
from daemon.engines.onnx.onnx_session import OnnxSession, available_providers, import_onnxruntime
from daemon.engines.onnx.onnx_table import load_onnx_table
from daemon.engines.onnx.providers import CPU, wanted_providers
from daemon.engines.onnx.ready_weights import damage_told, names_of_present, ready_weights
from daemon.engines.onnx.shared_runs import SharedRuns
from daemon.engines.onnx.thread_trial import ThreadTrial
from daemon.engines.onnx.weights_folder import weights_file
from daemon.errors import EngineAway, EngineFull, EngineMisconfigured, RecipeRefused, Said, said_of
from daemon.jobs import Recipe
from daemon.settings import LocalEngineSettings

SERVER = BUILT_IN
STAND_IN = "local (processor, in place of the graphics card)"  # the server of an answer after a fallback
LONGEST_LOAD_SECONDS = 30.0  # loading that takes longer is a download that hangs; we may cut it off
MOST_SLOTS = 4  # more photos at once only cost memory: one inference already uses a core or more


class OnnxEngine:
    """One ONNX session per model, shared by all threads. ONNX Runtime allows several threads to run one session."""

    def __init__(
        self,
        settings: LocalEngineSettings,
        cores: int,
        print_line: Callable[[str], None],
        crowded: Callable[[], bool] = lambda: False,
        commercial_use: bool = False,
        trials: Path | None = None,
    ) -> None:
        """crowded: whether the photos in work need the memory that the engine would keep for its next run.

        commercial_use: use no model whose licence does not allow commercial use. A user's own tables are read now.
        trials: the folder where it is kept how many threads, and pictures in a run, are best, and how long models take
        if the weights folder may not be written; None = the usual numbers without a trial.
        """
        self._settings = settings
        self._cores = max(1, cores)
        self._print_line = print_line
        self._crowded = crowded
        self._whole_table = load_onnx_table(settings.weights_path)
        self._table = self._whole_table.for_commerce() if commercial_use else self._whole_table
        self._runs: dict[str, SharedRuns] = {}
        self._fallbacks = Fallbacks()
        kept = KeptTrials(trials)
        self._trial = ThreadTrial(kept, self._cores, MOST_SLOTS)
        self._batch_trial = BatchTrial(kept, self._cores)
        self._speeds = SeenSpeeds(settings.weights_path, trials)
        self._loading = threading.Lock()
        self._closed = threading.Event()
        self._loader: threading.Thread | None = None
        self._trouble = ""
        self._running = 0
        self._counting = threading.Lock()

    @property
    def slots(self) -> int:
        """The number of cores divided by the threads of one inference, at least 1 and at most MOST_SLOTS.

        Where a run may have several pictures, these come on top: they wait or run while others are prepared. That is
        known once the model is loaded.
        """
        weights = weights_file(self._settings.weights_path, self._settings.model)
        kept = self._trial.kept(weights) if weights and not self._settings.threads else None
        runs = self._runs.get(self._settings.model)
        pictures = runs.most if runs else 1
        return self._trial.slots(self._settings.threads or kept or 1) + (pictures if pictures > 1 else 0)

    @property
    def models(self) -> tuple[str, ...]:
        """The configured model first, then the other models of the table whose weights are present."""
        first = self._settings.model
        present = names_of_present(self._settings, self._table.models.get)
        return (first, *(name for name in present if name != first and name in self._table.models))

    @property
    def left_out(self) -> dict[str, str]:
        """The models whose weights are present and whose licence keeps them out of use, with that licence."""
        known = self._whole_table.models
        present = (name for name in names_of_present(self._settings, known.get) if name in known)
        return {name: known[name].licence for name in present if name not in self._table.models}

    def detail_of(self, recipe: Recipe) -> int:
        """See `KnowsDetail`."""
        model = self._table.models.get(recipe.model)
        return max(model.size) if model else 0

    def start(self) -> None:
        """Load the configured model in the background, so that the first photo waits less.

        This thread imports ONNX Runtime, before other threads work on photos. Its import reads and writes the
        process's environment, and C code in other threads must not read the environment at that moment.
        """
        with contextlib.suppress(EngineMisconfigured):  # the loader thread meets the error again and keeps its text
            import_onnxruntime()
        self._loader = threading.Thread(target=self._warm_up, name="local-engine-load", daemon=True)
        self._loader.start()

    def _warm_up(self) -> None:
        # _runs_of keeps the error's text in _trouble. The first photo meets the error again.
        with contextlib.suppress(EngineMisconfigured, RecipeRefused, EngineFull):
            self._runs_of(self._settings.model)

    def cut(self, ticket: uuid.UUID, proxy: Rgb, recipe: Recipe, *, new: bool = False) -> Answer:
        """See `Engine.cut`. The same proxy always gives the same alpha, so the engine need not remember tickets."""
        del ticket, new
        if self._closed.is_set():
            raise EngineAway(Said("local_closed"))
        runs = self._runs_of(recipe.model)
        model, picture = self._table.models[recipe.model], widened(proxy)
        with self._counting:
            self._running += 1
        began, cpu_began = time.perf_counter(), time.thread_time()
        try:
            seen = network_input(picture, model)
            asked = time.perf_counter()
            found = runs.map_of(seen)
            waited = max(0.0, time.perf_counter() - asked - found.seconds)
            alpha = alpha_of_map(found.values, model, *picture.shape[:2])
        except (EngineMisconfigured, RecipeRefused, EngineAway):
            raise
        except MemoryError as error:
            raise EngineFull(Said("local_memory", model=recipe)) from error
        except Exception as error:
            if is_full_memory(error):
                raise EngineFull(Said("local_memory_detail", model=recipe, detail=error)) from error
            raise RecipeRefused(Said("local_failed", model=recipe, detail=error)) from error
        finally:
            with self._counting:
                self._running -= 1
        seconds, cpu_seconds = time.perf_counter() - began - waited, time.thread_time() - cpu_began
        self._speeds.seen(recipe.model, seconds)
        server = STAND_IN if found.stood_in else SERVER
        return Answer(narrowed(alpha, proxy), server, {"wait": waited, "infer": seconds}, {"infer": cpu_seconds})

    def health(self) -> tuple[ServerHealth, ...]:
        """Up, unless the engine is closed or loading failed and no other model is loaded."""
        runs = dict(self._runs)  # threads may load another model meanwhile
        up = (not self._trouble or bool(runs)) and not self._closed.is_set()
        loaded = ", ".join(f"{name}{_in_words(runs[name])}" for name in sorted(runs))
        message = "; ".join(filter(None, (self._trouble or loaded, self._fallbacks.message)))
        sizes: Counter[int] = sum((each.sizes for each in runs.values()), Counter())
        count = self._fallbacks.count
        return (ServerHealth(SERVER, up, message, self._running, fallbacks=count, run_sizes=tuple(sizes.items())),)

    def check(self) -> tuple[ServerHealth, ...]:
        """Load the configured model now and return the health after that."""
        self._warm_up()
        return self.health()

    def close(self) -> None:
        """Take no more work, and send away who waits. A running inference ends by itself within a second or two.

        Waits while a model loads: ONNX Runtime aborts a process that ends in the middle of loading.
        """
        self._closed.set()
        for runs in list(self._runs.values()):
            runs.close()
        if self._loader is not None:
            self._loader.join(LONGEST_LOAD_SECONDS)

    def _runs_of(self, name: str) -> SharedRuns:
        with self._loading:
            if name not in self._runs:
                try:
                    self._runs[name] = self._load(name)
                except (EngineMisconfigured, EngineFull) as error:
                    if name == self._settings.model:  # without any other model the engine can still work
                        self._trouble = said_of(error)
                    raise
                if name == self._settings.model:
                    self._trouble = ""
            return self._runs[name]

    def _load(self, name: str) -> SharedRuns:
        model = self._whole_table.described(name, commercial_use=self._table is not self._whole_table)
        weights = ready_weights(name, model, self._settings, self._print_line, self._closed)
        providers = wanted_providers(self._settings.providers, available_providers())

        def load(provider: str, threads: int) -> OnnxSession:
            return OnnxSession(weights, model, threads, self._crowded, provider)

        try:
            threads = self._settings.threads or self._trial.usual
            if not self._settings.threads and providers == (CPU,):
                threads = self._trial.threads(weights, partial(load, CPU))
            fell_back = partial(self._fallbacks.add, name)
            session = FallbackSession(lambda provider: load(provider, threads), providers, fell_back)
        except EngineMisconfigured as error:
            raise damage_told(name, model, weights, error) from error
        most = self._batch_trial.most(weights, model, session.session, threads, self._settings.batch)
        return SharedRuns(name, session, most, lambda provider: self._trial.slots(threads) if provider == CPU else 1)


def _in_words(runs: SharedRuns) -> str:
    """What stands behind a model's name for people: what runs it if not the processor, how many photos at once."""
    provider = runs.provider
    place = "" if provider == CPU else f" on {provider.removesuffix('ExecutionProvider')}"
    return place + (f" with up to {runs.most} photos at once" if runs.most > 1 else "")
