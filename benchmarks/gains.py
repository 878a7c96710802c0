"""Fits what engine calls can be expected to gain, and the cards that judge the loop, without the set that is judged."""

import json
from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.fitting import Floats
from benchmarks.played import Names, Played, State
from benchmarks.rows import Row
from benchmarks.trust import fitted_without, set_parts
from daemon.jobs import Grade
from daemon.judgement.expected_gain import GainTable, NextCall, place
from daemon.judgement.score import ScoreTable
from daemon.settings import GradingSettings

ONE, TWO, FLIP, ZOOM = "u2netp", "isnet", "u2netp_flip", "u2netp_zoom"
CALLS: Mapping[NextCall, Sequence[tuple[Names, str]]] = {
    NextCall.MODEL_FIRST: (((ONE,), TWO), ((TWO,), ONE), ((FLIP,), TWO)),
    NextCall.MODEL_LATER: (((ONE, FLIP), TWO),),
    NextCall.VIEW_FIRST: (((ONE,), FLIP), ((ONE,), ZOOM)),
    NextCall.VIEW_LATER: (((ONE, TWO), FLIP), ((TWO, ONE), FLIP), ((ONE, TWO), ZOOM)),
}
"""The steps, after which attempts to which next one, that the gain of each kind of call is learnt from."""
ORDERS: Sequence[Names] = tuple(
    dict.fromkeys([(ONE, TWO, FLIP), *((*heard, name) for steps in CALLS.values() for heard, name in steps)])
)

AT = tuple(np.linspace(0, 2, 9).tolist())  # places at which gains are given: 2 is sehr_gut, and no call follows that
NEAR = 0.25  # places: photos so far away still count for about half
PRIOR = 5.0  # photos without any gain that every place starts with: what few photos say is shrunken
WORTH = (0.6, 0.95)  # IoU: below the first all results are worth the same, nothing; above the second as well, 1
RISE = 0.1  # worth of one grade more that the result deserves


def fitted_gains(photos: Sequence[Played], tables: Mapping[str, ScoreTable]) -> GainTable:
    """What each kind of call gained on these photos. tables: by set, the table that judges it."""
    gains = {}
    for call, steps in CALLS.items():
        places, gained = [], []
        for photo in photos:
            table = tables[photo.set_name]
            for heard, name in steps:
                if photo.has((*heard, name)) and (before := photo.after(heard, table)).grade is not Grade.SEHR_GUT:
                    best = max((each.verdict for each in before.attempts if each.verdict), key=lambda v: v.score)
                    places.append(place(best))
                    gained.append(worth(photo.after((*heard, name), table)) - worth(before))
        weight = np.exp(-0.5 * ((np.array(places)[None] - np.array(AT)[:, None]) / NEAR) ** 2)
        gains[call] = _shrunken(weight, np.array(gained), PRIOR * len(steps))
    return GainTable(AT, gains)


def _shrunken(weight: Floats, gained: Floats, prior: float) -> tuple[float, ...]:
    means = (weight @ gained) / (weight.sum(axis=1) + prior)
    return tuple(round(max(0.0, float(mean)), 4) for mean in means)


def worth(state: State) -> float:
    """What a result is worth: by its true IoU, and by its grade as far as it deserves it."""
    low, high = WORTH
    limits = GradingSettings()
    deserved = (state.iou >= limits.gut) + (state.iou >= limits.sehr_gut)
    return min(1.0, max(0.0, (state.iou - low) / (high - low))) + RISE * min(state.grade.rank, deserved)


def gains_as_json(table: GainTable) -> str:
    """The table as `GainTable.from_json` reads it."""
    about = "Written by benchmarks/adaptive.py fit: by the place of the best result, what one more call gained."
    content = {"about": about, "at": table.at, "gains": {str(call): row for call, row in table.gains.items()}}
    return json.dumps(content, indent=1) + "\n"


def tables_without_sets(rows: Sequence[Row]) -> dict[str, ScoreTable]:
    """By set the table that was fitted to all other sets."""
    parts = set_parts(rows)
    tables = fitted_without(rows, parts)
    return {row.set_name: tables[part] for row, part in zip(rows, parts, strict=True)}
