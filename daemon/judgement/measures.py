"""The product's three measures, each 0 (worst) .. 1 (best), made of the signs of one alpha."""

from collections.abc import Mapping
from math import exp

from daemon.jobs import Measures
from daemon.judgement.signs import Signs

PIXEL_RESIDUE: Mapping[str, float] = {"haze": 0.25, "haze_peak": 2.5, "stray": 0.5, "foreign": 2.0}
EDGE_CLEANLINESS: Mapping[str, float] = {
    "soft_rim": 12.0,
    "weak_rim": 5.0,
    "off_edge": 3.0,
    "ragged": 60.0,
    "haze": 0.6,  # a halo wider than the border band ends up here
}
COMPLETENESS: Mapping[str, float] = {"unsure": 0.5, "hollow": 0.3, "holes": 0.4, "missing": 0.7}
"""Per measure its signs, each with the amount that alone brings the measure down to 1/e = 0.37."""


def measure(signs: Signs, agreement: float | None = None) -> Measures:
    """The measures of the alpha that showed `signs`.

    pixel_residue: what was left over outside of the subject. edge_cleanliness: how crisp and how true to the photo's
    own edges the border is. completeness: whether all of the subject stands, and stands solid, with all else gone.
    Each is exp(-sum(sign / scale)): any sign that gets worse makes its measure worse, and none hides another.
    """
    return Measures(
        pixel_residue=_falling(signs, PIXEL_RESIDUE),
        edge_cleanliness=_falling(signs, EDGE_CLEANLINESS),
        completeness=_falling(signs, COMPLETENESS),
        agreement=agreement,
    )


def _falling(signs: Signs, scales: Mapping[str, float]) -> float:
    return exp(-sum(max(0.0, getattr(signs, name)) / scale for name, scale in scales.items()))
