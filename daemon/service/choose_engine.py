"""Chooses the engine that the settings ask for, and how much work it is given."""

from collections.abc import Callable, Mapping
from pathlib import Path

from daemon.engines.comfyui.model_table import load_models
from daemon.engines.contract import Engine
from daemon.journal.audit_results import known_dead
from daemon.logs import log
from daemon.settings import Settings
from daemon.work import cgroups
from daemon.work.memory_budget import half_of_memory
from daemon.work.pipeline import Pipeline


def build_engine(
    settings: Settings, print_line: Callable[[str], None], owner: str = "", crowded: Callable[[], bool] = lambda: False
) -> Engine:
    """The engine that the settings ask for; imports its libraries, and no others.

    owner: the id of this daemon's hot folder, by which ComfyUI servers know it and its state is found; "" = this is no
    daemon: a new name each time, and nothing is kept. crowded: whether photos in work need the memory that an engine in
    this process would keep for its next run.
    """
    if settings.engine_in_use == "comfyui":
        from daemon.engines.comfyui.comfyui_engine import ComfyUIEngine

        if settings.engine.commercial_use:
            table = load_models(settings.own_models)
            _log_left_out({name: table.models[name].licence for name in table.not_for_commerce})
        return ComfyUIEngine(
            settings.comfyui,
            owner,
            commercial_use=settings.engine.commercial_use,
            ladder=tuple(dict.fromkeys(rung.model for rung in settings.strategy.ladder)),
            own_models=settings.own_models,
        )
    from daemon.engines.onnx.onnx_engine import OnnxEngine

    trials = settings.state_path(owner) if owner else None
    engine = OnnxEngine(settings.engine.local, cores(), print_line, crowded, settings.engine.commercial_use, trials)
    if settings.engine.commercial_use:
        _log_left_out(engine.left_out)
    return engine


def use_servers(engine: Engine, settings: Settings) -> None:
    """Use the ComfyUI servers of these settings from now on; other engines have none."""
    if settings.engine_in_use == "comfyui":
        from daemon.engines.comfyui.comfyui_engine import ComfyUIEngine

        if isinstance(engine, ComfyUIEngine):
            engine.use_servers(settings.comfyui.servers)


def workers_for(settings: Settings, engine: Engine) -> int:
    """How many photos to have in work: so many that the engine never waits while others are read, judged or written."""
    if settings.dispatch.workers:
        return settings.dispatch.workers
    return engine.slots if settings.engine_in_use == "local" else engine.slots + cores()


def memory_for(settings: Settings) -> int:
    """How many bytes the photos in work may take."""
    return settings.dispatch.memory_mb * 10**6 or half_of_memory()


def leave_out_dead_parameters(pipeline: Pipeline, state: Path, settings: Settings) -> None:
    """Send no parameters that the last audit found to change nothing. state: the state directory."""
    pipeline.dead = dead = known_dead(state, settings)
    if dead:
        text = "; ".join(f"{' and '.join(names)} for {model}" for model, names in dead.items())
        text = f"The last audit showed that these parameters change nothing, so they are not sent any longer: {text}."
        log.log("dead_parameters", text, dead=dead)


def _log_left_out(left_out: Mapping[str, str]) -> None:
    """left_out: the models and their licences."""
    names = ", ".join(f"{name} ({licence})" for name, licence in left_out.items())
    text = f"engine.commercial_use is true, so these models are left out for their licence: {names or 'none'}."
    log.log("models_left_out", text, models=list(left_out))


def cores() -> int:
    """How many processors this program may use, also by the quota of its container."""
    return cgroups.processors()
