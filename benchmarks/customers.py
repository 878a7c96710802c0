"""Corrects scores by people who know the truth: `python -m benchmarks.customers [--data DIR]`.

Each set of labelled photos is a customer, whose people review the photos one after the other, in an order drawn by
dice. They grade by the true IoU, with the program's thresholds or stricter or kinder ones. The scores come from cards
fitted without that set. Each correction is tried on photos later than those that it was learnt from.
"""

import argparse
import json
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from benchmarks.labelled import data_argument, photos_or_exit, with_masks
from benchmarks.rows import gather
from benchmarks.trust import Judged as Scored
from benchmarks.trust import fitted_without, judged_by, set_parts
from daemon.judgement.correction_trial import try_corrections
from daemon.judgement.grading import Thresholds
from daemon.judgement.refit import Judged
from daemon.settings import GradingSettings

TASTES = (-0.03, 0.0, 0.03)  # of IoU: how much less, or more, a result is worth to people than its true IoU
DRAWS = 5  # orders in which the photos come
COUNTS = ("tried", "changed", "nearer", "farther")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data_argument(parser)
    rows = gather(with_masks(photos_or_exit(parser.parse_args().data), "u2netp"))
    parts = set_parts(rows)
    scored = judged_by(rows, parts, fitted_without(rows, parts))["one"]
    print("taste     tried  changed  nearer  farther")
    figures = {}
    for taste in TASTES:
        counts = tried(scored, taste)
        print(f"{taste:+.2f}  {counts['tried']:8d} {counts['changed']:8d} {counts['nearer']:7d} {counts['farther']:8d}")
        figures[f"nearer_{taste:+.2f}"], figures[f"farther_{taste:+.2f}"] = counts["nearer"], counts["farther"]
    print(json.dumps({**figures, "alphas": len(scored.rows)}))


def tried(scored: Scored, taste: float) -> Counter[str]:
    """What corrections would have changed, summed over all customers, models and draws."""
    limits = Thresholds(GradingSettings().sehr_gut, GradingSettings().gut)
    counts: Counter[str] = Counter()
    for draw in range(DRAWS):
        turns = np.random.default_rng(draw).permutation(len(scored.rows))
        judged = reviewed(scored, turns, taste, limits)
        for trial in try_corrections(judged, {one.order: limits for one in judged}).values():
            counts.update({name: getattr(trial, name) for name in COUNTS})
    return counts


def reviewed(scored: Scored, turns: NDArray[np.int64], taste: float, limits: Thresholds) -> list[Judged]:
    """All alphas as people see them, one after the other. turns: the numbers of the rows, in the order of review."""
    found = []
    for at, number in enumerate(turns):
        row, score = scored.rows[number], round(float(scored.score[number]), 4)
        person = limits.grade(row.quality + taste)
        found.append(Judged(score, limits.grade(score), person, float(at), order=row.set_name, model=row.model))
    return found


if __name__ == "__main__":
    main()
