"""Judges the border of an alpha at its photo's full size, beside what was said of its region."""

import cv2
import numpy as np

from daemon.arrays import Alpha
from daemon.jobs import Limits, Verdict
from daemon.judgement.both_promises import rim_counts, with_rim
from daemon.judgement.rims import judge_rim
from daemon.pictures.photo import Photo
from daemon.pictures.rim_patches import rim_patches
from daemon.pictures.values import Samples
from daemon.settings import GradingSettings


def in_full(region: Verdict, photo: Photo, full: Samples, grading: GradingSettings, resolved: int = 0) -> Verdict:
    """The verdict on both promises.

    full: the alpha as it is written, (H, W) of the photo's size and depth. resolved: how many pixels of the photo's
    longest side a model saw; 0 = not known.
    """
    limits = Limits(grading.sehr_gut, grading.gut, grading.rim_sehr_gut, grading.rim_gut)
    patches = rim_patches(photo, full, resolved) if rim_counts(region) else None
    return with_rim(region, judge_rim(patches, (photo.width, photo.height)) if patches else None, limits)


def as_large_as(photo: Photo, alpha: Alpha) -> Samples:
    """An alpha of any size, (h, w) float32 0..1, as it is when it is brought to the photo's size and depth."""
    size, smaller = (photo.width, photo.height), alpha.shape[0] > photo.height
    scaled = cv2.resize(alpha, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    steps: Samples = np.rint(np.clip(scaled, 0, 1) * photo.full_scale).astype(photo.dtype)
    return steps
