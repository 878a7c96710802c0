"""Fit the score on labelled photos, and report how far it can be trusted.

python benchmarks/judgement.py fit    [--data DIR]    writes daemon/judgement/score.json
python benchmarks/judgement.py report [--data DIR]    cross-validated by photo, and leaving one set out
python benchmarks/judgement.py drift --journal FILE   what people made of results, against the program
"""

import argparse
import itertools
import json
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.drift import report_drift
from benchmarks.fitting import Floats, Samples, card_as_json, fit_card, scores
from benchmarks.labelled import BAD, GOOD, MODELS, Labelled, auroc, data_argument, folds, iou, photos_or_exit, spearman
from benchmarks.spoiling import SPOILS, report_faults
from daemon.arrays import Alpha
from daemon.judgement.apart import Apart, hold_against
from daemon.judgement.grading import Thresholds, plausible
from daemon.judgement.measures import measure
from daemon.judgement.scene import Scene, look_at
from daemon.judgement.score import APART, ScoreTable
from daemon.judgement.search import best_finish
from daemon.judgement.signs import NAMES, read_signs
from daemon.settings import GradingSettings

TABLE = Path(__file__).parents[1] / "daemon" / "judgement" / "score.json"
JUDGED = ("u2netp", "isnet")  # the models whose alphas the report is about; the others train and agree
OFF_CARD = frozenset(
    {"haze", "off_edge", "foreign", "missing", "framed"}
)  # add nothing there; measures and reasons use them
FOLDINGS = 3  # ways of dividing the photos into five; one alone is lucky or unlucky by 0.003
COSTED, COST_PIXELS = 40, 512  # photos that processor time is taken on; longest side of the alpha measured
ON_CARD = tuple(name for name in NAMES if name not in OFF_CARD)
BLENDS = (("u2netp", "u2netp_flip"), ("u2netp", "isnet"), ("u2netp", "u2netp_flip", "isnet"))
BLEND_WEIGHT = 0.3
CRISP_WEIGHTS = {"truth": 1.0, "crisp": 0.5, "spoilt": 0.1}  # of alphas in black and white: on a card of their own
ABSURD_WEIGHT = 0.03  # of alphas that are plainly wrong, beside those of models


@dataclass(frozen=True, slots=True)
class Row:
    """One alpha of one photo: its signs, its disagreement with several companies of others, its true IoU."""

    photo: str
    group: str
    model: str
    signs: tuple[float, ...]
    apart: tuple[Apart, ...]
    quality: float
    plausible: float


def rows_of(photo: Labelled) -> list[Row]:
    cv2.setNumThreads(1)
    scene, truth = look_at(photo.photo()), photo.truth()
    masks = {model: photo.mask(model) for model in MODELS}
    rows = [_row(photo, model, scene, masks[model], truth, _companies(model, masks)) for model in MODELS]
    for parts in BLENDS:
        blend = np.asarray(np.mean([masks[part] for part in parts], axis=0), dtype=np.float32)
        company_of_parts = (tuple(masks[part] for part in parts),)
        rows.append(_row(photo, f"blend {'+'.join(parts)}", scene, blend, truth, company_of_parts))
    company = ((masks["u2netp"], masks["isnet"]), (masks["isnet"],))
    for name, made in (_absurd(masks["u2netp"], photo.name) | _made(masks, truth, photo.name)).items():
        rows.append(_row(photo, name, scene, made, truth, company))
    return rows


def _made(masks: dict[str, Alpha], truth: Alpha, seed: str) -> dict[str, Alpha]:
    """Crisp alphas, right and wrong: a strong model's answers look like the truth, and so do its mistakes."""
    dice = np.random.default_rng(list(seed.encode()))
    small = np.asarray(cv2.resize(truth, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), dtype=np.float32)
    made = {f"crisp {model}": (masks[model] >= 0.5).astype(np.float32) for model in JUDGED}
    made["truth"] = truth
    for name in ("cut_limb", "holes", "islands", "jagged"):
        made[f"spoilt {name}"] = SPOILS[name][0](small, float(dice.uniform(0.1, 1)), dice)
    return made


def _companies(model: str, masks: dict[str, Alpha]) -> tuple[tuple[Alpha, ...], ...]:
    """The companies in which an alpha may be judged; the first is the one that the report is about."""
    mirrored = masks["u2netp" if model == "u2netp_flip" else "u2netp_flip"]
    other = masks["u2netp" if model == "isnet" else "isnet"]
    return ((mirrored, other), (mirrored,), (other,))


def _absurd(alpha: Alpha, seed: str) -> dict[str, Alpha]:
    noise = np.random.default_rng(list(seed.encode())).random((32, 32)).astype(np.float32)
    height, width = alpha.shape
    return {
        "inverted": 1 - alpha,
        "noise": np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)).clip(0, 1),
        "faint": alpha * np.float32(0.45),
    }


def _row(
    photo: Labelled, model: str, scene: Scene, alpha: Alpha, truth: Alpha, companies: tuple[tuple[Alpha, ...], ...]
) -> Row:
    apart = tuple(apart for company in companies if (apart := hold_against(scene, alpha, company)))
    signs = read_signs(scene, alpha)
    return Row(photo.name, photo.group, model, astuple(signs), apart, iou(alpha, truth), plausible(scene, alpha, signs))


def gather(photos: list[Labelled]) -> list[Row]:
    with ProcessPoolExecutor() as pool:
        return [row for rows in pool.map(rows_of, photos, chunksize=4) for row in rows]


def _on_card(row: Row) -> tuple[float, ...]:
    return tuple(value for name, value in zip(NAMES, row.signs, strict=True) if name in ON_CARD)


