"""Proxies, the small pictures that engines see."""

import numpy as np
import pytest
import pyvips

from daemon.jobs import View
from daemon.pictures.proxy import make_proxy
from tests.pictures.drawing import coloured, deep, photo_of, profile


def test_a_proxy_is_shrunk_to_its_longer_side_and_keeps_its_shape() -> None:
    assert make_proxy(photo_of(coloured(300, 200)), View(), 75).shape == (50, 75, 3)
    assert make_proxy(photo_of(coloured(200, 300)), View(), 75).shape == (75, 50, 3)


def test_a_small_photo_is_not_enlarged() -> None:
    rgb = coloured(40, 30)

    assert np.array_equal(make_proxy(photo_of(rgb), View(), 1024), rgb)


@pytest.mark.parametrize(("width", "height"), [(400, 300), (401, 303)])
def test_each_pixel_is_the_mean_of_what_it_covers(width: int, height: int) -> None:
    rgb = coloured(width, height)

    small = make_proxy(photo_of(rgb), View(), width // 8)

    # The sweep is linear, so a mean over an area is the colour in its middle; the grain is averaged away.
    x = (np.arange(small.shape[1]) + 0.5) / small.shape[1] * width - 0.5
    expected = (x / (width - 1) * 0.9 + 0.05) * 255
    assert np.abs(small[..., 0].mean(axis=0) - expected).max() < 1.5


def test_16_bit_is_scaled_to_8() -> None:
    small = make_proxy(photo_of(deep()), View(), 1024)

    assert small.dtype == np.uint8
    assert np.abs(small.astype(int) - coloured()).max() <= 1


def test_a_view_shows_only_that_part() -> None:
    rgb = coloured(200, 100)

    small = make_proxy(photo_of(rgb), View(0.25, 0.5, 0.75, 1.0), 1024)

    assert np.array_equal(small, rgb[50:100, 50:150])


def test_a_mirrored_view_is_mirrored() -> None:
    rgb = coloured()

    assert np.array_equal(make_proxy(photo_of(rgb), View(mirrored=True), 1024), rgb[:, ::-1])


def test_the_smallest_view_is_one_pixel() -> None:
    assert make_proxy(photo_of(coloured()), View(1.0, 1.0, 1.0, 1.0), 1024).shape == (1, 1, 3)


@pytest.mark.parametrize("rgb", [coloured(), deep()], ids=["8 bit", "16 bit"])
def test_colours_are_managed(rgb: np.ndarray) -> None:
    wide = photo_of(rgb, icc=profile("p3"))

    small = make_proxy(wide, View(), 1024)

    reference = pyvips.Image.new_from_array(coloured()).copy(interpretation="srgb")
    reference = reference.icc_transform("srgb", input_profile="p3", intent="relative", black_point_compensation=True)
    assert np.abs(small.astype(int) - reference.numpy()).mean() < 1
    assert np.abs(small.astype(int) - coloured()).max() > 10  # P3's corners are not sRGB's


@pytest.mark.parametrize("rgb", [coloured(), deep()], ids=["8 bit", "16 bit"])
def test_a_photo_with_an_alpha_is_laid_on_white(rgb: np.ndarray) -> None:
    alpha = np.zeros(rgb.shape[:2], rgb.dtype)
    alpha[:, 48:] = np.iinfo(rgb.dtype).max

    small = make_proxy(photo_of(rgb, own_alpha=alpha), View(), 1024)

    assert (small[:, :48] == 255).all()
    assert np.abs(small[:, 48:].astype(int) - coloured()[:, 48:]).max() <= 1
