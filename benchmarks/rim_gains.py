"""Measures what a second engine call gains for the border of a photo, at the photo's own size.

Only photos whose true border is good, seen by two models. The border's promise is
that of the card that ships, which was fitted to these photos, so the choice between two results is too good.
"""

import zlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks.borders import photo_of
from benchmarks.labelled import Labelled, iou
from benchmarks.played import recorded_of
from benchmarks.rim_truth import RESOLVED, rim_error
from daemon.arrays import Alpha
from daemon.jobs import Limits, Measures, Verdict
from daemon.judgement.best_of_pages import standing
from daemon.judgement.both_promises import grade_by
from daemon.judgement.expected_gain import NextCall, rim_place
from daemon.judgement.finish import blended
from daemon.judgement.finish_search import best_finish
from daemon.judgement.grading import Thresholds
from daemon.judgement.rim_score import promised_rim
from daemon.judgement.rim_signs import read_rim
from daemon.judgement.scene import Scene, look_at
from daemon.pictures.photo import Photo
from daemon.pictures.refining import full_size_alpha
from daemon.pictures.rim_patches import rim_patches
from daemon.settings import GradingSettings

SECOND: Mapping[NextCall, Sequence[str]] = {NextCall.MODEL_FIRST: ("isnet",)}
"""The second alphas that a rim gains by. On 64 rims of regions with a score over 0.85, another model added
0.012 +- 0.005 of the border where the promise chose it, a zoom 0.004 +- 0.004, a mirrored pass -0.002 +- 0.004: these
two pay no call."""
RESOLVES = 320  # px, of u2netp
ONE_IN = 8  # photos of the sets whose true borders are good to two pixels only


@dataclass(frozen=True, slots=True)
class Written:
    """A result at its own size: its verdict, how much of the true border it follows, and its true IoU."""

    verdict: Verdict
    followed: float
    iou: float


Seen = tuple[Written, Mapping[str, Written]]
"""The result of the first pass, and by the name of the second alpha what that makes of it."""


def seen_rims(photos: Sequence[Labelled]) -> list[Seen]:
    """What second calls make of the borders of these photos, as far as they are good for that."""
    chosen = [photo for photo in photos if photo.rims != "no"]
    chosen = [p for p in chosen if p.rims != "2px" or zlib.crc32(p.name.encode()) % ONE_IN == 0]
    with ProcessPoolExecutor() as pool:
        return [found for found in pool.map(seen_rim, chosen, chunksize=4) if found is not None]


def seen_rim(photo: Labelled) -> Seen | None:
    """None if no second call is made for the sake of this border: it is sehr_gut, or the region is ungenügend."""
    cv2.setNumThreads(1)
    alphas, desk = recorded_of(photo), _Desk.of(photo)
    first = desk.written(alphas["u2netp"], RESOLVES, {})
    if first is None or rim_place(first.verdict) >= 2:
        return None
    second = {}
    for name in (name for names in SECOND.values() for name in names if name in alphas):
        full, half = RESOLVED["isnet"], RESOLVED["isnet512"]
        resolved = RESOLVES if name != "isnet" else full if photo.has("isnet") else half
        found = desk.written(alphas[name], resolved, {1: alphas["u2netp"]})
        second[name] = found if found and standing(found.verdict) > standing(first.verdict) else first
    return first, second


@dataclass(frozen=True, slots=True)
class _Desk:
    """A photo, opened once for several alphas. soft: whether its truth has half-transparent parts."""

    opened: Photo
    scene: Scene
    truth: Alpha
    soft: bool

    @classmethod
    def of(cls, photo: Labelled) -> "_Desk":
        rgb = photo.photo()
        return cls(photo_of(rgb), look_at(rgb), photo.truth(), photo.soft)

    def written(self, raw: Alpha, resolved: int, others: Mapping[int, Alpha]) -> Written | None:
        """What the program would write of an alpha; None if there is no border, or the region is ungenügend."""
        settings = GradingSettings()
        limits = Limits(settings.sehr_gut, settings.gut, settings.rim_sehr_gut, settings.rim_gut)
        found = best_finish(self.scene, raw, Thresholds(limits.sehr_gut, limits.gut), others)
        score = found.verdict.score
        if score < limits.gut:
            return None
        whole = full_size_alpha(self.opened, found.alpha)
        patches = rim_patches(self.opened, whole, resolved, blended(raw, found.finish.blend, others))
        if patches is None:
            return None
        rim = promised_rim(read_rim(patches))
        verdict = Verdict(score, grade_by(score, rim, limits), Measures(score, score, score), rim=rim, limits=limits)
        alpha = np.asarray(whole / np.float32(255), dtype=np.float32)
        return Written(verdict, 1 - rim_error(alpha, self.truth, self.soft).off, iou(alpha, self.truth))
