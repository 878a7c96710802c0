"""Finds the best finish of a raw alpha: which alphas to blend, then how far to finish the blend."""

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

MOST_PARTNERS = 3  # other attempts whose alphas may be blended in: the latest ones
KEEN_RIM = 0.8  # Signs.soft_rim: a lower softness comes from the photo (hair, glass), a higher one from the network
WIDE_RIM = 2.5  # Signs.soft_rim: from here on the network guesses, and contrast would only harden its errors


@dataclass(frozen=True, slots=True)
class FinishedAlpha:
    """A finish, the alpha that it gave, (h, w) float32 0..1 at the raw alpha's size, and the verdict on that alpha."""

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
    """The best finish for this raw alpha, what it gives, and the verdict on that.

    rgb: (H, W, 3) uint8 sRGB, any size. raw: (h, w) float32, 0..1, of the whole photo. others: raw alphas of earlier
    attempts by number, of the whole photo, any size; `raw` is compared with them, and blended with those that improve
    the score. table: what the score is read from; None = the shipped one.

    The score chooses the blend, on reduced alphas. Contrast and border depend on the rim of the blend and not on the
    score: the score rests on the doubts of the raw alpha, so no finish can raise it.
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
    """The verdict on an earlier result beside all the alphas that there are now; its finish stays.

    raw: the raw alpha that it was made of. others: raw alphas of all other attempts by number, later ones included.
    Without this, the first result would be graded, and could win, on less evidence than later ones.
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
    """The numbers to blend in, the blended alpha with its signs, and how much it differs from the single alphas."""
    found = []
    for numbers in _blends(others):
        alpha = np.asarray(np.mean([raw, *(others[number] for number in numbers)], axis=0), dtype=np.float32)
        signs = read_signs(scene, alpha)
        witnesses = list(others.values()) if not numbers else [raw, *others.values()]
        disagreement = measure_disagreement(scene, alpha, witnesses)
        score = promised(scene, alpha, signs, disagreement, table)
        found.append((score, numbers, RawAlpha(alpha, signs), disagreement))
    return max(found, key=lambda row: row[0])[1:]  # of equal scores the first: it blends the fewest alphas


def _blends(others: Mapping[int, Alpha]) -> Iterator[tuple[int, ...]]:
    partners = sorted(others)[-MOST_PARTNERS:]
    for count in range(len(partners) + 1):
        yield from combinations(partners, count)


def _finish_for(signs: Signs, blend: tuple[int, ...]) -> Finish:
    """The finish that the rim asks for. What a coarse network blurred becomes firm; what is soft in the photo stays."""
    if signs.soft_rim <= CRISP_RIM[0]:
        return Finish(blend, keep_islands=False, fill_holes=True)
    if signs.soft_rim < KEEN_RIM:
        return Finish(blend, levels=(0.1, 0.9), keep_islands=False, fill_holes=True)
    levels = (0.3, 0.7) if signs.soft_rim < WIDE_RIM else (0.2, 0.8)
    return Finish(blend, guided=True, levels=levels, keep_islands=False, fill_holes=True)


def _reduced(alpha: Alpha, scene: Scene) -> Alpha:
    """An alpha no larger than the signs need, so that many blends cost little."""
    return scene.rim(alpha)
