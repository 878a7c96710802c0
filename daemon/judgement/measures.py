"""Turns the signs of one alpha into the three measures of a report, each 0 (worst) .. 1 (best)."""

from collections.abc import Iterable, Mapping
from math import exp

from daemon.jobs import Measures
from daemon.judgement.signs import Signs

PIXEL_RESIDUE: Mapping[str, float] = {"haze": 0.25, "haze_peak": 2.5, "stray": 0.5, "foreign": 2.0}
EDGE_CLEANLINESS: Mapping[str, float] = {
    "soft_rim": 12.0,
    "weak_rim": 5.0,
    "off_edge": 3.0,
    "ragged": 60.0,
    "haze": 0.6,  # a halo that is wider than the border band counts here
}
COMPLETENESS: Mapping[str, float] = {"unsure": 0.5, "hollow": 0.3, "holes": 0.4, "missing": 0.7}
"""The signs of each measure, each with the amount that by itself lowers the measure to 1/e = 0.37."""


def measure(signs: Signs, agreement: float | None = None) -> Measures:
    """The measures of the alpha that showed `signs`.

    pixel_residue: how little is left outside of the subject. edge_cleanliness: how crisp the border is and how well it
    follows the photo's own edges. completeness: whether the whole subject is kept and solid, and all else is removed.
    Each is exp(-sum(sign / scale)): a sign that gets worse makes its measure worse, and no sign hides another.
    """
    return Measures(
        pixel_residue=_falling(signs, PIXEL_RESIDUE),
        edge_cleanliness=_falling(signs, EDGE_CLEANLINESS),
        completeness=_falling(signs, COMPLETENESS),
        agreement=agreement,
    )


def measures_of(signs: Iterable[str]) -> tuple[str, ...]:
    """The names of the measures that any of these signs goes into."""
    names = set(signs)
    scales = {
        "pixel_residue": PIXEL_RESIDUE,
        "edge_cleanliness": EDGE_CLEANLINESS,
        "completeness": COMPLETENESS,
        "agreement": ("apart_mean",),
    }
    return tuple(measure for measure, of in scales.items() if names.intersection(of))


def _falling(signs: Signs, scales: Mapping[str, float]) -> float:
    return exp(-sum(max(0.0, getattr(signs, name)) / scale for name, scale in scales.items()))
