"""Fitting a score card: monotone curves per sign, then a calibrated promise; numpy only."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daemon.judgement.score import Card, Curve

Floats = NDArray[np.float64]

KNOTS = (0, 10, 25, 40, 55, 70, 85, 95, 100)  # percentiles of a sign at which its curve may bend
RIDGE = 3e-3  # keeps curves flat where the data does not speak
STEPS = 1500
BOTH_ENDS_BAD = frozenset({"girth", "ring_contrast"})  # a very compact or very striking find may be but a part
BETTER_WHEN_HIGHER = frozenset({"solid", "girth", "ring_contrast"})
PROMISE_KNOTS = 40  # points at which the promise is written down


@dataclass(frozen=True, slots=True)
class Samples:
    """Rows of signs with their truth. values: (n, signs). quality: (n,), true IoU. weight: (n,)."""

    names: tuple[str, ...]
    values: Floats
    quality: Floats
    weight: Floats

    def only(self, rows: NDArray[np.bool_]) -> "Samples":
        """The rows chosen."""
        return Samples(self.names, self.values[rows], self.quality[rows], self.weight[rows])


def fit_card(samples: Samples) -> Card:
    """A card whose curves are monotone in the known direction and whose promise is calibrated on the same rows."""
    knots = [_knots(samples.values[:, column], samples.weight) for column in range(len(samples.names))]
    basis = np.concatenate([_ramps(samples.values[:, column], at) for column, at in enumerate(knots)], axis=1)
    directions = np.concatenate(
        [np.full(len(at) - 1, _direction(name)) for name, at in zip(samples.names, knots, strict=True)]
    )
    slopes = _descend(basis, _target(samples.quality), samples.weight / samples.weight.sum(), directions)
    curves, start = {}, 0
    for name, at in zip(samples.names, knots, strict=True):
        rises = slopes[start : start + len(at) - 1]
        start += len(at) - 1
        if np.abs(rises).sum() > 1e-3:
            curves[name] = Curve(tuple(at.tolist()), tuple(np.concatenate([[0.0], np.cumsum(rises)]).tolist()))
    card = Card(curves, Curve((0.0, 1.0), (0.0, 1.0)))
    return Card(curves, promise_curve(sums(card, samples), samples.quality, samples.weight))


def sums(card: Card, samples: Samples) -> Floats:
    """Per row the sum of what its signs are worth."""
    total = np.zeros(len(samples.quality))
    for name, curve in card.curves.items():
        total += np.interp(samples.values[:, samples.names.index(name)], curve.at, curve.worth)
    return total


def scores(card: Card, samples: Samples) -> Floats:
    """Per row the promised IoU."""
    return np.asarray(np.clip(np.interp(sums(card, samples), card.promise.at, card.promise.worth), 0, 1))


def promise_curve(total: Floats, quality: Floats, weight: Floats) -> Curve:
    """Mean quality by sum, as a logistic curve written down at a few points: strictly rising, so no two results tie
    (Platt 1999, with fractional labels)."""
    centre, spread = float(np.average(total, weights=weight)), float(total.std()) or 1.0
    z = (total - centre) / spread
    slope, bias = 1.0, 0.0
    for _ in range(50):  # Newton's method on the cross-entropy
        p = 1 / (1 + np.exp(-(slope * z + bias)))
        bend = weight * np.maximum(p * (1 - p), 1e-6)
        gradient = np.array([(weight * (p - quality) * z).sum(), (weight * (p - quality)).sum()])
        hessian = np.array([[(bend * z * z).sum(), (bend * z).sum()], [(bend * z).sum(), bend.sum()]])
        step = np.linalg.solve(hessian + 1e-9 * np.eye(2), gradient)
        slope, bias = slope - float(step[0]), bias - float(step[1])
    at = np.linspace(float(z.min()) - 1, float(z.max()) + 0.5, PROMISE_KNOTS)
    worth = 1 / (1 + np.exp(-(slope * at + bias)))
    return Curve(tuple((at * spread + centre).tolist()), tuple(worth.tolist()))


def _direction(name: str) -> float:
    if name in BOTH_ENDS_BAD:
        return 0.0
    return 1.0 if name in BETTER_WHEN_HIGHER else -1.0


def _target(quality: Floats) -> Floats:
    """What the curves are fitted to: differences between good results count more than those between useless ones."""
    return np.asarray(np.clip((quality - 0.5) / 0.5, 0, 1) ** 2)


def _knots(values: Floats, weight: Floats) -> Floats:
    """Where a curve may bend: set by full samples; those of little weight only reach the ends."""
    full = values[weight >= weight.max()]
    inner = np.percentile(full, KNOTS)
    at = np.unique(np.round([*inner, values.min(), values.max()], 6))
    return at if len(at) > 1 else np.array([at[0], at[0] + 1.0])


def _ramps(values: Floats, at: Floats) -> Floats:
    """One column per stretch between knots, going 0 to 1 within it."""
    return np.asarray(np.clip((values[:, None] - at[:-1]) / np.diff(at), 0, 1))


def _descend(basis: Floats, target: Floats, weight: Floats, directions: Floats) -> Floats:
    """Slopes that minimise the cross-entropy to `target` (0..1), each held to its direction (projected Adam)."""
    slopes, bias = np.zeros(basis.shape[1]), 0.0
    mean, square = np.zeros(len(slopes) + 1), np.zeros(len(slopes) + 1)
    for step in range(STEPS):
        miss = (1 / (1 + np.exp(-(basis @ slopes + bias))) - target) * weight
        gradient = np.append(basis.T @ miss + RIDGE * slopes, miss.sum())
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient * gradient
        rate = 0.03 * (1 - step / STEPS) + 1e-4
        move = rate * (mean / (1 - 0.9 ** (step + 1))) / (np.sqrt(square / (1 - 0.999 ** (step + 1))) + 1e-9)
        slopes, bias = slopes - move[:-1], bias - float(move[-1])
        slopes = np.where(slopes * directions < 0, 0.0, slopes)
    return np.asarray(slopes)


def card_as_json(card: Card) -> dict[str, object]:
    """A card as `ScoreTable.from_json` reads it, in as many digits as mean something."""
    curves: dict[str, object] = {name: _rounded(curve) for name, curve in card.curves.items()}
    return {"curves": curves, "promise": _rounded(card.promise)}


def _rounded(curve: Curve) -> dict[str, Sequence[float]]:
    return {"at": [round(x, 6) for x in curve.at], "worth": [round(y, 4) for y in curve.worth]}
