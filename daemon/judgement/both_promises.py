"""Puts the two promises of a result together, of its region and of its rim: the grade is the worse of both."""

from collections.abc import Sequence
from dataclasses import replace

from daemon.jobs import Grade, Limits, Reason, Spot, Verdict
from daemon.judgement.best_of_pages import standing
from daemon.judgement.rims import JudgedRim

MOST_RISE = 0.1  # of the rim's promise: of 228 results with exact borders, plain ones rose by no more
LEAST_RISE = 0.02  # of the rim's promise: less does not tell which of two borders is nearer to the true one
Told = tuple[Reason | str, tuple[Spot, ...]]
"""A reason and its spots."""


def grade_by(score: float, rim: float | None, limits: Limits) -> Grade:
    """The grade of two promises, 0..1 each: the worse one's. rim: None if it was not judged."""
    region = _grade(score, limits.sehr_gut, limits.gut)
    if rim is None:
        return region
    return min(region, _grade(rim, limits.rim_sehr_gut, limits.rim_gut), key=lambda grade: grade.rank)


def rim_counts(region: Verdict) -> bool:
    """Whether a rim can change the grade that this verdict on a region gives. If not, it need not be judged."""
    return region.grade is not Grade.UNGENUEGEND


def may_rise_with(verdict: Verdict) -> bool:
    """Whether another finish may give a better grade: the rim alone holds it, and little is missing to its limit."""
    limits, rim = verdict.limits, verdict.rim
    if limits is None or rim is None or not verdict.by_rim:
        return False
    return (limits.rim_gut if rim < limits.rim_gut else limits.rim_sehr_gut) - rim <= MOST_RISE


def has_better_rim(other: Verdict, verdict: Verdict) -> bool:
    """Whether a result with another finish is the better one: a rim promised more, and not worse as a whole."""
    if other.rim is None or verdict.rim is None:
        return False
    return other.rim >= verdict.rim + LEAST_RISE and standing(other) > standing(verdict)


def with_rim(region: Verdict, rim: JudgedRim | None, limits: Limits) -> Verdict:
    """The verdict on a result. region: what `grading` says of its region, graded by the same limits.

    rim: None if it was not judged, so that nothing is said of it.
    """
    told = [*_told(region)]
    if rim is None:
        return replace(region, limits=limits)
    grade = grade_by(region.score, rim.promise, limits)
    verdict = replace(region, grade=grade, rim=rim.promise, rim_made_of=rim.made_of, limits=limits)
    if grade is Grade.SEHR_GUT:
        return _with_reasons(verdict, _clean_edges(told, region), ())
    if rim.promise >= limits.rim_sehr_gut:
        return verdict
    said = [each for each in rim.reasons if each[0].code != "rim_soft" or "soft_rim" not in region.defects]
    defects = tuple(reason.code for reason, _ in said if reason.code != "rim_weighs_most")
    kept = [each for each in told if _holds(each[0], grade, verdict, defects)]
    return _with_reasons(verdict, [*said, *kept] if verdict.by_rim else [*kept, *said], defects)


def _grade(promise: float, sehr_gut: float, gut: float) -> Grade:
    if promise >= sehr_gut:
        return Grade.SEHR_GUT
    return Grade.GUT if promise >= gut else Grade.UNGENUEGEND


def _told(verdict: Verdict) -> list[Told]:
    spots = verdict.spots or ((),) * len(verdict.reasons)
    return list(zip(verdict.reasons, spots, strict=True))


def _holds(reason: Reason | str, grade: Grade, verdict: Verdict, defects: Sequence[str]) -> bool:
    """Whether a reason for the region's grade holds beside what is said of the rim."""
    if isinstance(reason, str):
        return True
    if reason.code == "good":  # it says what is good about a very good result
        return grade is Grade.SEHR_GUT
    return reason.code != "weighs_most" or not (defects or verdict.by_rim)  # it says that no fault stands out


def _clean_edges(told: Sequence[Told], region: Verdict) -> list[Told]:
    """That the edges are clean, before all else that is good."""
    if "soft_rim" in region.defects:
        return list(told)
    first = told[0][0] if told else None
    if isinstance(first, Reason) and first.code == "good":
        return [(replace(first, parts=("clean_edges", *first.parts)), ()), *told[1:]]
    return [(Reason("good", parts=("clean_edges",)), ()), *told]


def _with_reasons(verdict: Verdict, told: Sequence[Told], defects: Sequence[str]) -> Verdict:
    spots = tuple(spots for _, spots in told)
    return replace(
        verdict,
        reasons=tuple(reason for reason, _ in told),
        spots=spots if any(spots) else (),
        defects=(*defects, *verdict.defects) if verdict.by_rim else (*verdict.defects, *defects),
    )
