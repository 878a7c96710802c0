"""Compares people's grades with the program's, and finds the thresholds that agree better with people."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from daemon.jobs import Grade, Measures
from daemon.judgement.grading import Thresholds

LEAST_SPOKEN = 20  # verdicts; fewer may be chance
LEAST_AT_EDGE = 5  # verdicts that moved a result over a threshold; with fewer the threshold stays where it is
FOLDS = 5
BEYOND = 1e-4  # of score: how far above the highest score seen a threshold may lie


@dataclass(frozen=True, slots=True)
class Judged:
    """One result: the program's score and grade, and a person's. at: Unix time of the verdict.

    spoken: False if nobody moved it, though somebody went through its folder. order: its folder of `inbox/`; "" = none.
    model: that cut it out; "" = not known, or a person did. uncorrected: the score before the correction by people's
    verdicts; None if there was none. by_rim: whether the promise of the rim made the program's grade.
    """

    score: float
    program: Grade
    person: Grade
    at: float
    spoken: bool = True
    measures: Measures | None = None
    order: str = ""
    model: str = ""
    uncorrected: float | None = None
    by_rim: bool = False

    @property
    def own_score(self) -> float:
        """The score as the program alone gave it: what a correction is measured against."""
        return self.score if self.uncorrected is None else self.uncorrected

    @property
    def shift(self) -> int:
        """By how many grades the person rated it better (+) or worse (-) than the program."""
        return self.person.rank - self.program.rank


@dataclass(frozen=True, slots=True)
class Drift:
    """How people differ from the program.

    spoken, silent: results that were moved, and that were left. better, worse: results that people rated so. shift:
    mean number of grades, + = people are kinder; earlier, later: the same for each half of the verdicts.
    """

    spoken: int
    silent: int
    better: int
    worse: int
    shift: float
    earlier: float
    later: float


@dataclass(frozen=True, slots=True)
class Refit:
    """Thresholds that agree better with people.

    proposed: None if the present ones stay; why: the reason in words. spoken, silent: results that it rests on.
    at_sehr_gut, at_gut: verdicts that moved a result over each threshold, upwards and downwards. before, after: mean
    number of grades between program and person, with the present and with the new thresholds; `after` is measured on
    results that the thresholds were not fitted to.
    """

    proposed: Thresholds | None
    why: str
    spoken: int
    silent: int
    at_sehr_gut: tuple[int, int]
    at_gut: tuple[int, int]
    before: float
    after: float


def confusion(judged: Sequence[Judged]) -> Mapping[tuple[Grade, Grade], int]:
    """The number of results for each pair of the program's grade and a person's; only results that were moved."""
    return Counter((one.program, one.person) for one in judged if one.spoken)


def drift(judged: Sequence[Judged]) -> Drift:
    """How people differ from the program, and whether that changes with time."""
    spoken = sorted((one for one in judged if one.spoken), key=lambda one: one.at)
    half = len(spoken) // 2
    return Drift(
        len(spoken),
        len(judged) - len(spoken),
        sum(one.shift > 0 for one in spoken),
        sum(one.shift < 0 for one in spoken),
        _mean_shift(spoken),
        _mean_shift(spoken[:half]),
        _mean_shift(spoken[half:]),
    )


def refit(judged: Sequence[Judged], present: Thresholds) -> Refit:
    """The thresholds that people's grades ask for, each moved no further than it has to be.

    Minimises the number of grades between program and person. Every result has the same weight: with a lower one for
    silent results any present threshold would look wrong, because some results close to it are always moved. The
    proposal is tested by five-fold cross-validation: thresholds must agree better with results that they were not
    fitted to.
    """
    spoken = sum(one.spoken for one in judged)
    before = _disagreement(judged, present)

    def answer(proposed: Thresholds | None, why: str, after: float = before) -> Refit:
        at_sehr_gut, at_gut = _over(judged, Grade.SEHR_GUT), _over(judged, Grade.GUT)
        return Refit(proposed, why, spoken, len(judged) - spoken, at_sehr_gut, at_gut, before, after)

    if spoken < LEAST_SPOKEN:
        return answer(None, f"too few results were judged to say: {spoken}, and {LEAST_SPOKEN} are needed")
    found = fitted(judged, present)
    if found == present:
        return answer(None, "the present thresholds agree with people as well as any")
    after = _held_out(judged, present)
    if after >= before:
        return answer(None, "no other thresholds agree better with verdicts that they were not fitted to", after)
    return answer(found, "they agree better with people, also on verdicts that they were not fitted to", after)


def fitted(judged: Sequence[Judged], present: Thresholds) -> Thresholds:
    """The thresholds that agree best; of equally good ones those nearest to the present ones.

    The distance of two grades is the number of thresholds between them, so each threshold is found by itself.
    """
    sehr_gut = _edge(judged, Grade.SEHR_GUT, present.sehr_gut)
    gut = _edge(judged, Grade.GUT, present.gut)
    if gut >= sehr_gut:  # people contradict each other there, so both stay
        return present
    return Thresholds(sehr_gut, gut)


def _edge(judged: Sequence[Judged], grade: Grade, present: float) -> float:
    if sum(_over(judged, grade)) < LEAST_AT_EDGE:
        return present
    ordered = sorted((one.score, one.person.rank >= grade.rank) for one in judged)
    wrong = sum(not good for _, good in ordered)  # with a threshold below all of them
    ways = [(wrong, ordered[0][0]), (_wrong(judged, grade, present), present)]
    for (score, good), following in zip_longest(ordered, (score for score, _ in ordered[1:])):
        wrong += 1 if good else -1  # the threshold moves above this result
        if following is None:
            ways.append((wrong, min(1.0, score + BEYOND)))
        elif following > score:
            ways.append((wrong, round((score + following) / 2, 4)))
    return min(ways, key=lambda way: (way[0], abs(way[1] - present)))[1]


def _over(judged: Sequence[Judged], grade: Grade) -> tuple[int, int]:
    """How many verdicts moved a result up over the threshold of a grade, and how many moved one down."""
    up = sum(one.program.rank < grade.rank <= one.person.rank for one in judged)
    down = sum(one.person.rank < grade.rank <= one.program.rank for one in judged)
    return up, down


def _wrong(judged: Sequence[Judged], grade: Grade, edge: float) -> int:
    return sum((one.score >= edge) != (one.person.rank >= grade.rank) for one in judged)


def _disagreement(judged: Sequence[Judged], thresholds: Thresholds) -> float:
    """The mean number of grades between program and person; 0 = they always agree."""
    wrong = _wrong(judged, Grade.SEHR_GUT, thresholds.sehr_gut) + _wrong(judged, Grade.GUT, thresholds.gut)
    return wrong / len(judged) if judged else 0.0


def _held_out(judged: Sequence[Judged], present: Thresholds) -> float:
    ordered = sorted(judged, key=lambda one: (one.at, one.score))
    disagreement = 0.0
    for fold in range(FOLDS):
        known = [one for number, one in enumerate(ordered) if number % FOLDS != fold]
        other = ordered[fold::FOLDS]
        disagreement += _disagreement(other, fitted(known, present)) * len(other)
    return disagreement / len(ordered)


def _mean_shift(judged: Sequence[Judged]) -> float:
    return sum(one.shift for one in judged) / len(judged) if judged else 0.0
