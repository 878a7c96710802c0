"""Pictures are resampled as Pillow does it, to the last bit."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from daemon.engines.onnx.resampling import Filter, resized

SMALL = np.array([[0, 50, 255, 100, 7], [20, 200, 30, 90, 180], [255, 0, 0, 255, 60]], np.uint8)
BY_PILLOW: dict[tuple[Filter, int, int], list[list[int]]] = {
    ("lanczos", 3, 2): [[44, 156, 75], [128, 53, 156]],
    ("lanczos", 3, 4): [[11, 197, 41], [62, 133, 95], [127, 55, 156], [133, 49, 158]],
    ("lanczos", 7, 2): [[0, 48, 153, 179, 113, 69, 77], [167, 139, 66, 0, 152, 182, 102]],
    ("bilinear", 3, 2): [[50, 140, 82], [128, 66, 143]],
    ("bilinear", 3, 4): [[21, 175, 47], [69, 116, 106], [115, 72, 142], [146, 57, 144]],
    ("bilinear", 7, 2): [[8, 64, 125, 171, 117, 86, 72], [167, 114, 57, 11, 141, 155, 105]],
}
"""What Pillow 12.3 makes of SMALL, by filter, width and height."""


def lanczos(x: float) -> float:
    if x == 0:
        return 1.0
    return 3 * math.sin(math.pi * x) * math.sin(math.pi * x / 3) / (math.pi * x) ** 2 if abs(x) < 3 else 0.0


def triangle(x: float) -> float:
    return max(0.0, 1 - abs(x))


def line_by_hand(line: list[int], count: int, weigh: Callable[[float], float], support: float) -> list[int]:
    """A line of pixels brought to `count`: the definition, with whole numbers and loops."""
    scale = len(line) / count
    reach = max(1.0, scale)
    found = []
    for place in range(count):
        centre = (place + 0.5) * scale
        first = max(0, int(centre - support * reach + 0.5))
        last = min(len(line), int(centre + support * reach + 0.5))
        raw = [weigh((x - centre + 0.5) / reach) for x in range(first, last)]
        whole = [int(w / sum(raw) * 2**22 + math.copysign(0.5, w)) for w in raw]
        total = sum(w * value for w, value in zip(whole, line[first:last], strict=True))
        found.append(min(255, max(0, (total + 2**21) >> 22)))
    return found


def by_hand(picture: NDArray[np.uint8], width: int, height: int, kind: Filter) -> NDArray[np.uint8]:
    weigh, support = (lanczos, 3.0) if kind == "lanczos" else (triangle, 1.0)
    rows = picture.tolist()
    if picture.shape[1] != width:
        rows = [line_by_hand(row, width, weigh, support) for row in rows]
    if picture.shape[0] != height:
        columns = [line_by_hand(list(column), height, weigh, support) for column in zip(*rows, strict=True)]
        rows = [list(row) for row in zip(*columns, strict=True)]
    return np.array(rows, np.uint8)


@pytest.mark.parametrize(("kind", "width", "height"), BY_PILLOW)
def test_a_small_picture_becomes_what_pillow_makes_of_it(kind: Filter, width: int, height: int) -> None:
    assert resized(SMALL, width, height, kind).tolist() == BY_PILLOW[kind, width, height]


@pytest.mark.parametrize("kind", ["lanczos", "bilinear"])
@pytest.mark.parametrize(
    ("shape", "width", "height"),
    [((37, 53), 20, 20), ((20, 20), 53, 37), ((90, 7), 20, 41), ((7, 90), 33, 3), ((1, 2), 9, 9), ((40, 40), 1, 1)],
)
def test_it_follows_the_definition(kind: Filter, shape: tuple[int, int], width: int, height: int) -> None:
    noise = np.random.default_rng(5).integers(0, 256, shape, dtype=np.uint8)

    assert np.array_equal(resized(noise, width, height, kind), by_hand(noise, width, height, kind))


def test_colours_are_resampled_each_by_itself() -> None:
    noise = np.random.default_rng(6).integers(0, 256, (60, 41, 3), dtype=np.uint8)

    found = resized(noise, 32, 24, "lanczos")

    planes = [resized(np.ascontiguousarray(noise[:, :, plane]), 32, 24, "lanczos") for plane in range(3)]
    assert np.array_equal(found, np.dstack(planes))


def test_a_picture_that_is_wider_than_one_step_has_no_seam() -> None:
    wide = np.tile(np.arange(64, dtype=np.uint8)[:, None], (1, 5000))

    found = resized(wide, 5000, 20, "lanczos")

    assert np.all(found == found[:, :1])


def test_a_picture_of_the_right_size_stays_as_it_is() -> None:
    assert np.array_equal(resized(SMALL, 5, 3, "lanczos"), SMALL)


@pytest.mark.parametrize("kind", ["lanczos", "bilinear"])
def test_one_colour_stays_one_colour(kind: Filter) -> None:
    assert np.all(resized(np.full((50, 30, 3), 255, np.uint8), 77, 20, kind) == 255)
