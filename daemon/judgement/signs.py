"""The signs by which a cut-out is known: plain numbers taken from one alpha in its scene."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon.arrays import Alpha
from daemon.judgement.scene import BINS, Scene

BAND = 0.02  # of the longest side: half width of the border band, in which half-transparency is natural
REACH = 0.02  # of the longest side: how far around the border its colours are compared
SURE = 0.5  # the alpha from which a pixel counts as subject
COLOUR_REACH = 2.0  # pixels of the scene over which a pixel's colour evidence is averaged
TINY = 1e-3  # pixels: keeps shares defined where there is no subject

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Signs:
    """What one alpha shows. Shares are of the subject's area, 0..1 unless said otherwise; in all but the last four
    a higher number is a worse sign."""

    haze: float
    """Alpha outside of the border band."""
    haze_peak: float
    """The 99th percentile of alpha outside of the border band."""
    stray: float
    """Subject outside of its biggest part."""
    hollow: float
    """Transparency inside of the border band."""
    hollow_peak: float
    """The 99th percentile of transparency inside of the border band."""
    holes: float
    """Enclosed openings."""
    doubt: float
    """Sum of a(1 - a): how much of the alpha is neither subject nor background."""
    doubt_peak: float
    """The largest mean of a(1 - a) over a neighbourhood of 3 % of the longest side, 0..0.25."""
    unsure: float
    """One minus the IoU to expect if alpha were the probability that a pixel is subject."""
    unstable: float
    """One minus the ratio of the areas above 0.95 and above 0.05."""
    shifty: float
    """One minus the ratio of the areas above 0.5 and above 0.1."""
    soft_rim: float
    """Mean a(1 - a) summed across the border, in thousandths of the longest side."""
    weak_rim: float
    """One minus the steepness of the softer stretches of the border (15th percentile)."""
    ragged: float
    """Length of the border over the square root of the area: 3.5 for a disc, 20 for lace."""
    off_edge: float
    """Share of the border that lies on no edge of the photo."""
    alike: float
    """Disagreement between the alpha and what the colours alone say, as one minus their IoU."""
    common: float
    """How much the subject's colours also make up the photo's rim."""
    framed: float
    """Share of the photo's own rim that is subject: a portrait has some of it, an inverted alpha nearly all."""
    small: float
    """Minus the logarithm of the subject's share of the photo."""
    contrast: float
    """Colour difference across the weaker stretches of the border (20th percentile), Lab units."""
    clutter: float
    """Mean edge strength of the background."""
    solid: float
    """Area over the area of the convex hull, biggest part."""
    off_centre: float
    """Distance of the subject's centre from the photo's, 0..0.7 of its sides."""


NAMES: tuple[str, ...] = tuple(field.name for field in fields(Signs))


