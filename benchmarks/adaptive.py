"""Compares the adaptive loop with one pass and with a ladder that always runs everything, on labelled photos.

    python benchmarks/adaptive.py [--shipped] [--data DIR]

The alphas are recorded: of u2netp, of its mirrored pass, and of a second network in place of another model. Finishes,
blends, verdicts and the strategy are the program's own. Each photo is judged by cards that were fitted without it, once
for each folding, and all figures are means over the foldings. The cards that ship were fitted to these photos, so their
figures (--shipped) are too good. Standard errors are by photo.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.cards import fitted_table
from benchmarks.labelled import BAD, Labelled, data_argument, folds, iou, mean_error, photos_or_exit, with_masks
from benchmarks.rows import gather
from benchmarks.trust import FOLDINGS
from daemon.arrays import Alpha, Rgb
from daemon.jobs import Attempt, Recipe, View
from daemon.judgement.finish_search import FinishedAlpha, best_finish, verdict_now
from daemon.judgement.grading import Thresholds
from daemon.judgement.scene import look_at
from daemon.judgement.score import ScoreTable, shipped_table
from daemon.judgement.strategy import Strategy
from daemon.settings import GradingSettings, Rung, StrategySettings

WAYS = ("one_pass", "finish_only", "ladder", "loop")
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
    """Run the loop over recorded alphas; returns the best attempt's finished alpha, the number of calls, the attempts.

    strategy: None = the whole ladder in order.
    """
    settings = GradingSettings()
    thresholds = Thresholds(settings.sehr_gut, settings.gut)
    scene, judge = look_at(rgb), strategy or Strategy(LADDER, ("u2netp", "isnet"), "u2netp", len(LADDER), 0.0)
    attempts: list[Attempt] = []
    found: dict[int, FinishedAlpha] = {}
    raws: dict[int, Alpha] = {}
    left = list(masks)
    while True:
        recipe = judge.next_recipe(attempts) if strategy else (left.pop(0) if left else None)
        if recipe is None:
            break
        number = len(attempts) + 1
        found[number] = best_finish(scene, masks[recipe], thresholds, dict(raws), table)
        raws[number] = masks[recipe]
        for known in range(1, number):
            others = {other: raw for other, raw in raws.items() if other != known}
            verdict = verdict_now(scene, raws[known], found[known], thresholds, others, table)
            attempts[known - 1] = replace(attempts[known - 1], verdict=verdict)
        attempts.append(Attempt(number, recipe, finish=found[number].finish, verdict=found[number].verdict))
    best = judge.best(attempts)
    if best is None:
        raise RuntimeError("every recorded recipe gives an attempt")
    return found[best.number].alpha, len(attempts), attempts


def measure(task: tuple[Labelled, Sequence[ScoreTable]]) -> list[dict[str, Result]]:
    """For each table what each way of working gave."""
    photo, tables = task
    return [_measure(photo, table) for table in tables]


def _measure(photo: Labelled, table: ScoreTable) -> dict[str, Result]:
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


def unseen(photos: list[Labelled]) -> dict[str, list[ScoreTable]]:
    """For each photo the tables that were fitted without it: one for each folding into five."""
    rows = gather(photos)
    names = [row.photo for row in rows]
    tables: dict[str, list[ScoreTable]] = {photo.name: [] for photo in photos}
    for out in (out for folding in range(FOLDINGS) for out in folds(names, 5, folding)):
        table = fitted_table([row for row, is_out in zip(rows, out, strict=True) if not is_out])
        for name in {name for name, is_out in zip(names, out, strict=True) if is_out}:
            tables[name].append(table)
    return tables


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shipped", action="store_true", help="judge with the cards that ship, fitted on these photos")
    data_argument(parser)
    arguments = parser.parse_args()
    photos = with_masks(photos_or_exit(arguments.data), *RECORDED.values())
    tables = {photo.name: [shipped_table()] for photo in photos} if arguments.shipped else unseen(photos)
    with ProcessPoolExecutor() as pool:
        rows = list(pool.map(measure, [(photo, tables[photo.name]) for photo in photos], chunksize=4))
    shown: dict[str, float] = {}
    print(f"{'':12} bad    error   IoU    calls  worse by over 1 % than the raw first pass")
    for name in WAYS:
        bad, error, mean_iou, calls, worse = of(rows, name).mean(axis=0)
        print(f"{name:12} {bad:.3f}  {error:.4f}  {mean_iou:.3f}  {calls:.2f}   {worse:.3f}")
        shown |= {f"bad_{name}": bad, f"error_{name}": error, f"calls_{name}": calls}
    for other in ("ladder", "one_pass"):
        differences = of(rows, "loop") - of(rows, other)
        bad, error = differences.mean(axis=0)[:2]
        bad_se, error_se = differences.std(axis=0)[:2] / np.sqrt(len(rows))
        print(f"loop against {other:8}  bad {bad:+.4f} +- {bad_se:.4f}  error {error:+.5f} +- {error_se:.5f}")
    loops = [result["loop"] for results in rows for result in results]
    for grade in ("sehr_gut", "gut", "ungenügend"):
        graded = [result for result in loops if result.grade == grade]
        if graded:
            bad = float(np.mean([result.iou < BAD for result in graded]))
            print(f"loop, {grade:11} share {len(graded) / len(loops):.3f}  truly bad {bad:.3f}")
    keys = ("bad_one_pass", "bad_ladder", "bad_loop", "error_one_pass", "error_ladder", "error_loop")
    print(json.dumps({key: round(shown[key], 4) for key in (*keys, "calls_ladder", "calls_loop")}))


def of(rows: Sequence[Sequence[Mapping[str, Result]]], way: str) -> NDArray[np.float64]:
    """For each photo the means over the foldings: bad, error, IoU, calls, worse than the raw first pass."""
    figures = [
        [(r.iou < BAD, r.error, r.iou, r.calls, r.error > 1.01 * r.error_raw) for r in (one[way] for one in results)]
        for results in rows
    ]
    return np.asarray(np.mean(figures, axis=1), dtype=np.float64)


if __name__ == "__main__":
    main()
