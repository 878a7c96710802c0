"""Finds what each parameter of a model changes, from outputs that differ in that parameter only."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from daemon.arrays import Alpha, Rgb
from daemon.jobs import Finish
from daemon.judgement.finish import apply_finish
from daemon.judgement.grading import LEAST_SUBJECT, MOST_SUBJECT
from daemon.judgement.ssim import ssim

PROCESS_RES = "process_res"
"""The only parameter that is sent to an engine: each value costs a call."""
OURS: Mapping[str, Callable[[float], Finish]] = {
    "sensitivity": lambda value: Finish(sensitivity=value),
    "mask_blur": lambda value: Finish(mask_blur=value),
    "mask_offset": lambda value: Finish(mask_offset=round(value)),
}
"""Parameters that we apply to the raw alpha ourselves: their values cost no engine call."""

LEAST_PHOTOS = 3  # that must show a subject before we believe "makes no difference": a single photo may be too easy
SLIGHT_SSIM = 0.99  # from here on nobody sees a change without looking for it

EffectState = Literal["changes", "slight", "dead", "not taken", "unsure"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two outputs for one photo that differ in one parameter. change: mean absolute difference of alpha, 0..1."""

    model: str
    parameter: str
    values: tuple[float, float]
    photo: int
    ssim: float
    change: float


@dataclass(frozen=True, slots=True)
class ParameterEffect:
    """What one parameter does to one model's outputs.

    lowest, mean: SSIM over photos and pairs of values. change: mean absolute difference of alpha, 0..1. state "dead":
    no value makes a difference; "not taken": the model has no such parameter; "unsure": it made no difference, but on
    too few photos.
    """

    model: str
    parameter: str
    values: tuple[float, ...]
    photos: int
    lowest: float
    mean: float
    change: float
    state: EffectState

    @property
    def costs_calls(self) -> bool:
        """Whether each value costs an engine call."""
        return self.parameter == PROCESS_RES


def shows_a_subject(alpha: Alpha) -> bool:
    """Whether an alpha is neither empty nor full. Only then can a parameter change it."""
    return LEAST_SUBJECT <= float((alpha >= 0.5).mean()) <= MOST_SUBJECT


def finished(rgb: Rgb, raw: Alpha, grid: Mapping[str, Sequence[float]]) -> dict[str, dict[float, Alpha]]:
    """For each parameter of OURS the finished alpha by value, all else unchanged. grid: values by parameter."""
    return {
        parameter: {value: apply_finish(rgb, raw, make(value)) for value in grid.get(parameter, ())}
        for parameter, make in OURS.items()
    }


def compare(model: str, parameter: str, photo: int, outputs: Mapping[float, Alpha]) -> Iterator[Comparison]:
    """Compare every pair of outputs. outputs: alphas, (H, W) float32 0..1 of one size, by the parameter's value."""
    for (one, first), (other, second) in combinations(outputs.items(), 2):
        change = float(np.abs(first - second).mean())
        yield Comparison(model, parameter, (one, other), photo, ssim(first, second), change)


def effects(
    comparisons: Iterable[Comparison], not_taken: Iterable[tuple[str, str]], dead_ssim: float
) -> tuple[ParameterEffect, ...]:
    """The effect of each parameter of each model, models in the order in which they were compared.

    not_taken: pairs of model and parameter that the engine does not have. dead_ssim: two outputs that are at least this
    similar count as the same.
    """
    groups: dict[tuple[str, str], list[Comparison]] = {}
    for comparison in comparisons:
        groups.setdefault((comparison.model, comparison.parameter), []).append(comparison)
    found = [_effect(model, parameter, rows, dead_ssim) for (model, parameter), rows in groups.items()]
    refused = [ParameterEffect(model, parameter, (), 0, 1.0, 1.0, 0.0, "not taken") for model, parameter in not_taken]
    models = list(dict.fromkeys(model for model, _ in groups))
    return tuple(sorted((*refused, *found), key=lambda effect: models.index(effect.model)))


def dead_parameters(found: Iterable[ParameterEffect]) -> dict[str, tuple[str, ...]]:
    """By model the parameters that waste engine calls; recipes leave them out."""
    dead: dict[str, tuple[str, ...]] = {}
    for effect in found:
        if effect.costs_calls and effect.state in ("dead", "not taken"):
            dead[effect.model] = (*dead.get(effect.model, ()), effect.parameter)
    return dead


def _effect(model: str, parameter: str, rows: Sequence[Comparison], dead_ssim: float) -> ParameterEffect:
    lowest = min(row.ssim for row in rows)
    photos = len({row.photo for row in rows})
    state: EffectState = "changes" if lowest < SLIGHT_SSIM else "slight"
    if lowest >= dead_ssim:
        state = "dead" if photos >= LEAST_PHOTOS else "unsure"
    return ParameterEffect(
        model,
        parameter,
        tuple(sorted({value for row in rows for value in row.values})),
        photos,
        lowest,
        sum(row.ssim for row in rows) / len(rows),
        sum(row.change for row in rows) / len(rows),
        state,
    )
