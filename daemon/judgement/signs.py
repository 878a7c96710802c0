"""The signs by which a cut-out is known: plain numbers taken from one alpha in its scene."""

from collections.abc import Sequence
from dataclasses import dataclass, fields

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon.arrays import Alpha
from daemon.judgement.scene import BINS, Scene

BAND = 0.02  # of the longest side: half width of the border band, in which half-transparency is natural
THIN = 0.01  # of the longest side: radius of the brush that thin parts escape
FRAY = 0.05  # of the longest side: sigma of the smoothing that frayed outlines do not survive
RING = 0.06  # of the longest side: width of the surroundings that the subject is set off against
SURE = 0.5  # the alpha from which a pixel counts as subject
COLOUR_REACH = 2.0  # pixels of the scene over which a pixel's colour evidence is averaged
TINY = 1e-3  # pixels: keeps shares defined where there is no subject

Mask = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Signs:
    """What one alpha shows. Shares are of the subject's area unless said otherwise. A higher number is a worse sign;
    the exceptions are solid, girth and ring_contrast, of which more is better."""

    haze: float
    """Alpha outside of the border band."""
    haze_peak: float
    """The 99th percentile of alpha outside of the border band, 0..1."""
    stray: float
    """Subject outside of its biggest part."""
    hollow: float
    """Transparency inside of the border band."""
    holes: float
    """Enclosed openings."""
    unsure: float
    """One minus the IoU to expect if alpha were the probability that a pixel is subject, 0..1."""
    soft_rim: float
    """Mean a(1 - a) summed across the border, in thousandths of the longest side."""
    weak_rim: float
    """One minus the steepness of the softer stretches of the border (15th percentile), 0..1."""
    ragged: float
    """Length of the border over the square root of the area: 3.5 for a disc, 20 for lace."""
    thin: float
    """Share that a brush of 1 % of the longest side cannot reach: wires, legs, lace, and jagged borders."""
    frayed: float
    """Area that changes sides when the outline is smoothed over 5 % of the longest side."""
    off_edge: float
    """Share of the border that lies on no edge of the photo, 0..1."""
    foreign: float
    """How much of the subject is of a colour that the rest of the picture has rather than the subject, 0..1."""
    missing: float
    """The subject's colours outside of it, as far as they are rare there."""
    framed: float
    """Share of the photo's own rim that is subject: a portrait has some of it, an inverted alpha nearly all."""
    small: float
    """Minus the logarithm of the subject's share of the photo."""
    solid: float
    """Area over the area of the convex hull, biggest part, 0..1."""
    girth: float
    """Radius of the largest disc inside, over the square root of the area: 0.56 for a disc."""
    ring_contrast: float
    """Distance between the subject's mean colour and that of its surroundings, in 8-bit Lab units."""


NAMES: tuple[str, ...] = tuple(field.name for field in fields(Signs))


@dataclass(frozen=True, slots=True)
class Apart:
    """How far one alpha is from those of other recipes, 0 (the same) .. 1."""

    mean: float
    """Mean over the others of one minus the soft IoU, sum min / sum max."""
    worst: float
    """The same of the one that differs most."""
    unsure: float
    """One minus the IoU to expect if the mean of all alphas were the probability that a pixel is subject."""


