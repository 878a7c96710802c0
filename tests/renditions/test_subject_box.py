"""The box of a subject, which hairs and specks do not move."""

import cv2
import numpy as np
import pytest

from daemon.pictures.values import Samples
from daemon.renditions.subject_box import Box, SubjectBox, subject_box
from daemon.renditions.wanted import Side
from tests.renditions.shapes import box_of, ellipse, rectangle

SIZE = 3000
PLAIN = (900, 750, 2101, 2251)  # 1201 x 1501


def edges(box: SubjectBox) -> Box:
    return box.left, box.top, box.right, box.bottom


def with_hair(alpha: Samples) -> Samples:
    alpha[300:760, 1400:1403] = 160  # 3 pixels wide, 0.63
    return alpha


def with_speck(alpha: Samples) -> Samples:
    cv2.circle(alpha, (2600, 2700), 6, 255, -1)
    return alpha


@pytest.mark.parametrize("hairy", [False, True])
@pytest.mark.parametrize("dirty", [False, True])
def test_neither_a_hair_nor_a_speck_moves_the_box(hairy: bool, dirty: bool) -> None:
    alpha = ellipse(SIZE, SIZE, 1201, 1501)
    alpha = with_hair(alpha) if hairy else alpha
    alpha = with_speck(alpha) if dirty else alpha

    box = box_of(alpha)

    assert edges(box) == PLAIN
    assert (box.outside > 0) == (hairy or dirty)
    assert box.shown == (900, 300 if hairy else 750, 2607 if dirty else 2101, 2707 if dirty else 2251)


def test_a_thin_stem_belongs_to_the_subject() -> None:
    alpha = ellipse(SIZE, SIZE, 1201, 1501)
    alpha[200:760, 1490:1500] = 255

    assert box_of(alpha).top == 200


def test_a_stem_is_still_found_when_the_alpha_was_shrunk() -> None:
    alpha = ellipse(SIZE, SIZE, 1201, 1501)
    alpha[200:760, 1490:1500] = 255
    small = np.asarray(cv2.resize(alpha, (750, 750), interpolation=cv2.INTER_AREA), np.uint8)

    box = subject_box(small, scale=0.25)

    assert box is not None
    assert box.top == 50


def test_two_things_far_apart_have_one_box() -> None:
    alpha = rectangle(20, 50, 120, 250)
    alpha[100:250, 300:380] = 255

    assert edges(box_of(alpha)) == (20, 50, 380, 250)


@pytest.mark.parametrize(
    ("alpha", "cut"),
    [
        (rectangle(100, 0, 300, 200), ("top",)),
        (rectangle(100, 50, 400, 200), ("right",)),
        (rectangle(100, 50, 300, 300), ("bottom",)),
        (rectangle(0, 50, 300, 200), ("left",)),
        (rectangle(0, 0, 400, 300), ("top", "right", "bottom", "left")),
        (rectangle(1, 1, 399, 299), ()),
    ],
)
def test_the_sides_are_named_where_the_photo_cuts_the_subject_off(alpha: Samples, cut: tuple[Side, ...]) -> None:
    assert box_of(alpha).cut == cut


def test_a_hair_that_reaches_the_edge_cuts_nothing_off() -> None:
    alpha = ellipse(SIZE, SIZE, 1201, 1501)
    alpha[:760, 1400:1403] = 160

    assert box_of(alpha).cut == ()


def test_deep_alphas_have_the_same_box() -> None:
    shallow = with_hair(ellipse(SIZE, SIZE, 1201, 1501))

    assert box_of(shallow.astype(np.uint16) * 257) == box_of(shallow)


def test_the_centre_of_gravity_is_where_the_weight_is() -> None:
    alpha = rectangle(0, 0, 100, 300)
    alpha[200:, 100:] = 255

    x, y = box_of(alpha).gravity

    assert (x, y) == pytest.approx((150, 200))


@pytest.mark.parametrize("level", [0, 4])
def test_what_nobody_sees_has_no_box(level: int) -> None:
    assert subject_box(np.full((50, 70), level, np.uint8)) is None
    assert subject_box(np.full((1, 1), level, np.uint8)) is None


def test_a_single_pixel_is_a_subject() -> None:
    box = box_of(np.full((1, 1), 255, np.uint8))

    assert edges(box) == (0, 0, 1, 1)
    assert box.outside == 0
