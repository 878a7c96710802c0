"""Fits a score card: a monotone curve for each sign, then a calibrated promise. Uses only numpy."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daemon.judgement.score import Card, Curve

Floats = NDArray[np.float64]

KNOTS = ((0, 10, 25, 40, 55, 70, 85, 95, 100), (0, 50, 100))
"""Percentiles of a sign at which its curve may bend. The card is the mean of two that are fitted with one tuple each:
bends that only these photos cause fade, the course of the curve stays."""
RIDGE = 3e-3  # keeps curves flat where there are no data
STEPS = 60  # of Newton's method at most; a fit converges after ten to thirty
SETTLED = 1e-7  # a fit has converged if a step lowers the loss by less
BOTH_ENDS_BAD = frozenset({"girth", "ring_contrast"})  # a very compact or very striking subject may be only a part
BETTER_WHEN_HIGHER = frozenset({"girth", "ring_contrast"})
LEAST_WORTH = 1e-3  # range of a curve: flatter curves are left out
PROMISE_KNOTS = 40  # points of the promise curve


@dataclass(frozen=True, slots=True)
class Samples:
    """Signs of n alphas with the truth. values: (n, signs). quality: (n,), true IoU. weight: (n,)."""

    names: tuple[str, ...]
    values: Floats
    quality: Floats
    weight: Floats

    def only(self, rows: NDArray[np.bool_]) -> "Samples":
        """The chosen rows."""
        return Samples(self.names, self.values[rows], self.quality[rows], self.weight[rows])


def fit_card(samples: Samples, calibrating: NDArray[np.bool_] | None = None) -> Card:
    """Fit a card with curves that are monotone in the known direction.

    calibrating: the rows that the promise is calibrated on; None = all. Rows that were made to teach the curves are not
    as good or bad as what models give, so they must not count there.
    """
    fits = [_curves(samples, percentiles) for percentiles in KNOTS]
    curves = {}
    for name in samples.names:
        at = np.unique(np.concatenate([np.asarray(fit[name].at) for fit in fits]))
        worth = np.mean([np.interp(at, fit[name].at, fit[name].worth) for fit in fits], axis=0)
        if np.ptp(worth) > LEAST_WORTH:
            curves[name] = Curve(tuple(at.tolist()), tuple(worth.tolist()))
    card = Card(curves, Curve((0.0, 1.0), (0.0, 1.0)))
    true = samples if calibrating is None else samples.only(calibrating)
    return Card(curves, promise_curve(sums(card, true), true.quality, true.weight))


def _curves(samples: Samples, percentiles: Sequence[float]) -> dict[str, Curve]:
    knots = [_knots(samples.values[:, column], samples.weight, percentiles) for column in range(len(samples.names))]
    basis = np.concatenate([_ramps(samples.values[:, column], at) for column, at in enumerate(knots)], axis=1)
    directions = np.concatenate(
        [np.full(len(at) - 1, _direction(name)) for name, at in zip(samples.names, knots, strict=True)]
    )
    slopes = _descend(basis, _target(samples.quality), samples.weight / samples.weight.sum(), directions)
    curves, start = {}, 0
    for name, at in zip(samples.names, knots, strict=True):
        rises = slopes[start : start + len(at) - 1]
        start += len(at) - 1
        curves[name] = Curve(tuple(at.tolist()), tuple(np.concatenate([[0.0], np.cumsum(rises)]).tolist()))
    return curves


def sums(card: Card, samples: Samples) -> Floats:
    """For each row the sum of what its signs are worth."""
    total = np.zeros(len(samples.quality))
    for name, curve in card.curves.items():
        total += np.interp(samples.values[:, samples.names.index(name)], curve.at, curve.worth)
    return total


def scores(card: Card, samples: Samples) -> Floats:
    """For each row the promised IoU."""
    return np.asarray(np.clip(np.interp(sums(card, samples), card.promise.at, card.promise.worth), 0, 1))


def promise_curve(total: Floats, quality: Floats, weight: Floats) -> Curve:
    """Mean quality by sum, as points of a logistic curve. It rises strictly, so that no two results are equal
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
    """The target of the fit: differences between good results count more than those between useless ones."""
    return np.asarray(np.clip((quality - 0.5) / 0.5, 0, 1) ** 2)


def _knots(values: Floats, weight: Floats, percentiles: Sequence[float]) -> Floats:
    """Where a curve may bend. Samples of full weight decide; the others only extend the ends."""
    full = values[weight >= weight.max()]
    inner = np.percentile(full, percentiles)
    at = np.unique(np.round([*inner, values.min(), values.max()], 6))
    return at if len(at) > 1 else np.array([at[0], at[0] + 1.0])


def _ramps(values: Floats, at: Floats) -> Floats:
    """One column for each interval between knots; it rises from 0 to 1 within that interval."""
    return np.asarray(np.clip((values[:, None] - at[:-1]) / np.diff(at), 0, 1))


def _descend(basis: Floats, target: Floats, weight: Floats, directions: Floats) -> Floats:
    """Slopes that minimise the cross-entropy to `target` (0..1), each with the sign of its direction (0: free).

    Newton's method on the slopes that are not held at zero by their direction, with backtracking along the projection
    (Bertsekas 1982).
    """
    columns = np.hstack([basis, np.ones((len(basis), 1))])
    signs = np.append(directions, 0.0)
    ridge = np.append(np.full(basis.shape[1], RIDGE), 1e-9)
    at = np.zeros(columns.shape[1])

    def loss(point: Floats) -> float:
        z = columns @ point
        return float((weight * (np.logaddexp(0, z) - target * z)).sum() + (ridge * point * point).sum() / 2)

    value = loss(at)
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-(columns @ at)))
        gradient = columns.T @ (weight * (chance - target)) + ridge * at
        free = ~((at == 0) & (signs * gradient > 0) & (signs != 0))
        part = columns[:, free]
        bend = (part.T * (weight * np.maximum(chance * (1 - chance), 1e-6))) @ part + np.diag(ridge[free])
        step = np.zeros_like(at)
        step[free] = np.linalg.solve(bend, gradient[free])
        for length in 0.5 ** np.arange(20):
            moved = at - length * step
            moved = np.where(moved * signs < 0, 0.0, moved)
            if (after := loss(moved)) < value:
                break
        else:
            break
        at, fell, value = moved, value - after, after
        if fell < SETTLED:
            break
    return np.asarray(at[:-1])


def card_as_json(card: Card) -> dict[str, object]:
    """A card as `ScoreTable.from_json` reads it, rounded to the digits that matter."""
    curves: dict[str, object] = {name: _rounded(curve) for name, curve in card.curves.items()}
    return {"curves": curves, "promise": _rounded(card.promise)}


def _rounded(curve: Curve) -> dict[str, Sequence[float]]:
    return {"at": [round(x, 6) for x in curve.at], "worth": [round(y, 4) for y in curve.worth]}
