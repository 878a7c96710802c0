"""Says how much the next engine call can be expected to improve a photo, as it was on labelled photos."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from daemon.jobs import Attempt, Recipe, Verdict
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

    A gain is in IoU above 0.6, where 0.35 count as 1, plus RISE for each grade by which the result rose and deserves it
    (`benchmarks/adaptive.py`). It is 0 or more.
    """

    at: tuple[float, ...]
    gains: Mapping[NextCall, tuple[float, ...]]

    @classmethod
    def from_json(cls, text: str) -> "GainTable":
        """Read what `benchmarks/adaptive.py fit` wrote. Raises ValueError if it is damaged."""
        content: Any = json.loads(text)  # Any: parsed JSON
        at = tuple(map(float, content["at"]))
        gains = {call: tuple(map(float, content["gains"][call])) for call in NextCall}
        if list(at) != sorted(set(at)) or any(len(row) != len(at) for row in gains.values()):
            raise ValueError("gains.json is damaged: a curve has no value for each place. Install Freisteller again.")
        return cls(at, gains)

    def gain(self, call: NextCall, at: float) -> float:
        """What a call can be expected to add if the best result so far stands at this place; 0 from the last place on.

        The last place is the limit of sehr_gut: a region so good is not looked at again.
        """
        return float(np.interp(at, self.at, self.gains[call])) if at < self.at[-1] else 0.0


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
    free = float(np.interp(verdict.score, (0.0, limits.gut, limits.sehr_gut, 1.0), (0.0, 1.0, 2.0, 3.0)))
    if verdict.limits:
        return free
    return min(max(free, float(verdict.grade.rank)), verdict.grade.rank + BELOW)
