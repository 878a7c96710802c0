"""A rim is judged where it is written: on the photo's own edge it is good, beside it or made coarsely it is not."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from daemon.arrays import Alpha, Rgb
from daemon.jobs import Spot
from daemon.judgement.rim_score import promised_rim
from daemon.judgement.rim_signs import RimPatches, read_rim
from daemon.judgement.rims import judge_rim
from daemon.pictures.photo import Photo
from daemon.pictures.rim_patches import rim_patches
from daemon.pictures.values import Metadata
from tests.drawing import drawn_photo

RIM_SEHR_GUT = 0.92


def drawn(longest: int = 800) -> tuple[Rgb, Alpha]:
    """A red star with round arms before a grey wall, and its exact alpha."""
    height = longest * 3 // 4
    y, x = np.mgrid[:height, :longest].astype(np.float32)
    angle = np.arctan2(y - height / 2, x - longest / 2)
    inside = 0.3 * height * (1 + 0.1 * np.sin(5 * angle)) - np.hypot(x - longest / 2, y - height / 2)
    alpha = np.asarray(cv2.GaussianBlur(np.clip(inside + 0.5, 0, 1), (0, 0), 0.9), np.float32)
    colour = np.array([180, 30, 40]) * alpha[..., None] + 205 * (1 - alpha[..., None])
    noise = np.random.default_rng(0).normal(0, 2, colour.shape)
    return np.clip(np.rint(colour + noise), 0, 255).astype(np.uint8), alpha


def patches_of(rgb: Rgb, alpha: Alpha, resolved: int = 0, raw: Alpha | None = None) -> RimPatches:
    rgba = np.dstack([rgb, np.full(alpha.shape, 255, np.uint8)])
    found = rim_patches(Photo(rgba, False, Metadata(), "drawn"), np.rint(255 * alpha).astype(np.uint8), resolved, raw)
    assert found is not None
    return found


def promise(rgb: Rgb, alpha: Alpha, resolved: int = 0, raw: Alpha | None = None) -> float:
    return promised_rim(read_rim(patches_of(rgb, alpha, resolved, raw)))


def shifted(alpha: Alpha, pixels: int) -> Alpha:
    return np.roll(alpha, pixels, axis=0)


def blurred(alpha: Alpha, pixels: float) -> Alpha:
    return np.asarray(cv2.GaussianBlur(alpha, (0, 0), pixels), np.float32)


def roughened(alpha: Alpha, amount: float) -> Alpha:
    """Its border moved to and fro by some pixels, every ten pixels anew."""
    height, width = alpha.shape
    noise = np.random.default_rng(1).normal(0, amount, (height // 8, width // 8)).astype(np.float32)
    noise = np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
    return np.asarray(np.clip((blurred(alpha, 3) - 0.5 + noise) * 6 + 0.5, 0, 1), np.float32)


def coarse(alpha: Alpha, pixels: int) -> Alpha:
    """As a network gives it that saw the photo at so many pixels, made firm afterwards."""
    height, width = alpha.shape
    small = cv2.resize(alpha, (pixels, pixels * height // width), interpolation=cv2.INTER_AREA)
    large = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
    return np.asarray(np.clip((large - 0.5) * 2.5 + 0.5, 0, 1), np.float32)


@pytest.mark.parametrize(("spoil", "amounts"), [(shifted, (3, 6)), (roughened, (0.5,)), (blurred, (5,))])
def test_the_worse_a_rim_the_less_it_promises(
    spoil: Callable[[Alpha, float], Alpha], amounts: tuple[float, ...]
) -> None:
    rgb, alpha = drawn()

    promises = [promise(rgb, alpha)] + [promise(rgb, spoil(alpha, amount)) for amount in amounts]

    assert promises == sorted(set(promises), reverse=True)


def test_an_engine_that_resolved_little_cannot_know_the_rim() -> None:
    rgb, alpha = drawn(1600)

    promises = [promise(rgb, coarse(alpha, resolved), resolved) for resolved in (1024, 320, 100)]

    assert promises == sorted(set(promises), reverse=True)


def test_an_answer_in_doubt_promises_less_however_firm_its_finish() -> None:
    rgb, alpha = drawn()

    promises = [promise(rgb, alpha, raw=blurred(alpha, doubt)) for doubt in (2, 4, 8)]

    assert promises == sorted(set(promises), reverse=True)
    assert promises[0] > promises[-1] + 0.2


@pytest.mark.parametrize("seed", range(4))
def test_a_true_alpha_of_the_suites_own_photos_is_very_good(seed: int) -> None:
    """Its border is where red and grey meet halfway."""
    rgb = drawn_photo(seed=seed)
    alpha = np.clip((205 - rgb[..., 1].astype(np.float32)) / (205 - float(rgb[..., 1].min())), 0, 1)
    alpha[alpha < 0.1] = 0

    assert promise(rgb, alpha) >= RIM_SEHR_GUT


@pytest.mark.parametrize("longest", [480, 1200, 4000])
def test_the_promise_of_a_true_rim_does_not_depend_on_the_size(longest: int) -> None:
    rgb, alpha = drawn(longest)

    assert promise(rgb, alpha) == pytest.approx(promise(*drawn(1600)), abs=0.03)


def spots(rgb: Rgb, alpha: Alpha) -> list[Spot]:
    judged = judge_rim(patches_of(rgb, alpha), (alpha.shape[1], alpha.shape[0]))
    assert judged is not None
    return [spot for _, of_reason in judged.reasons for spot in of_reason]


def test_the_spots_are_where_the_rim_was_spoilt() -> None:
    rgb, alpha = drawn()
    half = alpha.shape[1] // 2
    alpha[:, half:] = shifted(alpha, 8)[:, half:]

    found = spots(rgb, alpha)

    assert found
    assert all(spot.x > 0.45 for spot in found)


def test_a_rim_without_a_flaw_has_no_spot() -> None:
    assert spots(*drawn()) == []
