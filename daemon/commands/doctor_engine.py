"""What `freisteller doctor` checks of the engine: servers, nodes, weights, the ladder, models on a drawn picture."""

import time
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from daemon.commands.findings import Check
from daemon.engines.comfyui.canary import LIKE_ENOUGH, draw_test_picture, intersection_over_union
from daemon.engines.comfyui.model_table import ModelTable, load_models
from daemon.engines.contract import Engine
from daemon.engines.onnx.onnx_table import load_onnx_table
from daemon.engines.onnx.present_model import present_model
from daemon.errors import EngineMisconfigured, FreistellerError
from daemon.jobs import Recipe
from daemon.judgement.ladder import asked_models
from daemon.judgement.strategy import named_rungs
from daemon.service.choose_engine import build_engine
from daemon.settings import Settings, suggestion
from daemon.work.witness_desk import witness_model

NO_CARD = 'Look at the graphics card and its driver, or set providers = ["cpu"] under [engine.local].'


def engine_checks(settings: Settings, models: bool) -> Iterator[Check]:
    """Check the engine and the ladder. models: also try each model of the ladder, and each of the user's own."""
    lines: list[str] = []
    try:
        engine = build_engine(settings, lines.append)
    except (FreistellerError, ImportError) as error:
        yield Check(
            "fail", "engine", str(error), "Check the sections [engine], [comfyui] and [models] of the settings."
        )
        return
    with closing(engine):
        for health in engine.check():
            what = f"engine {health.server}"
            if not health.up:
                yield Check("fail", what, health.message or "does not answer", _remedy(settings))
            elif health.message and settings.engine_in_use == "comfyui":
                yield Check("warn", what, health.message, "See the section on ComfyUI in docs/operations/install.md.")
            elif health.fallbacks:
                yield Check("warn", what, health.message, NO_CARD)
            else:
                yield Check("OK", what, health.message or "answers")
        if settings.engine_in_use == "local":
            yield from weights_checks(settings.engine.local.weights_path)
        yield from ladder_checks(settings, engine.models)
        yield from witness_checks(settings, engine.models)
        asked = _models_to_try(settings, engine)
    if models:
        yield from _trials(settings, asked)


def weights_checks(folder: Path) -> Iterator[Check]:
    """Name what lies in the weights folder and cannot be used."""
    for name, trouble in load_onnx_table(folder).troubles.items():
        yield Check("warn", f"model {name}", trouble, "Correct that, or take the file away.")


def ladder_checks(settings: Settings, has: tuple[str, ...]) -> Iterator[Check]:
    """Compare strategy.ladder with what is known. has: the models that the engine in use has."""
    table = load_models(settings.own_models)
    named = {rung.model for rung in settings.strategy.ladder}
    known = {*table.models, *has, "local"}
    unknown = sorted(named - known)
    uses_comfyui = settings.engine_in_use == "comfyui"
    for name in unknown:
        text = f"no model is called {name}, so its recipes are skipped{suggestion(name, known)}"
        yield Check("fail" if uses_comfyui else "warn", "ladder", text, "Correct strategy.ladder.")
    if uses_comfyui:
        yield from _remarks(settings.engine.commercial_use, table, named)
    if not unknown:
        others = ", ".join(name for name in has if name not in named) if uses_comfyui else ""
        yield Check("OK", "ladder", "all names are known" + (f"; no recipe names {others}" if others else ""))


def witness_checks(settings: Settings, has: tuple[str, ...]) -> Iterator[Check]:
    """Whether another model stands beside the results. has: the models that the engine in use has."""
    name = witness_model(settings)
    if not name:
        yield Check("OK", "witness", "none, as judgement.witness says")
        return
    if name in asked_models(settings, has):
        yield Check("OK", "witness", f"none: {name} is in the ladder, and it would agree with itself")
        return
    try:
        present_model(name, settings.engine.local, commercial_use=settings.engine.commercial_use)
    except EngineMisconfigured as error:
        remedy = 'Do what it says, or set witness = "off" under [judgement]. Until then grades are less sure.'
        yield Check("warn", "witness", str(error), remedy)
    else:
        yield Check("OK", "witness", f"{name} stands beside the results of other models")


def _remarks(commercial_use: bool, table: ModelTable, named: set[str]) -> Iterator[Check]:
    """What may not be meant in a ladder whose names are all right."""
    forbidden = sorted(named.intersection(table.not_for_commerce)) if commercial_use else []
    if forbidden:
        text = f"engine.commercial_use is true, so {', '.join(forbidden)} may not be used, and is skipped"
        yield Check("warn", "ladder", text, "Take it out of strategy.ladder.")
    for name in table.own:
        if name not in named:
            text = f"no recipe names your model {name}, so it is never used"
            yield Check("warn", "ladder", text, "Add it to strategy.ladder.")
    for name in sorted(named & table.models.keys()):
        family = table.family(name)
        if not family.seen and name not in table.own:
            text = f"{name} needs {family.install}, which was described from its documentation and not run"
            yield Check("warn", "ladder", text, "Try it with: freisteller doctor --models")


def _models_to_try(settings: Settings, engine: Engine) -> tuple[str, ...]:
    ladder = named_rungs(settings.strategy.ladder, settings.engine.local.model)
    wanted = dict.fromkeys((*(rung.model for rung in ladder), *settings.models))
    return tuple(name for name in wanted if name in engine.models)


def _trials(settings: Settings, models: tuple[str, ...]) -> Iterator[Check]:
    """Send a drawn picture through each model, on each server by itself."""
    for server in settings.comfyui.servers if settings.engine_in_use == "comfyui" else (None,):
        alone = settings
        if server:
            alone = settings.model_copy(update={"comfyui": settings.comfyui.model_copy(update={"servers": (server,)})})
        with closing(build_engine(alone, lambda _: None)) as engine:
            engine.start()
            for number, model in enumerate(models):
                yield _trial(engine, model, number, own=model in settings.models)


def _trial(engine: Engine, model: str, number: int, own: bool) -> Check:
    picture, subject = draw_test_picture(number)
    began = time.monotonic()
    try:
        answer = engine.cut(uuid.uuid4(), picture, Recipe(model), new=True)
    except FreistellerError as error:
        return Check("fail", f"model {model}", str(error), "Do what it says, or take the model out of strategy.ladder.")
    likeness, seconds = intersection_over_union(answer.alpha, subject), time.monotonic() - began
    text = f"{answer.server} cuts out the drawn picture in {seconds:.1f} s, with likeness {likeness:.2f}"
    if likeness > LIKE_ENOUGH:
        return Check("OK", f"model {model}", text)
    remedy = "Check the model's file and its table." + (" It may be made for other subjects." if own else "")
    return Check("warn" if own else "fail", f"model {model}", f"{text}; expected above {LIKE_ENOUGH}", remedy)


def _remedy(settings: Settings) -> str:
    if settings.engine_in_use == "local":
        return "Do what it says. What there is, and what can be fetched, shows: freisteller models list"
    return "Check that ComfyUI runs there, with the nodes and models that the ladder needs."
