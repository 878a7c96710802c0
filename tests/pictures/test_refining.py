"""Alphas at full size: plain areas stay plain, and borders follow the photo."""

import cv2
import numpy as np
import pytest

from daemon.arrays import Alpha, Rgb
from daemon.pictures import codec
from daemon.pictures.refining import full_size_alpha, painted_alpha
from daemon.pictures.values import Samples
from tests.pictures.drawing import coloured, deep, disc, photo_of

SIZE = (640, 480)  # width, height


def shrunk(alpha: Alpha, factor: int) -> Alpha:
    size = (alpha.shape[1] // factor, alpha.shape[0] // factor)
    return np.asarray(cv2.resize(alpha, size, interpolation=cv2.INTER_AREA), np.float32)


def interpolated(alpha: Alpha) -> Alpha:
    return np.asarray(cv2.resize(alpha, SIZE, interpolation=cv2.INTER_LINEAR), np.float32)


def subject_on_ground(alpha: Alpha, seed: int = 0) -> Rgb:
    """A red object in front of a blue-green wall, with the grain of a camera."""
    grain = np.random.default_rng(seed).normal(0, 2, (*alpha.shape, 3))
    subject, ground = np.array([200.0, 60, 40]), np.array([40.0, 120, 130])
    mixed = alpha[..., None] * subject + (1 - alpha[..., None]) * ground
    drawn: Rgb = np.rint(np.clip(mixed + grain, 0, 255)).astype(np.uint8)
    return drawn


def error(result: Samples, truth: Alpha) -> float:
    return float(np.abs(result / np.iinfo(result.dtype).max - truth).mean())


@pytest.mark.parametrize("factor", [4, 8])
def test_a_border_follows_the_photo_and_not_the_grid_of_the_proxy(factor: int) -> None:
    truth = disc(*SIZE, softness=2)
    small = shrunk(truth, factor)

    result = full_size_alpha(photo_of(subject_on_ground(truth)), small)

    assert error(result, truth) < 0.3 * float(np.abs(interpolated(small) - truth).mean())


@pytest.mark.parametrize(
    "ground",
    [np.full((480, 640, 3), 128, np.uint8), coloured(*SIZE), subject_on_ground(np.roll(disc(*SIZE), 37, axis=1))],
    ids=["flat", "grain", "edges elsewhere"],
)
@pytest.mark.parametrize("factor", [4, 8])
def test_a_border_that_the_photo_knows_nothing_of_is_no_worse_than_interpolated(ground: Rgb, factor: int) -> None:
    truth = disc(*SIZE)
    small = shrunk(truth, factor)

    result = full_size_alpha(photo_of(ground), small)

    assert error(result, truth) <= float(np.abs(interpolated(small) - truth).mean())


def test_the_result_averages_to_the_alpha_that_was_given() -> None:
    truth = disc(*SIZE, softness=2)
    small = shrunk(truth, 8)

    result = full_size_alpha(photo_of(subject_on_ground(truth)), small)

    back = shrunk(np.asarray(result / 255, np.float32), 8)
    assert np.abs(back - small).mean() < 0.25 * np.abs(shrunk(interpolated(small), 8) - small).mean()


@pytest.mark.parametrize("rgb", [coloured(*SIZE), deep(*SIZE)], ids=["8 bit", "16 bit"])
def test_the_result_has_the_photos_size_and_depth(rgb: Samples) -> None:
    result = full_size_alpha(photo_of(rgb), disc(160, 120))

    assert result.shape == (480, 640)
    assert result.dtype == rgb.dtype
    assert result[240, 320] == np.iinfo(rgb.dtype).max
    assert result[0, 0] == 0


def test_inside_and_outside_are_exactly_full_and_empty() -> None:
    small = shrunk(disc(*SIZE), 8)

    result = full_size_alpha(photo_of(coloured(*SIZE)), small)

    away = disc(*SIZE, softness=60)  # its border is wider than two pixels of the proxy on either side
    assert (result[away == 1] == 255).all()
    assert (result[away == 0] == 0).all()


@pytest.mark.parametrize("size", [(640, 480), (641, 479), (1, 300), (300, 1), (64, 64), (65, 65), (1, 1)])
@pytest.mark.parametrize("small", [(64, 48), (1, 1), (63, 1), (1, 47), (2, 3)])
def test_any_two_sizes_fit_together(size: tuple[int, int], small: tuple[int, int]) -> None:
    half = np.full((small[1], small[0]), 0.5, np.float32)

    result = full_size_alpha(photo_of(np.full((size[1], size[0], 3), 99, np.uint8)), half)

    assert result.shape == (size[1], size[0])
    assert (np.abs(result.astype(int) - 128) <= 1).all()


def test_an_alpha_of_the_photos_own_size_is_taken_as_it_is() -> None:
    alpha = disc()

    result = full_size_alpha(photo_of(coloured()), alpha)

    assert np.array_equal(result, np.rint(alpha * 255).astype(np.uint8))


def test_an_alpha_larger_than_the_photo_is_averaged() -> None:
    result = full_size_alpha(photo_of(coloured(96, 64)), disc(960, 640, softness=30))

    assert np.abs(result / 255 - disc(96, 64)).max() < 0.05


def test_what_is_not_a_number_counts_as_background() -> None:
    alpha = np.full((12, 16), np.nan, np.float32)

    assert not full_size_alpha(photo_of(coloured()), alpha).any()


@pytest.mark.parametrize("rgb", [coloured(), deep()], ids=["8 bit", "16 bit"])
def test_the_photos_own_alpha_is_multiplied_in(rgb: Samples) -> None:
    full = np.iinfo(rgb.dtype).max
    own = np.full(rgb.shape[:2], full // 2, rgb.dtype)
    own[:, :48] = 0

    result = full_size_alpha(photo_of(rgb, own_alpha=own), np.ones((16, 24), np.float32))

    assert not result[:, :48].any()
    assert (np.abs(result[:, 48:].astype(int) - full // 2) <= 1).all()


@pytest.mark.parametrize("is_deep", [False, True])
@pytest.mark.parametrize("own", [False, True])
def test_an_alpha_that_was_painted_at_full_size_is_taken_value_for_value(is_deep: bool, own: bool) -> None:
    rgb = deep(300, 200) if is_deep else coloured(300, 200)
    half = np.full((200, 300), np.iinfo(rgb.dtype).max // 3, rgb.dtype)
    photo = photo_of(rgb, half if own else None)
    painted = np.random.default_rng(1).integers(0, 256, (200, 300)).astype(np.uint8)
    png = cv2.imencode(".png", painted)[1].tobytes()

    result = painted_alpha(photo, png)

    assert result.dtype == photo.dtype
    assert np.array_equal(result, full_size_alpha(photo, codec.decode_alpha(png)))
