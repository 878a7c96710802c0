from collections.abc import Sequence

import pytest

from daemon.jobs import Attempt, Grade, Measures, Recipe, Verdict, View
from daemon.judgement.expected_gain import GainTable, NextCall
from daemon.judgement.strategy import Strategy, left_out
from daemon.settings import DEFAULT_LADDER, Rung

LADDER = (
    Rung(model="A", process_res=1024),
    Rung(model="B", process_res=1024),
    Rung(model="A", process_res=1024, view="zoom"),
    Rung(model="A", process_res=2048),
    Rung(model="local"),
    Rung(model="local", view="mirrored"),
)
SMALL = View(0.4, 0.4, 0.6, 0.6)


ALWAYS = GainTable((0.0, 2.5), dict.fromkeys(NextCall, (1.0, 1.0)))


def strategy(offered: Sequence[str] = ("A", "B"), max_attempts: int = 5, ladder: Sequence[Rung] = LADDER) -> Strategy:
    """A strategy that takes every call for worth its price."""
    return Strategy(ladder, offered, "u2netp", max_attempts, min_gain=0.01, gains=ALWAYS)


def careful(min_gain: float = 0.01, **gains: float) -> Strategy:
    """A strategy that expects these gains of its calls, wherever the photo stands, and nothing of the others."""
    table = GainTable((0.0, 2.5), {call: (gains.get(call, 0.0),) * 2 for call in NextCall})
    return Strategy(LADDER, ("A", "B", "u2netp"), "u2netp", 9, min_gain, gains=table)


def attempt(
    number: int,
    recipe: Recipe,
    score: float | None = 0.5,
    defects: tuple[str, ...] = (),
    error_reason: str | None = None,
    subject: View | None = None,
) -> Attempt:
    verdict = None
    if score is not None:
        grade = Grade.SEHR_GUT if score >= 0.85 else Grade.GUT if score >= 0.6 else Grade.UNGENUEGEND
        verdict = Verdict(score, grade, Measures(0.5, 0.5, 0.5), defects=defects)
    return Attempt(number, recipe, verdict=verdict, error_reason=error_reason, subject=subject)


def test_the_first_recipe_is_the_first_rung_on_offer() -> None:
    assert strategy().next_recipe([]) == Recipe("A", 1024)
    assert strategy(offered=("u2netp",)).next_recipe([]) == Recipe("u2netp")


def test_rungs_of_models_that_are_not_offered_are_left_out() -> None:
    assert strategy(offered=("nothing of it",)).next_recipe([]) is None


def test_a_model_that_is_left_out_is_not_asked_again_not_even_for_a_smaller_picture() -> None:
    full = attempt(1, Recipe("A", 1024), None, error_reason="engine_full")

    assert strategy().without("A").next_recipe([]) == Recipe("B", 1024)
    assert strategy().next_recipe([full]) == Recipe("A", 512)
    assert strategy().without("A").next_recipe([full]) == Recipe("B", 1024)
    assert strategy().without("A").without("B").next_recipe([]) is None
    assert strategy().next_recipe([]) == Recipe("A", 1024)


def test_local_stands_for_the_local_model() -> None:
    assert strategy(("u2netp",), ladder=DEFAULT_LADDER).next_recipe([]) == Recipe("u2netp")


def test_sehr_gut_is_enough() -> None:
    assert strategy().next_recipe([attempt(1, Recipe("A", 1024), 0.9)]) is None


def test_gut_is_answered_with_another_model_because_one_model_repeats_its_errors() -> None:
    assert strategy().next_recipe([attempt(1, Recipe("A", 1024), 0.7)]) == Recipe("B", 1024)


def test_a_call_is_made_only_if_it_can_be_expected_to_add_as_much_as_it_must() -> None:
    first = [attempt(1, Recipe("A", 1024), 0.7)]

    assert careful(model_first=0.01).next_recipe(first) == Recipe("B", 1024)
    assert careful(model_first=0.0099).next_recipe(first) is None
    assert careful(min_gain=0).next_recipe(first) == Recipe("B", 1024)


def test_what_does_not_pay_is_passed_over_for_what_does() -> None:
    first = [attempt(1, Recipe("A", 1024), 0.7)]
    assert careful(view_first=0.02).next_recipe(first) == Recipe("A", 2048)


def test_after_a_second_model_the_gains_of_later_calls_count() -> None:
    both = [attempt(1, Recipe("A", 1024), 0.3), attempt(2, Recipe("B", 1024), 0.305)]

    assert careful(model_first=1, view_first=1).next_recipe(both) is None
    assert careful(model_later=0.02).next_recipe(both) == Recipe("u2netp")
    assert careful(view_later=0.02).next_recipe(both) == Recipe("A", 2048)


