"""Judges the region of an alpha: its measures, its score, its grade and the reasons. `both_promises` adds the rim."""

from collections.abc import Sequence
from dataclasses import dataclass

from daemon.arrays import Alpha, Rgb
from daemon.jobs import Correction, Grade, Verdict, Witnessed
from daemon.judgement.disagreement import Disagreement, measure_disagreement
from daemon.judgement.made_of import PLACES, losses_of, made_of
from daemon.judgement.measures import measure
from daemon.judgement.reasons import KINDS, explain, find_faults, spots_beside
from daemon.judgement.scene import Scene, look_at
from daemon.judgement.score import ScoreTable, shipped_table
from daemon.judgement.shapes import SURE
from daemon.judgement.signs import Doubts, Signs, read_signs
from daemon.judgement.witness import Witness, apart_from

ABSURD_SCORE = 0.05  # the highest score of an alpha without a subject or without a background
LEAST_SUBJECT, MOST_SUBJECT = 0.001, 0.97  # shares of the picture
FRAMED = (0.6, 0.72)  # shares of the photo's rim: up to the first it may be a subject, from the second it is background


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The lowest scores, 0..1, of the grades sehr_gut and gut; lower scores are ungenügend.

    correction: what people's verdicts add to a score before it is graded; None for nothing.
    """

    sehr_gut: float
    gut: float
    correction: Correction | None = None

    def grade(self, score: float) -> Grade:
        """The grade of a score."""
        if score >= self.sehr_gut:
            return Grade.SEHR_GUT
        return Grade.GUT if score >= self.gut else Grade.UNGENUEGEND

    def corrected(self, score: float) -> float:
        """A score, 0..1 to PLACES, with the correction."""
        if self.correction is None:
            return score
        return round(min(1.0, max(0.0, score + self.correction.shift)), PLACES)


def judge(
    rgb: Rgb, alpha: Alpha, thresholds: Thresholds, others: Sequence[Alpha] = (), witness: Witness | None = None
) -> Verdict:
    """Judge one alpha of a photo.

    rgb: (H, W, 3) uint8 sRGB. alpha: (H', W') float32 0..1. Both show the whole photo at any size and are reduced here.
    others: alphas of other recipes, (h, w) float32 0..1 of the whole photo at any size; they give the agreement.
    witness: what another model sees in the photo.
    """
    scene = look_at(rgb)
    disagreement = measure_disagreement(scene, alpha, others)
    return verdict_on(scene, alpha, read_signs(scene, alpha), None, thresholds, disagreement, shipped_table(), witness)


@dataclass(frozen=True, slots=True)
class RawAlpha:
    """What a finish was applied to: the alpha, (H, W) float32 0..1, after any blending, and its doubts."""

    alpha: Alpha
    doubts: Doubts


def verdict_on(
    scene: Scene,
    alpha: Alpha,
    signs: Signs,
    raw: RawAlpha | None,
    thresholds: Thresholds,
    disagreement: Disagreement | None,
    table: ScoreTable,
    witness: Witness | None = None,
) -> Verdict:
    """Judge a finished alpha by its own signs and by the doubts that its raw alpha showed.

    raw: None if `alpha` itself is the raw one. witness: what another model sees in the photo.
    """
    agreement = None if disagreement is None else 1 - disagreement.mean
    doubted = signs if raw is None else signs.with_doubts(raw.doubts)
    apart = apart_from(witness, scene, alpha if raw is None else raw.alpha)
    cards = table.cards(doubted, disagreement, apart)
    own = round(promised(scene, alpha, doubted, disagreement, table, apart), PLACES)
    score = thresholds.corrected(own)
    grade = thresholds.grade(score)  # of the score as it is kept: nobody can see that another one was meant
    faults = find_faults(scene, alpha, signs, disagreement, None if raw is None else raw.alpha, witness)
    reasons = explain(grade, faults, signs, disagreement, losses_of(cards), apart)
    return Verdict(
        score=score,
        grade=grade,
        measures=measure(signs, agreement),
        reasons=reasons,
        defects=tuple(fault.defect for fault in faults),
        spots=spots_beside(reasons, faults),
        made_of=made_of(cards, KINDS, [("implausible", own), ("correction", score)]),
        witness=Witnessed(witness.model, round(apart.mean, PLACES)) if witness and apart else None,
        correction=thresholds.correction,
        uncorrected=None if thresholds.correction is None else own,
    )


def promised(
    scene: Scene,
    alpha: Alpha,
    signs: Signs,
    disagreement: Disagreement | None,
    table: ScoreTable,
    beside_witness: Disagreement | None = None,
) -> float:
    """The score, 0..1: the IoU that the card promises, lowered if the alpha cannot show a subject."""
    return table.score(signs, disagreement, beside_witness) * plausible(scene, alpha, signs)


def plausible(scene: Scene, alpha: Alpha, signs: Signs) -> float:
    """A factor, ABSURD_SCORE..1, that lowers the score of an alpha that cannot show a subject; 1 if it can.

    Such an alpha keeps nothing, everything, or the background by mistake. The cards cannot learn this, because they are
    fitted to photos that have a subject.
    """
    share = float((scene.reduced(alpha) >= SURE).mean())
    if not LEAST_SUBJECT <= share <= MOST_SUBJECT:
        return ABSURD_SCORE
    start, end = FRAMED
    return 1 - (1 - ABSURD_SCORE) * min(1.0, max(0.0, (signs.framed - start) / (end - start)))
