"""The signs that the photo's colours give: whether subject and background differ in colour."""

import cv2
import numpy as np

from daemon.arrays import Alpha
from daemon.judgement.scene import BINS, Scene
from daemon.judgement.shapes import Mask, area, box_around, disc, total

RING = 0.06  # of the longest side: width of the ring around the subject that counts as its surroundings
COLOUR_REACH = 2.0  # pixels of the scene: sigma of the Gaussian that averages the colour evidence
ACROSS = 2.0  # pixels of the scene: sigma of the Gaussian that averages the colours on either side of the border
FAINT_STEP = 10.0  # 8-bit Lab units between the two sides: less is hardly seen as a border
TINY = 1e-3  # pixels: keeps shares defined if there is no subject


def foreign_and_missing(scene: Scene, a: Alpha, sure: Mask) -> tuple[float, float]:
    """See `Signs.foreign` and `Signs.missing`."""
    likely = _likelihood(scene, a)
    share = float(sure.mean())
    posterior = likely * share / (likely * share + (1 - likely) * (1 - share) + 1e-6)
    strange = np.asarray(1 - posterior, dtype=np.float32)
    beyond_doubt = np.maximum(2 * likely - 1, 0)
    solid = area(sure) + TINY
    return total(strange, sure) / solid, total(beyond_doubt, ~sure) / solid


def ring_contrast(scene: Scene, sure: Mask) -> float:
    """See `Signs.ring_contrast`."""
    reach = max(3, round(RING * scene.longest))
    ring = (cv2.dilate(sure.view(np.uint8), disc(reach)) > 0) & ~sure
    if not sure.any() or not ring.any():
        return 0.0
    subject, surroundings = (cv2.mean(scene.lab, mask.view(np.uint8)) for mask in (sure, ring))
    return float(np.linalg.norm(np.subtract(subject, surroundings)))


def faint_border(scene: Scene, sure: Mask, border: Mask) -> float:
    """See `Signs.faint_border`."""
    if not border.any():
        return 1.0
    near = box_around(border, round(4 * ACROSS))
    weight = sure[near].astype(np.float32)
    lab = scene.lab[near]
    share, inner, both = (
        cv2.GaussianBlur(values, (0, 0), ACROSS)[border[near]] for values in (weight, lab * weight[..., None], lab)
    )
    inside, outside = inner / (share[:, None] + TINY), (both - inner) / (1 - share[:, None] + TINY)
    return float((np.linalg.norm(inside - outside, axis=1) < FAINT_STEP).mean())


def _likelihood(scene: Scene, subject: Alpha) -> Alpha:
    """Per pixel P(colour | subject) / (P(colour | subject) + P(colour | background)), from weighted histograms."""
    mine = np.bincount(scene.colour.ravel(), subject.ravel(), len(scene.crowd))
    shares = []
    for histogram in (mine, scene.crowd - mine):
        counts = histogram.reshape(BINS)
        for axis in range(3):  # each bin shares with its neighbours, so that noise does not decide
            counts = np.roll(counts, 1, axis) / 4 + counts / 2 + np.roll(counts, -1, axis) / 4
        shares.append(counts.ravel() / (counts.sum() + 1e-6))
    odds = (shares[0] / (shares[0] + shares[1] + 1e-7)).astype(np.float32)
    return np.asarray(cv2.GaussianBlur(odds.take(scene.colour), (0, 0), COLOUR_REACH), dtype=np.float32)
