"""What the adaptive loop wins: one pass, a ladder that always runs everything, and the loop, on labelled photos.

    python benchmarks/adaptive.py [--shipped] [--data DIR]

The alphas are recorded ones: u2netp, its mirrored pass, and a second network standing in for another model. Finishes,
blends, verdicts and the strategy are the program's own. Each photo is judged by cards that were fitted without it; the
cards that ship were fitted on these photos, so what they give (--shipped) flatters.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import cv2
import numpy as np

from benchmarks.judgement import fitted_table, gather
from benchmarks.labelled import BAD, Labelled, data_argument, folds, iou, mean_error, photos_or_exit
from daemon.arrays import Alpha, Rgb
from daemon.jobs import Attempt, Recipe, View
from daemon.judgement.grading import Thresholds
from daemon.judgement.score import ScoreTable, shipped_table
from daemon.judgement.search import Finished, best_finish, verdict_now
from daemon.judgement.strategy import Strategy
from daemon.settings import GradingSettings, Rung, StrategySettings

LADDER = (Rung(model="u2netp"), Rung(model="isnet"), Rung(model="u2netp", view="mirrored"))
RECORDED = {
    Recipe("u2netp"): "u2netp",
    Recipe("isnet"): "isnet",
    Recipe("u2netp", view=View(mirrored=True)): "u2netp_flip",
}


@dataclass(frozen=True, slots=True)
class Result:
    """What one way of working gave for one photo."""

    error: float
    iou: float
    calls: int
    error_raw: float
    grade: str = ""


def play(
    rgb: Rgb, masks: Mapping[Recipe, Alpha], strategy: Strategy | None, table: ScoreTable
) -> tuple[Alpha, int, Sequence[Attempt]]:
    """Run the loop over recorded alphas (None: the whole ladder in order); the best attempt's finished alpha, calls."""
    settings = GradingSettings()
    thresholds = Thresholds(settings.sehr_gut, settings.gut)
    judge = strategy or Strategy(LADDER, ("u2netp", "isnet"), "u2netp", len(LADDER), 0.0)
    attempts: list[Attempt] = []
    found: dict[int, Finished] = {}
    raws: dict[int, Alpha] = {}
    left = list(masks)
    while True:
        recipe = judge.next_recipe(attempts) if strategy else (left.pop(0) if left else None)
        if recipe is None:
            break
        number = len(attempts) + 1
        found[number] = best_finish(rgb, masks[recipe], thresholds, dict(raws), table)
        raws[number] = masks[recipe]
        for known in range(1, number):
            others = {other: raw for other, raw in raws.items() if other != known}
            verdict = verdict_now(rgb, raws[known], found[known], thresholds, others, table)
            attempts[known - 1] = replace(attempts[known - 1], verdict=verdict)
        attempts.append(Attempt(number, recipe, finish=found[number].finish, verdict=found[number].verdict))
    best = judge.best(attempts)
    if best is None:
        raise RuntimeError("every recorded recipe gives an attempt")
    return found[best.number].alpha, len(attempts), attempts


def measure(task: tuple[Labelled, ScoreTable]) -> dict[str, Result]:
    photo, table = task
    cv2.setNumThreads(1)
    rgb, truth = photo.photo(), photo.truth()
    masks = {recipe: photo.mask(model) for recipe, model in RECORDED.items()}
    settings = StrategySettings()
    loop = Strategy(LADDER, ("u2netp", "isnet"), "u2netp", settings.max_attempts, settings.min_gain)
    first = masks[Recipe("u2netp")]
    results = {"one_pass": Result(mean_error(first, truth), iou(first, truth), 1, mean_error(first, truth))}
    for name, strategy in (("ladder", None), ("loop", loop)):
        alpha, calls, attempts = play(rgb, masks, strategy, table)
        grade = max((attempt.verdict for attempt in attempts if attempt.verdict), key=lambda v: v.score).grade
        results[name] = Result(mean_error(alpha, truth), iou(alpha, truth), calls, results["one_pass"].error, grade)
    once, _, _ = play(rgb, {Recipe("u2netp"): first}, None, table)
    results["finish_only"] = Result(mean_error(once, truth), iou(once, truth), 1, results["one_pass"].error)
    return results


def unseen(photos: list[Labelled]) -> dict[str, ScoreTable]:
    """By photo a table that was fitted without it: five foldings."""
    rows = gather(photos)
    names = [row.photo for row in rows]
    tables: dict[str, ScoreTable] = {}
    for out in folds(names, 5):
        table = fitted_table([row for row, is_out in zip(rows, out, strict=True) if not is_out])
        tables |= dict.fromkeys({name for name, is_out in zip(names, out, strict=True) if is_out}, table)
    return tables


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shipped", action="store_true", help="judge with the cards that ship, fitted on these photos")
    data_argument(parser)
    arguments = parser.parse_args()
    photos = photos_or_exit(arguments.data)
    tables = dict.fromkeys((photo.name for photo in photos), shipped_table()) if arguments.shipped else unseen(photos)
    with ProcessPoolExecutor() as pool:
        rows = list(pool.map(measure, [(photo, tables[photo.name]) for photo in photos], chunksize=4))
    shown: dict[str, float] = {}
    print(f"{'':12} bad    error   IoU    calls  worse by over 1 % than the raw first pass")
    for name in ("one_pass", "finish_only", "ladder", "loop"):
        results = [row[name] for row in rows]
        bad = float(np.mean([result.iou < BAD for result in results]))
        error = float(np.mean([result.error for result in results]))
        calls = float(np.mean([result.calls for result in results]))
        worse = float(np.mean([result.error > 1.01 * result.error_raw for result in results]))
        mean_iou = float(np.mean([result.iou for result in results]))
        print(f"{name:12} {bad:.3f}  {error:.4f}  {mean_iou:.3f}  {calls:.2f}   {worse:.3f}")
        shown |= {f"bad_{name}": bad, f"error_{name}": error, f"calls_{name}": calls}
    for grade in ("sehr_gut", "gut", "ungenügend"):
        graded = [row["loop"] for row in rows if row["loop"].grade == grade]
        if graded:
            bad = float(np.mean([result.iou < BAD for result in graded]))
            print(f"loop, {grade:11} share {len(graded) / len(rows):.3f}  truly bad {bad:.3f}")
    keys = ("bad_one_pass", "bad_ladder", "bad_loop", "error_one_pass", "error_ladder", "error_loop")
    print(json.dumps({key: round(shown[key], 4) for key in (*keys, "calls_ladder", "calls_loop")}))


if __name__ == "__main__":
    main()
