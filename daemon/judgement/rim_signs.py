"""Takes the signs from the border of one alpha where it is written: plain numbers that tell a clean rim from a bad one.

Along the normal of the border we look at the photo and at the alpha side by side. A true border lies on an edge of the
photo, is as straight as that edge and as soft as the photo itself is there.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields

import cv2
import numpy as np
from numpy.typing import NDArray

STANDARD = 1600  # px: above this longest side a border may be off by more pixels, in proportion
ALLOWED = 2.0  # px at up to STANDARD: how far a border may be off
SIDE = 48  # px, of a window
_REACH = 12  # px, how far along the normal we look, to each side
_CENTRE = 10  # px around a window's middle in which border points are taken: their profiles stay within the window
_POINTS = 12_000  # border points at most: the cost is bounded, whatever the border's length
_SMOOTH = 1.0  # px, the standard deviation of what photo and alpha are smoothed by, both alike
_AROUND = 2.5  # px, the same for directions: a rough border still has one
_ARM = 3  # px on each side of a place that are compared to find an edge there
_FAR = slice(2, 6)  # px from the end of a profile: the colours of the subject and of the background near the border
_FAINT = 8.0  # of 255, a difference of colours that hardly shows
_WANDER = 8.0  # px, how far from the border an edge still counts
_TINY = 1e-6

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class RimPatches:
    """Windows along the border, at the size in which it is written; of photos over STANDARD px reduced towards that.

    rgb: (N, SIDE, SIDE, 3) uint8 sRGB. alpha: (N, SIDE, SIDE) float32 0..1. places: (N, 2), their centres, x and y as
    shares of the photo. longest: the photo's longest side in px. resolved: the longest side in px at which the engine
    saw the whole photo; 0 = not known. factor: how many px of the photo one of a window is, along each side.
    """

    rgb: NDArray[np.uint8]
    alpha: Floats
    places: Floats
    longest: int
    resolved: int
    factor: int = 1

    @property
    def allowed(self) -> float:
        """How far a border may be off, in px of a window."""
        return ALLOWED * max(1.0, self.longest / STANDARD) / self.factor


@dataclass(frozen=True, slots=True)
class RimSigns:
    """What one border shows; a higher number is worse. "typical" is the median over the windows, "worst" the 85th
    percentile. Lengths are in allowances: one is what a border may be off."""

    off_edge: float
    """How far the strongest edge of the photo lies from the border; typical."""
    off_edge_worst: float
    beside: float
    """How much weaker the photo's edge is at the border than at its strongest near it, 0..1; typical."""
    beside_worst: float
    rough: float
    """How much the border moves against that edge within a window; typical."""
    rough_worst: float
    crumbly: float
    """How much longer the border is than a smooth one along it; typical."""
    soft: float
    """How much wider the border is than the photo's own edge, typical."""
    soft_worst: float
    fringe: float
    """How far alpha is from the mixture that the colours show, 0..1, typical."""
    fringe_worst: float
    faint: float
    """How little contrast there is along the border, 0..1, typical."""
    faint_worst: float
    busy: float
    """How much of the photo's edges near the border are not the border, 0..1, typical."""
    coarse: float
    """How many pixels, at most at STANDARD px, one pixel of what the engine resolved stands for; 0 = not known."""


NAMES: tuple[str, ...] = tuple(field.name for field in fields(RimSigns))
WINDOW_SIGNS = ("off_edge", "beside", "rough", "crumbly", "soft", "fringe", "faint", "busy")
"""The signs that each window has."""


def read_rim(patches: RimPatches) -> RimSigns:
    """All signs of a border. Raises ValueError if there is no window."""
    return signs_of(window_signs(patches)[0], patches)


def signs_of(found: Floats, patches: RimPatches) -> RimSigns:
    """The signs of a border, of those of its windows, see `window_signs`. Raises ValueError if there is no window."""
    if not len(found):
        raise ValueError("a rim without a window has no signs")
    typical = dict(zip(WINDOW_SIGNS, np.median(found, axis=0).tolist(), strict=True))
    worst = dict(zip(WINDOW_SIGNS, np.percentile(found, 85, axis=0).tolist(), strict=True))
    named = {f"{name}_worst": value for name, value in worst.items() if f"{name}_worst" in NAMES}
    coarse = min(patches.longest, STANDARD) / patches.resolved if patches.resolved else 0.0
    return RimSigns(**typical, **named, coarse=coarse)


