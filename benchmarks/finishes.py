"""Measures what the chosen finish does to the true error, and how near it comes to the best finish."""

import itertools
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks.borders import steepness
from benchmarks.labelled import Labelled, fitted, mean_error
from benchmarks.rows import JUDGED
from daemon.arrays import Alpha, Rgb
from daemon.jobs import Finish
from daemon.judgement.finish import apply_finish
from daemon.judgement.finish_search import best_finish
from daemon.judgement.grading import Thresholds
from daemon.judgement.scene import look_at

LEVELS = ((0.0, 1.0), (0.1, 0.9), (0.2, 0.8), (0.3, 0.7))
SENSITIVITIES = (0.5, 0.8, 1.0)
WORSE = 1.01  # of the raw error: from here on the finish made the photo worse


@dataclass(frozen=True, slots=True)
class FinishErrors:
    """Errors of one alpha: raw, with the chosen finish, with the best finish. Gradient errors are per 1000 pixels."""

    model: str
    soft: bool
    raw: float
    chosen: float
    best: float
    gradient_raw: float
    gradient_chosen: float


def report_finishes(photos: list[Labelled]) -> None:
    with ProcessPoolExecutor() as pool:
        effects = [effect for found in pool.map(effects_on, photos, chunksize=2) for effect in found]
    print("\nthe chosen finish of one alpha: mean error (MAD), and what of the best finish's gain per photo it wins")
    print(f"{'':26}photos  raw     chosen  best    gain won  worse by over 1 %")
    for model in JUDGED:
        for title, soft in (("all", (True, False)), ("soft truth", (True,))):
            rows = [effect for effect in effects if effect.model == model and effect.soft in soft]
            raw, chosen, best = np.mean([(row.raw, row.chosen, row.best) for row in rows], axis=0)
            won = (raw - chosen) / (raw - best)
            worse = np.mean([row.chosen > WORSE * row.raw for row in rows])
            print(
                f"  {model:10} {title:13}{len(rows):5d}  {raw:.4f}  {chosen:.4f}  {best:.4f}  {won:7.2f}   {worse:.3f}"
            )
        soft_ones = [effect for effect in effects if effect.model == model and effect.soft]
        before, after = np.mean([(row.gradient_raw, row.gradient_chosen) for row in soft_ones], axis=0)
        print(f"  {model:10} soft truth, gradient error per 1000 pixels: raw {before:.3f}, chosen {after:.3f}")


def effects_on(photo: Labelled) -> list[FinishErrors]:
    cv2.setNumThreads(1)
    rgb, truth = photo.photo(), photo.truth()
    return [_effect(photo, model, rgb, truth) for model in JUDGED]


def _effect(photo: Labelled, model: str, rgb: Rgb, truth: Alpha) -> FinishErrors:
    raw = photo.mask(model)
    chosen = best_finish(look_at(rgb), raw, Thresholds(1, 0)).alpha
    error, error_chosen = mean_error(raw, truth), mean_error(chosen, truth)
    others = [mean_error(alpha, truth) for alpha in _every_finish(rgb, raw)]
    return FinishErrors(
        model,
        photo.soft,
        error,
        error_chosen,
        min(error, error_chosen, *others),
        gradient_error(raw, truth),
        gradient_error(chosen, truth),
    )


def _every_finish(rgb: Rgb, raw: Alpha) -> Iterator[Alpha]:
    for tidy, guided in itertools.product((False, True), (False, True)):
        base = apply_finish(rgb, raw, Finish(guided=guided))
        for levels, sensitivity in itertools.product(LEVELS, SENSITIVITIES):
            finish = Finish(sensitivity=sensitivity, levels=levels, keep_islands=not tidy, fill_holes=tidy)
            yield apply_finish(rgb, base, finish)


def gradient_error(alpha: Alpha, truth: Alpha) -> float:
    """Squared difference of gradient magnitudes, per 1000 pixels, in truth's frame.

    Rhemann et al., "A perceptually motivated online benchmark for image matting" (CVPR 2009), over the whole picture.
    """
    difference = steepness(fitted(alpha, truth)) - steepness(truth)
    return 1000 * float(np.square(difference).mean())
