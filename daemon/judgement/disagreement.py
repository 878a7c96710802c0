"""Measures how much one alpha differs from those that other recipes gave for the same photo."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from daemon.arrays import Alpha
from daemon.judgement.colour_signs import TINY
from daemon.judgement.scene import Scene
from daemon.judgement.shapes import SURE, area, opened
from daemon.judgement.signs import doubt

PIECE = 0.015  # of the longest side: radius of a disc that fits into a disputed piece; less is a shifted border


@dataclass(frozen=True, slots=True)
class Disagreement:
    """How much one alpha differs from those of other recipes; a higher number is a worse sign."""

    mean: float
    """One minus the soft IoU (sum of minima / sum of maxima), 0..1; the mean over the others."""
    worst: float
    """The same for the other alpha that differs most, 0..1."""
    unsure: float
    """One minus the IoU to expect if the mean of all alphas were the probability that a pixel is subject, 0..1."""
    more: float
    """Whole pieces that the others have and this one lacks, as a share of its area; the mean over the others."""
    less: float
    """Whole pieces that this one has and the others lack, as a share of its area; the mean over the others."""


def measure_disagreement(scene: Scene, alpha: Alpha, others: Sequence[Alpha]) -> Disagreement | None:
    """Compare `alpha` with the alphas of other recipes, (H, W) float32 0..1 of any sizes; None if there are none."""
    if not others:
        return None
    a = scene.reduced(alpha)
    sure = a >= SURE
    solid = area(sure) + TINY
    fitted = [scene.reduced(other) for other in others]
    brush = max(2, round(PIECE * scene.longest))
    more = [area(opened((b >= SURE) & ~sure, brush) > 0) / solid for b in fitted]
    less = [area(opened(sure & (b < SURE), brush) > 0) / solid for b in fitted]
    distances = [_distance(a, b) for b in fitted]
    together = np.asarray(np.mean([a, *fitted], axis=0), dtype=np.float32)
    return Disagreement(
        mean=float(np.mean(distances)),
        worst=max(distances),
        unsure=doubt(together, sure),
        more=float(np.mean(more)),
        less=float(np.mean(less)),
    )


def _distance(one: Alpha, other: Alpha) -> float:
    """One minus the soft IoU. The sum of the maxima is that of both alphas without the sum of the minima."""
    shared = float(np.minimum(one, other).sum())
    return 1 - shared / (float(one.sum()) + float(other.sum()) - shared + TINY)
