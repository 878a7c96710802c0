"""The search for the best finish of one raw alpha: which alphas to blend, then how far to finish them."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from daemon.arrays import Alpha, Rgb
from daemon.jobs import Finish, Verdict
from daemon.judgement.disagreement import Disagreement, measure_disagreement
from daemon.judgement.finish import apply_finish
from daemon.judgement.grading import RawAlpha, Thresholds, promised, verdict_on
from daemon.judgement.scene import Scene, look_at
from daemon.judgement.score import CRISP_RIM, ScoreTable, shipped_table
from daemon.judgement.signs import Signs, read_signs

MOST_PARTNERS = 3  # alphas of other attempts that are considered for a blend: the latest ones
KEEN_RIM = 0.8  # Signs.soft_rim: softness below it is the photo's (hair, glass), above it the network's
WIDE_RIM = 2.5  # Signs.soft_rim: from here on the network is lost, and contrast would only set its errors in stone


@dataclass(frozen=True, slots=True)
class FinishedAlpha:
    """A finish, the alpha it gave at the raw alpha's size, and the verdict on that."""

    finish: Finish
    alpha: Alpha
    verdict: Verdict


def best_finish(
    rgb: Rgb,
    raw: Alpha,
    thresholds: Thresholds,
    others: Mapping[int, Alpha] | None = None,
    table: ScoreTable | None = None,
) -> FinishedAlpha:
    """The finish that serves this raw alpha best, and the verdict on what it gives.

    rgb: (H, W, 3) uint8 sRGB, any size. raw: (h, w) float32, 0..1, of the whole photo. others: raw alphas of earlier
    attempts by number, whole-photo frame, any size; blended in where that promises more, and witnesses in any case.
    table: what the score is read from; None for the shipped one.

    The blend is chosen by the score, on reduced alphas. Contrast and border follow from what the blend's own rim shows,
    not from the score: the doubts that the score is made of are the raw alpha's, so no finish can talk it up.
    """
    others = others or {}
    scene, table = look_at(rgb), table or shipped_table()
    small = {number: _reduced(other, scene) for number, other in others.items()}
    small_raw = _reduced(raw, scene)
    blend, unfinished, disagreement = _best_blend(scene, small_raw, small, table)
    finish = _finish_for(unfinished.signs, blend)
    alpha = apply_finish(rgb, raw, finish, others)
    seen = _reduced(alpha, scene)
    verdict = verdict_on(scene, seen, read_signs(scene, seen), unfinished, thresholds, disagreement, table)
    return FinishedAlpha(finish, alpha, verdict)


def verdict_now(
    rgb: Rgb,
    raw: Alpha,
    finished: FinishedAlpha,
    thresholds: Thresholds,
    others: Mapping[int, Alpha],
    table: ScoreTable | None = None,
) -> Verdict:
    """The verdict on an earlier find beside all the alphas that there are now; its finish stays.

    raw: the raw alpha that it was made of. others: raw alphas of all other attempts by number, later ones included.
    Without it, what was judged first would be graded, and would win, on less evidence than what came after.
    """
    scene, table = look_at(rgb), table or shipped_table()
    small = {number: _reduced(other, scene) for number, other in others.items()}
    small_raw, blend = _reduced(raw, scene), finished.finish.blend
    alpha = np.asarray(np.mean([small_raw, *(small[number] for number in blend)], axis=0), dtype=np.float32)
    disagreement = measure_disagreement(scene, alpha, [small_raw, *small.values()] if blend else list(small.values()))
    seen = _reduced(finished.alpha, scene)
    unfinished = RawAlpha(alpha, read_signs(scene, alpha))
    return verdict_on(scene, seen, read_signs(scene, seen), unfinished, thresholds, disagreement, table)


def _best_blend(
    scene: Scene, raw: Alpha, others: Mapping[int, Alpha], table: ScoreTable
) -> tuple[tuple[int, ...], RawAlpha, Disagreement | None]:
    """The numbers to blend in, the alpha of that blend with its signs, and how far its parts are from it."""
    found = []
    for numbers in _blends(others):
        alpha = np.asarray(np.mean([raw, *(others[number] for number in numbers)], axis=0), dtype=np.float32)
        signs = read_signs(scene, alpha)
        witnesses = list(others.values()) if not numbers else [raw, *others.values()]
        disagreement = measure_disagreement(scene, alpha, witnesses)
        found.append(
            (promised(scene, alpha, signs, disagreement, table), numbers, RawAlpha(alpha, signs), disagreement)
        )
    _, numbers, unfinished, disagreement = max(found, key=lambda row: row[0])  # of equals the first: the fewest parts
    return numbers, unfinished, disagreement


def _blends(others: Mapping[int, Alpha]) -> Iterator[tuple[int, ...]]:
    partners = sorted(others)[-MOST_PARTNERS:]
    for count in range(len(partners) + 1):
        yield from combinations(partners, count)


def _finish_for(signs: Signs, blend: tuple[int, ...]) -> Finish:
    """How far to go, by the rim: what a coarse network blurred is made firm, what is soft by nature is left soft."""
    if signs.soft_rim <= CRISP_RIM[0]:
        return Finish(blend, keep_islands=False, fill_holes=True)
    if signs.soft_rim < KEEN_RIM:
        return Finish(blend, levels=(0.1, 0.9), keep_islands=False, fill_holes=True)
    levels = (0.3, 0.7) if signs.soft_rim < WIDE_RIM else (0.2, 0.8)
    return Finish(blend, guided=True, levels=levels, keep_islands=False, fill_holes=True)


def _reduced(alpha: Alpha, scene: Scene) -> Alpha:
    """An alpha no larger than any question needs, so that many blends cost little."""
    return scene.rim(alpha)
