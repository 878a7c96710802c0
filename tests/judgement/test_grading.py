import cv2
import numpy as np
import pytest

from daemon.arrays import Alpha
from daemon.jobs import Grade, Reason
from daemon.judgement.finish import apply_finish
from daemon.judgement.finish_search import best_finish
from daemon.judgement.grading import Thresholds, judge
from daemon.judgement.scene import look_at
from daemon.settings import GradingSettings
from tests.judgement.pictures import blurred, photo_and_truth, with_disc

DEFAULTS = GradingSettings()
THRESHOLDS = Thresholds(DEFAULTS.sehr_gut, DEFAULTS.gut)


def noise(shape: tuple[int, int], grain: int) -> Alpha:
    small = np.random.default_rng(5).random((shape[0] // grain, shape[1] // grain)).astype(np.float32)
    return np.asarray(cv2.resize(small, shape[::-1], interpolation=cv2.INTER_NEAREST), dtype=np.float32)


def test_a_perfect_alpha_is_sehr_gut_and_says_why() -> None:
    rgb, truth = photo_and_truth()
    verdict = judge(rgb, truth, THRESHOLDS)
    assert verdict.grade is Grade.SEHR_GUT
    (why, *_) = verdict.reasons
    assert isinstance(why, Reason)
    assert (why.code, why.parts) == ("good", ("nothing_left",))  # of its edges, only the rim can tell


@pytest.mark.parametrize("name", ["empty", "full", "inverted", "fine noise", "coarse noise", "grey"])
def test_an_absurd_alpha_is_ungenuegend(name: str) -> None:
    rgb, truth = photo_and_truth()
    absurd = {
        "empty": np.zeros_like(truth),
        "full": np.ones_like(truth),
        "inverted": 1 - truth,
        "fine noise": noise(truth.shape, 1),
        "coarse noise": noise(truth.shape, 8),
        "grey": np.full_like(truth, 0.5),
    }[name]
    verdict = judge(rgb, absurd, THRESHOLDS)
    assert verdict.grade is Grade.UNGENUEGEND
    assert verdict.reasons


def test_remains_of_background_are_named_with_place_and_amount() -> None:
    rgb, truth = photo_and_truth()
    verdict = judge(rgb, with_disc(truth, (0.1, 0.88), 0.1, 0.4), THRESHOLDS)
    (why,) = [why for why in verdict.reasons if isinstance(why, Reason) and why.code == "residue"]
    assert why.place == "lower left"
    assert why.share is not None
    assert 0.005 < why.share < 0.1
    assert "residue" in verdict.defects


def test_the_size_of_photo_and_alpha_may_differ() -> None:
    rgb, truth = photo_and_truth()
    enlarged = cv2.resize(truth, (900, 675))
    assert judge(rgb, np.asarray(enlarged, dtype=np.float32), THRESHOLDS).score == pytest.approx(
        judge(rgb, truth, THRESHOLDS).score, abs=0.03
    )


def test_other_recipes_that_disagree_lower_the_score() -> None:
    rgb, truth = photo_and_truth()
    other = with_disc(np.zeros_like(truth), (0.2, 0.3), 0.2, 1.0)
    agreed, disputed = judge(rgb, truth, THRESHOLDS, [truth]), judge(rgb, truth, THRESHOLDS, [other])
    assert agreed.score > disputed.score
    assert agreed.measures.agreement == pytest.approx(1, abs=0.01)
    assert disputed.measures.agreement is not None
    assert disputed.measures.agreement < 0.3


def test_the_finish_found_is_the_finish_applied() -> None:
    rgb, truth = photo_and_truth()
    raw = with_disc(blurred(truth, 3), (0.08, 0.1), 0.04, 0.7)
    found = best_finish(look_at(rgb), raw, THRESHOLDS)
    assert np.array_equal(found.alpha, apply_finish(rgb, raw, found.finish))
    assert np.abs(found.alpha - truth).mean() < np.abs(raw - truth).mean()
