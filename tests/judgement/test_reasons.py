from dataclasses import replace

import numpy as np

from daemon.jobs import Grade, Reason, Verdict
from daemon.judgement.finish_search import best_finish
from daemon.judgement.grading import Thresholds
from daemon.judgement.reasons import explain, place_of
from daemon.judgement.scene import look_at
from daemon.judgement.score import shipped_table
from daemon.judgement.signs import Signs, read_signs
from tests.judgement.pictures import blurred, photo_and_truth, with_disc

THRESHOLDS = Thresholds(0.999, 0.998)


def codes(verdict: Verdict) -> list[Reason]:
    return [reason for reason in verdict.reasons if isinstance(reason, Reason)]


def signs_of_the_truth() -> Signs:
    rgb, truth = photo_and_truth()
    return read_signs(look_at(rgb), truth)


def test_a_doubt_that_the_finish_decided_is_named_with_its_place() -> None:
    rgb, truth = photo_and_truth()
    raw = with_disc(blurred(truth, 3), (0.12, 0.12), 0.09, 0.4)

    found = best_finish(look_at(rgb), raw, THRESHOLDS)

    assert found.alpha[:60, :70].max() < 0.1  # it is gone from the result
    assert any((why.code, why.place) == ("doubtful", "upper left") for why in codes(found.verdict))
    assert "doubtful" in found.verdict.defects


def test_a_firm_alpha_leaves_no_doubt() -> None:
    rgb, truth = photo_and_truth()

    assert "doubtful" not in best_finish(look_at(rgb), blurred(truth, 3), THRESHOLDS).verdict.defects


def test_without_a_fault_the_sign_that_costs_most_is_told() -> None:
    signs = signs_of_the_truth()

    (thin,) = explain(Grade.GUT, (), signs, None, {"thin": 0.5, "ragged": 0.4, "small": 0.6})
    (small,) = explain(Grade.GUT, (), signs, None, {"thin": 0.5, "small": 0.6})

    assert (thin.code, thin.parts, small.parts) == ("weighs_most", ("outline",), ("small",))


def test_what_a_sign_costs_grows_with_the_fault_and_is_less_than_nothing_where_it_is_rare_to_be_so_good() -> None:
    signs = signs_of_the_truth()
    costs = shipped_table().costs(signs)
    worse = shipped_table().costs(replace(signs, stray=0.5))

    assert worse["stray"] > costs["stray"]
    assert min(costs.values()) < 0
    assert {name: cost for name, cost in worse.items() if name != "stray"} == {
        name: cost for name, cost in costs.items() if name != "stray"
    }


def test_a_fault_in_two_places_says_so() -> None:
    where = np.zeros((90, 90), np.bool_)
    where[70:85, 5:20] = True
    once = place_of(where)
    where[5:18, 40:52] = True

    assert (once, place_of(where)) == (("lower left", False), ("lower left", True))
