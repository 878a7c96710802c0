"""Learns from people's verdicts how much the scores of an order and a model are too high or too low.

The correction of a score is what is added to it so that the thresholds agree with people. People's grades follow an
ordered logit model (McCullagh 1980, Regression models for ordinal data): a result of score s is at least of a grade
with the chance 1 / (1 + exp(-(s + shift - threshold) / spread)); but a share of the grades is given as if by dice
(lapses: Wichmann and Hill 2001), so one slip weighs little, and people whose grades have nothing to do with the score
correct nothing. The people of each order have a spread and a share of lapses of their own, over which is summed. The
shifts of the orders of a model are drawn from a normal distribution around the model's shift, and the models' shifts
from one around the shift of all, which itself is expected at 0 (Gelman et al., Bayesian Data Analysis, chapter 5). How
wide these are maximises the likelihood of all verdicts (empirical Bayes: Robbins 1956, Efron and Morris 1973). All is
summed over a grid of shifts, up the tree and down again, which is exact for it (Pearl 1982). A last factor, the
positive part of 1 - error² / shift² (Stein's rule: Baranchik 1964), leaves nothing of a shift that is not surer than
chance. Nor is anything left of one that would bring the grades of these very results no nearer to people's.

A result that a person saw and left alone is evidence for the program's grade, with the same weight as one that was
moved: `refit` says why.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from daemon.jobs import Correction, Grade
from daemon.judgement.grading import Thresholds
from daemon.judgement.refit import Judged

LEAST_VERDICTS = 10  # of people, by order and model; silence does not count
MOST_SHIFT = 0.05  # of score, both ways: more than that is no matter of taste, and thresholds should be refitted
_STEP = 0.0025  # of score
_EDGE = 0.12  # of score: beyond MOST_SHIFT, so that the bound does not bend what is found
_SPREADS = (0.01, 0.02, 0.04, 0.07)  # of score: how unsteady people are beside a threshold
_LAPSES = (0.02, 0.1, 0.4, 0.7, 0.95)  # shares of grades
_WIDTHS = (0.0025, 0.005, 0.01, 0.02, 0.03)  # of score: how far orders, and models, lie apart
_OF_ALL = 0.02  # of score: the standard deviation that is expected of the shift of all
_SHIFTS = np.arange(-round(_EDGE / _STEP), round(_EDGE / _STEP) + 1) * _STEP

Floats: TypeAlias = npt.NDArray[np.float64]
Cell: TypeAlias = tuple[str, str]
"""An order and a model."""


@dataclass(frozen=True, slots=True)
class FoundShift:
    """What people's verdicts say of the scores of one order and model.

    verdicts, silent: results that were moved or confirmed, and those that a person saw and left. disagreement: the mean
    number of grades by which people differ on the former, + = people are kinder. shift: to be added to scores,
    -MOST_SHIFT..MOST_SHIFT; 0 with fewer than LEAST_VERDICTS. error: its standard error.
    """

    verdicts: int
    silent: int
    disagreement: float
    shift: float
    error: float

    @property
    def lacking(self) -> int:
        """How many verdicts it still needs."""
        return max(0, LEAST_VERDICTS - self.verdicts)

    @property
    def correction(self) -> Correction | None:
        """What new photos get; None for nothing."""
        return Correction(self.shift, self.verdicts) if self.shift else None


def cell_of(one: Judged) -> Cell:
    """The order and the model of a result."""
    return one.order, one.model


def usable(judged: Iterable[Judged], thresholds: Mapping[str, Thresholds]) -> list[Judged]:
    """The results that say something of a score: their model and the thresholds of their order are known.

    Those are left out that the promise of the rim graded.
    """
    return [one for one in judged if one.model and not one.by_rim and one.order in thresholds]


def find_shifts(judged: Iterable[Judged], thresholds: Mapping[str, Thresholds]) -> dict[Cell, FoundShift]:
    """The shift of each order and model that people gave a verdict on.

    thresholds: of each order. Results that are not `usable` are left out.
    """
    cells: dict[Cell, list[Judged]] = {}
    for one in usable(judged, thresholds):
        cells.setdefault(cell_of(one), []).append(one)
    if not any(one.spoken for results in cells.values() for one in results):
        return {}
    beliefs = _beliefs(cells, thresholds)
    return {cell: _found(cells[cell], thresholds[cell[0]], beliefs[cell]) for cell in cells}


def towards_people(one: Judged, thresholds: Thresholds, correction: Correction) -> int | None:
    """By how many grades a correction would have brought a result nearer to the person's grade (+) or farther from it.

    None if it would not have changed the grade.
    """
    before = thresholds.grade(one.own_score).rank
    after = thresholds.grade(replace(thresholds, correction=correction).corrected(one.own_score)).rank
    return None if before == after else abs(one.person.rank - before) - abs(one.person.rank - after)


def _found(results: Sequence[Judged], thresholds: Thresholds, belief: Floats) -> FoundShift:
    spoken = [one for one in results if one.spoken]
    mean = float(belief @ _SHIFTS)
    error = float(np.sqrt(belief @ (_SHIFTS - mean) ** 2))
    sure = mean * max(0.0, 1 - error**2 / mean**2) if mean else 0.0
    shift = round(min(MOST_SHIFT, max(-MOST_SHIFT, sure)), 4)
    is_used = len(spoken) >= LEAST_VERDICTS and shift and _helps(results, thresholds, Correction(shift, len(spoken)))
    disagreement = sum(one.shift for one in spoken) / len(spoken) if spoken else 0.0
    return FoundShift(len(spoken), len(results) - len(spoken), disagreement, shift if is_used else 0.0, error)


def _helps(results: Sequence[Judged], thresholds: Thresholds, correction: Correction) -> bool:
    """Whether a correction brings the very results that it was learnt from nearer to people."""
    return sum(towards_people(one, thresholds, correction) or 0 for one in results) > 0


def _beliefs(cells: Mapping[Cell, Sequence[Judged]], thresholds: Mapping[str, Thresholds]) -> dict[Cell, Floats]:
    """By order and model, how probable each of _SHIFTS is; the sum is 1."""
    leaves = {cell: _likelihood(_counted(results, thresholds[cell[0]])) for cell, results in cells.items()}
    trees = (_Tree.of(leaves, *widths) for widths in product(_WIDTHS, _WIDTHS))
    return max(trees, key=lambda tree: tree.evidence).beliefs()


_Counts: TypeAlias = tuple[Floats, Floats, Floats]
"""Distances of scores to the threshold below the person's grade and to the one above it, and how often they came."""


