"""The signs of place: a subject that lies high up, or that runs out of the photo as background does."""

import numpy as np
import pytest

from daemon.arrays import Alpha
from daemon.jobs import Grade
from daemon.judgement.reasons import explain
from daemon.judgement.scene import look_at
from daemon.judgement.score import shipped_table
from daemon.judgement.signs import Signs, read_doubts, read_signs
from tests.judgement.pictures import blurred, photo_and_truth


def seen(alpha: Alpha) -> Signs:
    """The signs of `alpha` in a grey photo of its size."""
    return read_signs(look_at(np.full((*alpha.shape, 3), 128, np.uint8)), alpha)


def block(top: int, bottom: int, left: int = 60, right: int = 140) -> Alpha:
    """Subject in these rows and columns of a picture 200 pixels high and wide."""
    alpha = np.zeros((200, 200), np.float32)
    alpha[top:bottom, left:right] = 1
    return alpha


@pytest.mark.parametrize("sigma", [0.5, 6])
def test_the_doubts_alone_are_the_doubts_among_all_signs(sigma: float) -> None:
    rgb, truth = photo_and_truth(480, 640)
    scene, alpha = look_at(rgb), blurred(truth, sigma)

    assert read_doubts(scene, alpha) == read_signs(scene, alpha).doubts


def test_signs_with_the_doubts_of_another_alpha_keep_all_that_is_no_doubt() -> None:
    rgb, truth = photo_and_truth()
    scene = look_at(rgb)
    clean, soft = read_signs(scene, truth), read_signs(scene, blurred(truth, 6))

    mixed = clean.with_doubts(soft.doubts)

    assert mixed.doubts == soft.doubts != clean.doubts
    assert mixed.with_doubts(clean.doubts) == clean


@pytest.mark.parametrize(
    ("alpha", "high"),
    [
        (block(20, 100), 0.2),  # its centre is at row 60 of 200
        (block(60, 140), 0.0),
        (block(120, 200), 0.0),  # low is no fault
        (np.zeros((200, 200), np.float32), 0.0),
    ],
)
def test_a_find_is_high_by_its_centre_above_the_middle(alpha: Alpha, high: float) -> None:
    assert seen(alpha).high == pytest.approx(high, abs=1e-6)


def test_a_speck_high_up_says_nothing_of_where_the_find_lies() -> None:
    specked = np.maximum(block(80, 160), block(2, 8, 2, 8))

    assert seen(specked).high == seen(block(80, 160)).high


@pytest.mark.parametrize(
    ("alpha", "runs_out"),
    [
        (block(50, 150), 0.0),
        (block(50, 200), -1.0),  # cut off below, like a portrait
        (block(0, 150), 1.0),
        (block(50, 150, 0, 140), 1.0),
        (block(50, 150, 0, 200), 2.0),
        (block(50, 200, 0, 200), 1.0),
        (block(100, 105, 0, 100), 0.5),  # half of what counts as running out of the photo
    ],
)
def test_running_out_of_the_photo_counts_at_three_sides_and_is_made_up_for_below(alpha: Alpha, runs_out: float) -> None:
    assert seen(alpha).runs_out == pytest.approx(runs_out, abs=1e-6)


@pytest.mark.parametrize(
    ("better", "worse"),
    [(block(60, 140), block(5, 85)), (block(40, 140), np.maximum(block(40, 140), block(70, 90, 0)))],
)
def test_the_score_is_lower_where_the_find_lies_strangely(better: Alpha, worse: Alpha) -> None:
    card = shipped_table()

    costs = card.costs(seen(worse))

    assert costs["high"] + costs["runs_out"] > sum(card.costs(seen(better))[name] for name in ("high", "runs_out"))
    assert card.score(seen(worse)) < card.score(seen(better))


def test_where_it_lies_is_told_in_words() -> None:
    signs = seen(block(20, 100))

    (high,) = explain(Grade.GUT, (), signs, None, {"high": 0.5, "small": 0.1})
    (out,) = explain(Grade.GUT, (), signs, None, {"runs_out": 0.5, "small": 0.1})

    assert (high.parts, out.parts) == (("high",), ("runs_out",))


def test_a_subject_with_structure_is_less_plain_than_a_flat_one() -> None:
    rng = np.random.default_rng(0)
    flat = np.full((200, 200, 3), 128, np.uint8)
    rich = flat.copy()
    rich[40:160, 40:160] = rng.integers(0, 255, (120, 120, 3), dtype=np.uint8)
    alpha = block(40, 160, 40, 160)

    assert read_signs(look_at(flat), alpha).plain == pytest.approx(1)
    assert read_signs(look_at(rich), alpha).plain < 0.2


def test_the_border_is_faint_where_both_sides_have_one_colour() -> None:
    rgb = np.full((200, 200, 3), 128, np.uint8)
    rgb[40:160, 40:100] = (200, 40, 40)  # only the left half of the subject differs from its surroundings

    faint = read_signs(look_at(rgb), block(40, 160, 40, 160)).faint_border

    assert 0.4 < faint < 0.6
    assert read_signs(look_at(rgb), block(40, 160, 40, 100)).faint_border == 0
    assert read_signs(look_at(rgb), np.zeros((200, 200), np.float32)).faint_border == 1
