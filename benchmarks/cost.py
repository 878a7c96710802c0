"""Measures the processor time for judging and finishing one alpha."""

import itertools
import time

import cv2
import numpy as np

from benchmarks.labelled import Labelled
from benchmarks.rows import PASSES
from daemon.judgement.finish_search import best_finish
from daemon.judgement.grading import Thresholds
from daemon.judgement.measures import measure
from daemon.judgement.scene import look_at
from daemon.judgement.signs import read_signs

COSTED, COST_PIXELS = 40, 512  # how many photos are timed; the longest side of the alpha that is measured


def report_cost(photos: list[Labelled]) -> None:
    """Print median processor times on one core: the measures of one alpha, and the search for its finish."""
    cv2.setNumThreads(1)
    spent: dict[str, list[float]] = {"photo": [], "measures": [], "search": []}
    for photo in photos[:: max(1, len(photos) // COSTED)]:
        rgb, masks = photo.photo(), [photo.mask(model) for model in PASSES[:3]]
        scale = COST_PIXELS / max(masks[0].shape)
        alpha = np.asarray(cv2.resize(masks[0], None, fx=scale, fy=scale), dtype=np.float32)
        marks = [time.process_time()]
        scene = look_at(rgb)
        marks.append(time.process_time())
        measure(read_signs(scene, alpha))
        marks.append(time.process_time())
        best_finish(look_at(rgb), masks[0], Thresholds(1, 0), dict(enumerate(masks[1:], 1)))
        marks.append(time.process_time())
        for name, (before, after) in zip(spent, itertools.pairwise(marks), strict=True):
            spent[name].append(after - before)
    photo_ms, measures_ms, search_ms = (1000 * float(np.median(times)) for times in spent.values())
    print(f"\nprocessor time on one core, medians of {len(spent['photo'])} photos")
    print(f"  looking at the photo, once             {photo_ms:6.1f} ms")
    print(f"  measures of an alpha of {COST_PIXELS} pixels     {measures_ms:6.1f} ms")
    print(
        f"  search for the finish, two alphas more {search_ms:6.1f} ms  (alphas of up to 1024 pixels, photo included)"
    )
