"""Which recipe to begin with: what paid for a customer's earlier photos, slowly forgotten, now and then tested."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import sqrt

from daemon.jobs import Opening, Recipe

HALF_LIFE = 128  # photos after which what was seen counts half: a customer's next season looks different
MEMORY = 4 * HALF_LIFE  # photos back: older ones would count for less than a sixteenth
CAUTION = 16.0  # photos' worth of doubt: so much has to be seen before a recipe is believed to differ from the others
MARGIN = 0.02  # of worth: less is no reason to leave the ladder's order
LEAST_KNOWN = 16.0  # photos seen before anything is put to a test
TESTED_SHARE = 0.05  # of photos, from then on
SPREAD = 0.25  # of worth: how much better a recipe may turn out of which one photo is known


@dataclass(frozen=True, slots=True)
class Tried:
    """A photo's first recipe and what it was worth; see `worth`."""

    recipe: Recipe
    worth: float


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a recipe. photos: seen, those long ago counted in part. worth: expected, 0..1."""

    recipe: Recipe
    photos: float
    worth: float


def worth(score: float | None, enough: float) -> float:
    """What a first recipe brought: 1 where it was enough and saved every other call, else its score; 0 if refused."""
    if score is None:
        return 0.0
    return 1.0 if score >= enough else score


def standings(recipes: Sequence[Recipe], tried: Sequence[Tried]) -> tuple[Standing, ...]:
    """How each recipe stands, in the order given. tried: the newest first.

    An exponentially weighted mean, drawn towards what all recipes together were worth by CAUTION photos.
    """
    weighted = [(0.5 ** (age / HALF_LIFE), one) for age, one in enumerate(tried)]
    common = _mean(weighted, 0.0, 0.0)
    found = []
    for recipe in recipes:
        own = [(weight, one) for weight, one in weighted if one.recipe == recipe]
        found.append(Standing(recipe, sum(weight for weight, _ in own), _mean(own, CAUTION, common)))
    return tuple(found)


def choose(recipes: Sequence[Recipe], tried: Sequence[Tried], dice: float) -> Opening:
    """The recipe to begin with, and why. recipes: at least one, the ladder's first first. dice: 0..1, a photo's own."""
    plain, *others = standings(recipes, tried)
    best = max((plain, *others), key=lambda standing: standing.worth)
    if best.worth - plain.worth < MARGIN:
        best = plain
    if dice < TESTED_SHARE and best.photos >= LEAST_KNOWN and others:
        rivals = [standing for standing in (plain, *others) if standing is not best]
        hopeful = max(rivals, key=_hope)
        if _hope(hopeful) > best.worth:
            return Opening(
                hopeful.recipe, f"put to a test: known from {hopeful.photos:.0f} photos here", exploring=True
            )
    if best is plain:
        return Opening(plain.recipe, "the ladder's first: nothing is known to pay more here")
    return Opening(
        best.recipe,
        f"it pays most here: worth {best.worth:.2f} on {best.photos:.0f} photos, {plain.recipe} {plain.worth:.2f}",
    )


def _hope(standing: Standing) -> float:
    return standing.worth + SPREAD / sqrt(standing.photos + 1)


def _mean(weighted: Iterable[tuple[float, Tried]], doubt: float, prior: float) -> float:
    rows = list(weighted)
    total = doubt + sum(weight for weight, _ in rows)
    return (doubt * prior + sum(weight * one.worth for weight, one in rows)) / total if total else 0.0
