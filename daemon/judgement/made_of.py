"""Says how a promise came about: what the best signs promise, and what each kind of sign takes away from that."""

from collections.abc import Mapping, Sequence

from daemon.jobs import MadeOf
from daemon.judgement.score import UsedCard

PLACES = 4  # a promise is kept with so many decimals, and so is what it is made of
_SAME = 1e-9  # log-odds; signs whose losses add up to less promise what the best ones do


def made_of(
    cards: Sequence[UsedCard], kinds: Mapping[str, Sequence[str]], after: Sequence[tuple[str, float]] = ()
) -> MadeOf:
    """What a promise is made of.

    cards: what it was read from; their weights add up to 1. kinds: by code, the signs that are told together. after:
    what became of the promise after the cards, step by step: a code, and the promise from then on.

    A card promises by the sum of what its signs are worth. What the sum's way from the best signs to these ones takes
    from the promise is shared out by how far each sign takes the sum: this is the same in whatever order one looks at
    them (integrated gradients: Sundararajan, Taly, Yan 2017), and all shares together are the whole way.
    """
    best, effects, promise = 0.0, dict[str, float](), 0.0
    codes = {name: code for code, names in kinds.items() for name in names}
    for used in cards:
        losses = used.card.losses(used.values)
        start, end = used.card.best, used.card.score(used.values)
        best += used.weight * start
        promise += used.weight * end
        lost = sum(losses.values())
        slope = (start - end) / lost if lost > _SAME else 0.0
        for name, loss in losses.items():
            code = codes.get(name, "other")
            effects[code] = effects.get(code, 0.0) - used.weight * slope * loss
    for code, later in after:
        effects[code] = effects.get(code, 0.0) + later - promise
        promise = later
    return _rounded(best, effects, promise, [code for code, _ in after])


def losses_of(cards: Sequence[UsedCard]) -> dict[str, float]:
    """How much each sign lowers a promise against the best value of it, in log-odds; what `made_of` shares out by."""
    found = dict[str, float]()
    for used in cards:
        for name, loss in used.card.losses(used.values).items():
            found[name] = found.get(name, 0.0) + used.weight * loss
    return found


def _rounded(best: float, effects: Mapping[str, float], promise: float, steps: Sequence[str]) -> MadeOf:
    """All to PLACES, so that whoever adds the numbers up gets the promise as it is kept.

    steps: codes that take nothing of what rounding leaves: what a correction did is told elsewhere, too.
    """
    start, whole = round(best, PLACES), round(promise, PLACES)
    told = {code: round(effect, PLACES) for code, effect in effects.items()}
    rest = round(whole - start - sum(told.values()), PLACES)
    if rest:
        most = max((code for code in told if code not in steps), key=lambda code: abs(told[code]), default="other")
        told[most] = round(told.get(most, 0.0) + rest, PLACES)
    rows = [(code, effect) for code, effect in told.items() if effect]
    return MadeOf(start, tuple(sorted(rows, key=lambda row: row[1])))
