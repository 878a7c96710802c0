"""Cut-outs: which colours of the photo stay, which go, and which are cleaned."""

import numpy as np
import pytest

from daemon.pictures.compositing import cut_out
from daemon.pictures.values import Samples
from tests.pictures.drawing import coloured, deep, disc, photo_of

DEPTHS = pytest.mark.parametrize("rgb", [coloured(200, 150), deep(200, 150)], ids=["8 bit", "16 bit"])


def steps(alpha: np.ndarray, like: Samples) -> Samples:
    whole: Samples = np.rint(alpha * np.iinfo(like.dtype).max).astype(like.dtype)
    return whole


@DEPTHS
@pytest.mark.parametrize("clean_rims", [False, True])
def test_where_alpha_is_full_every_bit_is_the_originals(rgb: Samples, clean_rims: bool) -> None:
    alpha = steps(disc(200, 150), rgb)

    rgba = cut_out(photo_of(rgb), alpha, clean_rims)

    full = alpha == np.iinfo(rgb.dtype).max
    assert full.any()
    assert np.array_equal(rgba[full][:, :3], rgb[full])
    assert np.array_equal(rgba[..., 3], alpha)


@DEPTHS
def test_colour_under_alpha_zero_is_cleared(rgb: Samples) -> None:
    alpha = steps(disc(200, 150), rgb)

    rgba = cut_out(photo_of(rgb), alpha, clean_rims=True)

    assert not rgba[alpha == 0].any()


@DEPTHS
def test_without_cleaning_rims_keep_their_colour(rgb: Samples) -> None:
    alpha = steps(disc(200, 150), rgb)

    rgba = cut_out(photo_of(rgb), alpha, clean_rims=False)

    assert np.array_equal(rgba[alpha > 0][:, :3], rgb[alpha > 0])


@pytest.mark.parametrize("ground", [(0, 255, 0), (255, 0, 255), (0, 0, 0), (255, 255, 255)])
def test_a_strong_background_is_taken_out_of_the_rim(ground: tuple[int, int, int]) -> None:
    alpha, subject = disc(300, 200, softness=12), np.array([150.0, 110, 90])
    mixed = alpha[..., None] * subject + (1 - alpha[..., None]) * np.array(ground)
    rgb = np.rint(mixed).astype(np.uint8)

    rgba = cut_out(photo_of(rgb), steps(alpha, rgb), clean_rims=True)

    weight = np.where((alpha > 0) & (alpha < 1), alpha, 0)
    before = (np.abs(rgb - subject).mean(axis=-1) * weight).sum()
    after = (np.abs(rgba[..., :3] - subject).mean(axis=-1) * weight).sum()
    assert after < 0.35 * before


def test_a_rim_without_any_background_in_it_stays_as_it_is() -> None:
    # The matte is soft where the picture is the same on both sides: there is nothing to clean.
    rgb = np.full((150, 200, 3), (120, 90, 60), np.uint8)

    rgba = cut_out(photo_of(rgb), steps(disc(200, 150, softness=20), rgb), clean_rims=True)

    assert (np.abs(rgba[..., :3].astype(int) - rgb)[rgba[..., 3] > 0] <= 1).all()


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_matte_that_is_the_same_everywhere_is_no_accident(value: int) -> None:
    rgb = coloured()

    rgba = cut_out(photo_of(rgb), np.full((64, 96), value, np.uint8), clean_rims=True)

    assert (rgba[..., 3] == value).all()


def test_a_photo_is_cut_out_once() -> None:
    photo = photo_of(coloured())
    alpha = steps(disc(), coloured())
    cut_out(photo, alpha, clean_rims=False)

    with pytest.raises(ValueError, match="cut out before"):
        cut_out(photo, alpha, clean_rims=False)


def test_an_alpha_of_another_size_or_depth_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        cut_out(photo_of(coloured()), np.zeros((10, 10), np.uint8), clean_rims=False)
    with pytest.raises(ValueError, match="does not fit"):
        cut_out(photo_of(deep()), np.zeros((64, 96), np.uint8), clean_rims=False)
