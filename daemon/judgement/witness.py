"""Compares a result with what another model sees in the photo. Such a witness never becomes a result itself."""

from dataclasses import dataclass

import numpy as np

from daemon.arrays import Alpha
from daemon.judgement.disagreement import PIECE, Disagreement, measure_disagreement
from daemon.judgement.scene import Scene
from daemon.judgement.shapes import SURE, Mask, opened

FIRM = (0.2, 0.8)  # the witness's alphas beyond which it is sure; a small network's greys would name too much


@dataclass(frozen=True, slots=True, eq=False)
class Witness:
    """What a model that made no result sees in the photo: its raw alpha, (h, w) float32 0..1, of all of it."""

    model: str
    alpha: Alpha


def apart_from(witness: Witness | None, scene: Scene, alpha: Alpha) -> Disagreement | None:
    """How much an alpha, (H, W) float32 0..1, differs from the witness's; None without a witness."""
    return None if witness is None else measure_disagreement(scene, alpha, (witness.alpha,))


def where_it_differs(witness: Witness, scene: Scene, alpha: Alpha) -> Mask:
    """The whole pieces that an alpha has and the witness surely lacks, or the other way round, at the scene's size.

    Of labelled photos whose results were bad (IoU below 0.8), half have such pieces of at least half a per cent of the
    picture, of the very good ones an eighth; and of what such pieces cover, the result is wrong about two thirds.
    """
    seen, sure = scene.reduced(witness.alpha), scene.reduced(alpha) >= SURE
    none, some = FIRM
    brush = max(2, round(PIECE * scene.longest))
    missing, kept = (opened(piece, brush) > 0 for piece in ((seen >= some) & ~sure, (seen < none) & sure))
    return np.asarray(missing | kept)
