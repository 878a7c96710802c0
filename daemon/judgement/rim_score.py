"""Computes what a rim promises from its signs: the share of the true border that the alpha's border follows."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from daemon.judgement.rim_signs import RimSigns
from daemon.judgement.score import Card, Curve


@dataclass(frozen=True, slots=True)
class RimCards:
    """Two cards: for a rim whose raw answer shows the engine's doubts, and for one that the photo alone must judge."""

    grey: Card
    hidden: Card

    def promise(self, signs: RimSigns) -> float:
        """The expected share, 0..1, of the true border that lies within ALLOWED px of the alpha's border."""
        return sum(weight * card.score(values(signs)) for weight, card in self.weighed(signs))

    def weighed(self, signs: RimSigns) -> tuple[tuple[float, Card], ...]:
        """The cards that count, each with its weight; the weights' sum is 1."""
        both = ((1 - signs.hidden, self.grey), (signs.hidden, self.hidden))
        return tuple((weight, card) for weight, card in both if weight > 0)


def promised_rim(signs: RimSigns) -> float:
    """The expected share, 0..1, of the true border that lies within ALLOWED px of the alpha's border."""
    return rim_cards().promise(signs)


def values(signs: RimSigns) -> dict[str, float]:
    """The signs by name, as the cards take them."""
    return asdict(signs)


@cache
def rim_cards() -> RimCards:
    """The cards that ship with the code, as `python -m benchmarks.rims fit` wrote them; read once."""
    content = json.loads((files(__package__) / "rim_score.json").read_text(encoding="utf-8"))
    return RimCards(_card(content["grey"]), _card(content["hidden"]))


def _card(content: Any) -> Card:  # Any: parsed JSON
    curves: Mapping[str, Any] = content["curves"]
    return Card({name: _curve(curve) for name, curve in curves.items()}, _curve(content["promise"]))


def _curve(content: Any) -> Curve:
    return Curve(tuple(map(float, content["at"])), tuple(map(float, content["worth"])))
