"""Fits what engine calls are expected to gain, and compares the loop with one pass and with a ladder that runs it all.

    python benchmarks/adaptive.py report [--shipped] [--data DIR]
    python benchmarks/adaptive.py fit [--data DIR]           writes daemon/judgement/gains.json

The alphas are recorded: of u2netp, of its mirrored pass and its zoom, and of a second network in place of another
model. Blends, finishes and the strategy are the program's own. A photo's whole set is left out twice: of the cards that
judge it, and of the gains that decide on its calls. The cards that ship were fitted to these photos, so their figures
(--shipped) are too good. Optimistic also here: the gains of the other sets rest on cards that saw the photo's set, and
the limits of the grades and `min_gain` were chosen with these photos at hand. Standard errors are by photo.
"""

import argparse
import itertools
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.gains import ORDERS, fitted_gains, gains_as_json, tables_without_sets
from benchmarks.labelled import Labelled, data_argument, photos_or_exit, with_masks
from benchmarks.played import RECIPES, Played, State, played
from benchmarks.rim_gains import seen_rims
from benchmarks.rows import gather
from daemon.jobs import Grade
from daemon.judgement.expected_gain import GainTable
from daemon.judgement.score import ScoreTable, shipped_table
from daemon.judgement.strategy import Strategy
from daemon.settings import Rung, StrategySettings

GAINS = Path(__file__).parents[1] / "daemon" / "judgement" / "gains.json"
LADDER = (Rung(model="u2netp"), Rung(model="isnet"), Rung(model="u2netp", view="mirrored"))
ALL = ("u2netp", "isnet", "u2netp_flip")
NAMES = {recipe: name for name, recipe in RECIPES.items()}


@dataclass(frozen=True, slots=True)
class Photo:
    """A photo with the table that judges it, and the gains that decide on its calls."""

    seen: Played
    table: ScoreTable
    gains: GainTable


def photos_with_two_models(folders: Sequence[Path] | None) -> list[Labelled]:
    """All labelled photos that two models saw."""
    photos = with_masks(photos_or_exit(folders), "u2netp")
    return [photo for photo in photos if photo.has("isnet") or photo.has("isnet512")]


def one_pass(photo: Photo) -> State:
    """The first alpha, finished."""
    return photo.seen.after(ALL[:1], photo.table)


def ladder(photo: Photo) -> State:
    """All recipes in order."""
    return photo.seen.after(ALL, photo.table)


def loop(photo: Photo) -> State:
    """As the strategy decides."""
    settings = StrategySettings()
    models = ("u2netp", "isnet")
    strategy = Strategy(LADDER, models, "u2netp", settings.max_attempts, settings.min_gain, gains=photo.gains)
    heard: tuple[str, ...] = ()
    state = None
    while recipe := strategy.next_recipe(state.attempts if state else ()):
        heard = (*heard, NAMES[recipe])
        state = photo.seen.after(heard, photo.table)
    if state is None:
        raise RuntimeError("the ladder asked for nothing")
    return state


WAYS: Mapping[str, Callable[[Photo], State]] = {"one_pass": one_pass, "ladder": ladder, "loop": loop}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("report", "fit"), nargs="?", default="report")
    parser.add_argument("--shipped", action="store_true", help="judge with the cards that ship, fitted on these photos")
    data_argument(parser)
    arguments = parser.parse_args()
    labelled = photos_with_two_models(arguments.data)
    seen = played(labelled, ORDERS)
    tables = tables_without_sets(gather(with_masks(photos_or_exit(arguments.data), "u2netp")))
    if arguments.what == "fit":
        table = fitted_gains(seen, tables, seen_rims(labelled))
        GAINS.write_text(gains_as_json(table), encoding="utf-8")
        print(f"{GAINS} written from {len(seen)} photos")
        return
    photos = []
    for name in sorted({each.set_name for each in seen}):
        gains = fitted_gains([each for each in seen if each.set_name != name], tables)
        judge = shipped_table() if arguments.shipped else tables[name]
        photos += [Photo(each, judge, gains) for each in seen if each.set_name == name and each.has(ALL)]
    report(photos)


def report(photos: Sequence[Photo]) -> None:
    """Print what each way of working gives; the last line is JSON."""
    states = {name: [way(photo) for photo in photos] for name, way in WAYS.items()}
    shown: dict[str, float] = {}
    print(f"{len(photos)} photos\n{'':12} bad    error   IoU    calls  sehr_gut  of these truly bad")
    for name, found in states.items():
        figures = _figures(found)
        print("{:12} {:.3f}  {:.4f}  {:.3f}  {:.2f}   {:.3f}     {:.4f}".format(name, *figures))
        keys = ("bad", "error", "iou", "calls", "sehr_gut", "sehr_gut_truly_bad")
        shown |= {f"{key}_{name}": value for key, value in zip(keys, figures, strict=True)}
    for other in ("ladder", "one_pass"):
        pairs = list(zip(states["loop"], states[other], strict=True))
        bad, error = ([one.bad - two.bad for one, two in pairs], [one.error - two.error for one, two in pairs])
        print(f"loop against {other:8}  bad {_with_error(bad)}  error {_with_error(error)}")
    _by_set(photos, states)
    _by_promise(states["loop"])
    print(json.dumps({key: round(value, 4) for key, value in shown.items()} | {"photos": len(photos)}))


def _figures(states: Sequence[State]) -> tuple[float, ...]:
    called = [state.bad for state in states if state.grade is Grade.SEHR_GUT]
    means = np.mean([(state.bad, state.error, state.iou, len(state.heard)) for state in states], axis=0)
    return (*means.tolist(), len(called) / len(states), float(np.mean(called)) if called else 0.0)


def _with_error(differences: Sequence[float]) -> str:
    return f"{np.mean(differences):+.4f} +- {np.std(differences) / np.sqrt(len(differences)):.4f}"


def _by_set(photos: Sequence[Photo], states: Mapping[str, Sequence[State]]) -> None:
    print(f"\n{'set':22}photos  bad: {'  '.join(states)}   calls of the loop")
    for name in sorted({photo.seen.set_name for photo in photos}):
        rows = [number for number, photo in enumerate(photos) if photo.seen.set_name == name]
        bad = "   ".join(f"{np.mean([found[row].bad for row in rows]):.3f}" for found in states.values())
        print(f"{name:22}{len(rows):6}       {bad}   {np.mean([len(states['loop'][row].heard) for row in rows]):.2f}")


def _by_promise(states: Sequence[State]) -> None:
    """The winner of several attempts is promised too much, if nobody takes care (the winner's curse)."""
    print("\nthe loop's winner: promised   true IoU  truly bad  photos")
    for title, calls in (("after one call", (1,)), ("after more", (2, 3))):
        for low, high in itertools.pairwise((0.0, 0.5, 0.75, 0.85, 0.93, 1.01)):
            rows = [state for state in states if low <= state.score < high and len(state.heard) in calls]
            if rows:
                promised, true, bad = np.mean([(state.score, state.iou, state.bad) for state in rows], axis=0)
                print(f"  {title:16} {promised:8.3f}   {true:.3f}     {bad:.3f}     {len(rows):4}")


if __name__ == "__main__":
    main()
