"""Where people and program differ, and which thresholds people ask for."""

import random
from dataclasses import astuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.drift import mean_measures
from daemon.jobs import Grade, Measures
from daemon.judgement import refit
from daemon.judgement.grading import Thresholds
from daemon.judgement.refit import LEAST_SPOKEN, Judged

PRESENT = Thresholds(0.93, 0.75)
GRADES = st.sampled_from(Grade)


def said(score: float, person: Grade, at: float = 0.0, *, spoken: bool = True) -> Judged:
    return Judged(score, PRESENT.grade(score), person, at, spoken)


def studio(wanted: Thresholds, results: int, noise: float = 0.0, seed: int = 0) -> list[Judged]:
    """People who grade by their own thresholds, with some noise, and move only results that lie in the wrong folder."""
    dice = random.Random(seed)
    found = []
    for number in range(results):
        score = dice.uniform(0.5, 1.0)
        person = wanted.grade(score + dice.gauss(0, noise))
        found.append(said(score, person, number, spoken=person is not PRESENT.grade(score)))
    return found


@pytest.mark.parametrize("wanted", [Thresholds(0.88, 0.75), Thresholds(0.93, 0.65), Thresholds(0.97, 0.80)])
def test_the_thresholds_that_people_grade_by_are_found(wanted: Thresholds) -> None:
    found = refit.refit(studio(wanted, 1000), PRESENT)

    assert found.proposed is not None
    assert found.proposed.sehr_gut == pytest.approx(wanted.sehr_gut, abs=0.005)
    assert found.proposed.gut == pytest.approx(wanted.gut, abs=0.005)
    assert found.after < found.before / 3


def test_people_who_are_not_quite_steady_are_understood_all_the_same() -> None:
    found = refit.refit(studio(Thresholds(0.87, 0.75), 1000, noise=0.02), PRESENT)

    assert found.proposed is not None
    assert found.proposed.sehr_gut == pytest.approx(0.87, abs=0.015)


@pytest.mark.parametrize("seed", range(5))
def test_people_who_agree_but_for_moods_change_nothing_much(seed: int) -> None:
    found = refit.refit(studio(PRESENT, 600, noise=0.02, seed=seed), PRESENT)

    proposed = found.proposed or PRESENT
    assert proposed.sehr_gut == pytest.approx(PRESENT.sehr_gut, abs=0.025)
    assert proposed.gut == pytest.approx(PRESENT.gut, abs=0.025)


def test_too_few_verdicts_propose_nothing_however_clear() -> None:
    found = refit.refit([said(0.9, Grade.SEHR_GUT)] * (LEAST_SPOKEN - 1), PRESENT)

    assert found.proposed is None
    assert str(LEAST_SPOKEN) in found.why


def test_a_threshold_that_nobody_spoke_of_stays() -> None:
    found = refit.refit(studio(Thresholds(0.88, 0.75), 1000), PRESENT)

    assert found.proposed is not None
    assert found.proposed.gut == PRESENT.gut
    assert found.at_gut == (0, 0)


def test_results_that_were_left_alone_hold_a_threshold_back() -> None:
    moved = [said(0.80 + number / 1000, Grade.SEHR_GUT) for number in range(25)]
    left = [said(0.80 + number / 1000, Grade.GUT, spoken=False) for number in range(130)] * 2

    alone, beside = refit.fitted(moved, PRESENT), refit.fitted(moved + left, PRESENT)

    assert alone.sehr_gut == pytest.approx(0.80, abs=0.001)
    assert beside == PRESENT


def test_a_threshold_moves_no_further_than_it_has_to() -> None:
    moved = [said(score, Grade.SEHR_GUT) for score in (0.90, 0.91, 0.92) for _ in range(10)]

    found = refit.refit(moved, PRESENT)

    assert found.proposed is not None
    assert found.proposed.sehr_gut == pytest.approx(0.90, abs=0.0051)


def test_people_who_contradict_the_score_itself_are_not_fitted_to() -> None:
    upside_down = [said(0.6, Grade.SEHR_GUT)] * 30 + [said(0.97, Grade.UNGENUEGEND)] * 30

    found = refit.refit(upside_down, PRESENT)

    fitted = found.proposed or PRESENT
    assert fitted.gut < fitted.sehr_gut


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), GRADES, st.booleans()), max_size=60))
def test_whatever_people_say_thresholds_stay_in_order_and_within_bounds(rows: list[tuple[float, Grade, bool]]) -> None:
    judged = [said(score, person, number, spoken=spoken) for number, (score, person, spoken) in enumerate(rows)]

    found = refit.refit(judged, PRESENT)

    proposed = found.proposed or PRESENT
    assert 0 <= proposed.gut < proposed.sehr_gut <= 1
    assert found.proposed is None or found.after < found.before


def test_drift_says_who_is_kinder_and_whether_that_changes() -> None:
    early = [said(0.95, Grade.GUT, at=1.0)] * 4
    late = [said(0.8, Grade.SEHR_GUT, at=2.0)] * 4

    found = refit.drift([*late, *early, said(0.8, Grade.GUT, spoken=False)])

    assert (found.spoken, found.silent, found.better, found.worse) == (8, 1, 4, 4)
    assert (found.shift, found.earlier, found.later) == (0.0, -1.0, 1.0)


def test_without_any_verdict_there_is_no_drift() -> None:
    found = refit.drift([])

    assert (found.spoken, found.shift) == (0, 0.0)


def test_the_confusion_counts_spoken_verdicts_only() -> None:
    counts = refit.confusion([said(0.95, Grade.GUT), said(0.95, Grade.GUT), said(0.8, Grade.GUT, spoken=False)])

    assert counts == {(Grade.SEHR_GUT, Grade.GUT): 2}


def test_measures_are_averaged_over_those_that_are_known() -> None:
    rows = [
        Judged(0.9, Grade.GUT, Grade.SEHR_GUT, 0, measures=Measures(0.2, 0.4, 0.6, None)),
        Judged(0.9, Grade.GUT, Grade.SEHR_GUT, 0, measures=Measures(0.4, 0.6, 0.8, 0.9)),
        Judged(0.9, Grade.GUT, Grade.SEHR_GUT, 0),
    ]

    found = mean_measures(rows, lambda one: one.spoken)

    assert found is not None
    assert astuple(found) == pytest.approx((0.3, 0.5, 0.7, 0.9))
    assert mean_measures(rows, lambda one: not one.spoken) is None
