"""Takes the signs from the border of one alpha where it is written: plain numbers that tell a clean rim from a bad one.

Two things speak. The photo: a true border lies on an edge of it, as straight as that edge and as soft as the photo is
there; but textures have edges too. And the engine's raw answer: where it was in doubt, its alpha runs slowly from 1 to
0, over more pixels than a border may be off. A finish makes that look firm; it does not make it right.
"""

from dataclasses import dataclass, fields

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon.judgement.rim_points import REACH, BorderPoints, Floats, below_each_other, border_points, crumbs, smoothed

STANDARD = 1600  # px: above this longest side a border may be off by more pixels, in proportion
USUALLY_RESOLVED = 1024  # px: taken where it is not known at which size the engine saw the photo
ALLOWED = 2.0  # px at up to STANDARD: how far a border may be off
_SMOOTH = 0.7  # px, the standard deviation of what photo and alpha are smoothed by, both alike
_AROUND = 2.5  # px, the same for directions: a rough border still has one
_ARM = 3  # px on each side of a place that are compared to find an edge there
_FAR = slice(2, 6)  # px from the end of a profile: the colours of the subject and of the background near the border
_INNER, _OUTER = slice(REACH - 4, REACH), slice(REACH + 1, REACH + 5)  # the pixels on both sides of the border
_FAINT = 8.0  # of 255, a difference of colours that hardly shows
_GRAIN = 4.0  # of 255, a spread of colours that counts as none
_WANDER = 8.0  # px, how far from the border an edge still counts


@dataclass(frozen=True, slots=True, eq=False)
class RimPatches:
    """Windows along the border, at the size in which it is written; of photos over STANDARD px reduced towards that.

    rgb: (N, SIDE, SIDE, 3) uint8 sRGB. alpha: (N, SIDE, SIDE) float32 0..1. places: (N, 2), their centres, x and y as
    shares of the photo. longest: the photo's longest side in px. resolved: the longest side in px at which the engine
    saw the whole photo; 0 = not known. factor: how many px of the photo one of a window is, along each side.
    raw: (N, SIDE, SIDE), the engine's answer there before any finish; None = not known. greys: its a (1 - a), summed
    over the whole answer, for each pixel of border that the answer has, in pixels of the answer. greys_wide: the same,
    in pixels of the photo.
    """

    rgb: NDArray[np.uint8]
    alpha: Floats
    places: Floats
    longest: int
    resolved: int
    factor: int = 1
    raw: Floats | None = None
    greys: float = 0.0
    greys_wide: float = 0.0

    @property
    def allowed(self) -> float:
        """How far a border may be off, in px of a window."""
        return ALLOWED * max(1.0, self.longest / STANDARD) / self.factor


@dataclass(frozen=True, slots=True)
class RimSigns:
    """What one border shows; a higher number is worse. Means over the windows; "worst" is the 85th percentile of them.
    Lengths are in allowances: one is what a border may be off."""

    off_edge: float
    """How far the strongest edge of the photo lies from the border."""
    off_edge_worst: float
    beside: float
    """How little the colours on both sides of the border differ, against how much they vary on each; 0..1."""
    beside_worst: float
    rough: float
    """How much the border moves against the photo's edge within a window."""
    crumbly: float
    """How much longer the border is than a smoother one along it."""
    crumbly_worst: float
    soft: float
    """How much wider the border is than the photo's own edge."""
    soft_worst: float
    fringe: float
    """How far alpha is from the mixture that the colours show, 0..1."""
    fringe_worst: float
    faint: float
    """How little contrast there is along the border, 0..1."""
    unsure: float
    """The chance that the border runs elsewhere: what greys leave open, or colours that do not part there; 0..1."""
    doubt: float
    """How much grey the whole raw answer has for each pixel of its border: parts that it was not sure of."""
    coarse: float
    """How many pixels of the photo, at most of STANDARD px, one is that the engine resolved."""
    hidden: float
    """How far the raw answer hides its doubts: 0 if it has a network's greys, 1 if it is black and white or not known.
    Then `unsure` and `doubt` say nothing."""


NAMES: tuple[str, ...] = tuple(field.name for field in fields(RimSigns))
WINDOW_SIGNS = ("off_edge", "beside", "rough", "crumbly", "soft", "fringe", "faint", "unsure")
"""The signs that each window has."""
GREYS = (0.1, 0.25)  # RimPatches.greys: up to the first an answer is black and white, from the second it has greys


def read_rim(patches: RimPatches) -> RimSigns:
    """All signs of a border. Raises ValueError if no window has a border in its middle."""
    return signs_of(window_signs(patches)[0], patches)


def signs_of(found: Floats, patches: RimPatches) -> RimSigns:
    """The signs of a border, of those of its windows, see `window_signs`. Raises ValueError if there is no window."""
    if not len(found):
        raise ValueError("a rim without a window has no signs")
    mean = dict(zip(WINDOW_SIGNS, found.mean(axis=0).tolist(), strict=True))
    worst = dict(zip(WINDOW_SIGNS, np.percentile(found, 85, axis=0).tolist(), strict=True))
    return RimSigns(
        **mean,
        **{f"{name}_worst": value for name, value in worst.items() if f"{name}_worst" in NAMES},
        doubt=patches.greys_wide / (patches.allowed * patches.factor),
        coarse=min(patches.longest, STANDARD) / (patches.resolved or USUALLY_RESOLVED),
        hidden=min(1.0, max(0.0, (GREYS[1] - patches.greys) / (GREYS[1] - GREYS[0]))),
    )


