"""Computes what a rim promises from its signs: the share of the true border that the alpha's border follows."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from daemon.judgement.rim_signs import WINDOW_SIGNS, RimPatches, RimSigns, window_signs
from daemon.judgement.score import Card, Curve

MOST_PLACES = 8  # places named at most
APART = 0.03  # of the photo's sides: places that are nearer to each other are one
NOTICEABLE = 0.4  # log-odds by which a place must be worse than the median window of photos to be named


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


def rim_card() -> Card:
    """The card for rims with greys."""
    return rim_cards().grey


def worst_places(patches: RimPatches, most: int = MOST_PLACES) -> tuple[tuple[float, float], ...]:
    """Where the rim is worst, x and y as shares of the photo, worst first; none if it is good all along."""
    found, which = window_signs(patches)
    card = rim_cards().hidden if patches.raw is None else rim_cards().grey
    costs = np.zeros(len(found))
    for column, name in enumerate(WINDOW_SIGNS):
        if name in card.curves:
            curve = card.curves[name]
            costs += curve.worth[len(curve.at) // 2] - np.interp(found[:, column], curve.at, curve.worth)
    chosen: list[tuple[float, float]] = []
    for number in np.argsort(-costs, kind="stable"):
        if costs[number] < NOTICEABLE or len(chosen) == most:
            break
        x, y = (float(share) for share in patches.places[which[number]])
        if all(max(abs(x - a), abs(y - b)) > APART for a, b in chosen):
            chosen.append((x, y))
    return tuple(chosen)


def _card(content: Any) -> Card:  # Any: parsed JSON
    curves: Mapping[str, Any] = content["curves"]
    return Card({name: _curve(curve) for name, curve in curves.items()}, _curve(content["promise"]))


def _curve(content: Any) -> Curve:
    return Curve(tuple(map(float, content["at"])), tuple(map(float, content["worth"])))
