"""What people made of results, held against the program: where they differ, and which thresholds would agree better."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from daemon.jobs import Grade, Measures
from daemon.judgement.grading import Thresholds

LEAST_SPOKEN = 20  # verdicts; fewer are moods
LEAST_AT_EDGE = 5  # verdicts that took a result over a threshold, without which it is left where it is
FOLDS = 5
BEYOND = 1e-4  # of score: above all that were seen


@dataclass(frozen=True, slots=True)
class Judged:
    """One result: the program's score and grade, and a person's. at: Unix time of the verdict.

    spoken: False where nobody moved it, though somebody went through the folder it lies in.
    """

    score: float
    program: Grade
    person: Grade
    at: float
    spoken: bool = True
    measures: Measures | None = None

    @property
    def shift(self) -> int:
        """Grades by which the person thought better (+) or worse (-) of it than the program."""
        return self.person.rank - self.program.rank


@dataclass(frozen=True, slots=True)
class Drift:
    """How people differ from the program. shift: mean grades, + = people are kinder; of the earlier and later half."""

    spoken: int
    silent: int
    better: int
    worse: int
    shift: float
    earlier: float
    later: float


@dataclass(frozen=True, slots=True)
class Refit:
    """Thresholds that agree better with people. proposed: None where the present ones stand; why says so in words.

    spoken, silent: results that it rests on. at_sehr_gut, at_gut: verdicts that took a result over each threshold,
    upwards and downwards. before, after: mean grades that program and person are apart, by result; `after` on results
    that were not fitted to.
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
    """How many results of each grade of the program had each grade of a person; spoken verdicts only."""
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

    Minimises the number of grades that program and person are apart. Every result counts alike: to count the silent
    ones for less would make any present threshold look wrong, for close to it some are always moved. Held out five
    times, a fifth at a time: what does not agree better with results that it was not fitted to is not proposed.
    """
    spoken = sum(one.spoken for one in judged)
    before = _disagreement(judged, present)

    def told(proposed: Thresholds | None, why: str, after: float = before) -> Refit:
        at_sehr_gut, at_gut = _over(judged, Grade.SEHR_GUT), _over(judged, Grade.GUT)
        return Refit(proposed, why, spoken, len(judged) - spoken, at_sehr_gut, at_gut, before, after)

    if spoken < LEAST_SPOKEN:
        return told(None, f"too few results were judged to say: {spoken}, and {LEAST_SPOKEN} are needed")
    found = fitted(judged, present)
    if found == present:
        return told(None, "the present thresholds agree with people as well as any")
    after = _held_out(judged, present)
    if after >= before:
        return told(None, "no other thresholds agree better with verdicts that they were not fitted to", after)
    return told(found, "they agree better with people, also on verdicts that they were not fitted to", after)


def fitted(judged: Sequence[Judged], present: Thresholds) -> Thresholds:
    """The thresholds that agree best; of equals those nearest to the present ones.

    How many grades two are apart is the number of thresholds between them, so each is found by itself.
    """
    sehr_gut = _edge(judged, Grade.SEHR_GUT, present.sehr_gut)
    gut = _edge(judged, Grade.GUT, present.gut)
    if gut >= sehr_gut:  # people contradict themselves there: leave it as it is
        return present
    return Thresholds(sehr_gut, gut)


def _edge(judged: Sequence[Judged], grade: Grade, present: float) -> float:
    if sum(_over(judged, grade)) < LEAST_AT_EDGE:
        return present
    ordered = sorted((one.score, one.person.rank >= grade.rank) for one in judged)
    wrong = sum(not good for _, good in ordered)  # with the threshold below all of them
    ways = [(wrong, ordered[0][0]), (_wrong(judged, grade, present), present)]
    for (score, good), following in zip_longest(ordered, (score for score, _ in ordered[1:])):
        wrong += 1 if good else -1  # the threshold moves on to above this one
        if following is None:
            ways.append((wrong, min(1.0, score + BEYOND)))
        elif following > score:
            ways.append((wrong, round((score + following) / 2, 4)))
    return min(ways, key=lambda way: (way[0], abs(way[1] - present)))[1]


def _over(judged: Sequence[Judged], grade: Grade) -> tuple[int, int]:
    """How many verdicts took a result up over the threshold of a grade, and how many down."""
    up = sum(one.program.rank < grade.rank <= one.person.rank for one in judged)
    down = sum(one.person.rank < grade.rank <= one.program.rank for one in judged)
    return up, down


def _wrong(judged: Sequence[Judged], grade: Grade, edge: float) -> int:
    return sum((one.score >= edge) != (one.person.rank >= grade.rank) for one in judged)


def _disagreement(judged: Sequence[Judged], thresholds: Thresholds) -> float:
    """Mean number of grades that program and person are apart; 0 = they agree throughout."""
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


def mean_measures(judged: Sequence[Judged], of: Callable[[Judged], bool]) -> Measures | None:
    """The mean measures of those results that `of` picks and whose measures are known; None where there are none."""
    known = [one.measures for one in judged if one.measures and of(one)]
    if not known:
        return None
    agreements = [each.agreement for each in known if each.agreement is not None]
    return Measures(
        sum(each.pixel_residue for each in known) / len(known),
        sum(each.edge_cleanliness for each in known) / len(known),
        sum(each.completeness for each in known) / len(known),
        sum(agreements) / len(agreements) if agreements else None,
    )