def _counted(results: Sequence[Judged], thresholds: Thresholds) -> _Counts:
    edges = {
        Grade.SEHR_GUT: (thresholds.sehr_gut, np.inf),
        Grade.GUT: (thresholds.gut, thresholds.sehr_gut),
        Grade.UNGENUEGEND: (-np.inf, thresholds.gut),
    }
    counts = Counter((round(one.own_score / _STEP) * _STEP, one.person) for one in results)
    rows = np.array([(*(score - edge for edge in edges[person]), n) for (score, person), n in counts.items()])
    return rows[:, 0], rows[:, 1], rows[:, 2]


def _likelihood(counts: _Counts) -> Floats:
    """The logarithm of how probable people's grades are with each of _SHIFTS, whatever kind of people they are."""
    below, above, times = counts
    kinds = []
    for spread in _SPREADS:
        at_least = 1 / (1 + np.exp(-(below[:, None] + _SHIFTS) / spread))
        more = 1 / (1 + np.exp(-(above[:, None] + _SHIFTS) / spread))
        for lapses in _LAPSES:
            kinds.append(times @ np.log((1 - lapses) * (at_least - more) + lapses / len(Grade)))
    return np.asarray(np.logaddexp.reduce(kinds), dtype=np.float64)


@cache
def _normal(width: float) -> Floats:
    """For each of _SHIFTS as a mean, in rows, how probable each of them is; a row's sum is 1."""
    table = np.exp(-((_SHIFTS[:, None] - _SHIFTS) ** 2) / (2 * width**2))
    return np.asarray(table / table.sum(axis=1, keepdims=True), dtype=np.float64)


@dataclass(frozen=True, slots=True)
class _Tree:
    """The likelihoods of all shifts, as logarithms over _SHIFTS: of cells, and what came up from them to the root.

    to_model: by cell, what it says of its model's shift. to_root: by model, what it says of the shift of all.
    evidence: the logarithm of how probable all verdicts are.
    """

    leaves: Mapping[Cell, Floats]
    to_model: Mapping[Cell, Floats]
    to_root: Mapping[str, Floats]
    apart: float
    of_models: float
    evidence: float

    @classmethod
    def of(cls, leaves: Mapping[Cell, Floats], apart: float, of_models: float) -> "_Tree":
        to_model = {cell: _passed(leaf, _normal(apart)) for cell, leaf in leaves.items()}
        models: dict[str, Floats] = {}
        for (_, model), message in to_model.items():
            models[model] = models.get(model, 0.0) + message
        to_root = {model: _passed(message, _normal(of_models)) for model, message in models.items()}
        everything = _prior() + sum(to_root.values())
        top = float(everything.max())
        return cls(leaves, to_model, to_root, apart, of_models, top + float(np.log(np.exp(everything - top).sum())))

    def beliefs(self) -> dict[Cell, Floats]:
        """By cell, how probable each shift is, given its own verdicts and all others."""
        everything = _prior() + sum(self.to_root.values())
        found = {}
        for (order, model), leaf in self.leaves.items():
            of_model = _passed(everything - self.to_root[model], _normal(self.of_models).T)
            others = sum(up for (_, its), up in self.to_model.items() if its == model) - self.to_model[order, model]
            belief = leaf + _passed(of_model + others, _normal(self.apart).T)
            weight = np.exp(belief - belief.max())
            found[order, model] = weight / weight.sum()
        return found


def _prior() -> Floats:
    """The logarithm of how probable each shift of all is before anybody said anything."""
    return np.asarray(np.log(_normal(_OF_ALL)[len(_SHIFTS) // 2]), dtype=np.float64)


def _passed(message: Floats, table: Floats) -> Floats:
    """What is known of one shift, from what is known of another one that is drawn around it; both as logarithms."""
    top = message.max()
    return np.asarray(top + np.log(table @ np.exp(message - top) + 1e-300), dtype=np.float64)
