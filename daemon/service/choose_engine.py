"""Putting the parts together that both the daemon and a single command need."""

import os
from collections.abc import Callable, Mapping, Sequence

from daemon.engines.comfyui.model_table import ModelTable, load_models
from daemon.engines.contract import Engine
from daemon.errors import BadSettings
from daemon.hotfolder.effects import Tick
from daemon.journal.alphas import Alphas
from daemon.judgement.grading import Thresholds
from daemon.judgement.strategy import Strategy
from daemon.logs import log
from daemon.observe.meter import Meter
from daemon.settings import Settings
from daemon.work.memory_budget import MemoryBudget, half_of_memory
from daemon.work.pipeline import Notebook, Pipeline


def build_engine(
    settings: Settings, say: Callable[[str], None], owner: str = "", crowded: Callable[[], bool] = lambda: False
) -> Engine:
    """The engine that the settings ask for; its libraries are imported here, and only its own.

    owner: names this daemon on ComfyUI servers, the same after a restart; "" = a new name each time. crowded: whether
    photos in work need the memory that an engine in this process would keep for its next run.
    """
    if settings.engine_in_use == "comfyui":
        from daemon.engines.comfyui.comfyui_engine import ComfyUIEngine

        if settings.engine.commercial_use:
            _tell_left_out(load_models())
        return ComfyUIEngine(
            settings.comfyui,
            owner,
            commercial_use=settings.engine.commercial_use,
            canary_models=tuple(dict.fromkeys(rung.model for rung in settings.strategy.ladder)),
        )
    from daemon.engines.local import LocalEngine

    return LocalEngine(settings.engine.local, _cores(), say, crowded)


def _tell_left_out(table: ModelTable) -> None:
    left_out = {name: table.models[name].licence for name in table.not_for_commerce}
    told = ", ".join(f"{name} ({licence})" for name, licence in left_out.items())
    text = f"engine.commercial_use is true, so these models are left out for their licence: {told or 'none'}."
    log.log("models_left_out", text, models=list(left_out))


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def build_pipeline(
    settings: Settings,
    engine: Engine,
    *,
    alphas: Alphas,
    notebook: Notebook,
    meter: Meter,
    budget: MemoryBudget,
    tick: Tick,
    stopping: Callable[[], bool],
    dead: Mapping[str, Sequence[str]] | None = None,
) -> Pipeline:
    """The way from photo to outcome. Raises BadSettings where no rung of the ladder fits the engine.

    dead: by model the parameters that recipes go without; see `findings`.
    """
    ladder = Strategy(
        settings.strategy.ladder,
        engine.models,
        settings.engine.local.model,
        settings.strategy.max_attempts,
        settings.strategy.min_gain,
        dead,
    )
    if ladder.next_recipe(()) is None:
        raise BadSettings(
            f"strategy.ladder names no model that the engine in use has (it has: {', '.join(engine.models) or 'none'})."
        )
    return Pipeline(
        engine=engine,
        strategy=ladder,
        thresholds=Thresholds(settings.grading.sehr_gut, settings.grading.gut),
        alphas=alphas,
        notebook=notebook,
        meter=meter,
        budget=budget,
        proxy_pixels=settings.engine.proxy_pixels,
        max_megapixels=settings.intake.max_megapixels,
        search_finishes=settings.strategy.finishes,
        pages=settings.outputs.pages,
        tick=tick,
        stopping=stopping,
    )


def memory_for(settings: Settings) -> int:
    """The bytes that the photos in work may take."""
    return settings.dispatch.memory_mb * 10**6 or half_of_memory()


def use_servers(engine: Engine, settings: Settings) -> None:
    """Work with the ComfyUI servers of these settings from now on; other engines have none."""
    if settings.engine_in_use == "comfyui":
        from daemon.engines.comfyui.comfyui_engine import ComfyUIEngine

        if isinstance(engine, ComfyUIEngine):
            engine.use_servers(settings.comfyui.servers)


def workers_for(settings: Settings, engine: Engine) -> int:
    """Photos in work at once: enough that the engine never waits while others are read, judged or written."""
    if settings.dispatch.workers:
        return settings.dispatch.workers
    return engine.slots if settings.engine_in_use == "local" else engine.slots + _cores()
