"""A grade is the worse of two promises, and nothing that is said beside it contradicts them."""

from dataclasses import replace

import pytest

from daemon.jobs import Grade, Limits, MadeOf, Measures, Reason, Spot, Verdict
from daemon.judgement.both_promises import grade_by, rim_counts, with_rim
from daemon.judgement.rims import JudgedRim, rim_reasons

LIMITS = Limits(sehr_gut=0.93, gut=0.75, rim_sehr_gut=0.9, rim_gut=0.7)
GOOD = Reason("good", parts=("nothing_left", "passes_agree"))
RESIDUE = Reason("residue", "left", share=0.02)
SPOT = Spot(0.1, 0.1, 0.2, 0.2, 0.15, 0.15)
MADE = MadeOf(0.8, (("rough", -0.05), ("fringe", -0.03), ("soft", -0.001), ("off_edge", 0.1)))


def region(score: float, *reasons: Reason, defects: tuple[str, ...] = ()) -> Verdict:
    grade = Grade.SEHR_GUT if score >= 0.93 else Grade.GUT if score >= 0.75 else Grade.UNGENUEGEND
    return Verdict(score, grade, Measures(0.9, 0.9, 0.9), reasons, defects)


def rim(promise: float, *reasons: Reason) -> JudgedRim:
    return JudgedRim(promise, MADE, tuple((reason, (SPOT,)) for reason in reasons))


@pytest.mark.parametrize(
    ("score", "promise", "grade"),
    [
        (0.93, 0.9, Grade.SEHR_GUT),
        (0.9299, 0.99, Grade.GUT),
        (0.99, 0.8999, Grade.GUT),
        (0.99, 0.6999, Grade.UNGENUEGEND),
        (0.74, 0.99, Grade.UNGENUEGEND),
        (0.99, None, Grade.SEHR_GUT),
    ],
)
def test_the_grade_is_the_worse_of_both(score: float, promise: float | None, grade: Grade) -> None:
    assert grade_by(score, promise, LIMITS) is grade
    judged = None if promise is None else rim(promise, Reason("rim_rough"))
    assert with_rim(region(score, RESIDUE), judged, LIMITS).grade is grade


def test_clean_edges_are_only_said_when_the_rim_says_so() -> None:
    clean = with_rim(region(0.97, GOOD), rim(0.95), LIMITS)
    rough = with_rim(region(0.97, GOOD), rim(0.85, Reason("rim_rough")), LIMITS)
    unknown = with_rim(region(0.97, GOOD), None, LIMITS)

    assert clean.reasons == (replace(GOOD, parts=("clean_edges", "nothing_left", "passes_agree")),)
    assert rough.reasons == (Reason("rim_rough"),)
    assert unknown.reasons == (GOOD,)


def test_a_border_that_is_called_soft_is_not_called_clean() -> None:
    soft = region(0.97, GOOD, Reason("soft_rim", share=0.02), defects=("soft_rim",))

    assert with_rim(soft, rim(0.95), LIMITS).reasons[0] == GOOD


def test_what_made_the_grade_is_told_first_with_its_spots() -> None:
    by_rim = with_rim(region(0.95, RESIDUE, defects=("residue",)), rim(0.8, Reason("rim_fringe")), LIMITS)
    by_region = with_rim(region(0.8, RESIDUE, defects=("residue",)), rim(0.8, Reason("rim_fringe")), LIMITS)

    assert (by_rim.by_rim, by_rim.reasons) == (True, (Reason("rim_fringe"), RESIDUE))
    assert (by_rim.spots, by_rim.defects) == (((SPOT,), ()), ("rim_fringe", "residue"))
    assert (by_region.by_rim, by_region.reasons) == (False, (RESIDUE, Reason("rim_fringe")))


def test_what_made_the_grade_is_the_lower_one_or_both() -> None:
    def by(score: float, promise: float) -> str:
        return with_rim(region(score, RESIDUE), rim(promise, Reason("rim_rough")), LIMITS).graded_by

    assert (by(0.95, 0.8), by(0.8, 0.95), by(0.8, 0.8), by(0.95, 0.95)) == ("rim", "score", "both", "both")
    assert region(0.8).graded_by == "score"  # a verdict of an earlier version


def test_that_no_fault_stands_out_is_not_said_beside_one() -> None:
    none_stands_out = region(0.8, Reason("weighs_most", parts=("outline",)))

    assert with_rim(none_stands_out, rim(0.8, Reason("rim_fringe")), LIMITS).reasons == (Reason("rim_fringe"),)
    assert with_rim(none_stands_out, rim(0.95), LIMITS).reasons == none_stands_out.reasons


def test_a_rim_cannot_save_a_region_that_is_ungenuegend() -> None:
    assert not rim_counts(region(0.7))
    assert rim_counts(region(0.8))


def test_a_rim_that_was_not_judged_is_no_promise() -> None:
    verdict = with_rim(region(0.97, GOOD), None, LIMITS)

    assert (verdict.rim, verdict.by_rim, verdict.limits) == (None, False, LIMITS)


def test_each_reason_of_a_rim_lowers_its_promise_by_what_is_worth_a_sentence() -> None:
    told = rim_reasons(MADE, {"rough": [SPOT]}, 320, 4000)

    assert told == ((Reason("rim_rough"), (SPOT,)), (Reason("rim_fringe"), ()))


def test_a_coarse_rim_tells_what_the_engine_saw() -> None:
    coarse = MadeOf(0.8, (("coarse", -0.1),))

    assert rim_reasons(coarse, {}, 320, 4000)[0][0] == Reason("rim_coarse", pixels=(320, 4000))
    assert rim_reasons(coarse, {}, 0, 4000)[0][0] == Reason("rim_weighs_most", parts=("rim_coarse",))


def test_a_rim_without_one_fault_names_what_weighs_most() -> None:
    many = MadeOf(0.8, (("soft", -0.019), ("rough", -0.018)))

    assert rim_reasons(many, {}, 0, 0) == ((Reason("rim_weighs_most", parts=("rim_soft",)), ()),)
