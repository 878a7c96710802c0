"""Computes the score from the signs: the IoU with a perfect cut-out that a fitted table promises."""

import json
from collections.abc import Mapping
from dataclasses import asdict, astuple, dataclass, fields
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from daemon.judgement.disagreement import Disagreement
from daemon.judgement.signs import Signs

DISAGREEMENT_SIGNS = tuple(f"apart_{field.name}" for field in fields(Disagreement))
"""The names of the signs that exist only beside other recipes' alphas."""

WITNESS_SIGNS = tuple(f"witness_{field.name}" for field in fields(Disagreement))
"""The names of the signs that exist only beside a witness."""

KINDS_OF_ALPHA = ("grey", "crisp")

CRISP_RIM = (0.53, 0.7)
"""Signs.soft_rim: up to the first a mask counts as black and white, from the second as grey. Cut at 0.5, alphas of at
least 320 px have at most 0.52; of the alphas of networks themselves none has less than 0.54, and 1 % less than 0.6.
"""


@dataclass(frozen=True, slots=True)
class Curve:
    """A piecewise linear function, flat beyond its ends. `at` rises."""

    at: tuple[float, ...]
    worth: tuple[float, ...]

    def __call__(self, value: float) -> float:
        """What one value is worth."""
        return float(np.interp(value, self.at, self.worth))


@dataclass(frozen=True, slots=True)
class Card:
    """A score card: a curve says what each sign is worth, and `promise` turns the sum into an IoU.

    All curves and the promise are monotone, so a worse sign never improves the score (a generalised additive model with
    monotone terms: Hastie and Tibshirani 1990; isotonic calibration: Zadrozny and Elkan 2002).
    """

    curves: Mapping[str, Curve]
    promise: Curve

    def contributions(self, values: Mapping[str, float]) -> dict[str, float]:
        """What each sign adds to the sum."""
        return {name: curve(values[name]) for name, curve in self.curves.items()}

    def costs(self, values: Mapping[str, float]) -> dict[str, float]:
        """How much less each sign adds than a median one would; below 0 if the sign is better than that.

        A curve bends at percentiles of the alphas it was fitted to, so the bend in its middle is about their median.
        """
        median = {name: curve.worth[len(curve.at) // 2] for name, curve in self.curves.items()}
        return {name: median[name] - worth for name, worth in self.contributions(values).items()}

    def losses(self, values: Mapping[str, float]) -> dict[str, float]:
        """How much less each sign adds than the best value of it would; never below 0."""
        return {name: max(self.curves[name].worth) - worth for name, worth in self.contributions(values).items()}

    @property
    def best(self) -> float:
        """What the best signs promise, 0..1; see `losses`."""
        return min(1.0, max(0.0, self.promise(sum(max(curve.worth) for curve in self.curves.values()))))

    def score(self, values: Mapping[str, float]) -> float:
        """The IoU, 0..1, that these signs promise."""
        return min(1.0, max(0.0, self.promise(sum(self.contributions(values).values()))))


@dataclass(frozen=True, slots=True)
class UsedCard:
    """A card, its share of the score, 0..1, and the signs that it reads by name."""

    weight: float
    card: Card
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class CardSet:
    """Three cards: for an alpha by itself, for one beside alphas of other recipes, and for one beside a witness."""

    alone: Card
    beside_others: Card
    beside_witness: Card

    def cards(
        self, signs: Signs, disagreement: Disagreement | None, beside_witness: Disagreement | None
    ) -> tuple[tuple[Card, Mapping[str, float]], ...]:
        """The cards that count, all alike, each with the signs that it reads."""
        values: dict[str, float] = asdict(signs)
        heard = (
            (self.beside_others, disagreement, DISAGREEMENT_SIGNS),
            (self.beside_witness, beside_witness, WITNESS_SIGNS),
        )
        found = tuple(
            (card, values | dict(zip(names, astuple(apart), strict=True)))
            for card, apart, names in heard
            if apart is not None
        )
        return found or ((self.alone, values),)


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """Two sets of cards: for alphas with a network's greys, and for masks in black and white, or nearly so.

    A network's greys show where it was in doubt. A mask without greys hides that, so what else there is counts for
    more, and it gets a lower score. Beside other alphas and beside a witness, half of the score comes from each.
    """

    grey: CardSet
    crisp: CardSet

    @classmethod
    def from_json(cls, text: str) -> "ScoreTable":
        """Read what `benchmarks/judgement.py fit` wrote."""
        content = json.loads(text)
        return cls(*(_cards_in(content[kind]) for kind in KINDS_OF_ALPHA))

    def score(
        self, signs: Signs, disagreement: Disagreement | None = None, beside_witness: Disagreement | None = None
    ) -> float:
        """The promised IoU, 0..1. disagreement: with the alphas of other recipes, if there are any.

        beside_witness: with the alpha of another network, that is no result. That there is one raises no score: the
        card's promise is calibrated, so what counts is how far the two differ.
        """
        used = self.cards(signs, disagreement, beside_witness)
        return sum(each.weight * each.card.score(each.values) for each in used)

    def cards(
        self, signs: Signs, disagreement: Disagreement | None = None, beside_witness: Disagreement | None = None
    ) -> tuple[UsedCard, ...]:
        """The cards that the score is read from. Their weights add up to 1."""
        grey = _greyness(signs)
        used = []
        for share, kind in ((grey, self.grey), (1 - grey, self.crisp)):
            if share > 0:
                counting = kind.cards(signs, disagreement, beside_witness)
                used += [UsedCard(share / len(counting), card, values) for card, values in counting]
        return tuple(used)

    def costs(
        self, signs: Signs, disagreement: Disagreement | None = None, beside_witness: Disagreement | None = None
    ) -> dict[str, float]:
        """How much each sign lowers the score against a median alpha, in log-odds; the highest weighs most."""
        costs: dict[str, float] = {}
        for used in self.cards(signs, disagreement, beside_witness):
            for name, cost in used.card.costs(used.values).items():
                costs[name] = costs.get(name, 0.0) + used.weight * cost
        return costs


def _greyness(signs: Signs) -> float:
    """0 for a mask in black and white .. 1 for one with a network's greys."""
    return min(1.0, max(0.0, (signs.soft_rim - CRISP_RIM[0]) / (CRISP_RIM[1] - CRISP_RIM[0])))


@cache
def shipped_table() -> ScoreTable:
    """The table that ships with the code; read once."""
    return ScoreTable.from_json((files(__package__) / "score.json").read_text(encoding="utf-8"))


def _cards_in(content: Any) -> CardSet:  # Any: parsed JSON
    return CardSet(**{name: card_in(card) for name, card in content.items()})


def card_in(content: Any) -> Card:  # Any: parsed JSON
    """A card as `benchmarks.fitting` writes it. Raises ValueError if it is damaged."""
    curves = {name: _curve(curve) for name, curve in content["curves"].items()}
    return Card(curves, _curve(content["promise"]))


def _curve(content: Any) -> Curve:
    curve = Curve(tuple(map(float, content["at"])), tuple(map(float, content["worth"])))
    if len(curve.at) != len(curve.worth) or list(curve.at) != sorted(set(curve.at)):
        raise ValueError("A score card is damaged: a curve does not rise along its axis. Install Freisteller again.")
    return curve