def window_signs(patches: RimPatches) -> tuple[Floats, NDArray[np.intp]]:
    """The signs, (windows, WINDOW_SIGNS), of the windows that have a border in their middle, and which these are."""
    count = len(patches.alpha)
    if not count:
        return np.zeros((0, len(WINDOW_SIGNS)), np.float32), np.zeros(0, np.intp)
    lab = np.asarray(cv2.cvtColor(below_each_other(patches.rgb), cv2.COLOR_RGB2LAB), np.float32)
    both = np.empty((*patches.alpha.shape, 4), np.float32)
    cv2.mixChannels([lab, below_each_other(patches.alpha)], [below_each_other(both)], [0, 0, 1, 1, 2, 2, 3, 3])
    seen = smoothed(both, _SMOOTH)
    alpha, wide = seen[..., 3], smoothed(patches.alpha, _AROUND)
    points = border_points(alpha, wide)
    if not len(points.window):
        return np.zeros((0, len(WINDOW_SIGNS)), np.float32), points.window
    *colour, cover = cv2.split(points.along(below_each_other(seen)))
    place, beside, soft, fringe, strongest = _point_signs(
        np.stack(colour), np.asarray(cover, np.float32), patches.allowed
    )
    off_edge = points.mean(place, count)
    spread = np.sqrt(np.maximum(0, points.mean(place * place, count) - off_edge**2))
    apart = points.mean(beside, count)
    columns = (
        points.mean(np.abs(place), count), apart, spread, crumbs(alpha, wide),
        points.mean(soft, count), points.mean(fringe, count),
        np.exp(-points.mean(strongest, count) / (3 * _FAINT)), 1 - (1 - _unsure(patches, points)) * (1 - apart),
    )  # fmt: skip
    which = np.flatnonzero(np.bincount(points.window, minlength=count))
    return np.stack(columns, axis=1).astype(np.float32)[which], which


def _unsure(patches: RimPatches, points: BorderPoints) -> Floats:
    """(windows,): one minus how much the raw answer falls within what the border may be off, if alpha is a chance."""
    count = len(patches.alpha)
    if patches.raw is None:
        return np.zeros(count, np.float32)
    reach = min(REACH, int(np.ceil(patches.allowed)))
    before, after = points.along(below_each_other(patches.raw), (-reach, reach))
    return points.mean(1 - np.clip(before - after, 0, 1), count)


def _point_signs(profile: Floats, cover: Floats, allowed: float) -> tuple[Floats, ...]:
    """(points,) each: place of the strongest edge (signed), beside, soft, fringe, how strong that edge is.

    profile: (3, steps, points), the colours along each normal. cover: (steps, points), alpha there.
    """
    edges = _edges(profile)
    steps = np.arange(-REACH + _ARM, REACH - _ARM + 1, dtype=np.float32)
    nearer = np.exp(-(steps**2) / (2 * _WANDER**2)).astype(np.float32)
    best = (edges * nearer[:, None]).argmax(axis=0)
    strongest = edges[best, np.arange(edges.shape[1])]
    one, other = profile[:, _INNER], profile[:, _OUTER]
    step = np.square(one.mean(axis=1) - other.mean(axis=1)).sum(axis=0)
    varied = one.var(axis=1).sum(axis=0) + other.var(axis=1).sum(axis=0)
    beside = np.exp(-np.sqrt(step / (varied + _GRAIN**2)) / 2)
    inner, outer = profile[:, _FAR].mean(axis=1), profile[:, -_FAR.stop : -_FAR.start].mean(axis=1)
    apart = inner - outer
    squares = np.square(apart).sum(axis=0) + _FAINT**2
    mixture = np.clip(((profile - outer[:, None]) * apart[:, None]).sum(axis=0) / squares, 0, 1)
    span = slice(REACH - 4, REACH + 5)
    fringe = np.abs(mixture[span] - cover[span]).mean(axis=0)
    soft = np.maximum(0, _width(cover) - np.minimum(_width(mixture), REACH)) / allowed
    place = steps[best] / allowed
    return tuple(np.asarray(values, np.float32) for values in (place, beside, soft, fringe, strongest))


def _edges(profile: Floats) -> Floats:
    """(2 (REACH - _ARM) + 1, points): how far the colours on both sides of each place are apart."""
    sums = np.cumsum(np.pad(profile, ((0, 0), (1, 0), (0, 0))), axis=1)
    arms = sums[:, _ARM:] - sums[:, :-_ARM]  # of the _ARM steps from each on
    apart = (arms[:, _ARM + 1 :] - arms[:, : -_ARM - 1]) / _ARM
    return np.asarray(np.sqrt(np.square(apart).sum(axis=0)), np.float32)


def _width(cover: Floats) -> Floats:
    """How many px a transition takes: its height over its steepest part. cover: (steps, points)."""
    rise = np.ptp(cover, axis=0)
    return np.asarray(rise / np.maximum(np.abs(np.diff(cover, axis=0)).max(axis=0), 0.02), np.float32)
