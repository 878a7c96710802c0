"""Putting the parts together that both the daemon and a single command need."""

import os
from collections.abc import Callable

from daemon.engines.comfyui.model_table import ModelTable, load_models
from daemon.engines.contract import Engine
from daemon.logs import log
from daemon.settings import Settings
from daemon.work.memory_budget import half_of_memory


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
