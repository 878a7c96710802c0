"""What the judgement says of a rim: its promise, how that came about, and its own reasons."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from daemon.jobs import MadeOf, Reason, Spot

LEAST_EFFECT = 0.02  # of the promise: a kind of sign that lowers it by less is not worth a sentence of its own

FAULTS: Mapping[str, str] = {
    "rough": "rim_rough",
    "off_edge": "rim_off_edge",
    "soft": "rim_soft",
    "fringe": "rim_fringe",
    "coarse": "rim_coarse",
    "indistinct": "rim_indistinct",
    "busy": "rim_busy",
}
"""The reason of each kind of sign of a rim."""


@dataclass(frozen=True, slots=True)
class JudgedRim:
    """promise: 0..1, see `Verdict.rim`. reasons: what lowers it, the worst first, each with its spots in the photo."""

    promise: float
    made_of: MadeOf
    reasons: tuple[tuple[Reason, tuple[Spot, ...]], ...] = ()


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
        return tuple(told)
    worst = next((kind for kind, _ in made.effects), "other")
    return ((Reason("rim_weighs_most", parts=(f"rim_{worst}",)), ()),)
