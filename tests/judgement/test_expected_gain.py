import json
from dataclasses import replace

import pytest

from daemon.jobs import Attempt, Grade, Limits, Measures, Recipe, Verdict, View
from daemon.judgement.expected_gain import GainTable, NextCall, kind_of_call, place, shipped_gains
from daemon.judgement.strategy import Strategy
from daemon.settings import Rung, StrategySettings

GRADES = ((0.93, Grade.SEHR_GUT), (0.75, Grade.GUT), (0.0, Grade.UNGENUEGEND))
LADDER = (Rung(model="A"), Rung(model="B"), Rung(model="A", view="mirrored"), Rung(model="B", view="mirrored"))
LIMITS = Limits(0.93, 0.75, 0.9, 0.7)
NONE = Verdict(0.0, Grade.UNGENUEGEND, Measures(0.0, 0.0, 0.0))
MIRRORED = View(mirrored=True)


def heard(number: int, recipe: Recipe, score: float | None) -> Attempt:
    if score is None:
        return Attempt(number, recipe, error_reason="recipe_refused")
    grade = next(grade for least, grade in GRADES if score >= least)
    return Attempt(number, recipe, verdict=Verdict(score, grade, Measures(0.5, 0.5, 0.5)))


def next_by_default(*attempts: Attempt) -> Recipe | None:
    settings = StrategySettings()
    return Strategy(LADDER, ("A", "B"), "A", 9, settings.min_gain).next_recipe(attempts)


def test_kinds_of_calls_tell_models_from_views_and_first_from_later_ones() -> None:
    one = [heard(1, Recipe("A"), 0.5)]
    two = [*one, heard(2, Recipe("B"), 0.5)]

    assert kind_of_call(Recipe("B"), one) is NextCall.MODEL_FIRST
    assert kind_of_call(Recipe("A", view=MIRRORED), one) is NextCall.VIEW_FIRST
    assert kind_of_call(Recipe("C"), two) is NextCall.MODEL_LATER
    assert kind_of_call(Recipe("A", view=MIRRORED), two) is NextCall.VIEW_LATER
    assert kind_of_call(Recipe("C"), [*one, heard(2, Recipe("B"), None)]) is NextCall.MODEL_FIRST


@pytest.mark.parametrize(
    ("score", "grade", "where"),
    [
        (0.0, Grade.UNGENUEGEND, 0),
        (0.375, Grade.UNGENUEGEND, 0.5),
        (0.84, Grade.GUT, 1.5),
        (0.93, Grade.SEHR_GUT, 2),
        (0.97, Grade.GUT, 1.99),  # by an earlier version, for an order that asked for more
        (0.5, Grade.GUT, 1),  # the same for less
    ],
)
def test_a_verdict_stands_where_its_grade_and_its_score_are(score: float, grade: Grade, where: float) -> None:
    assert place(Verdict(score, grade, Measures(0.5, 0.5, 0.5))) == pytest.approx(where)


def test_the_limits_that_a_verdict_was_given_by_decide_where_it_stands() -> None:
    strict = Verdict(0.975, Grade.GUT, Measures(0.5, 0.5, 0.5), limits=Limits(0.99, 0.96, 0.9, 0.7))
    assert place(strict) == pytest.approx(1.5)


def test_by_the_shipped_table_no_rim_pays_a_call_of_its_own_and_a_region_does() -> None:
    by_rim = Verdict(0.96, Grade.GUT, Measures(0.5, 0.5, 0.5), rim=0.85, limits=LIMITS)
    torn = replace(by_rim, grade=Grade.UNGENUEGEND, rim=0.5)

    assert next_by_default(Attempt(1, Recipe("A"), verdict=by_rim)) is None
    assert next_by_default(Attempt(1, Recipe("A"), verdict=torn)) is None
    assert next_by_default(Attempt(1, Recipe("A"), verdict=replace(torn, score=0.8))) == Recipe("B")


def test_gains_are_linear_between_the_places_of_the_table_and_nothing_is_gained_beyond() -> None:
    table = GainTable((0.0, 2.0), dict.fromkeys(NextCall, (0.2, 0.1)))
    scores = (0.0, 0.75, 0.9299, 0.93, 1.0)

    found = [table.expected(NextCall.VIEW_FIRST, heard(1, Recipe("A"), score).verdict or NONE) for score in scores]

    assert found == pytest.approx([0.2, 0.15, 0.1, 0, 0], abs=1e-3)


def test_what_a_call_gains_for_the_region_and_for_the_rim_adds_up() -> None:
    nothing = dict.fromkeys(NextCall, (0.0, 0.0))
    table = GainTable((0.0, 2.0), nothing | {NextCall.MODEL_FIRST: (0.0, 0.2)}, {NextCall.MODEL_FIRST: (0.4, 0.0)})
    both = Verdict(0.75, Grade.UNGENUEGEND, Measures(0.5, 0.5, 0.5), rim=0.35, limits=LIMITS)

    assert table.expected(NextCall.MODEL_FIRST, both) == pytest.approx(0.1 + 0.3)
    assert table.expected(NextCall.MODEL_FIRST, replace(both, rim=None)) == pytest.approx(0.1)
    assert table.expected(NextCall.VIEW_FIRST, both) == 0


def test_a_damaged_table_says_what_to_do() -> None:
    content = {"at": [0, 1], "gains": {call: [0.1] for call in NextCall}, "rim_gains": {}}
    with pytest.raises(ValueError, match="Install Freisteller again"):
        GainTable.from_json(json.dumps(content))


def test_by_the_shipped_table_a_doubtful_photo_is_shown_to_another_model() -> None:
    for score in (0.3, 0.6, 0.74, 0.8, 0.9, 0.92):
        assert next_by_default(heard(1, Recipe("A"), score)) == Recipe("B")


def test_by_the_shipped_table_a_photo_that_two_models_found_hopeless_is_given_up() -> None:
    assert next_by_default(heard(1, Recipe("A"), 0.05), heard(2, Recipe("B"), 0.04)) is None


def test_by_the_shipped_table_another_view_does_not_pay_once_two_models_made_it_gut() -> None:
    assert next_by_default(heard(1, Recipe("A"), 0.8), heard(2, Recipe("B"), 0.85)) is None


def test_no_gain_of_the_shipped_table_is_below_nothing_or_beyond_all_that_can_be_gained() -> None:
    assert all(0 <= gain <= 1.2 for row in shipped_gains().gains.values() for gain in row)
