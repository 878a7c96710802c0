"""Says how much the next engine call can be expected to improve a photo, as it was on labelled photos."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from daemon.jobs import Attempt, Recipe, Verdict
from daemon.jobs.promises import among
from daemon.settings import GradingSettings


class NextCall(StrEnum):
    """What is asked next; the values are the names of the curves in gains.json.

    A model that was not heard yet, or another view of one that was; after one alpha, or after more of them.
    """

    MODEL_FIRST = "model_first"
    MODEL_LATER = "model_later"
    VIEW_FIRST = "view_first"
    VIEW_LATER = "view_later"


@dataclass(frozen=True, slots=True)
class GainTable:
    """The gain of each kind of call at some places of the best result so far, see `place`; linear in between.

    gains: of the region, in IoU above 0.6, where 0.35 count as 1, plus RISE for each grade by which the result rose and
    deserves it. rim_gains: of the rim, in the share of the true border that is followed, counted alike; 0 for calls
    that are not there. `benchmarks/adaptive.py` measures both. No gain is below 0.
    """

    at: tuple[float, ...]
    gains: Mapping[NextCall, tuple[float, ...]]
    rim_gains: Mapping[NextCall, tuple[float, ...]] = field(default_factory=dict)

    @classmethod
    def from_json(cls, text: str) -> "GainTable":
        """Read what `benchmarks/adaptive.py fit` wrote. Raises ValueError if it is damaged."""
        content: Any = json.loads(text)  # Any: parsed JSON
        at = tuple(map(float, content["at"]))
        gains = {call: tuple(map(float, content["gains"][call])) for call in NextCall}
        rim_gains = {NextCall(call): tuple(map(float, row)) for call, row in content["rim_gains"].items()}
        rows = (*gains.values(), *rim_gains.values())
        if list(at) != sorted(set(at)) or any(len(row) != len(at) for row in rows):
            raise ValueError("gains.json is damaged: a curve has no value for each place. Install Freisteller again.")
        return cls(at, gains, rim_gains)

    def expected(self, call: NextCall, verdict: Verdict) -> float:
        """What a call can be expected to add to a photo whose best result so far has this verdict: region and rim."""
        of_rim = self._gain(self.rim_gains.get(call), rim_place(verdict))
        return self._gain(self.gains[call], place(verdict)) + of_rim

    def _gain(self, row: Sequence[float] | None, at: float) -> float:
        """0 from the last place on, which is the limit of sehr_gut: what is so good is not looked at again."""
        return float(np.interp(at, self.at, row)) if row and at < self.at[-1] else 0.0


@cache
def shipped_gains() -> GainTable:
    """The table that ships with the code; read once."""
    return GainTable.from_json((files(__package__) / "gains.json").read_text(encoding="utf-8"))


def kind_of_call(recipe: Recipe, attempts: Sequence[Attempt]) -> NextCall:
    """Which kind of call a recipe is after these attempts. Those without a result say nothing."""
    heard = [attempt.recipe.model for attempt in attempts if attempt.verdict]
    if recipe.model in heard:
        return NextCall.VIEW_FIRST if len(heard) == 1 else NextCall.VIEW_LATER
    return NextCall.MODEL_FIRST if len(heard) <= 1 else NextCall.MODEL_LATER


BELOW = 0.99  # of the way to the next limit: as far as a result may stand that did not reach it


def place(verdict: Verdict) -> float:
    """Where the region's promise stands among its grades: 0 at a score of 0, 1 at gut's limit, 2 at sehr_gut's.

    The limits are those that the verdict was given by. One of an earlier version kept none, so it stands within the
    grade that it has.
    """
    limits = verdict.limits or GradingSettings()
    free = among(verdict.score, limits.gut, limits.sehr_gut)
    if verdict.limits:
        return free
    return min(max(free, float(verdict.grade.rank)), verdict.grade.rank + BELOW)


def rim_place(verdict: Verdict) -> float:
    """The same of the rim's promise; 3 if the rim was not judged, because no call can be made for its sake."""
    if verdict.rim is None or verdict.limits is None:
        return 3.0
    return among(verdict.rim, verdict.limits.rim_gut, verdict.limits.rim_sehr_gut)
