"""Reports how far the score can be trusted, on photos, sets of photos and models that the cards were not fitted to."""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor

import numpy as np
from numpy.typing import NDArray

from benchmarks.cards import fitted_table, scored
from benchmarks.fitting import Floats
from benchmarks.labelled import BAD, GOOD, NETWORKS, auroc, folds, spearman
from benchmarks.rows import JUDGED, Row
from daemon.judgement.score import ScoreTable, shipped_table
from daemon.settings import GradingSettings

BOOTSTRAPS = 200
FOLDINGS = 3  # ways to divide the photos into five parts, for `adaptive`; results of a single one vary by 0.003
SMALL_SET = 20  # photos: smaller sets are left out together
SIZES = ((0, 450, "up to 450 px"), (450, 900, "up to 900 px"), (900, 10_000, "above 900 px"))
HEAD = f"{'':42}alphas  spearman        AUROC bad       very good  sehr_gut: truly bad  promised   true"
EXPLAINED = f"""
Alphas of {", ".join(JUDGED)}: as they are ("grey"), or cut at 0.5 ("crisp"). bad: IoU below {BAD}; very good: above
{GOOD}. +- is the standard error, drawn by film, series or photo. sehr_gut: share of all, and what of that is bad.
{HEAD}"""

Bools = NDArray[np.bool_]


class Judged:
    """Rows with the scores that cards gave which had not seen them."""

    def __init__(self, title: str, rows: Sequence[Row], score: Floats) -> None:
        self.title, self.rows, self.score = title, rows, score
        self.quality = np.array([row.quality for row in rows])

    def only(self, title: str, chosen: Sequence[bool]) -> "Judged":
        """The chosen rows."""
        some = np.array(chosen, dtype=np.bool_)
        return Judged(title, [row for row, is_in in zip(self.rows, some, strict=True) if is_in], self.score[some])

    @property
    def rank(self) -> float:
        """Spearman's correlation of score and IoU."""
        return spearman(self.score, self.quality)

    @property
    def bad(self) -> float:
        """How well a low score tells a bad alpha from others (AUROC)."""
        return auroc(-self.score, self.quality < BAD)

    @property
    def sehr_gut(self) -> tuple[float, float]:
        """The share that is graded sehr_gut by default, and the share of those that is bad."""
        called = self.score >= GradingSettings().sehr_gut
        return float(called.mean()), float((self.quality[called] < BAD).mean()) if called.any() else 0.0

    @property
    def errors(self) -> tuple[float, float]:
        """The standard errors of `rank` and of `bad` (bootstrap by group)."""
        rows_of: dict[str, list[int]] = {}
        for index, row in enumerate(self.rows):
            rows_of.setdefault(row.group, []).append(index)
        groups, dice = list(rows_of.values()), np.random.default_rng(0)
        found = []
        for _ in range(BOOTSTRAPS):
            drawn = np.concatenate([groups[index] for index in dice.integers(0, len(groups), len(groups))])
            true = self.quality[drawn]
            found.append((spearman(self.score[drawn], true), auroc(-self.score[drawn], true < BAD)))
        rank, bad = (column[np.isfinite(column)] for column in np.array(found).T)  # a draw may have nothing bad
        return float(rank.std()), float(bad.std()) if bad.size else float("nan")

    def show(self) -> None:
        """Print one line."""
        (rank_error, bad_error), (share, truly_bad) = self.errors, self.sehr_gut
        rank = f"{self.rank:.3f} +- {rank_error:.3f}"
        bad = f"{self.bad:.3f} +- {bad_error:.3f}"
        very_good = auroc(self.score, self.quality > GOOD)
        print(
            f"{self.title:42}{len(self.rows):6d}  {rank}  {bad}  {very_good:.3f}      {share:.3f}     {truly_bad:.4f}"
            f"     {self.score.mean():.3f}   {self.quality.mean():.3f}"
        )

    def show_by(self, names: Sequence[str]) -> None:
        """Print a line, and one for each name. names: one for each row."""
        self.show()
        for name in sorted(set(names)):
            part = self.only(f"  {name}", [other == name for other in names])
            if len(part.rows) >= SMALL_SET:
                part.show()


def report(rows: list[Row]) -> dict[str, float]:
    """Print all tables. Returns the figures of the last line: whole sets are left out of the fit in all of them."""
    parts = set_parts(rows)
    tables = fitted_without(rows, parts)
    print(EXPLAINED)
    print("\nwhole sets left out of the fit")
    found = judged_by(rows, parts, tables)
    for judged in found.values():
        judged.show_by([row.model for row in judged.rows])
    for key in ("one", "crisp", "witness"):
        print(f"\nthe same by size of photo, and by set: {found[key].title}")
        found[key].show_by([_size(row) for row in found[key].rows])
        found[key].show_by([row.set_name for row in found[key].rows])
    print("\na network left out of the fit, and whole sets as well: one grey alpha")
    new_model = _network_left_out(rows, parts)
    new_model.show_by([row.model for row in new_model.rows])
    print("\nby photo: OPTIMISTIC, other photos of the same sets were seen")
    groups = np.array([row.group for row in rows])
    fives = [str(fold) for fold in _fold_of(groups)]
    for judged in judged_by(rows, fives, fitted_without(rows, fives)).values():
        judged.show()
    print("\nthe cards that ship: OPTIMISTIC, they were fitted to these photos")
    all_one = ["" for _ in rows]
    for judged in judged_by(rows, all_one, {"": shipped_table()}).values():
        judged.show()
    _reliability(found["one"])
    _made_table(rows, parts, tables)
    share, truly_bad = found["witness"].sehr_gut
    return {
        "spearman_one": found["one"].rank,
        "auroc_bad_one": found["one"].bad,
        "auroc_bad_crisp_one": found["crisp"].bad,
        "auroc_bad_crisp_witness": found["witness"].bad,
        "sehr_gut_truly_bad_crisp_witness": truly_bad,
        "sehr_gut_share_crisp_witness": share,
        "auroc_bad_model_left_out": new_model.bad,
        "photos": len({row.photo for row in rows}),
    }