def read_signs(scene: Scene, alpha: Alpha) -> Signs:
    """Take all the signs of `alpha`, (H, W) float32 0..1 of the whole photo at any size."""
    a = scene.reduced(alpha)
    sure = a >= SURE
    outside, inside = beyond_band(sure, scene.longest)
    subject = float(a.sum()) + TINY
    solid = float(sure.sum()) + TINY
    contours = _contours(sure)
    border = cv2.morphologyEx(sure.astype(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0
    soft_rim, weak_rim = _rim(scene, alpha)
    foreign, missing = _colours(scene, a, sure)
    frame = np.concatenate([sure[0], sure[-1], sure[:, 0], sure[:, -1]])
    return Signs(
        haze=float(a[outside].sum()) / subject,
        haze_peak=_percentile(a[outside], 99, 0.0),
        stray=_stray(sure),
        hollow=float((1 - a[inside]).sum()) / subject,
        holes=_holes(sure) / solid,
        unsure=_unsure(a, sure),
        soft_rim=soft_rim,
        weak_rim=weak_rim,
        ragged=(sum(len(contour) for contour in contours) + 1) / float(np.sqrt(solid)),
        thin=_thin(sure, scene.longest) / solid,
        frayed=_frayed(sure, scene.longest) / solid,
        off_edge=_off_edge(scene, border),
        foreign=foreign,
        missing=missing,
        framed=float(frame.mean()),
        small=-float(np.log(solid / a.size)),
        solid=_solidity(contours),
        girth=_inner_radius(sure) / float(np.sqrt(solid)),
        ring_contrast=_ring_contrast(scene, sure),
    )


def hold_against(scene: Scene, alpha: Alpha, others: Sequence[Alpha]) -> Apart | None:
    """Compare `alpha` with the alphas of other recipes for the same photo, any sizes; None where there are none."""
    if not others:
        return None
    a = scene.reduced(alpha)
    fitted = [scene.reduced(other) for other in others]
    distances = [1 - float(np.minimum(a, b).sum()) / (float(np.maximum(a, b).sum()) + TINY) for b in fitted]
    together = np.asarray(np.mean([a, *fitted], axis=0), dtype=np.float32)
    return Apart(float(np.mean(distances)), max(distances), _unsure(together, a >= SURE))


def beyond_band(sure: Mask, longest: int) -> tuple[Mask, Mask]:
    """Masks of what lies safely outside and safely inside of the border. longest: the picture's longest side."""
    reach = max(3, round(BAND * longest))
    disc = _disc(reach)
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


def _unsure(probability: Alpha, sure: Mask) -> float:
    return 1 - float(probability[sure].sum()) / (float(sure.sum()) + float(probability[~sure].sum()) + TINY)


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
    solid = float(sure.sum()) + TINY
    return float((1 - posterior)[sure].sum()) / solid, float(posterior[~sure].sum()) / solid


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


def _thin(sure: Mask, longest: int) -> float:
    """Pixels that an opening (Serra 1982) with a small disc removes."""
    solid = sure.astype(np.uint8)
    opened = cv2.morphologyEx(solid, cv2.MORPH_OPEN, _disc(max(1, round(THIN * longest))))
    return float(solid.sum()) - float(opened.sum())


def _frayed(sure: Mask, longest: int) -> float:
    smooth = cv2.GaussianBlur(sure.astype(np.float32), (0, 0), FRAY * longest) >= SURE
    return float((smooth != sure).sum())


def _inner_radius(sure: Mask) -> float:
    return float(cv2.distanceTransform(sure.astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5).max())


def _ring_contrast(scene: Scene, sure: Mask) -> float:
    reach = max(3, round(RING * scene.longest))
    ring = (cv2.dilate(sure.astype(np.uint8), _disc(reach)) > 0) & ~sure
    if not sure.any() or not ring.any():
        return 0.0
    return float(np.linalg.norm(scene.lab[sure].mean(axis=0) - scene.lab[ring].mean(axis=0)))


def _disc(radius: int) -> NDArray[np.uint8]:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return np.asarray(kernel, dtype=np.uint8)


def _solidity(contours: Sequence[NDArray[np.int32]]) -> float:
    if not contours:
        return 0.0
    longest = max(contours, key=len)
    hull = cv2.contourArea(cv2.convexHull(longest))
    return float(cv2.contourArea(longest) / hull) if hull > 0 else 0.0


def _percentile(values: NDArray[np.float32], percent: float, empty: float) -> float:
    return float(np.percentile(values, percent)) if values.size > 10 else empty