def window_signs(patches: RimPatches) -> tuple[Floats, NDArray[np.intp]]:
    """The signs, (windows, WINDOW_SIGNS), of the windows that have a border in their middle, and which these are."""
    if not len(patches.alpha):
        return np.zeros((0, len(WINDOW_SIGNS)), np.float32), np.zeros(0, np.intp)
    colour = _smooth([_lab(rgb) for rgb in patches.rgb], _SMOOTH)
    alpha, wide = _smooth(patches.alpha, _SMOOTH), _smooth(patches.alpha, _AROUND)
    window, rows, columns = _border_points(alpha)
    points = _Points(window, *_placed(alpha, wide, window, rows, columns))
    profile, cover = points.along(colour), points.along(alpha[..., None])[..., 0]
    each = _point_signs(profile, cover, patches.allowed)
    return _by_window(each, window, _crumbs(alpha, wide))


@dataclass(frozen=True, slots=True, eq=False)
class _Points:
    """Border points: which window, where in it (px), and the outward normal there."""

    window: NDArray[np.intp]
    x: Floats
    y: Floats
    across: Floats
    down: Floats

    def along(self, values: Floats) -> Floats:
        """(points, 2 * _REACH + 1, channels): values, (N, SIDE, SIDE, channels), from inside to outside."""
        steps = np.arange(-_REACH, _REACH + 1, dtype=np.float32)
        x = np.clip(self.x[:, None] + self.across[:, None] * steps, 0, SIDE - 1.001)
        y = np.clip(self.y[:, None] + self.down[:, None] * steps, 0, SIDE - 1.001)
        left, top = x.astype(np.intp), y.astype(np.intp)
        x, y = (x - left)[..., None], (y - top)[..., None]
        flat = values.reshape(-1, values.shape[-1])
        at = (self.window[:, None] * SIDE + top) * SIDE + left
        upper = flat[at] * (1 - x) + flat[at + 1] * x
        lower = flat[at + SIDE] * (1 - x) + flat[at + SIDE + 1] * x
        return np.asarray(upper * (1 - y) + lower * y, np.float32)


def _smooth(windows: Iterable[Floats], sigma: float) -> Floats:
    return np.asarray([cv2.GaussianBlur(each, (0, 0), sigma) for each in windows], np.float32)


def _lab(rgb: NDArray[np.uint8]) -> Floats:
    return np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB), np.float32)


