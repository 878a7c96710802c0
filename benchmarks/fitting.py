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
BETTER_WHEN_HIGHER = frozenset({"contrast", "solid"})
PROMISE_KNOTS = 12


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
        [
            np.full(len(at) - 1, 1.0 if name in BETTER_WHEN_HIGHER else -1.0)
            for name, at in zip(samples.names, knots, strict=True)
        ]
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
    """Mean quality by sum, never falling: pool adjacent violators over quantile bins, then joined by straight lines."""
    order = np.argsort(total, kind="stable")
    edges = np.searchsorted(np.cumsum(weight[order]) / weight.sum(), np.linspace(0, 1, PROMISE_KNOTS + 1)[1:-1])
    blocks = []
    for rows in np.split(order, np.unique(edges)):
        if len(rows):
            w = float(weight[rows].sum())
            blocks.append(
                [float((total[rows] * weight[rows]).sum()) / w, float((quality[rows] * weight[rows]).sum()) / w, w]
            )
    pooled: list[list[float]] = []
    for block in blocks:
        pooled.append(block)
        while len(pooled) > 1 and pooled[-2][1] >= pooled[-1][1]:
            (x1, y1, w1), (x2, y2, w2) = pooled[-2:]
            pooled[-2:] = [[(x1 * w1 + x2 * w2) / (w1 + w2), (y1 * w1 + y2 * w2) / (w1 + w2), w1 + w2]]
    at, worth = [row[0] for row in pooled], [row[1] for row in pooled]
    low, high = float(total.min()), float(total.max())
    return Curve((min(low, at[0]) - 1.0, *at, max(high, at[-1]) + 0.5), (0.0, *worth, min(1.0, worth[-1] + 0.01)))


def _target(quality: Floats) -> Floats:
    """What the curves are fitted to: differences between good results count more than those between useless ones."""
    return np.asarray(np.clip((quality - 0.5) / 0.5, 0, 1) ** 2)


def _knots(values: Floats, weight: Floats) -> Floats:
    del weight
    at = np.unique(np.round(np.percentile(values, KNOTS), 6))
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
