"""Measures the processor time of the search for a finish, on drawn photos of the size that the daemon judges.

    python benchmarks/search.py [--photos N]

Prints medians on one core: of the photo's preparation, of the judgement of one alpha, of the search for the finish of a
first alpha and of later ones, and of the new verdict on an earlier result. The last line is JSON.
"""

import argparse
import json
import time
from collections.abc import Callable
from typing import TypeVar

import cv2
import numpy as np

from daemon.arrays import Alpha, Rgb
from daemon.judgement.finish_search import best_finish, verdict_now
from daemon.judgement.grading import Thresholds, judge
from daemon.judgement.scene import look_at
from daemon.settings import GradingSettings

SIZES = ((768, 1024), (683, 1024), (1024, 683), (1024, 1024), (576, 1024))  # height and width of photos from cameras
COARSE = 320  # pixels: the longest side at which a small network answers
REPEATS = 3  # of each measurement; the quickest counts, because other programs only ever add to it
STEPS = {
    "look_ms": "preparing the photo, once",
    "judge_ms": "judging one alpha without a search, photo included",
    "search_ms": "search for the first alpha's finish, photo included",
    "search_second_ms": "search beside one earlier alpha",
    "search_third_ms": "search beside two earlier alphas",
    "judge_again_ms": "new verdict on an earlier result",
}

Result = TypeVar("Result")


def drawn(height: int, width: int, dice: np.random.Generator) -> tuple[Rgb, Alpha]:
    """A photo of a textured thing with an arm and a hole before a textured background, and its true alpha."""
    truth = np.zeros((height, width), np.float32)
    side, centre = min(height, width), (round(width * dice.uniform(0.4, 0.6)), round(height * dice.uniform(0.4, 0.6)))
    axes = round(side * dice.uniform(0.2, 0.35)), round(side * dice.uniform(0.15, 0.3))
    cv2.ellipse(truth, centre, axes, float(dice.uniform(0, 180)), 0, 360, (1.0,), -1)
    cv2.line(truth, centre, (centre[0], height), (1.0,), round(side * dice.uniform(0.02, 0.1)))
    cv2.circle(truth, centre, round(side * dice.uniform(0.01, 0.05)), (0.0,), -1)
    truth = np.asarray(cv2.GaussianBlur(truth, (0, 0), 1.0), dtype=np.float32)
    grains = [dice.normal(0, 40, (height // grain, width // grain, 3)).astype(np.float32) for grain in (4, 32)]
    texture = sum(cv2.resize(grain, (width, height), interpolation=cv2.INTER_CUBIC) for grain in grains)
    colours = dice.uniform(60, 200, (2, 3)).astype(np.float32)
    rgb = colours[0] * truth[..., None] + colours[1] * (1 - truth[..., None]) + texture
    return np.clip(rgb, 0, 255).astype(np.uint8), truth


def answered(truth: Alpha, dice: np.random.Generator) -> Alpha:
    """What a small network might answer: coarse, with doubts inside and beside the subject, brought to full size."""
    height, width = truth.shape
    scale = COARSE / max(height, width)
    small = cv2.resize(truth, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    doubts = cv2.resize(dice.uniform(0, 1, (9, 9)).astype(np.float32), small.shape[::-1], interpolation=cv2.INTER_CUBIC)
    small = cv2.GaussianBlur(small, (0, 0), 1.0) * (1 - 0.3 * doubts**2) + 0.25 * np.maximum(doubts - 0.7, 0)
    full = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(full, 0, 1), dtype=np.float32)


def timed(work: Callable[[], Result]) -> tuple[float, Result]:
    """The lowest processor time of a few runs in milliseconds, and the result."""
    lowest = float("inf")
    for _ in range(REPEATS):
        began = time.process_time()
        result = work()
        lowest = min(lowest, time.process_time() - began)
    return 1000 * lowest, result


def times_of(rgb: Rgb, alphas: tuple[Alpha, Alpha, Alpha]) -> dict[str, float]:
    """Milliseconds of each step for one photo."""
    settings = GradingSettings()
    thresholds = Thresholds(settings.sehr_gut, settings.gut)
    first, second, third = alphas
    look, scene = timed(lambda: look_at(rgb))
    single, _ = timed(lambda: judge(rgb, first, thresholds))
    one, found = timed(lambda: best_finish(scene, first, thresholds))
    two, _ = timed(lambda: best_finish(scene, second, thresholds, {1: first}))
    three, _ = timed(lambda: best_finish(scene, third, thresholds, {1: first, 2: second}))
    again, _ = timed(lambda: verdict_now(scene, first, found, thresholds, {2: second, 3: third}))
    return dict(zip(STEPS, (look, single, look + one, two, three, again), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=15, help="how many photos are drawn")
    count = parser.parse_args().photos
    cv2.setNumThreads(1)
    rows = []
    for number in range(count):
        dice = np.random.default_rng(number)
        rgb, truth = drawn(*SIZES[number % len(SIZES)], dice)
        rows.append(times_of(rgb, (answered(truth, dice), answered(truth, dice), answered(truth, dice))))
    medians = {step: float(np.median([row[step] for row in rows])) for step in STEPS}
    print(f"processor time on one core, medians of {count} drawn photos of up to 1024 pixels, in milliseconds")
    for step, title in STEPS.items():
        print(f"  {title:55}{medians[step]:7.1f}")
    print(json.dumps({step: round(value, 1) for step, value in medians.items()}))


if __name__ == "__main__":
    main()
