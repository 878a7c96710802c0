"""What a rendition looks like: exact grounds, no rims, shadows that end."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from daemon.arrays import Rgb
from daemon.pictures.icc import in_srgb
from daemon.pictures.values import Samples
from daemon.renditions.cannot_draw import CannotDraw
from daemon.renditions.drawn_rendition import Drawn, draw
from daemon.renditions.grounds import original_at
from daemon.renditions.layout import laid_out
from daemon.renditions.light_source import LightSource
from daemon.renditions.subject_box import subject_box
from daemon.renditions.wanted import Canvas, Encoding, Ground, Placing, Rendition, Shadow
from tests.pictures.drawing import coloured, profile
from tests.renditions.shapes import ellipse, rectangle

RED, CREAM = (200, 20, 30), (245, 240, 230)
WHITE = Rendition("white", "", Canvas(1.0, 400))
SHADOWS = ("contact", "drop", "reflection")


def of_colour(alpha: Samples, colour: tuple[int, int, int] = RED, softness: float = 1.5) -> Samples:
    alpha = np.asarray(cv2.GaussianBlur(alpha, (0, 0), softness), np.uint8) if softness else alpha
    return np.ascontiguousarray(
        np.dstack([np.full((*alpha.shape, 3), colour, np.uint8) * (alpha > 0)[..., None], alpha])
    )


RED_ELLIPSE = of_colour(ellipse(1000, 900, 601, 501))


def drawn(rgba: Samples, rendition: Rendition, original: Callable[[int], Rgb] | None = None) -> Drawn:
    layout = laid_out(subject_box(rgba[..., 3]), rendition)
    return draw(LightSource.of(rgba, None, [layout]), layout, rendition, original)


def photo(longest: int) -> Rgb:
    """The whole photo: blue, and green where the subject was."""
    rgb = np.full((900, 1000, 3), (30, 60, 200), np.uint8)
    rgb[ellipse(1000, 900, 601, 501) > 0] = (0, 255, 0)
    scale = min(1.0, longest / 1000)
    return np.asarray(
        cv2.resize(rgb, (round(1000 * scale), round(900 * scale)), interpolation=cv2.INTER_AREA), np.uint8
    )


@pytest.mark.parametrize("shadow", ["none", *SHADOWS])
@pytest.mark.parametrize("colour", [(255, 255, 255), (13, 137, 201)])
def test_the_ground_is_exact_where_nothing_touches_it(shadow: str, colour: tuple[int, int, int]) -> None:
    rendition = Rendition("x", "", Canvas(1.0, 400), Placing(fill=0.7), Ground(colour=colour), Shadow(shadow))  # type: ignore[arg-type]

    picture = drawn(RED_ELLIPSE, rendition)

    assert (picture.pixels[~picture.touched] == colour).all()
    assert picture.touched[picture.cover > 0].all()
    assert not picture.touched.all()


@pytest.mark.parametrize("shadow", SHADOWS)
def test_a_shadow_ends_before_the_frame(shadow: str) -> None:
    rendition = Rendition("x", "", Canvas(1.0, 1000), Placing(fill=0.9, enlarge=True), shadow=Shadow(shadow, 1.0))  # type: ignore[arg-type]

    picture = drawn(RED_ELLIPSE, rendition)

    frame = np.ones((1000, 1000), bool)
    frame[24:-24, 24:-24] = False
    assert not picture.touched[frame].any()
    assert (picture.pixels[frame] == 255).all()


@pytest.mark.parametrize("shadow", SHADOWS)
def test_a_shadow_moves_neither_the_subject_nor_its_share(shadow: str) -> None:
    plain = drawn(RED_ELLIPSE, WHITE)
    shaded = drawn(RED_ELLIPSE, Rendition("x", "", Canvas(1.0, 400), shadow=Shadow(shadow)))  # type: ignore[arg-type]

    assert shaded.layout == plain.layout
    assert (shaded.cover == plain.cover).all()
    assert (shaded.pixels[plain.cover == 255] == plain.pixels[plain.cover == 255]).all()
    assert (shaded.touched & ~plain.touched).any()


def test_a_contact_shadow_is_darkest_just_below_the_subject() -> None:
    picture = drawn(RED_ELLIPSE, Rendition("x", "", Canvas(1.0, 400), Placing(fill=0.6), shadow=Shadow("contact", 0.6)))
    bottom = picture.layout.box[3]

    below = picture.pixels[bottom : bottom + 30, 200, 0].astype(int)

    assert below[1] < 215
    assert (np.diff(below[1:]) >= 0).all()
    assert (picture.pixels[: bottom - 40][picture.cover[: bottom - 40] == 0] == 255).all()


def test_a_reflection_is_the_subject_upside_down() -> None:
    rgba = of_colour(rectangle(300, 300, 700, 700, 1000, 1000), softness=0)
    rgba[600:700, 300:700, :3] = (20, 20, 220)
    picture = drawn(rgba, Rendition("x", "", Canvas(1.0, 400), Placing(fill=0.5), shadow=Shadow("reflection", 0.5)))
    bottom = picture.layout.box[3]

    red, _, blue = picture.pixels[bottom + 5, 200].astype(int)

    assert blue > red + 20
    assert (picture.pixels[bottom + 60, 200] == 255).all()


def test_a_reflection_of_what_stands_on_a_point_is_named() -> None:
    rendition = Rendition("x", "", Canvas(1.0, 400), Placing(fill=0.5), shadow=Shadow("reflection"))

    assert drawn(RED_ELLIPSE, rendition).remarks == ("reflection_hovers",)
    assert drawn(of_colour(rectangle(300, 300, 700, 700, 1000, 1000)), rendition).remarks == ()


@pytest.mark.parametrize("shadow", ["contact", "reflection"])
def test_what_is_cut_off_at_the_bottom_stands_on_nothing(shadow: str) -> None:
    rgba = of_colour(rectangle(300, 300, 700, 1000, 1000, 1000), softness=0)

    picture = drawn(rgba, Rendition("x", "", Canvas(1.0, 400), shadow=Shadow(shadow)))  # type: ignore[arg-type]

    assert picture.remarks == ("no_shadow_cut",)
    assert (picture.touched == (picture.cover > 0)).all()


def test_a_shadow_that_the_matte_has_already_gets_no_second_one() -> None:
    rgba = of_colour(rectangle(300, 200, 700, 700, 1000, 1000), softness=0)
    rgba[690:760, 250:850, 3] = np.maximum(rgba[690:760, 250:850, 3], 90)

    picture = drawn(rgba, Rendition("x", "", Canvas(1.0, 400), shadow=Shadow("drop")))

    assert picture.remarks == ("no_shadow_own",)


def test_red_on_white_has_no_dark_rim_and_no_light_one() -> None:
    picture = drawn(RED_ELLIPSE, Rendition("x", "", Canvas(1.0, 400), encoding=Encoding(sharpen=1.0)))

    red, green, blue = (picture.pixels[..., channel] for channel in range(3))
    assert red.min() >= RED[0]  # between red and white
    assert green.min() >= RED[1]
    assert (picture.pixels[picture.cover == 255] == RED).all()
    row = green[200, :200].astype(int)
    assert (np.diff(row) <= 0).all()
    assert blue.max() == 255


def test_sharpening_lifts_a_texture_and_leaves_the_rim() -> None:
    alpha = cv2.GaussianBlur(ellipse(1000, 900, 601, 501), (0, 0), 1.5)
    rgba = np.ascontiguousarray(np.dstack([coloured(1000, 900), alpha]))
    rgba[rgba[..., 3] == 0] = 0

    plain, crisp = (drawn(rgba, Rendition("x", "", Canvas(1.0, 400), encoding=Encoding(sharpen=s))) for s in (0.0, 1.0))

    inside = plain.cover == 255
    assert (
        cv2.Laplacian(crisp.pixels, cv2.CV_32F)[inside].std()
        > 1.2 * cv2.Laplacian(plain.pixels, cv2.CV_32F)[inside].std()
    )
    rim = (plain.cover > 0) & (plain.cover < 128)
    assert (crisp.pixels[rim] == plain.pixels[rim]).all()


def test_white_on_white_stays_white() -> None:
    picture = drawn(of_colour(ellipse(1000, 900, 601, 501), (255, 255, 255)), WHITE)

    assert (picture.pixels == 255).all()
    assert picture.touched.any()


def test_transparent_renditions_have_straight_colours() -> None:
    picture = drawn(RED_ELLIPSE, Rendition("x", "", Canvas(1.0, 400), ground=Ground("transparent")))

    alpha = picture.pixels[..., 3]
    assert (alpha == picture.cover).all()
    assert (picture.pixels[alpha == 0] == 0).all()
    seen = picture.pixels[alpha > 30][:, :3].astype(int)
    assert np.abs(seen - RED).max() <= 3


def test_a_transparent_rendition_takes_its_shadow_along() -> None:
    rendition = Rendition("x", "", Canvas(1.0, 400), ground=Ground("transparent"), shadow=Shadow("drop"))
    picture = drawn(RED_ELLIPSE, rendition)

    shade = (picture.cover == 0) & (picture.pixels[..., 3] > 0)
    assert shade.any()
    assert (picture.pixels[shade][:, :3] == 0).all()


def test_a_gradient_goes_from_one_colour_to_the_other() -> None:
    ground = Ground("gradient", (250, 250, 250), (200, 205, 215))
    picture = drawn(RED_ELLIPSE, Rendition("x", "", Canvas(1.0, 400), ground=ground))

    assert tuple(picture.pixels[0, 0]) == (250, 250, 250)
    assert tuple(picture.pixels[-1, 0]) == (200, 205, 215)
    assert (np.diff(picture.pixels[:, 0].astype(int), axis=0) <= 0).all()


@pytest.mark.parametrize("size", [(1200, 300), (300, 1200), (10, 10)])
def test_a_background_picture_of_another_ratio_is_cut_to_cover_the_canvas(
    tmp_path: Path, size: tuple[int, int]
) -> None:
    path = tmp_path / "wood.png"
    wood = np.full((size[1], size[0], 3), (40, 90, 160), np.uint8)  # BGR
    cv2.imwrite(str(path), wood)

    picture = drawn(RED_ELLIPSE, Rendition("x", "", Canvas(1.0, 400), ground=Ground("picture", picture=path)))

    assert (picture.pixels[~picture.touched] == (160, 90, 40)).all()


def test_a_background_picture_keeps_its_middle(tmp_path: Path) -> None:
    path = tmp_path / "stripes.png"
    stripes = np.zeros((300, 900, 3), np.uint8)
    stripes[:, 290:610] = 255
    cv2.imwrite(str(path), stripes)

    picture = drawn(RED_ELLIPSE, Rendition("x", "", Canvas(1.0, 300), ground=Ground("picture", picture=path)))

    assert (picture.pixels[~picture.touched] == 255).all()


@pytest.mark.parametrize("content", [b"", b"no picture", None])
def test_a_background_picture_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "wood.png"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(CannotDraw, match=r"wood\.png"):
        drawn(RED_ELLIPSE, Rendition("linen", "", Canvas(1.0, 400), ground=Ground("picture", picture=path)))


def test_a_ground_that_needs_a_file_or_the_photo_says_so() -> None:
    with pytest.raises(CannotDraw, match="linen"):
        drawn(RED_ELLIPSE, Rendition("linen", "", Canvas(1.0, 400), ground=Ground("picture")))
    with pytest.raises(CannotDraw, match="linen"):
        drawn(RED_ELLIPSE, Rendition("linen", "", Canvas(1.0, 400), ground=Ground("original")))


def test_the_photo_itself_lies_where_the_subject_was_cut_out_of_it() -> None:
    rendition = Rendition("x", "", Canvas(1.0, 400), Placing(fill=0.7), Ground("original"))
    picture = drawn(RED_ELLIPSE, rendition, photo)

    greenest = picture.pixels[..., 1].astype(int) - picture.pixels[..., 0]
    assert picture.pixels.shape == (400, 400, 3)
    assert (picture.pixels[20, 20] == (30, 60, 200)).all()
    assert (greenest > 60).mean() < 0.02  # the subject hides its own place


def test_a_blurred_photo_shows_nothing_of_the_subject() -> None:
    rendition = Rendition("x", "", Canvas(1.0, 400), Placing(fill=0.5), Ground("blurred"))
    picture = drawn(RED_ELLIPSE, rendition, photo)

    assert np.abs(picture.pixels[~picture.touched].astype(int) - (30, 60, 200)).max() <= 3


def test_the_colours_of_the_photo_go_on_beyond_its_edges() -> None:
    rendition = Rendition("x", "", Canvas(0.5, 400), Placing(fill=0.8), Ground("original"))
    picture = drawn(RED_ELLIPSE, rendition, photo)

    assert np.abs(picture.pixels[:60].astype(int) - (30, 60, 200)).max() <= 3


def test_kept_colours_have_their_ground_in_the_same_profile() -> None:
    p3 = profile("p3")
    rgba = of_colour(ellipse(1000, 900, 601, 501))
    rendition = Rendition("x", "", Canvas(1.0, 400), ground=Ground(colour=(0, 200, 0)))
    layout = laid_out(subject_box(rgba[..., 3]), rendition)

    picture = draw(LightSource.of(rgba, None, [layout]), layout, rendition, kept=p3)

    assert (picture.pixels[picture.cover == 255] == RED).all()
    ground = picture.pixels[:1, :1]
    assert ground[0, 0, 0] > 60
    assert np.abs(in_srgb(np.ascontiguousarray(ground), p3).astype(int) - (0, 200, 0)).max() <= 2
    white = draw(LightSource.of(rgba, None, [layout]), layout, Rendition("x", "", Canvas(1.0, 400)), kept=p3)
    assert (white.pixels[~white.touched] == 255).all()


def test_an_original_is_read_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "photo.png"
    cv2.imwrite(str(path), photo(1000)[..., ::-1])

    picture = original_at(path, 100)(500)

    assert picture.shape == (450, 500, 3)
    assert tuple(picture[0, 0]) == (30, 60, 200)


@pytest.mark.parametrize("ground", ["colour", "gradient", "transparent", "blurred", "original"])
@pytest.mark.parametrize("shadow", ["none", *SHADOWS])
@pytest.mark.parametrize("enlarge", [False, True])
def test_a_single_pixel_can_be_drawn(ground: str, shadow: str, enlarge: bool) -> None:
    rgba = np.full((1, 1, 4), (10, 20, 30, 255), np.uint8)
    rendition = Rendition(
        "x", "", Canvas(1.0, 50), Placing(enlarge=enlarge), Ground(ground), Shadow(shadow)  # type: ignore[arg-type]
    )  # fmt: skip

    picture = drawn(rgba, rendition, lambda _: np.full((1, 1, 3), 99, np.uint8))

    assert picture.pixels.shape[:2] == picture.layout.size[::-1]
    assert picture.cover.max() == 255


@pytest.mark.parametrize("side", ["top", "right", "bottom", "left"])
def test_what_the_photo_cuts_off_is_drawn_up_to_the_edge_of_the_canvas(side: str) -> None:
    left, top, right, bottom = 200, 200, 800, 700
    box = {
        "top": (left, 0, right, bottom), "right": (left, top, 1000, bottom),
        "bottom": (left, top, right, 900), "left": (0, top, right, bottom),
    }[side]  # fmt: skip
    picture = drawn(of_colour(rectangle(*box, 1000, 900), softness=0), WHITE)

    edge = {
        "top": picture.cover[0],
        "right": picture.cover[:, -1],
        "bottom": picture.cover[-1],
        "left": picture.cover[:, 0],
    }
    assert {name for name, line in edge.items() if line.any()} == {side}
    assert edge[side].max() == 255
