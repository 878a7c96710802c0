"""Makes the results that rim cards are fitted to and tested on: of models, in black and white, true and spoilt ones."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass, replace
from math import erf, sqrt

import cv2
import numpy as np

from benchmarks.borders import photo_of
from benchmarks.rim_truth import OFF, RimError, RimPhoto, finished_alpha, in_proportion, raw_alpha, rim_error
from daemon.arrays import Alpha
from daemon.judgement.rim_signs import NAMES, read_rim
from daemon.pictures.photo import Photo
from daemon.pictures.refining import full_size_alpha
from daemon.pictures.rim_patches import rim_patches
from daemon.pictures.values import Samples

EVERY = 4  # of the photos whose border is good to two pixels only, one in so many is used
RESOLVED = (320, 512, 800)  # px: at which true alphas are made coarse
ROUGH_GRID = 6.0  # px, how far bumps of a roughened border are apart


@dataclass(frozen=True, slots=True)
class RimRow:
    """One result: how far its border is off, its signs, and its region's score.

    kind: "model" for what the program makes of a model's answer; "crisp" if the answer was cut at 0.5 before; "true",
    "coarse", "moved", "rough" and "smeared" for alphas made of the truth; "model moved" for a model's, moved after its
    finish. A smear leaves the line where alpha is one half in its place; of such a border, what counts as followed is
    how much of the way from 1 to 0 lies within what a border may be off.
    """

    photo: str
    group: str
    model: str
    kind: str
    exact: bool
    error: RimError
    signs: tuple[float, ...]
    region: float

    @property
    def followed(self) -> float:
        """The share of the true border that the alpha's border follows."""
        return 1 - self.error.off

    @property
    def hidden(self) -> float:
        """How far the model's doubts are hidden: see RimSigns."""
        return self.signs[NAMES.index("hidden")]


@dataclass(frozen=True, slots=True)
class _Written:
    """An alpha as it would be written, what it was finished from, and how fine that was."""

    kind: str
    alpha: Samples
    raw: Alpha | None
    resolved: int
    region: float = 1.0
    smear: float = 0.0  # px, the standard deviation


def gather(photos: Sequence[RimPhoto], kinds: bool) -> list[RimRow]:
    """The rows of these photos. kinds: also of alphas that no model made, or that were cut or moved."""
    photos = [photo for number, photo in enumerate(photos) if photo.exact or number % EVERY == 0]
    with ProcessPoolExecutor() as pool:
        return [row for rows in pool.map(rows_of, photos, [kinds] * len(photos), chunksize=4) for row in rows]


def rows_of(photo: RimPhoto, kinds: bool) -> list[RimRow]:
    """All rows of one photo and model; none if an alpha has no border."""
    cv2.setNumThreads(1)
    opened, truth = photo_of(photo.labelled.photo()), photo.labelled.truth()
    found = []
    for made in _made(photo, opened, truth, kinds):
        patches = rim_patches(opened, made.alpha, made.resolved, made.raw)
        if patches is not None:
            error = rim_error(np.asarray(made.alpha / 255, np.float32), truth, photo.labelled.soft)
            if made.smear:
                within = erf(in_proportion(OFF, max(truth.shape)) / made.smear / sqrt(2))
                error = replace(error, off=max(error.off, 1 - within))
            signs = astuple(read_rim(patches))
            row = RimRow(photo.name, photo.group, photo.model, made.kind, photo.exact, error, signs, made.region)
            found.append(row)
    return found


def _made(photo: RimPhoto, opened: Photo, truth: Alpha, kinds: bool) -> Iterator[_Written]:
    raw = raw_alpha(opened, photo)
    alpha, region = finished_alpha(opened, raw)
    yield _Written("model", alpha, raw, photo.resolved, region)
    if not kinds or not photo.exact or photo.group == "made":
        return
    dice = np.random.default_rng(list(photo.name.encode()))
    draw = int(dice.integers(3))
    cut = (raw >= 0.5).astype(np.float32)
    if draw < 2:
        yield _Written("crisp", finished_alpha(opened, cut)[0], cut, photo.resolved)
    moved = round(in_proportion(float(dice.uniform(2, 6)), max(truth.shape)))
    if draw == 0:
        yield _Written("model moved", np.roll(alpha, moved, axis=int(dice.integers(2))), raw, photo.resolved)
    if photo.model != "u2netp":
        return
    whole = np.rint(255 * truth).astype(np.uint8)
    if draw == 0:
        yield _Written("true", whole, None, 0)
        yield _Written("moved", np.roll(whole, moved, axis=int(dice.integers(2))), None, 0)
    elif draw == 1:
        yield _Written("rough", np.rint(255 * roughened(truth, dice)).astype(np.uint8), None, 0)
        smear = in_proportion(float(dice.uniform(1.5, 6)), max(truth.shape))
        soft = cv2.GaussianBlur(truth, (0, 0), smear)
        yield _Written("smeared", np.rint(255 * soft).astype(np.uint8), None, 0, smear=smear)
    scale = RESOLVED[int(dice.integers(3))] / max(truth.shape)
    if scale < 1 and draw != 1:
        small = np.asarray(cv2.resize(truth, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.float32)
        yield _Written("coarse", full_size_alpha(opened, small), None, max(small.shape))


def roughened(truth: Alpha, dice: np.random.Generator) -> Alpha:
    """A border that is moved to and fro by some pixels, every few pixels anew."""
    grid = in_proportion(ROUGH_GRID, max(truth.shape))
    height, width = truth.shape
    noise = dice.normal(0, float(dice.uniform(0.2, 0.8)), (int(height / grid) + 2, int(width / grid) + 2))
    bumps = np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    soft = np.asarray(cv2.GaussianBlur(truth, (0, 0), grid / 2), np.float32)
    return np.asarray(np.clip((soft - 0.5 + bumps) * 5 + 0.5, 0, 1), np.float32)
