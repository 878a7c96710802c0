"""Fits what engine calls can be expected to gain, and the cards that judge the loop, without the set that is judged."""

import json
from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks.fitting import Floats
from benchmarks.played import Names, Played, State
from benchmarks.rim_gains import SECOND, Seen, Written
from benchmarks.rows import Row
from benchmarks.trust import fitted_without, set_parts
from daemon.jobs import Grade
from daemon.judgement.expected_gain import GainTable, NextCall, place, rim_place
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
WORTH = (0.6, 0.95)  # IoU, or share of the border: up to the first a result is worth nothing, from the second on 1
RISE = 0.1  # worth of one grade more that the result deserves


def fitted_gains(photos: Sequence[Played], tables: Mapping[str, ScoreTable], rims: Sequence[Seen] = ()) -> GainTable:
    """What each kind of call gained on these photos. tables: by set, what judges it. rims: see `rim_gains`."""
    gains = {}
    for call, steps in CALLS.items():
        found = []
        for photo in photos:
            table = tables[photo.set_name]
            for heard, name in steps:
                if photo.has((*heard, name)) and (before := photo.after(heard, table)).grade is not Grade.SEHR_GUT:
                    best = max((each.verdict for each in before.attempts if each.verdict), key=lambda v: v.score)
                    found.append((place(best), _worth(photo.after((*heard, name), table)) - _worth(before)))
        gains[call] = _curve(found, len(steps))
    return GainTable(AT, gains, {call: _of_rims(names, rims) for call, names in SECOND.items()} if rims else {})


def _of_rims(names: Sequence[str], rims: Sequence[Seen]) -> tuple[float, ...]:
    found = [
        (rim_place(first.verdict), _worth_of_rim(second[name]) - _worth_of_rim(first))
        for first, second in rims
        for name in names
        if name in second and rim_place(first.verdict) < AT[-1]
    ]
    return _curve(found, len(names))


def _curve(found: Sequence[tuple[float, float]], steps: int) -> tuple[float, ...]:
    """The gain at each place of AT, from pairs of place and gain."""
    places, gained = np.array(found, dtype=np.float64).T
    weight: Floats = np.exp(-0.5 * ((places[None] - np.array(AT)[:, None]) / NEAR) ** 2)
    means = (weight @ gained) / (weight.sum(axis=1) + PRIOR * steps)
    return tuple(round(max(0.0, float(mean)), 4) for mean in means)


def _worth(state: State) -> float:
    """What a region is worth: by its true IoU, and by its grade as far as it deserves it."""
    limits = GradingSettings()
    deserved = (state.iou >= limits.gut) + (state.iou >= limits.sehr_gut)
    return _of_range(state.iou) + RISE * min(state.grade.rank, deserved)


def _worth_of_rim(written: Written) -> float:
    """The same of a border: by the share of the true one that it follows."""
    limits = GradingSettings()
    rim = (written.followed >= limits.rim_gut) + (written.followed >= limits.rim_sehr_gut)
    region = (written.iou >= limits.gut) + (written.iou >= limits.sehr_gut)
    return _of_range(written.followed) + RISE * min(written.verdict.grade.rank, rim, region)


def _of_range(share: float) -> float:
    low, high = WORTH
    return min(1.0, max(0.0, (share - low) / (high - low)))


def gains_as_json(table: GainTable) -> str:
    """The table as `GainTable.from_json` reads it."""
    about = "Written by benchmarks/adaptive.py fit: by the place of the best result, what one more call gained."
    gains, rim_gains = ({str(call): row for call, row in of.items()} for of in (table.gains, table.rim_gains))
    content = {"about": about, "at": table.at, "gains": gains, "rim_gains": rim_gains}
    return json.dumps(content, indent=1) + "\n"


def tables_without_sets(rows: Sequence[Row]) -> dict[str, ScoreTable]:
    """By set the table that was fitted to all other sets."""
    parts = set_parts(rows)
    tables = fitted_without(rows, parts)
    return {row.set_name: tables[part] for row, part in zip(rows, parts, strict=True)}