def test_a_recipe_that_was_refused_tells_nothing_so_the_next_model_is_the_first_to_be_heard() -> None:
    refused = attempt(1, Recipe("A", 1024), None, error_reason="recipe_refused")
    heard = [refused, attempt(2, Recipe("B", 1024), 0.3)]

    assert careful(model_first=0.02).next_recipe([refused]) == Recipe("B", 1024)
    assert careful(model_first=0.02).next_recipe(heard) == Recipe("A", 2048)


def test_the_next_recipe_depends_on_the_attempts_alone() -> None:
    tried = [attempt(1, Recipe("A", 1024), 0.7, ("soft_rim", "residue"), subject=SMALL)]
    while recipe := strategy().next_recipe(tried):
        assert recipe == strategy().next_recipe(list(tried))  # as after a restart
        tried.append(attempt(len(tried) + 1, recipe, 0.6, subject=SMALL))
    assert len(tried) == 4


def test_the_local_model_alone_is_asked_for_its_mirrored_pass() -> None:
    first = attempt(1, Recipe("u2netp"), 0.7)
    assert strategy(("u2netp",)).next_recipe([first]) == Recipe("u2netp", view=View(mirrored=True))


def test_ungenuegend_is_answered_with_another_model() -> None:
    assert strategy().next_recipe([attempt(1, Recipe("A", 1024), 0.3)]) == Recipe("B", 1024)


def test_a_small_subject_asks_for_a_zoom_first() -> None:
    recipe = strategy().next_recipe([attempt(1, Recipe("A", 1024), 0.3, ("small_subject",), subject=SMALL)])
    assert recipe is not None
    assert not recipe.view.whole
    assert recipe.model == "A"


def test_a_zoom_on_a_subject_that_fills_the_photo_is_skipped() -> None:
    only_zoom = (Rung(model="A"), Rung(model="A", view="zoom"))
    tried = [attempt(1, Recipe("A"), 0.3, subject=View(0.05, 0.05, 0.95, 0.95))]
    assert strategy(ladder=only_zoom).next_recipe(tried) is None


def test_a_zoom_is_not_tried_twice_though_its_box_moved() -> None:
    ladder = (Rung(model="A"), Rung(model="A", view="zoom"))
    first = attempt(1, Recipe("A"), 0.3, subject=SMALL)
    zoom = strategy(ladder=ladder).next_recipe([first])
    assert zoom is not None
    second = attempt(2, zoom, 0.5, subject=View(0.41, 0.4, 0.61, 0.6))
    assert strategy(ladder=ladder).next_recipe([first, second]) is None


def test_a_refused_recipe_is_not_asked_again_but_the_next_one_is() -> None:
    refused = attempt(1, Recipe("A", 1024), None, error_reason="recipe_refused")
    assert strategy().next_recipe([refused]) == Recipe("B", 1024)


def test_refused_recipes_count_against_the_budget() -> None:
    refused = attempt(1, Recipe("A", 1024), None, error_reason="recipe_refused")
    assert strategy(max_attempts=1).next_recipe([refused]) is None


def test_a_full_engine_is_asked_for_less_of_the_same_model() -> None:
    full = attempt(1, Recipe("A", 1024), None, error_reason="engine_full")
    assert strategy().next_recipe([full]) == Recipe("A", 512)


def test_an_engine_that_stays_full_leads_to_another_model() -> None:
    tried = [
        attempt(1, Recipe("A", 512), None, error_reason="engine_full"),
        attempt(2, Recipe("A", 256), None, error_reason="engine_full"),
    ]
    recipe = strategy().next_recipe(tried)
    assert recipe is not None
    assert recipe.model == "A" or recipe.model == "B"
    assert recipe not in {one.recipe for one in tried}


def test_the_budget_ends_it() -> None:
    tried = [attempt(1, Recipe("A", 1024), 0.30), attempt(2, Recipe("B", 1024), 0.40)]
    assert strategy(max_attempts=2).next_recipe(tried) is None


@pytest.mark.parametrize("scores", [(0.5, 0.7, 0.6), (None, 0.7, 0.7)])
def test_the_best_attempt_wins_and_of_equals_the_earlier(scores: tuple[float | None, ...]) -> None:
    tried = [attempt(number, Recipe("A", 256 * number), score) for number, score in enumerate(scores, 1)]
    best = strategy().best(tried)
    assert best is not None
    assert best.number == 2


def test_where_nothing_was_judged_nothing_is_best() -> None:
    assert strategy().best([attempt(1, Recipe("A"), None)]) is None


def test_remains_of_background_ask_for_another_model() -> None:
    assert strategy().next_recipe([attempt(1, Recipe("A", 1024), 0.3, ("residue",))]) == Recipe("B", 1024)


