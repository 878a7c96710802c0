"""What the judgement says of a rim: its promise, how that came about, and its own reasons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from daemon.jobs import MadeOf, Reason, Spot
from daemon.judgement.made_of import PLACES, made_of
from daemon.judgement.rim_points import SIDE, Floats
from daemon.judgement.rim_score import rim_cards, values
from daemon.judgement.rim_signs import WINDOW_SIGNS, RimPatches, signs_of, window_signs
from daemon.judgement.score import Card, UsedCard
from daemon.judgement.spots import MOST_SPOTS

LEAST_EFFECT = 0.02  # of the promise: a kind of sign that lowers it by less is not worth a sentence of its own
MOST_FAULTS = 3  # sentences: what lowers the promise less than three other kinds stands in `made_of` only

KINDS: Mapping[str, tuple[str, ...]] = {
    "rough": ("rough", "crumbly"),
    "off_edge": ("off_edge", "beside"),
    "soft": ("soft",),
    "fringe": ("fringe",),
    "indistinct": ("faint",),
    "busy": ("busy",),
    "coarse": ("coarse",),
    "unsure": ("unsure",),
    "doubt": ("doubt",),
}
"""The kinds of signs that a rim's promise is made of. A sign of the worst windows belongs to that of the typical."""

NOTICEABLE = 0.4  # log-odds by which a window must be worse than the best one to be a spot
APART = 0.03  # of the photo's sides: spots that are nearer to each other are one

FAULTS: Mapping[str, str] = {
    "rough": "rim_rough",
    "off_edge": "rim_off_edge",
    "soft": "rim_soft",
    "fringe": "rim_fringe",
    "coarse": "rim_coarse",
    "indistinct": "rim_indistinct",
    "busy": "rim_busy",
    "unsure": "rim_unsure",
    "doubt": "rim_doubt",
}
"""The reason of each kind of sign of a rim."""


@dataclass(frozen=True, slots=True)
class JudgedRim:
    """promise: 0..1, see `Verdict.rim`. reasons: what lowers it, the worst first, each with its spots in the photo."""

    promise: float
    made_of: MadeOf
    reasons: tuple[tuple[Reason, tuple[Spot, ...]], ...] = ()


def judge_rim(patches: RimPatches, size: tuple[int, int]) -> JudgedRim | None:
    """Judge the border of a result by windows along it; None if no window shows any border.

    size: the photo's width and height in px.
    """
    each, which = window_signs(patches)
    if not len(each):
        return None
    signs = signs_of(each, patches)
    found, weighed = values(signs), rim_cards().weighed(signs)
    kinds = {kind: [name for name in found if name.removesuffix("_worst") in of] for kind, of in KINDS.items()}
    made = made_of([UsedCard(weight, card, found) for weight, card in weighed], kinds)
    half = SIDE * patches.factor / 2
    around = half / size[0], half / size[1]
    promise = round(made.best + sum(effect for _, effect in made.effects), PLACES)
    spots = _spots(max(weighed, key=lambda each: each[0])[1], each, patches.places[which], around)
    return JudgedRim(promise, made, rim_reasons(made, spots, patches.resolved, patches.longest))


def _spots(card: Card, each: Floats, places: Floats, around: tuple[float, float]) -> dict[str, tuple[Spot, ...]]:
    """Of each kind of sign, the windows where it lowers the promise most, the worst first."""
    curves = card.curves
    costs: dict[str, Floats] = {}
    for kind, names in KINDS.items():
        told = [(column, curves[name]) for column, name in enumerate(WINDOW_SIGNS) if name in names and name in curves]
        if told:
            lost = [max(curve.worth) - np.interp(each[:, at], curve.at, curve.worth) for at, curve in told]
            costs[kind] = np.asarray(np.sum(lost, axis=0), np.float32)
    return {kind: _worst(places, cost, around) for kind, cost in costs.items()}


def _worst(places: Floats, cost: Floats, around: tuple[float, float]) -> tuple[Spot, ...]:
    """The places that cost most, each with the window around it."""
    chosen: list[Spot] = []
    for number in np.argsort(-cost, kind="stable").tolist():
        if cost[number] < NOTICEABLE or len(chosen) == MOST_SPOTS:
            break
        x, y = places[number].tolist()
        if all(max(abs(x - spot.x), abs(y - spot.y)) > APART for spot in chosen):
            chosen.append(_spot(x, y, *around))
    return tuple(chosen)


def _spot(x: float, y: float, across: float, down: float) -> Spot:
    """The window around a place, as far as it lies in the photo."""
    edges = max(0.0, x - across), max(0.0, y - down), min(1.0, x + across), min(1.0, y + down)
    return Spot(*(round(share, 4) for share in (*edges, x, y)))


def rim_reasons(
    made: MadeOf, spots: Mapping[str, Sequence[Spot]], resolved: int, longest: int
) -> tuple[tuple[Reason, tuple[Spot, ...]], ...]:
    """The sentences for what lowers a rim's promise.

    spots: of each kind of sign, the worst first. resolved: the pixels of the photo's longest side that the engine
    resolved, 0 = not known. longest: the pixels that this side has.
    """
    told = []
    for kind, effect in made.effects:
        if effect > -LEAST_EFFECT or kind not in FAULTS or (kind == "coarse" and not 0 < resolved < longest):
            continue
        pixels = (resolved, longest) if kind == "coarse" else ()
        told.append((Reason(FAULTS[kind], pixels=pixels), tuple(spots.get(kind, ()))))
    if told:
        return tuple(told[:MOST_FAULTS])
    worst = next((kind for kind, _ in made.effects), "other")
    return ((Reason("rim_weighs_most", parts=(f"rim_{worst}",)), ()),)