def set_parts(rows: Sequence[Row]) -> list[str]:
    """For each row the part of the data that it is left out with: its set, or all small sets."""
    photos = Counter(set_name for set_name, _ in {(row.set_name, row.photo) for row in rows})
    return [row.set_name if photos[row.set_name] >= SMALL_SET else "small sets" for row in rows]


def fitted_without(rows: Sequence[Row], parts: Sequence[str]) -> dict[str, ScoreTable]:
    """For each part of the rows a table that was fitted to all others. parts: a name for each row."""
    others = {part: [row for row, its in zip(rows, parts, strict=True) if its != part] for part in sorted(set(parts))}
    with ProcessPoolExecutor() as pool:
        return dict(zip(others, pool.map(fitted_table, others.values()), strict=True))


def judged_by(rows: Sequence[Row], parts: Sequence[str], tables: Mapping[str, ScoreTable]) -> dict[str, Judged]:
    """The alphas of the judged models, each judged by the table of its part."""
    raw = [row.model in JUDGED and row.form == "raw" for row in rows]
    cut = [row.model in JUDGED and row.form == "cut" for row in rows]
    heard = [row.witness is not None for row in rows]
    several = [len(row.disagreements) == 3 for row in rows]
    alone, witness, others = (_scores(rows, parts, tables, beside) for beside in ("", "witness", "others"))
    return {
        "one": alone.only("one grey alpha", raw),
        "crisp": alone.only("one crisp alpha", cut),
        "witness": witness.only("crisp, beside a witness", _both(cut, heard)),
        "grey_witness": witness.only("grey, beside a witness", _both(raw, heard)),
        "others": others.only("grey, beside two other passes", _both(raw, several)),
        "crisp_alone": alone.only("crisp, of those with a witness, alone", _both(cut, heard)),
    }


def _both(one: Sequence[bool], other: Sequence[bool]) -> list[bool]:
    return [is_one and is_other for is_one, is_other in zip(one, other, strict=True)]


def _scores(rows: Sequence[Row], parts: Sequence[str], tables: Mapping[str, ScoreTable], beside: str) -> Judged:
    score = np.zeros(len(rows))
    names = np.array(parts)
    for part, table in tables.items():
        out = names == part
        score[out] = scored(table, [row for row, its in zip(rows, parts, strict=True) if its == part], beside)
    return Judged("", rows, score)


def _fold_of(groups: NDArray[np.str_]) -> NDArray[np.intp]:
    found = np.zeros(len(groups), np.intp)
    for fold, out in enumerate(folds(groups.tolist(), 5)):
        found[out] = fold
    return found


def _network_left_out(rows: Sequence[Row], parts: Sequence[str]) -> Judged:
    """Alphas of each network, judged by cards that saw neither that network nor that set."""
    found: list[Row] = []
    score: list[float] = []
    for network in sorted(set(NETWORKS.values())):
        chosen = [(row, part) for row, part in zip(rows, parts, strict=True) if _without(row, network)]
        tables = fitted_without([row for row, _ in chosen], [part for _, part in chosen])
        own = [
            (row, part)
            for row, part in zip(rows, parts, strict=True)
            if row.model in JUDGED and NETWORKS[row.model] == network and row.form == "raw"
        ]
        judged = _scores([row for row, _ in own], [part for _, part in own], tables, "")
        found += judged.rows
        score += judged.score.tolist()
    return Judged("one grey alpha, its network left out", found, np.array(score))


def _without(row: Row, network: str) -> bool:
    """Whether an alpha has nothing of a network. Absurd ones are made of u2netp's."""
    if row.form in ("inverted", "faint"):
        return network != "u2netp"
    return not any(NETWORKS.get(name) == network for name in row.model.split("+"))


def _size(row: Row) -> str:
    return next(title for least, most, title in SIZES if least <= row.size - 1 < most)


def _reliability(judged: Judged) -> None:
    print(f"\npromised   true   alphas  ({judged.title}, whole sets left out)")
    edges = (0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 1.01)
    for low, high in itertools.pairwise(edges):
        rows = (judged.score >= low) & (judged.score < high)
        if rows.any():
            print(f"{judged.score[rows].mean():8.3f}  {judged.quality[rows].mean():.3f}   {int(rows.sum()):5d}")


def _made_table(rows: Sequence[Row], parts: Sequence[str], tables: Mapping[str, ScoreTable]) -> None:
    """What is made out of other alphas or of the truth, reported apart; absurd alphas, too."""
    print("\nmade alphas, whole sets left out: alphas, promised alone, true, AUROC bad alone, gut or better if bad")
    judged, gut = _scores(rows, parts, tables, ""), GradingSettings().gut
    for form in sorted({row.form for row in rows} - {"raw", "cut"}):
        part = judged.only(form, [row.form == form for row in rows])
        bad = part.quality < BAD
        passed = float((part.score[bad] >= gut).mean()) if bad.any() else 0.0
        promised, true = part.score.mean(), part.quality.mean()
        print(f"  {form:10} {len(bad):5d}   {promised:.3f}   {true:.3f}   {part.bad:.3f}   {passed:.3f}")
