"""Finds the best finish of a raw alpha: which alphas to blend, then how far to finish the blend."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from daemon.arrays import Alpha
from daemon.jobs import UNFINISHED, Finish, Verdict
from daemon.judgement.disagreement import Disagreement, measure_disagreement
from daemon.judgement.finish import apply_finish
from daemon.judgement.grading import RawAlpha, Thresholds, promised, verdict_on
from daemon.judgement.scene import Scene
from daemon.judgement.score import CRISP_RIM, ScoreTable, shipped_table
from daemon.judgement.signs import Doubts, Signs, read_doubts, read_signs
from daemon.judgement.witness import Witness, apart_from

MOST_PARTNERS = 3  # other attempts whose alphas may be blended in: the latest ones
KEEN_RIM = 0.8  # Signs.soft_rim: a lower softness comes from the photo (hair, glass), a higher one from the network
WIDE_RIM = 2.5  # Signs.soft_rim: from here on the network guesses, and contrast would only harden its errors


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a verdict on a finished alpha rests on, other alphas aside. Kept, so that nobody measures it twice.

    seen: the finished alpha at the scene's size. signs: its signs. unfinished: the blend before its finish, as small.
    """

    seen: Alpha
    signs: Signs
    unfinished: RawAlpha


@dataclass(frozen=True, slots=True)
class FinishedAlpha:
    """A finish, the alpha that it gave, (h, w) float32 0..1 as `apply_finish` returns it, and the verdict on that.

    evidence: None if the alpha was finished in an earlier run, or was not finished at all.
    """

    finish: Finish
    alpha: Alpha
    verdict: Verdict
    evidence: Evidence | None = None


def best_finish(
    scene: Scene,
    raw: Alpha,
    thresholds: Thresholds,
    others: Mapping[int, Alpha] | None = None,
    table: ScoreTable | None = None,
    witness: Witness | None = None,
) -> FinishedAlpha:
    """The best finish for this raw alpha, what it gives, and the verdict on that.

    scene: the photo. raw: (h, w) float32, 0..1, of the whole photo at any size. others: raw alphas of earlier attempts
    by number, of the whole photo, any size; `raw` is compared with them, and blended with those that improve the score.
    table: what the score is read from; None = the shipped one. witness: what another model sees; never blended in.

    The score chooses the blend, on reduced alphas. Contrast and border depend on the rim of the blend and not on the
    score: the score rests on the doubts of the raw alpha, so no finish can raise it.
    """
    others, table = others or {}, table or shipped_table()
    small = {number: scene.rim(other) for number, other in others.items()}
    blend, unfinished, disagreement = _best_blend(scene, scene.rim(raw), small, table, witness)
    finish = finish_for(unfinished.doubts, blend)
    alpha = apply_finish(scene.rgb, raw, finish, others)
    evidence = _evidence(scene, alpha, unfinished)
    verdict = _verdict(scene, evidence, thresholds, disagreement, table, witness)
    return FinishedAlpha(finish, alpha, verdict, evidence)


def plain_of(finish: Finish) -> Finish:
    """The same finish without the two steps that move or harden a border. Stray islands and holes still go."""
    return replace(finish, guided=False, levels=UNFINISHED.levels)


def finished_otherwise(
    scene: Scene,
    raw: Alpha,
    found: FinishedAlpha,
    finish: Finish,
    thresholds: Thresholds,
    others: Mapping[int, Alpha],
    witness: Witness | None = None,
) -> FinishedAlpha:
    """What `best_finish` found, with another finish of the same blend.

    raw, thresholds, others, witness: as `best_finish` got them. Raises ValueError if the blend is not the same, or if
    `found` was finished in an earlier run.
    """
    if found.evidence is None or finish.blend != found.finish.blend:
        raise ValueError("only another finish of a blend that was just searched can be told")
    alpha = apply_finish(scene.rgb, raw, finish, others)
    other = FinishedAlpha(finish, alpha, found.verdict, _evidence(scene, alpha, found.evidence.unfinished))
    return replace(other, verdict=verdict_now(scene, raw, other, thresholds, others, witness=witness))


