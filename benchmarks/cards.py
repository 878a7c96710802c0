"""Fits the six score cards to labelled alphas, and scores photos that a card was not fitted to."""

import json
from collections.abc import Sequence
from dataclasses import astuple
from pathlib import Path

import numpy as np

from benchmarks.fitting import Floats, Samples, card_as_json, fit_card
from benchmarks.rows import CRISP, Row
from daemon.judgement.disagreement import Disagreement
from daemon.judgement.score import DISAGREEMENT_SIGNS, KINDS_OF_ALPHA, WITNESS_SIGNS, Card, CardSet, Curve, ScoreTable
from daemon.judgement.signs import NAMES, Signs

TABLE = Path(__file__).parents[1] / "daemon" / "judgement" / "score.json"
OFF_CARD = frozenset({"haze", "weak_rim", "off_edge", "foreign", "missing", "framed"})
"""Only measures and reasons use these. weak_rim depends on the size of the photo, so it misled on sets left out."""
ON_CARD = tuple(name for name in NAMES if name not in OFF_CARD)
WEIGHTS = {
    "raw": 1.0, "blend": 0.3, "inverted": 0.03, "noise": 0.03, "faint": 0.03,
    "cut": 1.0, "steep": 0.5, "guided": 0.5, "missed": 0.2, "added": 0.2,
    "shadow": 0.05, "closed": 0.05, "spoilt": 0.05,
}  # fmt: skip
"""By form. What models gave counts most, what we made out of it less, what nobody would take for a result hardly. The
truth itself does not count: with it, whatever looked clean got promised 0.03 too much (sets left out)."""
MODELS_OWN = frozenset({"raw", "blend", "cut", "steep", "guided", "inverted", "noise", "faint"})
"""Forms that promises are calibrated on."""
MODESTY = 0.98  # factor of the promise beside others; `adaptive` shows how true the grades after the loop then are


def fit(rows: Sequence[Row]) -> None:
    """Write the table that ships."""
    table = fitted_table(rows)
    content: dict[str, object] = {
        "about": "Written by benchmarks/judgement.py fit: curves of log-odds per sign, the promised IoU by their sum.",
    }
    for kind in KINDS_OF_ALPHA:
        cards: CardSet = getattr(table, kind)
        content[kind] = {name: card_as_json(getattr(cards, name)) for name in CardSet.__dataclass_fields__}
    TABLE.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    print(f"{TABLE} written from {len(rows)} alphas of {len({row.photo for row in rows})} photos")


def fitted_table(rows: Sequence[Row]) -> ScoreTable:
    """All cards, fitted to all of these rows."""
    rows = [row for row in rows if row.plausible == 1 and row.form in WEIGHTS]  # `plausible` decides about the rest
    grey, crisp = ([row for row in rows if (row.form in CRISP) == is_crisp] for is_crisp in (False, True))
    return ScoreTable(grey=_card_set(grey), crisp=_card_set(crisp))


def scored(table: ScoreTable, rows: Sequence[Row], beside: str = "") -> Floats:
    """What a table promises of these rows: alone, beside "others" (their first company), or beside their "witness".

    A row that has none of them is judged alone.
    """
    found = []
    for row in rows:
        others = row.disagreements[0] if beside == "others" and row.disagreements else None
        witness = row.witness if beside == "witness" else None
        found.append(row.plausible * table.score(Signs(*row.signs), others, witness))
    return np.array(found, dtype=np.float64)


def _card_set(rows: Sequence[Row]) -> CardSet:
    """The cards for one kind of alphas. The one beside others promises a little less than its rows had.

    The rows come from all photos. In the loop an alpha stands beside others only if the first was not good enough, and
    then the most promising one wins: on hard photos that is often luck (the winner's curse, Capen et al. 1971).
    """
    others = _card([(row, found) for row in rows for found in row.disagreements], DISAGREEMENT_SIGNS)
    return CardSet(
        alone=_card([(row, None) for row in rows if row.form != "blend"], ()),
        beside_others=Card(others.curves, _modest(others.promise)),
        beside_witness=_card([(row, row.witness) for row in rows if row.witness is not None], WITNESS_SIGNS),
    )


def _card(chosen: Sequence[tuple[Row, Disagreement | None]], signs: tuple[str, ...]) -> Card:
    return fit_card(_samples(chosen, signs), np.array([row.form in MODELS_OWN for row, _ in chosen]))


def _modest(promise: Curve) -> Curve:
    return Curve(promise.at, tuple(MODESTY * worth for worth in promise.worth))


def _samples(chosen: Sequence[tuple[Row, Disagreement | None]], signs: tuple[str, ...]) -> Samples:
    values = [(*_on_card(row), *(astuple(apart) if apart else ())) for row, apart in chosen]
    return Samples(
        (*ON_CARD, *signs),
        np.array(values, dtype=np.float64),
        np.array([row.quality for row, _ in chosen]),
        np.array([WEIGHTS[row.form] for row, _ in chosen]),
    )


def _on_card(row: Row) -> tuple[float, ...]:
    return tuple(value for name, value in zip(NAMES, row.signs, strict=True) if name in ON_CARD)
