"""Finds why a result got its grade: what is wrong, where, and how much. `words.reason_texts` has the sentences."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np

from daemon.arrays import Alpha
from daemon.jobs import Grade, Reason, Spot
from daemon.judgement.disagreement import Disagreement
from daemon.judgement.scene import Scene
from daemon.judgement.score import WITNESS_SIGNS
from daemon.judgement.shapes import SURE, Mask, beyond_band, enclosed, main_part, opened
from daemon.judgement.signs import Signs
from daemon.judgement.spots import spots_of
from daemon.judgement.witness import Witness, where_it_differs

VISIBLE = 0.1  # a higher alpha is visible on a plain background
LEAST_SHARE = 0.002  # of the picture: smaller faults are not worth a sentence
MOST_OF_IT = 0.7  # of a fault: if its biggest part is smaller, the sentence says that there is more
SOFT_RIM = 3.0  # Signs.soft_rim, thousandths of the longest side: softer borders are worth a sentence
DISAGREEING = 0.15  # one minus IoU between recipes, or to a witness, that is worth a sentence
LEAST_WITNESSED = 0.005  # of the picture: `where_it_differs` has the reason
DOUBTFUL = (0.1, 0.9)  # raw alphas between these leave it open whether a pixel is subject
ALIKE = 30.0  # Signs.ring_contrast, 8-bit Lab units: below it subject and surroundings are hard to distinguish
SMALL = 0.04  # of the picture: a smaller subject deserves a zoom


@dataclass(frozen=True, slots=True)
class Fault:
    """A defect, as the reason that it is for a grade, a weight to sort by (a share of the picture), and its spots."""

    reason: Reason
    weight: float
    spots: tuple[Spot, ...] = ()

    @property
    def defect(self) -> str:
        """Its short fixed name."""
        return self.reason.code


WEIGHS_MOST: Mapping[str, tuple[str, ...]] = {
    "veil": ("haze", "haze_peak"),
    "faint": ("hollow",),
    "line": ("unsure", "wavering"),
    "blurred": ("soft_rim", "weak_rim"),
    "outline": ("ragged", "thin", "frayed"),
    "specks": ("stray", "holes"),
    "high": ("high",),
    "runs_out": ("runs_out",),
    "small": ("small",),
    "shape": ("girth",),
    "passes_differ": ("apart_mean", "apart_worst", "apart_unsure", "apart_more", "apart_less"),
}
"""What weighs most if no fault has a place in the picture, and the signs that say so. ring_contrast is not here: what
it says depends on its value."""

KINDS: Mapping[str, tuple[str, ...]] = {
    **WEIGHS_MOST,
    "contrast": ("ring_contrast", "faint_border", "plain"),
    "witness": WITNESS_SIGNS,
}
"""The kinds of signs that a score is made of."""


def find_faults(
    scene: Scene,
    alpha: Alpha,
    signs: Signs,
    disagreement: Disagreement | None,
    raw: Alpha | None = None,
    witness: Witness | None = None,
) -> tuple[Fault, ...]:
    """Everything that is worth a sentence, the worst first.

    alpha: (H, W) float32, 0..1, of the whole photo at any size. raw: the same before its finish; None if it has none.
    witness: what another model sees in the photo.
    """
    a = scene.reduced(alpha)
    sure = a >= SURE
    if not sure.any():
        return (Fault(Reason("empty"), 1.0),)
    if sure.mean() > 0.97:
        return (Fault(Reason("full"), 1.0),)
    outside, inside = beyond_band(sure, scene.longest)
    holes = enclosed(sure)
    found = [
        _place("residue", outside & (a > VISIBLE)),
        _place("stray", sure & ~main_part(sure)[0]),
        _place("holes", holes),
        _place("hollow", inside & (a < 1 - VISIBLE) & ~holes),
        None if raw is None else _place("doubtful", _doubted(scene, a, raw)),
        _rim(signs, scene, a, ~(outside | inside)),
        _disagreement(disagreement),
        _against(witness, scene, a),
        _small(sure),
    ]
    return tuple(sorted((fault for fault in found if fault), key=lambda fault: -fault.weight))


def explain(
    grade: Grade,
    faults: tuple[Fault, ...],
    signs: Signs,
    disagreement: Disagreement | None,
    costs: Mapping[str, float],
    beside_witness: Disagreement | None = None,
) -> tuple[Reason, ...]:
    """The reasons of a report: what is good about a very good result, or what is wrong with another one.

    Whether its edges are clean, only the rim can tell, see `both_promises`. costs: how much each sign lowers the score;
    see `made_of.losses_of`. beside_witness: the disagreement with a witness.
    """
    reasons = tuple(fault.reason for fault in faults)
    if grade is Grade.SEHR_GUT:
        good = []
        if not any(fault.defect in ("residue", "stray") for fault in faults):
            good.append("nothing_left")
        if disagreement is not None and disagreement.worst < DISAGREEING:
            good.append("passes_agree")
        if beside_witness is not None and beside_witness.worst < DISAGREEING:
            good.append("witness_agrees")
        return (Reason("good", parts=tuple(good)), *reasons) if good else reasons
    return reasons or (Reason("weighs_most", parts=(_weighs_most(signs, costs),)),)


def spots_beside(reasons: tuple[Reason, ...], faults: tuple[Fault, ...]) -> tuple[tuple[Spot, ...], ...]:
    """The spots of each of these reasons of `explain`, which ends with the faults; empty if there are none at all."""
    if not any(fault.spots for fault in faults):
        return ()
    return (*((),) * (len(reasons) - len(faults)), *(fault.spots for fault in faults))


def _place(defect: str, where: Mask) -> Fault | None:
    share = float(where.mean())
    if share < LEAST_SHARE:
        return None
    place, elsewhere = place_of(where)
    return Fault(Reason(defect, place, elsewhere, round(share, 4)), share, spots_of(where))


def place_of(where: Mask) -> tuple[str, bool]:
    """The ninth of the picture with a mask's biggest part, e.g. "lower left", and whether there is much elsewhere."""
    _, _, stats, centres = cv2.connectedComponentsWithStats(where.astype(np.uint8), connectivity=8)
    biggest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
    elsewhere = bool(stats[biggest, cv2.CC_STAT_AREA] < MOST_OF_IT * where.sum())
    across, down = centres[biggest] / (where.shape[1], where.shape[0])
    side = "left" if across < 1 / 3 else "right" if across > 2 / 3 else ""
    level = "upper" if down < 1 / 3 else "lower" if down > 2 / 3 else ""
    if level and not side:
        return "top" if level == "upper" else "bottom", elsewhere
    return f"{level} {side}".strip() or "middle", elsewhere


