"""A finished cut-out, laid out as programs ask: which part, how large, where, and on what."""

import io
import math
import zipfile
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from daemon.arrays import Rgb
from daemon.errors import BadPhoto
from daemon.pictures.laid_out import ALL, LaidOut, Layout, Length, lay_out, size_within

WIDTH, HEIGHT = 400, 300
BOX = (50, 100, 150, 200)
RED, BLUE, GREEN = (200, 10, 10), (0, 0, 255), (0, 255, 0)


@pytest.fixture
def cut_out(tmp_path: Path) -> Path:
    """A red square of 100 x 100 pixels, and nothing else."""
    pixels = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
    pixels[BOX[1] : BOX[3], BOX[0] : BOX[2]] = (*RED[::-1], 255)
    return written(tmp_path / "cut.png", pixels)


def written(path: Path, pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> Path:
    assert cv2.imwrite(str(path), pixels)
    return path


def shares(*values: float) -> tuple[Length, Length, Length, Length]:
    first, second, third, fourth = (Length(value, True) for value in values)
    return first, second, third, fourth


def laid(path: Path, layout: Layout) -> tuple[LaidOut, Rgb]:
    """What was told, and the pixels: red, green, blue, and alpha if there is one."""
    target = path.with_name("out")
    told = lay_out(path, layout, target, 100.0)
    found = cv2.imdecode(np.frombuffer(target.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    target.unlink()
    assert found is not None
    assert told.size == (found.shape[1], found.shape[0])
    swapped = found if found.ndim == 2 else found[..., [2, 1, 0, *range(3, found.shape[2])]]
    return told, np.asarray(swapped, np.uint8)


def test_as_it_is_nothing_changes(cut_out: Path) -> None:
    told, pixels = laid(cut_out, Layout())

    assert told == LaidOut("png", (WIDTH, HEIGHT), BOX)
    assert pixels[150, 100].tolist() == [*RED, 255]
    assert pixels[0, 0].tolist() == [0, 0, 0, 0]


def test_jpeg_has_white_behind_it_and_auto_is_jpeg_where_nothing_is_seen_through(cut_out: Path) -> None:
    assert laid(cut_out, Layout(kind="jpg"))[1][5, 5].tolist() == [255, 255, 255]
    told, pixels = laid(cut_out, Layout(ground=(*BLUE, 255)))

    assert told.kind == "jpg"
    assert pixels[5, 5].tolist() == pytest.approx(BLUE, abs=2)


def test_a_ground_may_be_half_transparent(cut_out: Path) -> None:
    told, pixels = laid(cut_out, Layout(ground=(*BLUE, 128)))

    assert told.kind == "png"
    assert pixels[5, 5].tolist() == [*BLUE, 128]
    assert pixels[150, 100].tolist() == [*RED, 255]


@pytest.mark.parametrize("shape", [(10, 300), (300, 10), (300, 400), (1, 1), (2000, 1)])
def test_a_picture_covers_the_ground(cut_out: Path, shape: tuple[int, int]) -> None:
    ground = written(cut_out.with_name("ground.png"), np.full((*shape, 3), GREEN[::-1], np.uint8))

    _, pixels = laid(cut_out, Layout(kind="png", picture=ground))

    for row, column in ((0, 0), (0, WIDTH - 1), (HEIGHT - 1, 0), (HEIGHT - 1, WIDTH - 1)):
        assert pixels[row, column].tolist() == list(GREEN)
    assert pixels[150, 100].tolist() == list(RED)


def test_the_middle_of_a_picture_lies_in_the_middle(cut_out: Path) -> None:
    wide = np.full((30, 120, 3), GREEN[::-1], np.uint8)
    wide[:, 40:80] = BLUE[::-1]
    ground = written(cut_out.with_name("ground.png"), wide)

    _, pixels = laid(cut_out, Layout(kind="png", picture=ground))

    assert pixels[10, WIDTH // 2].tolist() == list(BLUE)


def test_alpha_alone_is_grey(cut_out: Path) -> None:
    told, pixels = laid(cut_out, Layout(alpha_only=True, ground=(*BLUE, 255)))

    assert (told.kind, pixels.shape) == ("png", (HEIGHT, WIDTH))
    assert (pixels[150, 100], pixels[0, 0]) == (255, 0)


def test_a_zip_holds_two_files_and_colours_everywhere(cut_out: Path) -> None:
    target = cut_out.with_name("out")
    lay_out(cut_out, Layout(kind="zip"), target, 100.0)

    with zipfile.ZipFile(io.BytesIO(target.read_bytes())) as file:
        assert file.namelist() == ["color.jpg", "alpha.png"]
        colour = cv2.imdecode(np.frombuffer(file.read("color.jpg"), np.uint8), cv2.IMREAD_UNCHANGED)
    assert colour is not None
    assert colour[100, 49].tolist() == pytest.approx(RED[::-1], abs=12)  # black would shine through at the border


@pytest.mark.parametrize("megapixels", [0.001, 0.03, 0.0601])
def test_it_is_never_larger_than_asked(cut_out: Path, megapixels: float) -> None:
    for shape in (None, (WIDTH, HEIGHT), (10, 10)):
        told, pixels = laid(cut_out, Layout(most_megapixels=megapixels, shape=shape))

        assert 0.9 * megapixels * 1e6 < told.size[0] * told.size[1] <= megapixels * 1e6 or shape == (10, 10)
        left, top, right, bottom = told.subject
        assert pixels[(top + bottom) // 2, (left + right) // 2].tolist() == pytest.approx([*RED, 255], abs=3)


def test_no_dark_rim_comes_of_making_it_smaller(cut_out: Path) -> None:
    _, pixels = laid(cut_out, Layout(most_megapixels=0.02, shape=(WIDTH, HEIGHT)))

    seen = pixels[pixels[..., 3] > 20]
    assert seen[:, 0].min() > RED[0] - 15


def test_it_is_never_made_larger() -> None:
    assert size_within(400, 300, 100.0) == (400, 300)
    assert size_within(400, 300, math.inf) == (400, 300)
    assert size_within(1, 100_000, 0.0001) == (1, 3162)


def test_crop_keeps_the_subject_with_its_margin(cut_out: Path) -> None:
    assert laid(cut_out, Layout(crop=True))[0] == LaidOut("png", (100, 100), (0, 0, 100, 100))
    margin = (Length(0.1, True), Length(5), Length(0.9, True), Length(900))

    told, pixels = laid(cut_out, Layout(crop=True, margin=margin))

    assert told == LaidOut("png", (50 + 100 + 5, 10 + 100 + 50), (50, 10, 150, 110))
    assert pixels[9, 60, 3] == 0
    assert pixels[11, 60].tolist() == [*RED, 255]


@pytest.mark.parametrize(
    ("scale", "position", "box"),
    [
        (0.5, None, (125, 75, 275, 225)),
        (1.0, None, (50, 0, 350, 300)),
        (0.5, (0.0, 0.0), (0, 0, 150, 150)),
        (0.5, (1.0, 1.0), (250, 150, 400, 300)),
        (None, (0.0, 1.0), (0, 200, 100, 300)),
        (None, (0.5, 0.5), (150, 100, 250, 200)),
    ],
)
def test_the_subject_is_scaled_and_placed(
    cut_out: Path, scale: float | None, position: tuple[float, float] | None, box: tuple[int, int, int, int]
) -> None:
    told, pixels = laid(cut_out, Layout(scale=scale, position=position))

    assert told == LaidOut("png", (WIDTH, HEIGHT), box)
    assert pixels[(box[1] + box[3]) // 2, (box[0] + box[2]) // 2].tolist() == [*RED, 255]
    assert np.count_nonzero(pixels[..., 3] > 128) == pytest.approx((box[2] - box[0]) * (box[3] - box[1]), rel=0.02)


def test_outside_the_region_nothing_is_seen(cut_out: Path) -> None:
    told, _ = laid(cut_out, Layout(roi=shares(0, 0, 0.25, 1)))
    turned, _ = laid(cut_out, Layout(roi=shares(0.25, 1, 0, 0)))

    assert told.subject == turned.subject == (50, 100, 100, 200)


@pytest.mark.parametrize("roi", [(0.9, 0, 1, 1), (0, 0, 0, 0), (2, 2, 3, 3), (-5, -5, -4, -4)])
def test_a_region_without_a_subject_is_told(cut_out: Path, roi: tuple[float, ...]) -> None:
    with pytest.raises(BadPhoto, match="no foreground"):
        laid(cut_out, Layout(roi=shares(*roi)))


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    pixels = np.zeros((20, 20, 4), np.uint16)
    pixels[5:15, 5:15] = (0, 0, 40_000, 65_535)

    _, found = laid(written(tmp_path / "deep.png", pixels), Layout(roi=ALL))

    assert found.dtype == np.uint8
    assert found[10, 10].tolist() == pytest.approx([40_000 // 257, 0, 0, 255], abs=1)


def test_a_result_without_transparency_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadPhoto, match="without transparency"):
        laid(written(tmp_path / "flat.png", np.full((9, 9, 3), 99, np.uint8)), Layout())
