from dataclasses import replace

import numpy as np
import pytest

from daemon.arrays import Alpha
from daemon.judgement import finish_search
from daemon.judgement.finish import apply_finish
from daemon.judgement.finish_search import best_finish, verdict_now
from daemon.judgement.grading import Thresholds, judge
from daemon.judgement.scene import look_at
from tests.judgement.pictures import blurred, photo_and_truth, with_disc

THRESHOLDS = Thresholds(0.93, 0.75)


def doubtful(alpha: Alpha, place: tuple[float, float], how_much: float = 0.4) -> Alpha:
    """The alpha of a network that took something at `place` for half subject."""
    return blurred(with_disc(blurred(alpha, 1.5), place, 0.12, how_much), 1.5)


def test_a_blur_that_the_network_made_is_taken_back() -> None:
    rgb, truth = photo_and_truth()
    raw = blurred(truth, 3)
    assert np.abs(best_finish(look_at(rgb), raw, THRESHOLDS).alpha - truth).mean() < 0.7 * np.abs(raw - truth).mean()


def test_no_finish_talks_the_score_up() -> None:
    rgb, truth = photo_and_truth()
    raw = doubtful(truth, (0.12, 0.2))
    finished = best_finish(look_at(rgb), raw, THRESHOLDS)
    assert finished.verdict.score <= judge(rgb, raw, THRESHOLDS).score + 0.02
    assert finished.verdict.score < judge(rgb, finished.alpha, THRESHOLDS).score


def test_a_better_earlier_alpha_is_blended_in_and_helps() -> None:
    rgb, truth = photo_and_truth()
    raw, other = doubtful(truth, (0.12, 0.2), 0.6), blurred(truth, 1.5)
    alone, together = best_finish(look_at(rgb), raw, THRESHOLDS), best_finish(look_at(rgb), raw, THRESHOLDS, {1: other})
    assert together.finish.blend == (1,)
    assert np.abs(together.alpha - truth).mean() < np.abs(alone.alpha - truth).mean()


def test_an_alpha_that_shows_something_else_is_not_blended_in() -> None:
    rgb, truth = photo_and_truth()
    stranger = doubtful(with_disc(np.zeros_like(truth), (0.12, 0.2), 0.1, 1.0), (0.9, 0.9))
    assert best_finish(look_at(rgb), blurred(truth, 1.5), THRESHOLDS, {1: stranger}).finish.blend == ()


def test_a_perfect_alpha_keeps_its_soft_border() -> None:
    rgb, truth = photo_and_truth()
    finished = best_finish(look_at(rgb), truth, THRESHOLDS)
    assert np.abs(finished.alpha - truth).max() <= 0.11


@pytest.mark.parametrize("size", [(60, 80), (480, 640)])
def test_alphas_of_other_sizes_are_welcome(size: tuple[int, int]) -> None:
    rgb, truth = photo_and_truth()
    raw = blurred(truth, 1.5)
    other = np.full(size, 0.0, np.float32)
    found = best_finish(look_at(rgb), raw, THRESHOLDS, {4: other})
    assert found.alpha.shape == raw.shape
    assert np.array_equal(found.alpha, apply_finish(rgb, raw, found.finish, {4: other}))


def test_an_earlier_verdict_falls_once_a_later_pass_sees_something_else() -> None:
    rgb, truth = photo_and_truth()
    raw, other = blurred(truth, 1.5), blurred(with_disc(np.zeros_like(truth), (0.12, 0.2), 0.1, 1.0), 1.5)
    found = best_finish(look_at(rgb), raw, THRESHOLDS)
    disputed = verdict_now(look_at(rgb), raw, found, THRESHOLDS, {2: other})
    agreed = verdict_now(look_at(rgb), raw, found, THRESHOLDS, {2: raw})
    assert disputed.score < found.verdict.score
    assert disputed.score < agreed.score
    assert disputed.measures.agreement is not None


def test_a_new_verdict_measures_a_finished_alpha_no_second_time(monkeypatch: pytest.MonkeyPatch) -> None:
    rgb, truth = photo_and_truth()
    scene, raw = look_at(rgb), blurred(truth, 1.5)
    found = best_finish(scene, raw, THRESHOLDS)

    def measured(*_: object) -> None:
        raise AssertionError("measured again")

    monkeypatch.setattr(finish_search, "read_signs", measured)
    assert verdict_now(scene, raw, found, THRESHOLDS, {2: raw}).measures.agreement == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("blend", [(), (1,)])
def test_kept_evidence_gives_the_same_verdict_as_measuring_again(blend: tuple[int, ...]) -> None:
    rgb, truth = photo_and_truth()
    scene, third = look_at(rgb), blurred(truth, 2)
    raw = doubtful(truth, (0.12, 0.2), 0.6) if blend else blurred(truth, 1.5)
    other = blurred(truth, 1.5) if blend else doubtful(truth, (0.12, 0.2), 0.6)
    found = best_finish(scene, raw, THRESHOLDS, {1: other})
    assert found.finish.blend == blend
    forgotten = replace(found, evidence=None)  # as after a restart
    verdicts = [verdict_now(scene, raw, one, THRESHOLDS, {1: other, 3: third}) for one in (found, forgotten)]
    assert verdicts[0] == verdicts[1]