def verdict_now(
    scene: Scene,
    raw: Alpha,
    finished: FinishedAlpha,
    thresholds: Thresholds,
    others: Mapping[int, Alpha],
    table: ScoreTable | None = None,
    witness: Witness | None = None,
) -> Verdict:
    """The verdict on an earlier result beside all the alphas that there are now; its finish stays.

    raw: the raw alpha that it was made of. others: raw alphas of all other attempts by number, later ones included.
    witness: what another model sees.
    Without this, the first result would be graded, and could win, on less evidence than later ones.
    """
    small = {number: scene.rim(other) for number, other in others.items()}
    small_raw, blend = scene.rim(raw), finished.finish.blend
    evidence = finished.evidence
    if evidence is None:
        mean = _mean([small_raw, *(small[number] for number in blend)])
        unfinished = RawAlpha(scene.reduced(mean), read_doubts(scene, mean))
        evidence = _evidence(scene, finished.alpha, unfinished)
    witnesses = [scene.reduced(alpha) for alpha in ([small_raw] if blend else []) + list(small.values())]
    disagreement = measure_disagreement(scene, evidence.unfinished.alpha, witnesses)
    return _verdict(scene, evidence, thresholds, disagreement, table or shipped_table(), witness)


def _evidence(scene: Scene, alpha: Alpha, unfinished: RawAlpha) -> Evidence:
    small = scene.rim(alpha)
    return Evidence(scene.reduced(small), read_signs(scene, small), unfinished)


def _verdict(
    scene: Scene,
    evidence: Evidence,
    thresholds: Thresholds,
    disagreement: Disagreement | None,
    table: ScoreTable,
    witness: Witness | None,
) -> Verdict:
    seen, signs, unfinished = evidence.seen, evidence.signs, evidence.unfinished
    return verdict_on(scene, seen, signs, unfinished, thresholds, disagreement, table, witness)


def _best_blend(
    scene: Scene, raw: Alpha, others: Mapping[int, Alpha], table: ScoreTable, witness: Witness | None
) -> tuple[tuple[int, ...], RawAlpha, Disagreement | None]:
    """The numbers to blend in, the blended alpha with its doubts, and how much it differs from the single alphas."""
    if not others:
        return (), RawAlpha(scene.reduced(raw), read_doubts(scene, raw)), None
    found = []
    single = [scene.reduced(alpha) for alpha in (raw, *others.values())]
    for numbers in blends(others):
        mean = _mean([raw, *(others[number] for number in numbers)])
        blend, signs = scene.reduced(mean), read_signs(scene, mean)
        disagreement = measure_disagreement(scene, blend, single if numbers else single[1:])
        score = promised(scene, blend, signs, disagreement, table, apart_from(witness, scene, blend))
        found.append((score, numbers, RawAlpha(blend, signs.doubts), disagreement))
    return max(found, key=lambda row: row[0])[1:]  # of equal scores the first: it blends the fewest alphas


def blends(others: Mapping[int, object]) -> Iterator[tuple[int, ...]]:
    """The numbers to blend in that are tried, the fewest first: none, and each choice of the latest `MOST_PARTNERS`."""
    partners = sorted(others)[-MOST_PARTNERS:]
    for count in range(len(partners) + 1):
        yield from combinations(partners, count)


def finish_for(doubts: Doubts, blend: tuple[int, ...]) -> Finish:
    """The finish that the rim asks for. What a coarse network blurred becomes firm; what is soft in the photo stays."""
    if doubts.soft_rim <= CRISP_RIM[0]:
        return Finish(blend, keep_islands=False, fill_holes=True)
    if doubts.soft_rim < KEEN_RIM:
        return Finish(blend, levels=(0.1, 0.9), keep_islands=False, fill_holes=True)
    levels = (0.3, 0.7) if doubts.soft_rim < WIDE_RIM else (0.2, 0.8)
    return Finish(blend, guided=True, levels=levels, keep_islands=False, fill_holes=True)


def _mean(alphas: Sequence[Alpha]) -> Alpha:
    """The mean of alphas of one size."""
    return alphas[0] if len(alphas) == 1 else np.asarray(np.mean(alphas, axis=0), dtype=np.float32)
