"""Reports how far the score can be trusted, on photos that the card was not fitted to."""

import itertools

import numpy as np
from numpy.typing import NDArray

from benchmarks.cards import crisp_ones, held_out
from benchmarks.fitting import Floats
from benchmarks.labelled import BAD, GOOD, auroc, folds, spearman
from benchmarks.rows import JUDGED, Row
from daemon.settings import GradingSettings

BOOTSTRAPS = 400
FOLDINGS = 3  # ways to divide the photos into five parts; results of a single one vary by 0.003


def report(rows: list[Row]) -> dict[str, float]:
    names, groups = [row.photo for row in rows], np.array([row.group for row in rows])
    quality = np.array([row.quality for row in rows])
    models = np.array([row.model for row in rows])
    judged = np.isin(models, JUDGED)
    by_photo = [held_out(rows, list(folds(names, 5, seed))) for seed in range(FOLDINGS)]
    ones, twos = [one for one, _ in by_photo], [two for _, two in by_photo]
    one, two = ones[0], twos[0]
    one_out, two_out = held_out(rows, [groups == group for group in np.unique(groups)])
    print(f"{judged.sum()} alphas of {' and '.join(JUDGED)}, {len(set(names))} photos; no card saw the photo before.")
    print(f"By photo: the mean of {FOLDINGS} foldings into five. Counts: the first folding, default thresholds;")
    print("the last line's sehr_gut figures are those of u2netp from one alpha.\n")
    print(f"{'':34}spearman  bad  very good (AUROC)")
    for title, foldings in (
        ("one alpha, by photo", ones),
        ("one alpha, a whole set left out", [one_out]),
        ("more passes, by photo", twos),
        ("more passes, a whole set left out", [two_out]),
    ):
        for which, rows_in in (("both models", judged), *((model, models == model) for model in JUDGED)):
            rank, bad, good = ranked(foldings, quality, rows_in)
            print(f"{title:34}{rank:.3f}   {bad:.3f}  {good:.3f}   {which}")
    for title, score in (("one alpha", one), ("more passes", two)):
        rank_error, bad_error = standard_errors(score, quality, judged, names)
        print(f"standard errors, {title}: spearman +- {rank_error:.3f}, AUROC of bad +- {bad_error:.3f}")
    thresholds = GradingSettings()
    _reliability(one[judged], quality[judged])
    for which, score in (("one alpha", one), ("more passes", two)):
        for model in JUDGED:
            _confusion(f"{model}, {which}", score[models == model], quality[models == model], thresholds)
    for title, foldings in (
        ("one alpha", ones),
        ("more passes", twos),
        ("more passes, a whole set left out", [two_out]),
    ):
        for which, rows_in in (("both models", judged), *((model, models == model) for model in JUDGED)):
            share, bad = sehr_gut(foldings, quality, rows_in, thresholds)
            print(f"sehr_gut, {title:34}{which:12} share {share:.3f}  truly bad {bad:.4f}")
    _crisp_table(rows, one)
    absurd = np.isin(models, ("inverted", "noise", "faint"))
    print(
        f"\nabsurd alphas (inverted, noise, faint) that got gut or better: {(one[absurd] >= thresholds.gut).mean():.3f}"
    )
    rank_one, bad_one, good_one = ranked(ones, quality, judged)
    rank_two, bad_two, _ = ranked(twos, quality, judged)
    share, truly_bad = sehr_gut(ones, quality, models == "u2netp", thresholds)
    return {
        "spearman_one": rank_one,
        "auroc_bad_one": bad_one,
        "spearman_two": rank_two,
        "auroc_bad_two": bad_two,
        "auroc_good_one": good_one,
        "sehr_gut_truly_bad_share": truly_bad,
        "sehr_gut_share": share,
        "photos": len(set(names)),
    }


def ranked(scores: list[Floats], quality: Floats, rows: NDArray[np.bool_]) -> tuple[float, float, float]:
    """Spearman's correlation and the AUROC of bad and of very good over these rows, means over the foldings."""
    true = quality[rows]
    figures = [
        (spearman(score[rows], true), auroc(-score[rows], true < BAD), auroc(score[rows], true > GOOD))
        for score in scores
    ]
    rank, bad, good = np.mean(figures, axis=0)
    return float(rank), float(bad), float(good)


def standard_errors(score: Floats, quality: Floats, judged: NDArray[np.bool_], names: list[str]) -> tuple[float, float]:
    """The standard errors of Spearman's correlation and of the AUROC of bad (bootstrap by photo)."""
    rows_of: dict[str, list[int]] = {}
    for index in np.flatnonzero(judged):
        rows_of.setdefault(names[index], []).append(int(index))
    photos, dice = list(rows_of.values()), np.random.default_rng(0)
    found = []
    for _ in range(BOOTSTRAPS):
        rows = np.concatenate([photos[drawn] for drawn in dice.integers(0, len(photos), len(photos))])
        found.append((spearman(score[rows], quality[rows]), auroc(-score[rows], quality[rows] < BAD)))
    rank, bad = np.std(found, axis=0)
    return float(rank), float(bad)


def sehr_gut(
    scores: list[Floats], quality: Floats, rows: NDArray[np.bool_], thresholds: GradingSettings
) -> tuple[float, float]:
    """The share of these rows that is graded sehr_gut, and the share of those that is truly bad; over all foldings."""
    called = [score[rows] >= thresholds.sehr_gut for score in scores]
    bad = [quality[rows][chosen] < BAD for chosen in called]
    return float(np.mean(called)), float(np.concatenate(bad).mean())


def _reliability(score: Floats, quality: Floats) -> None:
    print("\npromised   true   alphas  (one alpha, both models)")
    edges = (0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 1.01)
    for low, high in itertools.pairwise(edges):
        rows = (score >= low) & (score < high)
        if rows.any():
            print(f"{score[rows].mean():8.3f}  {quality[rows].mean():.3f}   {int(rows.sum()):5d}")


def _crisp_table(rows: list[Row], score: Floats) -> None:
    print("\nin black and white:      promised   true   (one alpha, a card of its own)")
    for model in sorted({row.model for row in crisp_ones(rows)}):
        chosen = np.array([row.model == model for row in rows])
        true = np.array([row.quality for row in rows if row.model == model])
        print(f"  {model:20} {score[chosen].mean():10.3f}  {true.mean():.3f}")


def _confusion(title: str, score: Floats, quality: Floats, thresholds: GradingSettings) -> None:
    print(f"\n{title}: {'bad':>8} {'fair':>6} {'very good':>10}  (true IoU below {BAD}, between, above {GOOD})")
    grades = (
        ("sehr_gut", score >= thresholds.sehr_gut),
        ("gut", (score < thresholds.sehr_gut) & (score >= thresholds.gut)),
        ("ungenügend", score < thresholds.gut),
    )
    for name, rows in grades:
        true = quality[rows]
        counts = int((true < BAD).sum()), int(((true >= BAD) & (true <= GOOD)).sum()), int((true > GOOD).sum())
        print(f"  {name:12} {counts[0]:12d} {counts[1]:6d} {counts[2]:10d}   share {rows.mean():.3f}")