def read_signs(scene: Scene, alpha: Alpha) -> Signs:
    """Take all the signs of `alpha`, (H, W) float32 0..1 of the whole photo at any size."""
    a = scene.reduced(alpha)
    sure = a >= SURE
    outside, inside = beyond_band(sure, scene.longest)
    subject = float(a.sum()) + TINY
    solid = float(sure.sum()) + TINY
    ambiguity = a * (1 - a)
    contours = _contours(sure)
    border_length = sum(len(contour) for contour in contours) + 1.0
    border = cv2.morphologyEx(sure.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    soft_rim, weak_rim = _rim(scene, alpha)
    alike, common = _colours(scene, a, sure)
    frame = np.concatenate([sure[0], sure[-1], sure[:, 0], sure[:, -1]])
    rows, columns = np.arange(scene.height) + 0.5, np.arange(scene.width) + 0.5
    centre_y = float((a.sum(axis=1) * rows).sum()) / subject / scene.height
    centre_x = float((a.sum(axis=0) * columns).sum()) / subject / scene.width
    return Signs(
        haze=float(a[outside].sum()) / subject,
        haze_peak=_percentile(a[outside], 99, 0.0),
        stray=_stray(sure),
        hollow=float((1 - a[inside]).sum()) / subject,
        hollow_peak=_percentile(1 - a[inside], 99, 1.0),
        holes=_holes(sure) / solid,
        doubt=float(ambiguity.sum()) / subject,
        doubt_peak=float(cv2.GaussianBlur(ambiguity, (0, 0), 0.03 * scene.longest).max()),
        unsure=1 - float(a[sure].sum()) / (solid + float(a[~sure].sum())),
        unstable=1 - float((a >= 0.95).sum()) / max(1.0, float((a >= 0.05).sum())),
        shifty=1 - float(sure.sum()) / max(1.0, float((a >= 0.1).sum())),
        soft_rim=soft_rim,
        weak_rim=weak_rim,
        ragged=border_length / float(np.sqrt(solid)),
        off_edge=_off_edge(scene, border),
        alike=alike,
        common=common,
        framed=float(frame.mean()),
        small=-float(np.log(solid / a.size)),
        contrast=_contrast(scene, a, border),
        clutter=float(scene.edges[outside].mean()) if outside.any() else 0.0,
        solid=_solidity(contours),
        off_centre=float(np.hypot(centre_x - 0.5, centre_y - 0.5)),
    )


def disagreement(scene: Scene, alpha: Alpha, others: Sequence[Alpha]) -> tuple[float, float]:
    """How far other recipes' alphas are from this one: mean and worst of one minus the soft IoU, sum min / sum max."""
    a = scene.reduced(alpha)
    apart = []
    for other in others:
        b = scene.reduced(other)
        apart.append(1 - float(np.minimum(a, b).sum()) / (float(np.maximum(a, b).sum()) + TINY))
    return float(np.mean(apart)), max(apart)


def beyond_band(sure: Mask, longest: int) -> tuple[Mask, Mask]:
    """Masks of what lies safely outside and safely inside of the border. longest: the picture's longest side."""
    reach = max(3, round(BAND * longest))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    solid = sure.astype(np.uint8)
    return cv2.dilate(solid, disc) == 0, cv2.erode(solid, disc) == 1


def _contours(sure: Mask) -> list[NDArray[np.int32]]:
    found, _ = cv2.findContours(sure.astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return [np.asarray(contour, dtype=np.int32) for contour in found]


def _stray(sure: Mask) -> float:
    count, _, stats, _ = cv2.connectedComponentsWithStats(sure.astype(np.uint8), connectivity=8)
    if count < 2:
        return 1.0
    areas = stats[1:, cv2.CC_STAT_AREA]
    return 1 - float(areas.max()) / float(areas.sum())


def _holes(sure: Mask) -> float:
    """Pixels of background that the subject encloses."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats((~sure).astype(np.uint8), connectivity=4)
    outer = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))
    areas = stats[:, cv2.CC_STAT_AREA].astype(float)
    areas[outer] = 0
    areas[0] = 0
    return float(areas.sum())


def _rim(scene: Scene, alpha: Alpha) -> tuple[float, float]:
    a = scene.rim(alpha)
    longest = max(a.shape)
    sure = a >= SURE
    border = cv2.morphologyEx(sure.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    length = float(border.sum()) / 2 + 1
    outside, inside = beyond_band(sure, longest)
    band = ~(outside | inside)
    across = cv2.Sobel(a, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(a, cv2.CV_32F, 0, 1)
    steepness = np.asarray(np.hypot(across, down) / 4, dtype=np.float32)  # 1 for a step from 0 to 1
    soft = float((a * (1 - a))[band].sum()) / length / longest * 1000
    return soft, 1 - min(1.0, _percentile(steepness[border], 15, 0.0))


def _off_edge(scene: Scene, border: Mask) -> float:
    if not border.any():
        return 1.0
    near = cv2.dilate(scene.edges, np.ones((3, 3), np.uint8))
    return float((near[border] <= np.percentile(scene.edges, 80)).mean())


def _colours(scene: Scene, a: Alpha, sure: Mask) -> tuple[float, float]:
    share = float(sure.mean())
    likely = _likelihood(scene, a, 1 - a)
    posterior = likely * share / (likely * share + (1 - likely) * (1 - share) + 1e-6)
    union = float(np.maximum(posterior, sure).sum()) + TINY
    alike = 1 - float(np.minimum(posterior, sure).sum()) / union
    rim = np.zeros_like(a)
    reach = max(2, round(0.04 * scene.longest))
    rim[:reach] = rim[-reach:] = rim[:, :reach] = rim[:, -reach:] = 1
    strange = _likelihood(scene, 1 - rim, rim * (1 - a) + 1e-6)
    within = float(strange[sure].mean()) if sure.any() else 0.0
    without = float(strange[~sure].mean()) if not sure.all() else 1.0
    return alike, 0.5 - (within - without) / 2


def _likelihood(scene: Scene, subject: Alpha, background: Alpha) -> Alpha:
    """Per pixel P(colour | subject) / (P(colour | subject) + P(colour | background)), from weighted histograms."""
    shares = []
    for weight in (subject, background):
        size = BINS[0] * BINS[1] * BINS[2]
        counts = np.asarray(np.bincount(scene.colour.ravel(), weight.ravel(), size), dtype=np.float64).reshape(BINS)
        for axis in range(3):  # neighbouring bins lend to each other, so that noise decides nothing
            counts = np.roll(counts, 1, axis) / 4 + counts / 2 + np.roll(counts, -1, axis) / 4
        shares.append(counts / (counts.sum() + 1e-6))
    odds = shares[0] / (shares[0] + shares[1] + 1e-7)
    return np.asarray(
        cv2.GaussianBlur(odds.ravel().astype(np.float32)[scene.colour], (0, 0), COLOUR_REACH), dtype=np.float32
    )


def _contrast(scene: Scene, a: Alpha, border: Mask) -> float:
    if not border.any():
        return 0.0
    sigma = REACH * scene.longest

    def mean(weight: Alpha) -> NDArray[np.float32]:
        total = cv2.GaussianBlur(scene.lab * weight[..., None], (0, 0), sigma)
        return np.asarray(total / (cv2.GaussianBlur(weight, (0, 0), sigma) + 1e-3)[..., None], dtype=np.float32)

    apart = np.linalg.norm(mean(a) - mean(1 - a), axis=2)
    return float(np.percentile(apart[border], 20))


def _solidity(contours: Sequence[NDArray[np.int32]]) -> float:
    if not contours:
        return 0.0
    longest = max(contours, key=len)
    hull = cv2.contourArea(cv2.convexHull(longest))
    return float(cv2.contourArea(longest) / hull) if hull > 0 else 0.0


def _percentile(values: NDArray[np.float32], percent: float, empty: float) -> float:
    return float(np.percentile(values, percent)) if values.size > 10 else empty