def test_a_beaten_model_is_not_asked_for_its_mirrored_pass() -> None:
    judge = with_dead(Rung(model="A"), Rung(model="B"), Rung(model="A", view="mirrored"))
    assert judge.next_recipe([attempt(1, Recipe("A"), 0.2), attempt(2, Recipe("B"), 0.4)]) is None
    assert judge.next_recipe([attempt(1, Recipe("B"), 0.2), attempt(2, Recipe("A"), 0.4)]) == Recipe(
        "A", view=View(mirrored=True)
    )


def test_a_soft_rim_asks_for_a_higher_resolution_before_another_model() -> None:
    assert strategy().next_recipe([attempt(1, Recipe("A", 1024), 0.3, ("soft_rim",))]) == Recipe("A", 2048)


DEAD = {"A": ("process_res",)}


def with_dead(*ladder: Rung, max_attempts: int = 9) -> Strategy:
    return Strategy(ladder, ("A", "B"), "u2netp", max_attempts, 0.01, DEAD, ALWAYS)


def test_rungs_that_differ_only_in_a_dead_parameter_are_one_recipe() -> None:
    ladder = with_dead(Rung(model="A", process_res=1024), Rung(model="A", process_res=2048))

    assert ladder.next_recipe([]) == Recipe("A")
    assert ladder.next_recipe([attempt(1, Recipe("A"), 0.3)]) is None


def test_a_parameter_that_is_dead_for_one_model_stays_alive_for_another() -> None:
    ladder = with_dead(Rung(model="B", process_res=1024), Rung(model="B", process_res=2048))

    assert ladder.next_recipe([attempt(1, Recipe("B", 1024), 0.3, ("soft_rim",))]) == Recipe("B", 2048)


def test_another_view_is_another_recipe_whatever_is_dead() -> None:
    ladder = with_dead(Rung(model="A", process_res=1024), Rung(model="A", process_res=1024, view="mirrored"))

    assert ladder.next_recipe([attempt(1, Recipe("A"), 0.3)]) == Recipe("A", view=View(mirrored=True))


def test_what_was_tried_with_the_parameter_before_the_audit_is_not_tried_without_it() -> None:
    ladder = with_dead(Rung(model="A", process_res=1024))

    assert ladder.next_recipe([attempt(1, Recipe("A", 1024), 0.3)]) is None


def test_a_full_engine_is_not_asked_for_less_of_what_makes_no_difference() -> None:
    ladder = with_dead(Rung(model="A", process_res=1024), Rung(model="B", process_res=1024))

    assert ladder.next_recipe([attempt(1, Recipe("A", 1024), None, error_reason="engine_full")]) == Recipe("B", 1024)


def test_an_audit_names_the_rungs_that_it_makes_superfluous() -> None:
    ladder = (Rung(model="A"), Rung(model="A", process_res=1024), Rung(model="A", view="zoom"), Rung(model="B"))

    assert list(left_out(ladder, DEAD)) == [Rung(model="A", process_res=1024)]


def test_an_earlier_attempt_that_beats_everything_wins() -> None:
    tried = [attempt(1, Recipe("B", 1024), 0.7), attempt(2, Recipe("A", 1024), 0.6)]
    best = strategy().best(tried)

    assert best is not None
    assert best.number == 1


def test_another_round_leaves_out_what_was_tried_and_does_not_stop_at_gut() -> None:
    before = [attempt(1, Recipe("A", 1024), 0.9)]  # sehr_gut, but a person wants another try

    first = strategy().next_recipe([], tried_before=before)
    assert first == Recipe("B", 1024)
    attempts = [attempt(1, first, 0.7, subject=SMALL)]
    second = strategy().next_recipe(attempts, tried_before=before)
    assert second not in (None, Recipe("A", 1024), first)
    attempts.append(attempt(2, second, 0.7, subject=SMALL))
    assert strategy().next_recipe(attempts, tried_before=before) is not None  # here no gain does not stop it
    assert strategy(max_attempts=2).next_recipe(attempts, tried_before=before) is None


def test_another_round_ends_with_sehr_gut() -> None:
    before = [attempt(1, Recipe("A", 1024), 0.9)]

    assert strategy().next_recipe([attempt(1, Recipe("B", 1024), 0.9)], tried_before=before) is None


def test_another_round_goes_beyond_the_ladder_and_repeats_nothing_until_all_was_tried() -> None:
    tried: list[Attempt] = []
    for number in range(1, 9):
        recipe = strategy(ladder=LADDER[:2]).next_recipe([], tried_before=tried)
        assert recipe is not None
        assert recipe not in [one.recipe for one in tried]
        tried.append(attempt(number, recipe, 0.5, subject=SMALL))

    models = {(one.recipe.model, one.recipe.process_res, one.recipe.view.mirrored) for one in tried}
    assert {("A", 2048, False), ("B", 2048, False), ("A", 1024, True), ("B", 1024, True)} <= models
    anew = strategy(ladder=LADDER[:2]).next_recipe([], tried_before=tried)
    assert anew is not None  # because a person asks, the ladder begins anew
    assert anew in [one.recipe for one in tried]
