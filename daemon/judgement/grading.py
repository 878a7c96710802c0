"""A verdict on one alpha: measures, score, grade, and the reasons."""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

from daemon.arrays import Alpha, Rgb
from daemon.jobs import Grade, Verdict
from daemon.judgement.disagreement import Disagreement, measure_disagreement
from daemon.judgement.measures import measure
from daemon.judgement.reasons import explain, find_faults
from daemon.judgement.scene import Scene, look_at
from daemon.judgement.score import ScoreTable, shipped_table
from daemon.judgement.shapes import SURE
from daemon.judgement.signs import Signs, read_signs

ABSURD_SCORE = 0.05  # the most that an alpha without a subject, or without a background, may score
LEAST_SUBJECT, MOST_SUBJECT = 0.001, 0.97  # of the picture
FRAMED = (0.6, 0.72)  # of the photo's rim: below the first any subject may be, above the second it is the background
DOUBTS = ("haze", "haze_peak", "hollow", "unsure", "wavering", "soft_rim", "weak_rim")
"""Signs of the network's own doubt: no finish takes them back, however clean it makes the picture look."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The lowest scores, 0..1, of the grades sehr_gut and gut; what is below is ungenügend."""

    sehr_gut: float
    gut: float

    def grade(self, score: float) -> Grade:
        """The grade of a score."""
        if score >= self.sehr_gut:
            return Grade.SEHR_GUT
        return Grade.GUT if score >= self.gut else Grade.UNGENUEGEND


def judge(rgb: Rgb, alpha: Alpha, thresholds: Thresholds, others: Sequence[Alpha] = ()) -> Verdict:
    """Judge one alpha of a photo.

    rgb: (H, W, 3) uint8 sRGB and alpha: (H', W') float32 0..1, both of the whole photo, any size; reduced inside.
    others: alphas of other recipes for the same photo, whole-photo frame, any size; they give agreement.
    """
    scene = look_at(rgb)
    disagreement = measure_disagreement(scene, alpha, others)
    return verdict_on(scene, alpha, read_signs(scene, alpha), None, thresholds, disagreement, shipped_table())


@dataclass(frozen=True, slots=True)
class RawAlpha:
    """What a finish was applied to: the alpha, (H, W) float32 0..1, blended where it is a blend, and its signs."""

    alpha: Alpha
    signs: Signs


def verdict_on(
    scene: Scene,
    alpha: Alpha,
    signs: Signs,
    raw: RawAlpha | None,
    thresholds: Thresholds,
    disagreement: Disagreement | None,
    table: ScoreTable,
) -> Verdict:
    """Judge a finished alpha by its own signs and by the doubts that its raw alpha showed (None: it is the raw one)."""
    agreement = None if disagreement is None else 1 - disagreement.mean
    told = signs if raw is None else with_doubts_of(signs, raw.signs)
    score = promised(scene, alpha, told, disagreement, table)
    grade = thresholds.grade(score)
    faults = find_faults(scene, alpha, signs, disagreement, None if raw is None else raw.alpha)
    return Verdict(
        score=round(score, 4),
        grade=grade,
        measures=measure(signs, agreement),
        reasons=explain(grade, faults, signs, disagreement, table.costs(told, disagreement)),
        defects=tuple(fault.defect for fault in faults),
    )


def with_doubts_of(signs: Signs, raw: Signs) -> Signs:
    """The signs of a finished alpha with the doubts of its raw one put back."""
    return replace(signs, **{field.name: getattr(raw, field.name) for field in fields(Signs) if field.name in DOUBTS})


def promised(scene: Scene, alpha: Alpha, signs: Signs, disagreement: Disagreement | None, table: ScoreTable) -> float:
    """The score, 0..1: the IoU that the card promises, as far as this can be a subject at all."""
    return table.score(signs, disagreement) * plausible(scene, alpha, signs)


def plausible(scene: Scene, alpha: Alpha, signs: Signs) -> float:
    """A factor that takes the score from what cannot be a subject; 1 for whatever can.

    No card can learn this from photos that have a subject: nothing, everything, and the background kept by mistake.
    """
    share = float((scene.reduced(alpha) >= SURE).mean())
    if not LEAST_SUBJECT <= share <= MOST_SUBJECT:
        return ABSURD_SCORE
    start, end = FRAMED
    return 1 - (1 - ABSURD_SCORE) * min(1.0, max(0.0, (signs.framed - start) / (end - start)))
