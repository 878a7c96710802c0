"""How the order of a product's pictures changes, in shops that write all of them at once. Decides, and asks nobody."""

from collections.abc import Sequence
from typing import TypeVar

Id = TypeVar("Id", int, str)


def inserted(shown: Sequence[Id], id: Id, place: int) -> list[Id]:
    """The pictures with this one at its place, or last if there are fewer. None is lost, none stands there twice."""
    others = [each for each in shown if each != id]
    others.insert(place - 1, id)
    return others


def exchanged(shown: Sequence[Id], earlier: Id, new: Id, place: int) -> list[Id]:
    """The pictures with the new one where the earlier one stands; at its place if that is gone."""
    if earlier not in shown:
        return list(shown) if new in shown else inserted(shown, new, place)
    return [new if each == earlier else each for each in shown if each != new or earlier == new]