def _weight(row: Row) -> float:
    if row.model.startswith("blend"):
        return BLEND_WEIGHT
    return 1.0 if row.model in MODELS else CRISP_WEIGHTS.get(row.model.split()[0], ABSURD_WEIGHT)


def _crisp(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row.model.split()[0] in CRISP_WEIGHTS]


def _grey(rows: list[Row], blends: bool = False) -> list[Row]:
    kinds = {*CRISP_WEIGHTS} if blends else {*CRISP_WEIGHTS, "blend"}
    return [row for row in rows if row.model.split()[0] not in kinds]


def alone(rows: list[Row]) -> Samples:
    values = np.array([_on_card(row) for row in rows], dtype=np.float64)
    return Samples(ON_CARD, values, np.array([row.quality for row in rows]), np.array([_weight(row) for row in rows]))


def beside_others(rows: list[Row], company: int | None = None) -> Samples:
    """Every alpha once per company it can be judged in, or once in the company named."""
    chosen = [
        (row, apart) for row in rows for index, apart in enumerate(row.apart) if company is None or index == company
    ]
    return Samples(
        (*ON_CARD, *APART),
        np.array([(*_on_card(row), *astuple(apart)) for row, apart in chosen], dtype=np.float64),
        np.array([row.quality for row, _ in chosen]),
        np.array([_weight(row) for row, _ in chosen]),
    )


def held_out(rows: list[Row], parts: list[NDArray[np.bool_]]) -> tuple[Floats, Floats]:
    """Scores of every row from cards that never saw its part: alone, and beside mirrored pass and other model."""
    one, two = np.zeros(len(rows)), np.zeros(len(rows))
    for out in parts:
        train = [row for row, is_out in zip(rows, out, strict=True) if not is_out and row.plausible == 1]
        test = [row for row, is_out in zip(rows, out, strict=True) if is_out]
        factor = np.array([row.plausible for row in test])
        crisp = np.array([row.model.split()[0] in CRISP_WEIGHTS for row in test])
        by_crisp, by_grey = (scores(fit_card(alone(part(train))), alone(test)) for part in (_crisp, _grey))
        one[out] = np.where(crisp, by_crisp, by_grey) * factor
        two[out] = scores(fit_card(beside_others(_grey(train, blends=True))), beside_others(test, company=0)) * factor
    return one, two


def fitted_table(rows: list[Row]) -> ScoreTable:
    """The three cards, fitted on all of these rows."""
    rows = [row for row in rows if row.plausible == 1]  # the rest is settled before the card is asked
    return ScoreTable(
        alone=fit_card(alone(_grey(rows))),
        beside_others=fit_card(beside_others(_grey(rows, blends=True))),
        crisp=fit_card(alone(_crisp(rows))),
    )


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
    """Spearman and the AUROC of bad and very good over the rows named, means over the foldings."""
    true = quality[rows]
    figures = [
        (spearman(score[rows], true), auroc(-score[rows], true < BAD), auroc(score[rows], true > GOOD))
        for score in scores
    ]
    rank, bad, good = np.mean(figures, axis=0)
    return float(rank), float(bad), float(good)


def sehr_gut(
    scores: list[Floats], quality: Floats, rows: NDArray[np.bool_], thresholds: GradingSettings
) -> tuple[float, float]:
    """How much of the rows named is called sehr_gut, and which share of that is truly bad; all foldings together."""
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


def report_cost(photos: list[Labelled]) -> None:
    """Processor time on one core, medians: the measures of one alpha, and the search for its finish."""
    cv2.setNumThreads(1)
    spent: dict[str, list[float]] = {"photo": [], "measures": [], "search": []}
    for photo in photos[:: max(1, len(photos) // COSTED)]:
        rgb, masks = photo.photo(), [photo.mask(model) for model in MODELS[:3]]
        scale = COST_PIXELS / max(masks[0].shape)
        alpha = np.asarray(cv2.resize(masks[0], None, fx=scale, fy=scale), dtype=np.float32)
        marks = [time.process_time()]
        scene = look_at(rgb)
        marks.append(time.process_time())
        measure(read_signs(scene, alpha))
        marks.append(time.process_time())
        best_finish(rgb, masks[0], Thresholds(1, 0), dict(enumerate(masks[1:], 1)))
        marks.append(time.process_time())
        for name, (before, after) in zip(spent, itertools.pairwise(marks), strict=True):
            spent[name].append(after - before)
    photo_ms, measures_ms, search_ms = (1000 * float(np.median(times)) for times in spent.values())
    print(f"\nprocessor time on one core, medians of {len(spent['photo'])} photos")
    print(f"  looking at the photo, once             {photo_ms:6.1f} ms")
    print(f"  measures of an alpha of {COST_PIXELS} pixels     {measures_ms:6.1f} ms")
    print(
        f"  search for the finish, two alphas more {search_ms:6.1f} ms  (alphas of up to 1024 pixels, photo included)"
    )


def _crisp_table(rows: list[Row], score: Floats) -> None:
    print("\nin black and white:      promised   true   (one alpha, a card of its own)")
    for model in sorted({row.model for row in _crisp(rows)}):
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("fit", "report", "drift"))
    parser.add_argument("--journal", type=Path, help="drift: the journal.sqlite3 of a state directory")
    data_argument(parser)
    arguments = parser.parse_args()
    if arguments.what == "drift":
        print(json.dumps(report_drift(arguments.journal)))
        return
    photos = photos_or_exit(arguments.data)
    rows = gather(photos)
    if arguments.what == "fit":
        fit(rows)
    else:
        report_faults(photos)
        report_cost(photos)
        print(json.dumps({key: round(value, 4) for key, value in report(rows).items()}))


if __name__ == "__main__":
    main()
