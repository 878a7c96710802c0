"""Asks every model of an engine for every photo, and compares the answers."""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations

from daemon.arrays import Alpha, Rgb
from daemon.commands.audit_sheet import AuditSheet
from daemon.engines.contract import Engine
from daemon.errors import BadSettings, EngineFull, EngineMisconfigured, RecipeRefused
from daemon.jobs import Recipe
from daemon.judgement import parameter_effects
from daemon.judgement.ssim import ssim
from daemon.settings import AuditSettings


@dataclass(frozen=True, slots=True)
class Answers:
    """What one model gave for one photo: raw alphas by process_res; if all were refused, the plain one without it.

    calls: the number of answers. trouble: why one is missing.
    """

    by_size: Mapping[float, Alpha]
    plain: Alpha | None
    calls: int
    trouble: str = ""

    @property
    def usual(self) -> Alpha | None:
        """The alpha at the middle process_res; None if the model gave nothing."""
        if self.plain is not None or not self.by_size:
            return self.plain
        return self.by_size[sorted(self.by_size)[len(self.by_size) // 2]]


@dataclass(slots=True)
class GridAnswers:
    """What all models gave. alike: SSIM by pair of models. troubles: by model why an answer is missing."""

    effects: tuple[parameter_effects.ParameterEffect, ...] = ()
    alike: dict[tuple[str, str], float] = field(default_factory=dict)
    troubles: dict[str, str] = field(default_factory=dict)
    calls: int = 0


def ask_grid(
    grid: AuditSettings,
    engine: Engine,
    proxies: Sequence[Rgb],
    sheet: AuditSheet | None,
    on_progress: Callable[[int, int], None],
) -> GridAnswers:
    """Ask one model after the other, so that a server loads each once, and for each several photos at a time.

    on_progress: (photos done, photos in all), counted for every model. Raises EngineAway if no engine answers,
    BadSettings if the grid names a model that the engine does not have.
    """
    models = grid.models or engine.models
    if unknown := [model for model in models if model not in engine.models]:
        raise BadSettings(
            f"The setting audit.models names {unknown[0]}, which the engine in use does not have. "
            f"It has: {', '.join(engine.models)}."
        )
    found = GridAnswers()
    comparisons: list[parameter_effects.Comparison] = []
    not_taken: list[tuple[str, str]] = []
    usual: dict[str, list[Alpha | None]] = {}
    values = {name: getattr(grid, name) for name in parameter_effects.OURS}
    with ThreadPoolExecutor(max(1, engine.slots), thread_name_prefix="audit") as pool:
        for turn, model in enumerate(models):
            usual[model] = []
            without: list[bool] = []
            for photo, answers in enumerate(pool.map(partial(_answers, engine, model, grid.process_res), proxies)):
                on_progress(turn * len(proxies) + photo + 1, len(models) * len(proxies))
                found.calls += answers.calls
                if answers.trouble:
                    found.troubles[model] = answers.trouble
                usual[model].append(answers.usual)
                if answers.usual is None:
                    continue
                without.append(answers.plain is not None)
                outputs = {
                    parameter_effects.PROCESS_RES: answers.by_size,
                    **parameter_effects.finished(proxies[photo], answers.usual, values),
                }
                if sheet:
                    sheet.add(model, photo, answers.usual, outputs)
                if parameter_effects.shows_a_subject(answers.usual):
                    for parameter, made in outputs.items():
                        comparisons += parameter_effects.compare(model, parameter, photo, made)
            if without and all(without):
                not_taken.append((model, parameter_effects.PROCESS_RES))
    found.effects = parameter_effects.effects(comparisons, not_taken, grid.dead_ssim)
    found.alike = dict(_alike(usual))
    return found


def _answers(engine: Engine, model: str, sizes: Sequence[int], proxy: Rgb) -> Answers:
    by_size: dict[float, Alpha] = {}
    trouble, refused = "", 0
    for size in sizes:
        try:
            by_size[size] = engine.cut(uuid.uuid4(), proxy, Recipe(model, size), new=True).alpha
        except EngineMisconfigured as error:
            return Answers(by_size, None, len(by_size), str(error))
        except (RecipeRefused, EngineFull) as error:
            refused += isinstance(error, RecipeRefused)
            trouble = str(error)
    if refused < len(sizes):
        return Answers(by_size, None, len(by_size), trouble)
    try:
        plain = engine.cut(uuid.uuid4(), proxy, Recipe(model), new=True).alpha
    except (RecipeRefused, EngineFull, EngineMisconfigured) as error:
        return Answers({}, None, 0, str(error))
    return Answers({}, plain, 1)


def _alike(usual: Mapping[str, Sequence[Alpha | None]]) -> Iterator[tuple[tuple[str, str], float]]:
    for one, other in combinations(usual, 2):
        pairs = zip(usual[one], usual[other], strict=True)
        values = [ssim(first, second) for first, second in pairs if first is not None and second is not None]
        if values:
            yield (one, other), sum(values) / len(values)
