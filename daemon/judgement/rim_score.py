"""Computes what a rim promises from its signs: the share of the true border that the alpha's border follows."""

import json
from dataclasses import asdict, dataclass
from functools import cache
from importlib.resources import files

from daemon.judgement.rim_signs import RimSigns
from daemon.judgement.score import Card, card_in


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
    return RimCards(card_in(content["grey"]), card_in(content["hidden"]))