def _doubted(scene: Scene, alpha: Alpha, raw: Alpha) -> Mask:
    """Where the raw alpha left it open, away from its border, and the finish decided."""
    before = scene.reduced(raw)
    outside, inside = beyond_band(before >= SURE, scene.longest)
    faint, firm = DOUBTFUL
    open_before = (before > faint) & (before < firm) & (outside | inside)
    return np.asarray(open_before & ((alpha <= faint) | (alpha >= firm)))


def _weighs_most(signs: Signs, costs: Mapping[str, float]) -> str:
    sums = {code: sum(costs.get(name, 0.0) for name in names) for code, names in WEIGHS_MOST.items()}
    contrast = "alike" if signs.ring_contrast < ALIKE else "stands_out"
    sums[contrast] = costs.get("ring_contrast", 0.0)
    return max(sums, key=lambda code: sums[code])


def _rim(signs: Signs, scene: Scene, alpha: Alpha, band: Mask) -> Fault | None:
    """band: the pixels near the border. The spots are where the softness is wider than what is worth a sentence."""
    if signs.soft_rim < SOFT_RIM:
        return None
    width = 6 * signs.soft_rim / 1000  # a linear ramp of width w has an a(1 - a) of w / 6
    faint, firm = DOUBTFUL
    soft = np.asarray(band & (alpha > faint) & (alpha < firm))
    wide = opened(soft, 3 * SOFT_RIM / 1000 * scene.longest) > 0
    return Fault(Reason("soft_rim", share=round(width, 4)), 0.01, spots_of(wide))


def _disagreement(disagreement: Disagreement | None) -> Fault | None:
    if disagreement is None or disagreement.worst < DISAGREEING:
        return None
    return Fault(Reason("apart", share=round(disagreement.worst, 4)), disagreement.worst / 10)


def _against(witness: Witness | None, scene: Scene, alpha: Alpha) -> Fault | None:
    """The pieces about which a witness differs. It may be wrong itself, so what is seen in the alpha comes first."""
    if witness is None:
        return None
    where = where_it_differs(witness, scene, alpha)
    fault = _place("witness_differs", where) if where.mean() >= LEAST_WITNESSED else None
    return None if fault is None else replace(fault, weight=fault.weight / 4)


def _small(sure: Mask) -> Fault | None:
    share = float(sure.mean())
    if share >= SMALL:
        return None
    return Fault(Reason("small_subject", share=round(share, 4)), 0.002, spots_of(sure))
