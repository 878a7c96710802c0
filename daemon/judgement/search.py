"""The search for the best finish of one raw alpha."""

from collections.abc import Mapping
from dataclasses import dataclass

from daemon.arrays import Alpha, Rgb
from daemon.jobs import Finish, Verdict
from daemon.judgement.finish import apply_finish
from daemon.judgement.grading import Thresholds, verdict_on
from daemon.judgement.scene import look_at
from daemon.judgement.score import shipped_table
from daemon.judgement.signs import disagreement, read_signs

NOT_WORSE = 0.005  # a finish may cost so much of the score before it is dropped


@dataclass(frozen=True, slots=True)
class Finished:
    """A finish, the alpha it gave at the raw alpha's size, and the verdict on that."""

    finish: Finish
    alpha: Alpha
    verdict: Verdict


def best_finish(rgb: Rgb, raw: Alpha, thresholds: Thresholds, others: Mapping[int, Alpha] | None = None) -> Finished:
    """The finish that serves this raw alpha best, and the verdict on what it gives.

    rgb: (H, W, 3) uint8 sRGB, any size. raw: (h, w) float32, 0..1, of the whole photo. others: raw alphas of earlier
    attempts by number, whole-photo frame, any size; they give agreement.
    """
    scene = look_at(rgb)
    table = shipped_table()
    raw_signs = read_signs(scene, raw)
    apart = disagreement(scene, raw, list(others.values())) if others else None
    plain = Finished(Finish(), raw, verdict_on(scene, raw, raw_signs, None, thresholds, apart, table))
    finish = Finish(levels=(0.1, 0.9), keep_islands=False, fill_holes=True)
    alpha = apply_finish(rgb, raw, finish)
    verdict = verdict_on(scene, alpha, read_signs(scene, alpha), raw_signs, thresholds, apart, table)
    if verdict.score < plain.verdict.score - NOT_WORSE:
        return plain
    return Finished(finish, alpha, verdict)
