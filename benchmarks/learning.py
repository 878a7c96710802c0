"""What learning the first recipe wins: a stream of photos per customer, with the ladder's first, and with what paid.

    python benchmarks/learning.py [--data DIR] [--photos N] [--different N]

Each set of the labelled photos is a customer, whose photos come again and again in random order. Alphas are recorded
ones of two networks; finishes, verdicts, strategy and the choice of the first recipe are the program's own. Once with a
ladder whose first recipe is the right one for these photos, and once with one that begins with the wrong one.
"""

import argparse
import json
import random
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np

from benchmarks.adaptive import LADDER, RECORDED
from benchmarks.labelled import BAD, Labelled, data_argument, iou, mean_error, photos_or_exit
from daemon.jobs import Attempt, Opening, Recipe
from daemon.judgement import first_recipe_choice
from daemon.judgement.finish_search import Finished, best_finish
from daemon.judgement.grading import Thresholds
from daemon.judgement.strategy import Strategy
from daemon.settings import GradingSettings, StrategySettings

LADDERS = {"right": LADDER, "wrong": (LADDER[1], LADDER[0], *LADDER[2:])}
SEED = 4
SETTLED = 100  # photos of a customer after which the choice should have settled


@dataclass(frozen=True, slots=True)
class Result:
    """What one photo gave. score: of the first attempt."""

    error: float
    iou: float
    calls: int
    score: float


@dataclass(frozen=True, slots=True)
class Played:
    """One photo, by ladder, what it began with, and whether that was a test."""

    customer: str
    results: Mapping[tuple[str, Recipe, bool], Result]


def strategy(ladder: str) -> Strategy:
    settings = StrategySettings()
    return Strategy(LADDERS[ladder], ("u2netp", "isnet"), "u2netp", settings.max_attempts, settings.min_gain)


def play(photo: Labelled) -> Played:
    cv2.setNumThreads(1)
    rgb, truth, settings = photo.photo(), photo.truth(), GradingSettings()
    thresholds = Thresholds(settings.sehr_gut, settings.gut)
    masks = {recipe: photo.mask(model) for recipe, model in RECORDED.items()}
    finished: dict[tuple[Recipe, ...], Finished] = {}

    def begun_with(judge: Strategy, opening: Opening) -> Result:
        attempts: list[Attempt] = []
        asked: tuple[Recipe, ...] = ()
        alphas = {}
        while recipe := judge.next_recipe(attempts, opening):
            others = {number: masks[earlier] for number, earlier in enumerate(asked, 1)}
            asked = (*asked, recipe)
            if asked not in finished:
                finished[asked] = best_finish(rgb, masks[recipe], thresholds, others)
            found = finished[asked]
            alphas[len(asked)] = found.alpha
            attempts.append(Attempt(len(asked), recipe, finish=found.finish, verdict=found.verdict))
        best = judge.best(attempts)
        first = attempts[0].verdict
        if best is None or first is None:
            raise RuntimeError("every recorded recipe gives an attempt")
        alpha = alphas[best.number]
        return Result(mean_error(alpha, truth), iou(alpha, truth), len(attempts), first.score)

    ways = [(name, recipe, test) for name in LADDERS for recipe in strategy(name).openings for test in (False, True)]
    return Played(
        photo.group,
        {way: begun_with(strategy(way[0]), Opening(way[1], "", exploring=way[2])) for way in ways},
    )


def stream(photos: list[Played], dice: random.Random, times: int) -> list[Played]:
    order = [photo for _ in range(times) for photo in photos]
    dice.shuffle(order)
    return order


def learned(ladder: str, order: list[Played], dice: random.Random, enough: float) -> tuple[list[Result], list[Opening]]:
    """What the program makes of a customer's photos in this order."""
    known: list[first_recipe_choice.Tried] = []
    results, chosen = [], []
    recipes = strategy(ladder).openings
    for photo in order:
        opening = first_recipe_choice.choose(recipes, known[: first_recipe_choice.MEMORY], dice.random())
        result = photo.results[ladder, opening.recipe, opening.exploring]
        known.insert(0, first_recipe_choice.Tried(opening.recipe, first_recipe_choice.worth(result.score, enough)))
        results.append(result)
        chosen.append(opening)
    return results, chosen


def _row(results: list[Result]) -> tuple[float, float, float]:
    return (
        float(np.mean([result.iou < BAD for result in results])),
        float(np.mean([result.error for result in results])),
        float(np.mean([result.calls for result in results])),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data_argument(parser)
    parser.add_argument("--photos", type=int, default=300, help="about so many per customer")
    parser.add_argument("--different", type=int, default=1000, help="different photos per customer at most")
    arguments = parser.parse_args()
    taken: Counter[str] = Counter()
    photos = []
    for photo in photos_or_exit(arguments.data):
        taken[photo.group] += 1
        if taken[photo.group] <= arguments.different:
            photos.append(photo)
    with ProcessPoolExecutor() as pool:
        played = list(pool.map(play, photos, chunksize=4))
    figures: dict[str, float] = {"customers": len({photo.customer for photo in played})}
    for ladder in LADDERS:
        figures |= report(ladder, played, arguments.photos)
    print(json.dumps(figures))


def report(ladder: str, played: list[Played], photos: int) -> dict[str, float]:
    plain, enough = strategy(ladder).openings[0], GradingSettings().sehr_gut
    every: dict[str, list[Result]] = {"plain": [], "learned": [], "plain_settled": [], "settled": []}
    print(f"\nthe {ladder} ladder, {plain} first, {photos} photos per customer")
    print(f"{'':20} bad: plain  learned   error: plain  learned   calls: plain  learned   began most with")
    for customer in sorted({photo.customer for photo in played}):
        own = [photo for photo in played if photo.customer == customer]
        dice = random.Random(SEED)
        order = stream(own, dice, max(1, -(-photos // len(own))))[:photos]
        usual = [photo.results[ladder, plain, False] for photo in order]
        results, chosen = learned(ladder, order, dice, enough)
        every["plain"] += usual
        every["learned"] += results
        every["plain_settled"] += usual[SETTLED:]
        every["settled"] += results[SETTLED:]
        (bad, error, calls), (bad_2, error_2, calls_2) = _row(usual), _row(results)
        late = [str(opening.recipe) for opening in chosen[SETTLED:]]
        most = max(sorted(set(late)), key=late.count) if late else "?"
        tests = sum(opening.exploring for opening in chosen)
        print(
            f"{customer:20} {bad:10.3f}  {bad_2:7.3f} {error:14.4f}  {error_2:7.4f} "
            f"{calls:14.2f}  {calls_2:7.2f}   {most} ({tests} tests)"
        )
    figures: dict[str, float] = {}
    for name, results in every.items():
        bad, error, calls = _row(results)
        print(f"{name:20} bad {bad:.3f}  error {error:.4f}  calls {calls:.2f}")
        figures |= {f"{ladder}_bad_{name}": round(bad, 4), f"{ladder}_error_{name}": round(error, 4)}
        figures |= {f"{ladder}_calls_{name}": round(calls, 4)}
    return figures


if __name__ == "__main__":
    main()
