"""Which recipe a photo begins with, from what earlier photos gave."""

import random
from collections import Counter

import pytest

from daemon.jobs import Recipe
from daemon.judgement.first_recipe_choice import HALF_LIFE, MEMORY, TESTED_SHARE, Tried, choose, standings, worth

A, B, C = Recipe("A", 1024), Recipe("B", 1024), Recipe("C")
RECIPES = (A, B, C)
NO_TEST = 1.0


def tried(recipe: Recipe, value: float, photos: int) -> list[Tried]:
    return [Tried(recipe, value)] * photos


def first(history: list[Tried], dice: float = NO_TEST) -> Recipe:
    return choose(RECIPES, history, dice).recipe


def play(means: dict[Recipe, float], photos: int, history: list[Tried], seed: int = 0) -> Counter[Recipe]:
    """So many photos of a customer, newest into the history; counts the first recipes of the last hundred."""
    dice = random.Random(seed)
    chosen = []
    for _ in range(photos):
        recipe = choose(RECIPES, history[:MEMORY], dice.random()).recipe
        history.insert(0, Tried(recipe, min(1.0, max(0.0, dice.gauss(means[recipe], 0.1)))))
        chosen.append(recipe)
    return Counter(chosen[-100:])


def test_where_nothing_is_known_the_ladder_s_first_recipe_begins() -> None:
    opening = choose(RECIPES, [], NO_TEST)

    assert (opening.recipe, opening.exploring) == (A, False)
    assert "ladder" in opening.why


def test_the_recipe_that_paid_more_begins_and_says_why() -> None:
    opening = choose(RECIPES, tried(A, 0.7, 40) + tried(B, 0.95, 40), NO_TEST)

    assert opening.recipe == B
    assert "A 1024" in opening.why
    assert not opening.exploring


def test_what_pays_the_same_leaves_the_ladder_s_order() -> None:
    assert first(tried(B, 0.9, 40) + tried(A, 0.9, 40)) == A


def test_two_lucky_photos_are_not_enough() -> None:
    assert first(tried(B, 1.0, 2) + tried(A, 0.9, 100)) == A


def test_a_recipe_that_is_refused_is_worth_nothing() -> None:
    assert worth(None, 0.93) == 0
    assert first(tried(A, worth(None, 0.93), 40) + tried(B, 0.6, 10)) == B


def test_being_enough_is_worth_more_than_any_score() -> None:
    assert worth(0.93, 0.93) == 1.0
    assert worth(0.92, 0.93) == 0.92


def test_what_was_seen_a_half_life_ago_counts_half() -> None:
    old, new = standings((A, B), tried(B, 0.5, HALF_LIFE) + tried(A, 0.5, HALF_LIFE))

    assert old.photos == pytest.approx(new.photos / 2)


def test_a_test_waits_until_the_usual_recipe_is_known() -> None:
    assert not choose(RECIPES, tried(A, 0.9, 5), 0.0).exploring
    assert choose(RECIPES, tried(A, 0.9, 40), 0.0).exploring


def test_only_a_small_share_of_photos_is_a_test() -> None:
    history = tried(A, 0.9, 100)
    tests = sum(choose(RECIPES, history, number / 1000).exploring for number in range(1000))

    assert tests == pytest.approx(1000 * TESTED_SHARE, abs=1)


def test_what_is_known_to_pay_less_is_not_tested_again_for_long() -> None:
    history = tried(A, 0.95, 60) + tried(B, 0.3, 30) + tried(C, 0.3, 30)

    assert not choose(RECIPES, history, 0.0).exploring


def test_the_least_known_of_equals_is_tested_first() -> None:
    assert choose(RECIPES, tried(A, 0.9, 60) + tried(B, 0.8, 3), 0.0).recipe == C


@pytest.mark.parametrize("seed", range(5))
def test_a_customer_s_better_recipe_is_found_within_some_hundred_photos(seed: int) -> None:
    begun = play({A: 0.8, B: 0.95, C: 0.7}, 500, [], seed)

    assert begun[B] >= 85, begun


@pytest.mark.parametrize("seed", range(5))
def test_recipes_that_pay_alike_cost_few_photos_a_change(seed: int) -> None:
    begun = play({A: 0.95, B: 0.85, C: 0.85}, 500, [], seed)

    assert begun[A] >= 85, begun


@pytest.mark.parametrize("seed", range(5))
def test_what_was_learned_is_forgotten_when_the_photos_change(seed: int) -> None:
    history: list[Tried] = []
    before = play({A: 0.8, B: 0.95, C: 0.7}, 500, history, seed)
    after = play({A: 0.95, B: 0.7, C: 0.7}, 500, history, seed + 100)

    assert before.most_common(1)[0][0] == B
    assert after.most_common(1)[0][0] == A
