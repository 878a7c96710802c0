"""`freisteller assess`: judges a cut-out that exists already."""

from pathlib import Path
from typing import Any

import numpy as np

from daemon.arrays import Alpha
from daemon.commands.judge_in_full import as_large_as, in_full
from daemon.errors import BadPhoto
from daemon.jobs import Verdict, View
from daemon.judgement.grading import Thresholds, judge
from daemon.pictures.proxy import make_proxy
from daemon.pictures.reading import open_photo
from daemon.publishing.reports import verdict_values
from daemon.settings import Settings
from daemon.words.catalogue import Texts

MOST_ASPECT_DIFFERENCE = 0.02  # scaling a cut-out rounds its size; more means another shape


def assess_cutout(settings: Settings, photo: Path, cutout: Path) -> Verdict:
    """Judge the alpha of `cutout` (its own, or a grey mask) against `photo`. Raises BadPhoto if they do not fit."""
    original = open_photo(photo, settings.intake.max_megapixels)
    alpha = _alpha_of(cutout, settings.intake.max_megapixels)
    height, width = alpha.shape
    if abs((width / height) / (original.width / original.height) - 1) > MOST_ASPECT_DIFFERENCE:
        raise BadPhoto(
            f"{cutout.name} ({width} x {height}) does not have the shape of {photo.name} "
            f"({original.width} x {original.height}): it was trimmed or belongs to another photo. Name one that fits."
        )
    thresholds = Thresholds(settings.grading.sehr_gut, settings.grading.gut)
    region = judge(make_proxy(original, View(), settings.engine.proxy_pixels), alpha, thresholds)
    return in_full(region, original, as_large_as(original, alpha), settings.grading)


def assessed_values(verdict: Verdict, words: Texts) -> dict[str, Any]:
    """A verdict of `assess_cutout` as JSON values. rim_raw_known: false, if a rim was judged: a cut-out does not show
    what the engine was in doubt about, so the promise may differ from that in the report of the same result.
    """
    return verdict_values(verdict, words) | ({} if verdict.rim is None else {"rim_raw_known": False})


def _alpha_of(path: Path, max_megapixels: float) -> Alpha:
    picture = open_photo(path, max_megapixels)
    samples = picture.own_alpha
    if samples is None:
        red, green, blue = (picture.pixels[..., channel] for channel in range(3))
        if not (np.array_equal(red, green) and np.array_equal(green, blue)):
            raise BadPhoto(f"{path.name} is neither a cut-out nor a mask: it has colours, but no alpha.")
        samples = red
    alpha: Alpha = samples.astype(np.float32) / np.float32(picture.full_scale)
    return alpha
