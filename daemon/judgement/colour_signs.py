"""The signs that the photo's colours give: whether subject and background differ in colour."""

import cv2
import numpy as np

from daemon.arrays import Alpha
from daemon.judgement.scene import BINS, Scene
from daemon.judgement.shapes import Mask, disc

RING = 0.06  # of the longest side: width of the ring around the subject that counts as its surroundings
COLOUR_REACH = 2.0  # pixels of the scene: sigma of the Gaussian that averages the colour evidence
TINY = 1e-3  # pixels: keeps shares defined if there is no subject


def foreign_and_missing(scene: Scene, a: Alpha, sure: Mask) -> tuple[float, float]:
    """See `Signs.foreign` and `Signs.missing`."""
    likely = _likelihood(scene, a, 1 - a)
    share = float(sure.mean())
    posterior = likely * share / (likely * share + (1 - likely) * (1 - share) + 1e-6)
    beyond_doubt = np.maximum(2 * likely - 1, 0)
    solid = float(sure.sum()) + TINY
    return float((1 - posterior)[sure].sum()) / solid, float(beyond_doubt[~sure].sum()) / solid


def ring_contrast(scene: Scene, sure: Mask) -> float:
    """See `Signs.ring_contrast`."""
    reach = max(3, round(RING * scene.longest))
    ring = (cv2.dilate(sure.astype(np.uint8), disc(reach)) > 0) & ~sure
    if not sure.any() or not ring.any():
        return 0.0
    return float(np.linalg.norm(scene.lab[sure].mean(axis=0) - scene.lab[ring].mean(axis=0)))


def _likelihood(scene: Scene, subject: Alpha, background: Alpha) -> Alpha:
    """Per pixel P(colour | subject) / (P(colour | subject) + P(colour | background)), from weighted histograms."""
    shares = []
    for weight in (subject, background):
        size = BINS[0] * BINS[1] * BINS[2]
        counts = np.asarray(np.bincount(scene.colour.ravel(), weight.ravel(), size), dtype=np.float64).reshape(BINS)
        for axis in range(3):  # each bin shares with its neighbours, so that noise does not decide
            counts = np.roll(counts, 1, axis) / 4 + counts / 2 + np.roll(counts, -1, axis) / 4
        shares.append(counts / (counts.sum() + 1e-6))
    odds = shares[0] / (shares[0] + shares[1] + 1e-7)
    return np.asarray(
        cv2.GaussianBlur(odds.ravel().astype(np.float32)[scene.colour], (0, 0), COLOUR_REACH), dtype=np.float32
    )