def _border_points(alpha: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Window, row and column of the border's pixels in the middle of the windows."""
    low, high = SIDE // 2 - _CENTRE, SIDE // 2 + _CENTRE
    inside = alpha[:, low - 1 : high + 1, low - 1 : high + 1] >= 0.5
    core = inside[:, 1:-1, 1:-1]
    whole = inside[:, :-2, 1:-1] & inside[:, 2:, 1:-1] & inside[:, 1:-1, :-2] & inside[:, 1:-1, 2:]
    window, rows, columns = np.nonzero(core & ~whole)
    stride = -(-len(window) // _POINTS) or 1
    return window[::stride], rows[::stride] + low, columns[::stride] + low


def _placed(
    alpha: Floats, wide: Floats, window: NDArray[np.intp], rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> tuple[Floats, Floats, Floats, Floats]:
    """x, y of the points on the line where alpha is 0.5, and the normals there, which point out of the subject."""
    across = wide[window, rows, columns - 1] - wide[window, rows, columns + 1]
    down = wide[window, rows - 1, columns] - wide[window, rows + 1, columns]
    length = np.hypot(across, down) + _TINY
    across, down = across / length, down / length
    near = alpha[window, rows, columns]
    steep = np.hypot(
        alpha[window, rows, columns + 1] - alpha[window, rows, columns - 1],
        alpha[window, rows + 1, columns] - alpha[window, rows - 1, columns],
    )
    beyond = np.clip((near - 0.5) / (steep / 2 + 0.05), 0, 1)
    return columns + beyond * across, rows + beyond * down, across, down


def _crumbs(alpha: Floats, wide: Floats) -> Floats:
    """(windows,): the length of the border over that of a smoother one, minus one."""
    lengths = [
        np.count_nonzero(np.diff(each >= 0.5, axis=1), axis=(1, 2))
        + np.count_nonzero(np.diff(each >= 0.5, axis=2), axis=(1, 2))
        for each in (alpha, wide)
    ]
    return np.asarray(np.maximum(0, lengths[0] / np.maximum(lengths[1], SIDE / 2) - 1), np.float32)


def _point_signs(profile: Floats, cover: Floats, allowed: float) -> Floats:
    """(points, 6): place of the strongest edge (signed), beside, softness, fringe, contrast there, busy."""
    edges = _edges(profile)
    steps = np.arange(-_REACH + _ARM, _REACH - _ARM + 1, dtype=np.float32)
    near = edges * np.exp(-(steps**2) / (2 * _WANDER**2)).astype(np.float32)
    best = near.argmax(axis=1)
    rows = np.arange(len(edges))
    strongest = edges[rows, best]
    middle = edges.shape[1] // 2
    here = edges[:, middle - 1 : middle + 2].max(axis=1)
    beside = 1 - (here + _FAINT / 2) / (np.maximum(strongest, here) + _FAINT / 2)
    inner, outer = profile[:, _FAR].mean(axis=1), profile[:, -_FAR.stop : -_FAR.start].mean(axis=1)
    apart = inner - outer
    squares = (apart * apart).sum(axis=1) + _FAINT**2
    mixture = np.clip(((profile - outer[:, None]) * apart[:, None]).sum(axis=2) / squares[:, None], 0, 1)
    span = slice(_REACH - 4, _REACH + 5)
    fringe = np.abs(mixture[:, span] - cover[:, span]).mean(axis=1)
    own = _width(mixture)
    soft = np.maximum(0, _width(cover) - np.minimum(own, _REACH)) / allowed
    busy = 1 - strongest / (np.sort(edges, axis=1)[:, -1 : -1 - 2 * _ARM : -1].sum(axis=1) / 3 + _FAINT)
    return np.stack([steps[best] / allowed, beside, soft, fringe, strongest, np.clip(busy, 0, 1)], axis=1)


def _edges(profile: Floats) -> Floats:
    """(points, 2 (_REACH - _ARM) + 1): how far the colours on both sides of each place are apart."""
    sums = np.cumsum(np.pad(profile, ((0, 0), (1, 0), (0, 0))), axis=1)
    count = profile.shape[1]
    centres = np.arange(_ARM, count - _ARM)
    before = (sums[:, centres] - sums[:, centres - _ARM]) / _ARM
    after = (sums[:, centres + 1 + _ARM] - sums[:, centres + 1]) / _ARM
    return np.asarray(np.sqrt(np.square(after - before).sum(axis=2)), np.float32)


def _width(cover: Floats) -> Floats:
    """How many px a transition takes: its height over its steepest part."""
    rise = np.ptp(cover, axis=1)
    return np.asarray(rise / np.maximum(np.abs(np.diff(cover, axis=1)).max(axis=1), 0.02), np.float32)


def _by_window(each: Floats, window: NDArray[np.intp], crumbs: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """The signs of the windows that have points, and which windows these are."""
    count = np.bincount(window, minlength=len(crumbs))
    which = np.flatnonzero(count)

    def mean(values: Floats) -> Floats:
        return np.asarray(np.bincount(window, values, len(crumbs))[which] / count[which], np.float32)

    place, beside, soft, fringe, strongest, busy = each.T
    spread = np.sqrt(np.maximum(0, mean(place * place) - mean(place) ** 2))
    faint = np.exp(-mean(strongest) / (3 * _FAINT))
    columns = (mean(np.abs(place)), mean(beside), spread, crumbs[which], mean(soft), mean(fringe), faint, mean(busy))
    return np.stack(columns, axis=1).astype(np.float32), which
