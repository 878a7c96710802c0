"""Makes the mistakes that strong models make out of true mattes: crisp, and plausible in the photo that they are of."""

from collections.abc import Iterator

import cv2
import numpy as np

from benchmarks.labelled import fitted
from daemon.arrays import Alpha
from daemon.judgement.scene import Scene
from daemon.judgement.shapes import SURE, Mask, area, disc, enclosed, opened, parts

PIECE = 0.015  # of the longest side: radius of a disc that fits into a piece; less is a shifted border
LEAST_SHARE = 0.03  # of the subject's area: a smaller piece is no whole thing
SHADOW_REACH = 0.08  # of the longest side: how far below the subject its shadow is looked for
DARKER = 12.0  # 8-bit lightness: by so much a shadow is darker than the middle of its surroundings
BRIDGED = 0.03  # of the longest side: radius of the disc that closes gaps


def mistakes(scene: Scene, truth: Alpha, one: Alpha, other: Alpha) -> Iterator[tuple[str, Alpha]]:
    """Names and alphas, (H, W) float32 0 or 1 at the scene's size; only those that change a good part of the subject.

    one, other: alphas of two models or passes. A whole piece that only one of them has is something in the photo that a
    model may take for subject or not: it is taken away from the truth ("missed"), or added to it ("added").
    """
    true = scene.reduced(truth) >= SURE
    found = {"missed": np.zeros_like(true), "added": np.zeros_like(true)}
    differ = (fitted(one, truth_of(true)) >= SURE) != (fitted(other, truth_of(true)) >= SURE)
    count, labels = parts(opened(differ, max(2.0, PIECE * scene.longest)) > 0, 8)
    for label in range(1, count):
        piece = labels == label
        if area(piece) >= LEAST_SHARE * area(true):
            found["missed" if area(piece & true) > area(piece) / 2 else "added"] |= piece
    made = {
        "missed": true & ~found["missed"],
        "added": true | found["added"],
        "shadow": true | _shadow(scene, true),
        "closed": _closed(scene, true),
    }
    for name, mask in made.items():
        if area(mask != true) >= LEAST_SHARE * area(true) and mask.any():
            yield name, mask.astype(np.float32)


def truth_of(mask: Mask) -> Alpha:
    """A mask as an alpha."""
    return mask.astype(np.float32)


def _shadow(scene: Scene, true: Mask) -> Mask:
    reach = max(3, round(SHADOW_REACH * scene.longest))
    below = np.zeros_like(true)
    below[reach:] = true[:-reach]  # the subject, moved down: what it covers anew may be its shadow
    near = (cv2.dilate(true.view(np.uint8), disc(reach)) > 0) & ~true
    if not near.any():
        return np.zeros_like(true)
    lightness = scene.lab[..., 0]
    dark = near & below & (lightness < float(np.median(lightness[near])) - DARKER)
    return np.asarray(opened(dark, 2.0) > 0)


def _closed(scene: Scene, true: Mask) -> Mask:
    kernel = disc(max(2, round(BRIDGED * scene.longest)))
    closed = cv2.morphologyEx(true.view(np.uint8), cv2.MORPH_CLOSE, kernel) > 0
    return np.asarray(closed | enclosed(closed))
