"""Windows lie evenly along the border, show what is written there, and are never too many."""

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from daemon.judgement.rim_points import SIDE
from daemon.pictures.large_photo import LargePhoto
from daemon.pictures.photo import Photo
from daemon.pictures.rim_patches import MOST, rim_patches
from daemon.pictures.tiles import TILE
from daemon.pictures.values import Metadata, Samples


def photo_of(height: int, width: int, own: NDArray[np.uint8] | None = None) -> Photo:
    rgba = np.random.default_rng(0).integers(0, 256, (height, width, 4), np.uint8)
    rgba[..., 3] = 255 if own is None else own
    return Photo(rgba, own is not None, Metadata(), "drawn")


def square(height: int, width: int, margin: int) -> NDArray[np.uint8]:
    alpha = np.zeros((height, width), np.uint8)
    alpha[margin:-margin, margin:-margin] = 255
    return alpha


def test_a_window_shows_photo_alpha_and_raw_answer_at_its_place() -> None:
    photo, alpha = photo_of(300, 400), square(300, 400, 80)
    raw = np.asarray(alpha / 255, np.float32)

    patches = rim_patches(photo, alpha, 320, raw)

    assert patches is not None
    assert patches.raw is not None
    for rgb, cover, answer, (x, y) in zip(patches.rgb, patches.alpha, patches.raw, patches.places, strict=True):
        top, left = round(float(y) * 300) - SIDE // 2, round(float(x) * 400) - SIDE // 2
        assert np.array_equal(rgb, photo.pixels[top : top + SIDE, left : left + SIDE])
        assert np.array_equal(cover, raw[top : top + SIDE, left : left + SIDE])
        assert np.allclose(answer, cover, atol=1e-4)


def test_a_large_photo_gives_the_same_windows_in_one_decoding() -> None:
    photo, alpha = photo_of(1800, 3400), square(1800, 3400, 300)
    decodings = []

    def strips() -> Iterator[Samples]:
        decodings.append(1)
        for top in range(0, photo.height, TILE):
            yield photo.rgba[top : top + TILE]

    large = LargePhoto.of(strips, (photo.width, photo.height), metadata=Metadata(), format="drawn")
    decodings.clear()

    whole, in_strips = rim_patches(photo, alpha, 0), rim_patches(large, alpha, 0)

    assert whole is not None
    assert in_strips is not None
    apart = np.abs(whole.rgb.astype(np.int16) - in_strips.rgb)
    assert apart.max() <= 1  # of 255: means that end in a half are rounded either way
    assert np.array_equal(whole.alpha, in_strips.alpha)
    assert len(decodings) == 1


def test_windows_lie_evenly_on_all_sides() -> None:
    patches = rim_patches(photo_of(600, 600), square(600, 600, 150), 0)

    assert patches is not None
    x, y = patches.places.T
    sides = [int(near.sum()) for near in (x < 0.27, x > 0.73, y < 0.27, y > 0.73)]
    assert min(sides) > 0.2 * len(x)


def test_lace_has_no_more_windows_than_a_plain_border() -> None:
    lace = np.random.default_rng(0).integers(0, 2, (900, 900), np.uint8) * np.uint8(255)

    patches = rim_patches(photo_of(900, 900), lace, 0)

    assert patches is not None
    assert len(patches.alpha) == MOST


@pytest.mark.parametrize("value", [0, 255])
def test_without_a_border_there_is_nothing_to_judge(value: int) -> None:
    assert rim_patches(photo_of(200, 200), np.full((200, 200), value, np.uint8), 0) is None


def test_a_border_that_came_with_the_photo_is_not_ours() -> None:
    own = square(300, 300, 60)

    assert rim_patches(photo_of(300, 300, own), own, 0) is None


def test_a_photo_smaller_than_a_window_is_not_judged() -> None:
    assert rim_patches(photo_of(SIDE - 1, 200), square(SIDE - 1, 200, 10), 0) is None
