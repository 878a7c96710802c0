"""The plausible mistakes that cards learn from are made of whole pieces in which two alphas differ."""

import numpy as np

from benchmarks.mistakes import mistakes
from daemon.arrays import Alpha, Rgb
from daemon.judgement.scene import look_at

GREY = np.full((200, 200, 3), 128, np.uint8)


def blocks(*boxes: tuple[int, int, int, int]) -> Alpha:
    """Subject in these boxes: top, bottom, left, right."""
    alpha = np.zeros((200, 200), np.float32)
    for top, bottom, left, right in boxes:
        alpha[top:bottom, left:right] = 1
    return alpha


def made(rgb: Rgb, truth: Alpha, one: Alpha, other: Alpha) -> dict[str, Alpha]:
    return dict(mistakes(look_at(rgb), truth, one, other))


BODY, ARM, STRANGER = (60, 140, 40, 120), (80, 100, 120, 160), (20, 50, 150, 190)


def test_what_only_one_model_sees_is_missed_or_added() -> None:
    found = made(GREY, blocks(BODY, ARM), blocks(BODY, STRANGER), blocks(BODY, ARM))

    assert found.keys() == {"missed", "added"}
    assert found["missed"][:, 125:].sum() < 20  # the arm is gone; the corners of a piece are rounded off
    assert found["missed"][65:135, 45:115].all()  # the body stays
    assert found["added"][25:45, 155:185].all()  # the stranger is there, and all of the truth
    assert found["added"][blocks(BODY, ARM) == 1].all()


def test_models_that_agree_make_no_mistakes_of_their_own() -> None:
    assert made(GREY, blocks(BODY), blocks(BODY), blocks(BODY)) == {}


def test_a_dark_place_below_the_subject_is_a_shadow_and_a_hole_gets_closed() -> None:
    rgb = GREY.copy()
    rgb[140:152, 40:120] = 70
    truth = blocks(BODY)
    truth[80:110, 60:90] = 0

    found = made(rgb, truth, truth, truth)

    assert found["shadow"][142:150, 45:115].all()
    assert found["shadow"][80:110, 60:90].sum() == 0
    assert found["closed"][80:110, 60:90].all()
