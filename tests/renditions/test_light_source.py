"""Shrinking in linear light, premultiplied, in strips."""

from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from daemon.pictures.strip_picture import StripPicture
from daemon.pictures.values import Samples
from daemon.renditions.drawn_rendition import draw
from daemon.renditions.layout import RenditionLayout, laid_out
from daemon.renditions.light_source import LightSource
from daemon.renditions.linear_light import (
    FULL,
    as_floats,
    codes_of,
    codes_of_steps,
    light_of,
    premultiplied,
    shrunk_light,
    shrunk_picture,
)
from tests.pictures.drawing import coloured, profile
from tests.renditions.shapes import box_of, ellipse, wanted


def cut_out(width: int = 600, height: int = 500, wide: int = 400, high: int = 300) -> Samples:
    """A coloured ellipse with a soft rim."""
    alpha = cv2.GaussianBlur(ellipse(width, height, wide, high), (0, 0), 1.5)
    return np.ascontiguousarray(np.dstack([coloured(width, height), alpha]) * (alpha > 0)[..., None].astype(np.uint8))


def placed(rgba: Samples, longest: int, fill: float = 0.85, enlarge: bool = False) -> RenditionLayout:
    return laid_out(box_of(rgba[..., 3]), wanted(longest, fill=fill, enlarge=enlarge))


def test_every_code_comes_back_from_its_light() -> None:
    codes = np.arange(256, dtype=np.uint8)

    assert (codes_of(light_of(codes)) == codes).all()
    assert (codes_of(light_of(codes.astype(np.uint16) * 257)) == codes).all()


def test_fine_lines_of_black_and_white_keep_their_light() -> None:
    lines = np.zeros((400, 400, 3), np.uint8)
    lines[::2] = 255

    assert set(np.unique(shrunk_picture(lines, (100, 100)))) == {188}


def test_colour_that_alpha_hides_does_not_count() -> None:
    rgba = np.zeros((40, 40, 4), np.uint8)
    rgba[:, :20] = (255, 0, 0, 255)
    rgba[:, 20:] = (0, 255, 0, 0)

    light = shrunk_light(premultiplied(rgba), (5, 5))

    assert light[..., 1].max() == 0
    assert (light[..., 0] == light[..., 3]).all()


def test_what_is_enlarged_is_clamped() -> None:
    rgba = np.zeros((9, 9, 4), np.uint8)
    rgba[3:6, 3:6] = 255

    light = shrunk_light(premultiplied(rgba), (90, 90))

    assert light.max() == FULL
    assert (light[..., :3] <= light[..., 3:]).all()


def test_light_in_steps_shrinks_as_light_in_floating_point() -> None:
    rgba = cut_out()
    alpha = (rgba[..., 3:] / 255).astype(np.float32)
    exact = np.concatenate([light_of(np.ascontiguousarray(rgba[..., :3])) * alpha, alpha], axis=2)

    shrunk = as_floats(shrunk_light(premultiplied(rgba), (211, 173)))

    assert np.abs(shrunk - cv2.resize(exact, (211, 173), interpolation=cv2.INTER_AREA)).max() < 1.5 / FULL


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("longest", [90, 211, 333])
def test_strips_give_what_the_whole_gives(depth: type[np.uint8 | np.uint16], longest: int) -> None:
    rgba = cut_out()
    deep = rgba if depth is np.uint8 else rgba.astype(np.uint16) * 257
    layout = placed(rgba, longest)
    left, top, right, bottom = layout.source
    size = layout.place[2] - layout.place[0], layout.place[3] - layout.place[1]

    light = as_floats(LightSource.of(deep, None, [layout]).light(layout))

    whole = cv2.resize(as_floats(premultiplied(rgba[top:bottom, left:right])), size, interpolation=cv2.INTER_AREA)
    assert np.abs(light - whole).max() < 0.06
    assert np.abs(light - whole).mean() < 0.002


def test_pixels_that_keep_their_size_are_kept_exactly() -> None:
    rgba = cut_out()
    layout = placed(rgba, 600)
    left, top, right, bottom = layout.source
    assert layout.scale == 1

    light = as_floats(LightSource.of(rgba, None, [layout]).light(layout))

    assert (np.rint(light[..., 3] * 255) == rgba[top:bottom, left:right, 3]).all()
    opaque = light[..., 3] == 1
    assert (codes_of(light[..., :3])[opaque] == rgba[top:bottom, left:right, :3][opaque]).all()


def test_a_picture_in_strips_is_read_once_for_all_renditions() -> None:
    rgba, readings = cut_out(), []

    def strips() -> Iterator[Samples]:
        readings.append(1)
        yield from (rgba[top : top + 64] for top in range(0, len(rgba), 64))

    layouts = [placed(rgba, longest) for longest in (400, 300, 150, 60)]
    source = LightSource.of(StripPicture(600, 500, rgba[..., 3], strips), None, layouts)
    whole = LightSource.of(rgba, None, layouts)

    assert readings == [1]
    assert len(source.levels) == 2  # 150 and 60 are made from 400
    for layout in layouts:
        assert (source.light(layout) == whole.light(layout)).all()


@pytest.mark.parametrize("longest", [60, 150])
def test_what_is_made_from_a_larger_one_is_as_if_made_from_the_photo(longest: int) -> None:
    rgba = cut_out()
    large, small = placed(rgba, 400), placed(rgba, longest)

    derived = as_floats(LightSource.of(rgba, None, [large, small]).light(small))

    straight = as_floats(LightSource.of(rgba, None, [small]).light(small))
    assert np.abs(derived - straight).mean() < 0.005
    assert derived.shape == straight.shape


def test_colours_are_brought_from_their_profile_to_srgb() -> None:
    rgba = np.full((80, 80, 4), 255, np.uint8)
    rgba[..., :3] = (120, 200, 60)
    layout = placed(rgba, 80, fill=1.0)

    light = LightSource.of(rgba, profile("p3"), [layout]).light(layout)

    red, green, blue = codes_of_steps(light[40, 40, :3]).tolist()
    assert red < 110
    assert green > 200
    assert blue < 50


def test_a_profile_that_is_srgb_changes_nothing() -> None:
    rgba = cut_out()
    layout = placed(rgba, 300)

    plain, named = (LightSource.of(rgba, each, [layout]).light(layout) for each in (None, profile("srgb")))

    assert (plain == named).all()


def test_light_of_a_single_pixel_fills_what_it_is_enlarged_to() -> None:
    rgba = np.full((1, 1, 4), 255, np.uint8)
    layout = placed(rgba, 10, fill=1.0, enlarge=True)

    light = LightSource.of(rgba, None, [layout]).light(layout)

    assert light.shape == (10, 10, 4)
    assert light.min() == FULL


def test_what_is_drawn_leaves_the_light_for_other_renditions_alone() -> None:
    rgba = cut_out()
    layout = placed(rgba, 300)
    source = LightSource.of(rgba, None, [layout])
    before = source.light(layout).copy()

    draw(source, layout, wanted(300))

    assert (source.light(layout) == before).all()
