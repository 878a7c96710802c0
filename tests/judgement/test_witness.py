"""What another model sees beside a result: it is named and kept, and never becomes a part of the result."""

import numpy as np

from daemon.jobs import Grade, Reason, Verdict, Witnessed
from daemon.judgement.finish_search import best_finish, verdict_now
from daemon.judgement.grading import Thresholds, judge
from daemon.judgement.scene import look_at
from daemon.judgement.witness import Witness, where_it_differs
from tests.judgement.pictures import blurred, photo_and_truth, with_disc

LOW, HIGH = Thresholds(0.02, 0.01), Thresholds(0.999, 0.998)
PLACE = (0.12, 0.12)  # across, down: upper left, where there is only background


def code_of(verdict: Verdict, code: str) -> list[Reason]:
    return [reason for reason in verdict.reasons if isinstance(reason, Reason) and reason.code == code]


def good_parts(verdict: Verdict) -> tuple[str, ...]:
    return code_of(verdict, "good")[0].parts


def test_a_piece_that_only_the_witness_sees_is_a_reason_with_its_place_and_spot() -> None:
    rgb, truth = photo_and_truth()
    witness = Witness("other", with_disc(blurred(truth, 3), PLACE, 0.09, 1.0))

    found = best_finish(look_at(rgb), blurred(truth, 1), HIGH, witness=witness).verdict

    (reason,) = code_of(found, "witness_differs")
    spot = found.spots[found.reasons.index(reason)][0]
    assert reason.place == "upper left"
    assert reason.share is not None
    assert 0.01 < reason.share < 0.05
    assert spot.left < PLACE[0] < spot.right
    assert spot.top < PLACE[1] < spot.bottom
    assert "witness_differs" in found.defects


def test_a_piece_that_the_witness_lacks_is_a_reason_too() -> None:
    rgb, truth = photo_and_truth()
    alpha = with_disc(truth, PLACE, 0.09, 1.0)

    (reason,) = code_of(judge(rgb, alpha, HIGH, witness=Witness("other", truth)), "witness_differs")

    assert reason.place == "upper left"


def test_a_coarse_witness_that_sees_the_same_is_named_as_a_good_sign_and_no_fault() -> None:
    rgb, truth = photo_and_truth()
    witness = Witness("other", blurred(truth, 4))

    found = best_finish(look_at(rgb), truth, LOW, witness=witness).verdict

    assert found.grade is Grade.SEHR_GUT
    assert "witness_agrees" in good_parts(found)
    assert code_of(found, "witness_differs") == []
    assert "witness_agrees" not in good_parts(best_finish(look_at(rgb), truth, LOW).verdict)


def test_a_witness_that_is_unsure_names_nothing() -> None:
    rgb, truth = photo_and_truth()
    witness = Witness("other", with_disc(truth, PLACE, 0.09, 0.6))

    assert not where_it_differs(witness, look_at(rgb), truth).any()


def test_the_witness_is_no_part_of_the_result_and_no_other_pass() -> None:
    rgb, truth = photo_and_truth()
    raw, scene = with_disc(blurred(truth, 1.5), PLACE, 0.12, 0.4), look_at(rgb)
    alone = best_finish(scene, raw, HIGH)

    found = best_finish(scene, raw, HIGH, witness=Witness("other", truth))

    assert found.finish.blend == ()
    assert np.array_equal(found.alpha, alone.alpha)
    assert found.verdict.measures == alone.verdict.measures


def test_a_verdict_keeps_which_witness_it_stood_beside_and_how_far_they_are_apart() -> None:
    rgb, truth = photo_and_truth()
    scene = look_at(rgb)
    found = best_finish(scene, truth, HIGH, witness=Witness("other", truth))

    same = found.verdict.witness
    later = verdict_now(scene, truth, found, HIGH, {2: truth}, witness=Witness("third", np.zeros_like(truth)))

    assert same == Witnessed("other", 0.0)
    assert later.witness == Witnessed("third", 1.0)
    assert verdict_now(scene, truth, found, HIGH, {2: truth}).witness is None
