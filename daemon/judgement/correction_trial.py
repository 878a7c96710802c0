"""Tries corrections on verdicts that they were not learnt from: what would they have changed, and to whose liking?"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from daemon.judgement.correction import Cell, cell_of, find_shifts, towards_people, usable
from daemon.judgement.grading import Thresholds
from daemon.judgement.refit import Judged

STEPS = 12  # times at which the corrections are learnt anew; each step takes up to a second with 20,000 verdicts


@dataclass(frozen=True, slots=True)
class CorrectionTrial:
    """What the corrections of one order and model would have changed.

    tried: later results, judged by people, for which there was a correction at their time. changed: those that would
    have got another grade. nearer, farther: how many of these lie nearer to the person's grade, and how many farther.
    """

    tried: int = 0
    changed: int = 0
    nearer: int = 0
    farther: int = 0


def try_corrections(judged: Iterable[Judged], thresholds: Mapping[str, Thresholds]) -> dict[Cell, CorrectionTrial]:
    """By order and model, what corrections would have changed if each had been learnt from earlier results only.

    The results are split by time, so that each part has as many verdicts, and each part is graded by what the parts
    before it say. A result that was left alone counts at the time when it was finished, before anybody saw it.
    """
    ordered = sorted(usable(judged, thresholds), key=lambda one: (one.at, one.own_score))
    counts: Counter[tuple[Cell, str]] = Counter()
    starts = _starts(ordered)
    for start, end in zip(starts, [*starts[1:], len(ordered)], strict=True):
        shifts = find_shifts(ordered[:start], thresholds) if start else {}
        for one in ordered[start:end]:
            cell = cell_of(one)
            if cell in shifts and (correction := shifts[cell].correction):
                gain = towards_people(one, thresholds[one.order], correction)
                counts.update((cell, what) for what in _counted(gain))
    cells = dict.fromkeys(map(cell_of, ordered))
    return {
        cell: CorrectionTrial(*(counts[cell, what] for what in ("tried", "changed", "nearer", "farther")))
        for cell in cells
    }


def _counted(gain: int | None) -> list[str]:
    """As what a result counts. gain: see `towards_people`."""
    if gain is None:
        return ["tried"]
    return ["tried", "changed", *(["nearer"] if gain > 0 else ["farther"] if gain < 0 else [])]


def _starts(ordered: list[Judged]) -> list[int]:
    """Where each part begins."""
    spoken = [number for number, one in enumerate(ordered) if one.spoken]
    steps = min(STEPS, len(spoken))
    return sorted({0, *(spoken[len(spoken) * step // steps] for step in range(1, steps))})
