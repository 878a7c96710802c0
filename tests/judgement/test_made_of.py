"""Whoever adds up what a promise is made of gets the promise."""

from itertools import product

import numpy as np
import pytest

from daemon.arrays import Alpha
from daemon.jobs import MadeOf
from daemon.judgement.finish_search import best_finish
from daemon.judgement.grading import Thresholds, judge
from daemon.judgement.made_of import losses_of, made_of
from daemon.judgement.scene import look_at
from daemon.judgement.score import Card, Curve, UsedCard
from tests.judgement.pictures import photo_and_truth

KINDS = {"low": ("a",), "high": ("b", "c")}


def card(*worths: float) -> Card:
    curves = {
        name: Curve((0.0, 1.0, 2.0), (0.0, -worth, -3 * worth)) for name, worth in zip("abc", worths, strict=True)
    }
    return Card(curves, Curve((-9.0, -3.0, -1.0, 0.0), (0.1, 0.5, 0.9, 1.0)))


def whole(made: MadeOf) -> float:
    return round(made.best + sum(effect for _, effect in made.effects), 4)


@pytest.mark.parametrize("values", list(product((0.0, 0.7, 1.0, 1.9), repeat=3)))
def test_the_parts_add_up_to_the_promise(values: tuple[float, ...]) -> None:
    one, other = card(1.0, 0.5, 2.0), card(0.1, 0.0, 0.4)
    seen = dict(zip("abc", values, strict=True))
    made = made_of([UsedCard(0.3, one, seen), UsedCard(0.7, other, seen)], KINDS)

    assert whole(made) == pytest.approx(0.3 * one.score(seen) + 0.7 * other.score(seen), abs=5.1e-5)


def test_each_sign_takes_as_much_as_it_is_from_its_best() -> None:
    used = UsedCard(1.0, card(1.0, 1.0, 1.0), {"a": 1.5, "b": 0.2, "c": 0.0})
    made = made_of([used], KINDS)

    assert made.best == 1.0
    assert dict(made.effects)["low"] == pytest.approx(10 * dict(made.effects)["high"], rel=1e-2)
    assert losses_of([used]) == {"a": 2.0, "b": pytest.approx(0.2), "c": 0.0}
    assert made_of([UsedCard(1.0, card(1.0, 1.0, 1.0), dict.fromkeys("abc", 0.0))], KINDS) == MadeOf(1.0)


def test_what_came_after_the_cards_is_told() -> None:
    used = UsedCard(1.0, card(1.0, 1.0, 1.0), {"a": 1.0, "b": 1.0, "c": 1.0})
    made = made_of([used], KINDS, [("implausible", 0.2), ("correction", 0.25)])

    effects = dict(made.effects)
    assert effects["implausible"] == pytest.approx(-0.3)
    assert effects["correction"] == pytest.approx(0.05)
    assert whole(made) == 0.25


@pytest.mark.parametrize("blur", [1, 9, 41])
def test_a_verdict_says_how_its_score_came_about(blur: int) -> None:
    rgb, truth = photo_and_truth()
    alpha: Alpha = np.asarray(np.clip(truth * 0.9 + (blur / 100) * np.roll(truth, blur, axis=1), 0, 1), np.float32)
    thresholds = Thresholds(0.93, 0.75)
    for verdict in (
        judge(rgb, alpha, thresholds),
        judge(rgb, 1 - alpha, thresholds),
        judge(rgb, alpha, thresholds, [truth]),
        best_finish(look_at(rgb), alpha, thresholds, {1: truth}).verdict,
    ):
        assert verdict.made_of is not None
        assert whole(verdict.made_of) == verdict.score
