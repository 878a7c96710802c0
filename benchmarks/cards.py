"""Fits the three score cards to labelled alphas, and scores photos that a card was not fitted to."""

import json
from dataclasses import astuple
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.fitting import Floats, Samples, card_as_json, fit_card, scores
from benchmarks.rows import PASSES, Row
from daemon.judgement.score import DISAGREEMENT_SIGNS, Card, Curve, ScoreTable
from daemon.judgement.signs import NAMES

TABLE = Path(__file__).parents[1] / "daemon" / "judgement" / "score.json"
OFF_CARD = frozenset({"haze", "off_edge", "foreign", "missing", "framed"})  # only measures and reasons use these
ON_CARD = tuple(name for name in NAMES if name not in OFF_CARD)
BLEND_WEIGHT = 0.3
CRISP_WEIGHTS = {"truth": 1.0, "crisp": 0.5, "spoilt": 0.1}  # of alphas in black and white, which have their own card
MODESTY = 0.98  # factor of the promise beside others; `adaptive` shows how true the grades after the loop then are
ABSURD_WEIGHT = 0.03  # of alphas that are plainly wrong; those of models have 1


def fit(rows: list[Row]) -> None:
    table = fitted_table(rows)
    content = {
        "about": "Written by benchmarks/judgement.py fit: curves of log-odds per sign, the promised IoU by their sum.",
        "alone": card_as_json(table.alone),
        "beside_others": card_as_json(table.beside_others),
        "crisp": card_as_json(table.crisp),
    }
    TABLE.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(f"{TABLE} written from {len(rows)} alphas of {len({row.photo for row in rows})} photos")


def fitted_table(rows: list[Row]) -> ScoreTable:
    """The three cards, fitted to all of these rows."""
    rows = [row for row in rows if row.plausible == 1]  # `plausible` decides about the rest
    return ScoreTable(
        alone=fit_card(alone(_grey(rows))),
        beside_others=_modest_card(rows),
        crisp=fit_card(alone(crisp_ones(rows))),
    )


def held_out(rows: list[Row], parts: list[NDArray[np.bool_]]) -> tuple[Floats, Floats]:
    """Scores of all rows from cards that did not see their part: alone, and beside mirrored pass and other model."""
    one, two = np.zeros(len(rows)), np.zeros(len(rows))
    for out in parts:
        train = [row for row, is_out in zip(rows, out, strict=True) if not is_out and row.plausible == 1]
        test = [row for row, is_out in zip(rows, out, strict=True) if is_out]
        factor = np.array([row.plausible for row in test])
        crisp = np.array([row.model.split()[0] in CRISP_WEIGHTS for row in test])
        by_crisp, by_grey = (scores(fit_card(alone(part(train))), alone(test)) for part in (crisp_ones, _grey))
        one[out] = np.where(crisp, by_crisp, by_grey) * factor
        two[out] = scores(_modest_card(train), beside_others(test, company=0)) * factor
    return one, two


def _modest_card(rows: list[Row]) -> Card:
    """The card for alphas beside others. It promises a little less than its rows had.

    The rows come from all photos. In the loop an alpha stands beside others only if the first was not good enough, and
    then the most promising one wins: on hard photos that is often luck (the winner's curse, Capen et al. 1971).
    """
    card = fit_card(beside_others(_grey(rows, blends=True)))
    return Card(card.curves, Curve(card.promise.at, tuple(MODESTY * worth for worth in card.promise.worth)))


def alone(rows: list[Row]) -> Samples:
    values = np.array([_on_card(row) for row in rows], dtype=np.float64)
    return Samples(ON_CARD, values, np.array([row.quality for row in rows]), np.array([_weight(row) for row in rows]))


def beside_others(rows: list[Row], company: int | None = None) -> Samples:
    """Every alpha once for each company that it can be judged beside, or only beside the given one."""
    chosen = [
        (row, disagreement)
        for row in rows
        for index, disagreement in enumerate(row.disagreements)
        if company is None or index == company
    ]
    return Samples(
        (*ON_CARD, *DISAGREEMENT_SIGNS),
        np.array([(*_on_card(row), *astuple(disagreement)) for row, disagreement in chosen], dtype=np.float64),
        np.array([row.quality for row, _ in chosen]),
        np.array([_weight(row) for row, _ in chosen]),
    )


def crisp_ones(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row.model.split()[0] in CRISP_WEIGHTS]


def _grey(rows: list[Row], blends: bool = False) -> list[Row]:
    kinds = {*CRISP_WEIGHTS} if blends else {*CRISP_WEIGHTS, "blend"}
    return [row for row in rows if row.model.split()[0] not in kinds]


def _on_card(row: Row) -> tuple[float, ...]:
    return tuple(value for name, value in zip(NAMES, row.signs, strict=True) if name in ON_CARD)


def _weight(row: Row) -> float:
    if row.model.startswith("blend"):
        return BLEND_WEIGHT
    return 1.0 if row.model in PASSES else CRISP_WEIGHTS.get(row.model.split()[0], ABSURD_WEIGHT)
