"""What people's verdicts say of scores: corrections that approach the truth, stay small and keep within bounds."""

import random
from collections.abc import Callable
from dataclasses import replace
from statistics import mean

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.jobs import Grade
from daemon.judgement.correction import LEAST_VERDICTS, MOST_SHIFT, FoundShift, find_shifts
from daemon.judgement.correction_trial import try_corrections
from daemon.judgement.grading import Thresholds
from daemon.judgement.refit import Judged

LIMITS = Thresholds(0.93, 0.75)
SEEDS = range(12)


def people(
    shift: float, verdicts: int, seed: int = 0, *, order: str = "shoes", model: str = "u2netp", noise: float = 0.02
) -> list[Judged]:
    """People to whom a result is worth its score + shift, more or less; they see all and move what lies wrong."""
    dice, found, spoken = random.Random(seed), list[Judged](), 0
    while spoken < verdicts:
        score = round(min(1.0, max(0.0, dice.gauss(0.9, 0.06))), 4)
        person, program = LIMITS.grade(score + shift + dice.gauss(0, noise)), LIMITS.grade(score)
        spoken += person is not program
        found.append(Judged(score, program, person, len(found), person is not program, order=order, model=model))
    return found


def dicers(verdicts: int, seed: int) -> list[Judged]:
    """People whose grades have nothing to do with the score."""
    dice = random.Random(seed)
    scores = [round(min(1.0, dice.gauss(0.9, 0.06)), 4) for _ in range(verdicts)]
    return [
        Judged(score, LIMITS.grade(score), dice.choice(list(Grade)), at, order="shoes", model="u2netp")
        for at, score in enumerate(scores)
    ]


def found_in(judged: list[Judged]) -> FoundShift:
    (found,) = find_shifts(judged, {"shoes": LIMITS}).values()
    return found


@pytest.mark.parametrize("shift", [-0.03, 0.03])
def test_the_correction_approaches_what_people_think_as_verdicts_come(shift: float) -> None:
    off = []
    for verdicts, allowed in ((10, 0.012), (30, 0.006), (100, 0.004)):
        found = [found_in(people(shift, verdicts, seed)) for seed in SEEDS]
        off.append(mean(abs(one.shift - shift) for one in found))
        assert off[-1] < allowed
        assert all(one.shift * shift > 0 for one in found)

    assert off[0] > off[1] > off[2]


def test_the_standard_error_says_how_far_off_a_correction_is() -> None:
    found = [found_in(people(-0.03, 30, seed)) for seed in range(30)]

    within = [abs(one.shift + 0.03) < 2 * one.error for one in found]
    assert mean(within) > 0.8
    assert mean(one.error for one in found) < mean(found_in(people(-0.03, 10, seed)).error for seed in SEEDS)


@pytest.mark.parametrize("verdicts", [10, 30, 100])
def test_people_who_agree_but_for_moods_correct_next_to_nothing(verdicts: int) -> None:
    found = [found_in(people(0.0, verdicts, seed)).shift for seed in SEEDS]

    assert mean(map(abs, found)) < 0.004
    assert abs(mean(found)) < 0.002


@pytest.mark.parametrize("verdicts", [10, 30, 100, 300])
def test_people_who_throw_dice_correct_little(verdicts: int) -> None:
    found = [found_in(dicers(verdicts, seed)).shift for seed in SEEDS]

    assert mean(map(abs, found)) < 0.005


def test_nothing_is_corrected_below_ten_verdicts_however_clear() -> None:
    left = [one for one in people(-0.04, 200) if not one.spoken]
    nine = [one for one in people(-0.04, 200) if one.spoken][: LEAST_VERDICTS - 1]

    found = found_in([*nine, *left])

    assert (found.verdicts, found.silent, found.lacking) == (9, len(left), 1)
    assert (found.shift, found.correction) == (0.0, None)
    assert found.disagreement < 0


def test_an_order_with_few_verdicts_stays_as_it_is_whatever_other_orders_say() -> None:
    others = [one for n in range(4) for one in people(-0.04, 60, n, order=f"o{n}")]
    limits = {"shoes": LIMITS, **{f"o{n}": LIMITS for n in range(4)}}

    found = find_shifts([*others, *people(-0.04, 9)], limits)

    assert found["shoes", "u2netp"].correction is None
    assert found["o1", "u2netp"].shift == pytest.approx(-0.04, abs=0.01)


def test_few_verdicts_lean_on_those_of_the_same_model_and_many_do_not() -> None:
    """What ten verdicts of unsteady people say depends on what other orders say of the model."""

    def beside(shift: float, verdicts: int, model: str) -> float:
        others = [one for n in range(5) for one in people(shift, 40, n, order=f"o{n}", model=model)]
        limits = {"shoes": LIMITS, **{f"o{n}": LIMITS for n in range(5)}}
        return find_shifts([*others, *people(0.0, verdicts, noise=0.05)], limits)["shoes", "u2netp"].shift

    few = beside(0.03, 10, "u2netp") - beside(-0.03, 10, "u2netp")
    many = beside(0.03, 200, "u2netp") - beside(-0.03, 200, "u2netp")
    of_another_model = beside(0.03, 10, "RMBG-2.0") - beside(-0.03, 10, "RMBG-2.0")

    assert few > 0.004
    assert few > 3 * many
    assert few > of_another_model


def test_one_strict_order_does_not_make_the_others_strict() -> None:
    calm = [one for n in range(4) for one in people(0.0, 40, n, order=f"o{n}")]
    limits = {"shoes": LIMITS, **{f"o{n}": LIMITS for n in range(4)}}

    found = find_shifts([*calm, *people(-0.03, 40)], limits)

    assert found["shoes", "u2netp"].shift == pytest.approx(-0.03, abs=0.01)
    assert all(abs(found[f"o{n}", "u2netp"].shift) < 0.008 for n in range(4))


def test_models_of_one_order_are_told_apart() -> None:
    judged = [*people(-0.03, 60), *people(0.02, 60, 1, model="RMBG-2.0")]

    found = find_shifts(judged, {"shoes": LIMITS})

    assert found["shoes", "u2netp"].shift == pytest.approx(-0.03, abs=0.008)
    assert found["shoes", "RMBG-2.0"].shift == pytest.approx(0.02, abs=0.008)


def test_each_order_is_measured_by_its_own_thresholds() -> None:
    """These people agree with their order, which asks for more than others do."""
    strict = Thresholds(0.97, 0.85)
    judged = [replace(one, program=strict.grade(one.score), person=strict.grade(one.score)) for one in people(0.0, 60)]

    assert abs(find_shifts(judged, {"shoes": strict})["shoes", "u2netp"].shift) < 0.005
    assert find_shifts(judged, {"shoes": LIMITS})["shoes", "u2netp"].shift < -0.02


def test_a_correction_is_bounded() -> None:
    found = found_in(people(-0.2, 300))

    assert found.shift == -MOST_SHIFT


def test_verdicts_on_corrected_results_are_measured_against_the_uncorrected_score() -> None:
    """If they were not, a correction would shrink as soon as it works, and come again, for ever."""
    before = people(-0.03, 100)
    after = [
        replace(one, score=round(one.score - 0.03, 4), program=LIMITS.grade(one.score - 0.03), uncorrected=one.score)
        for one in before
    ]

    assert found_in(after).shift == found_in(before).shift
    assert found_in([replace(one, uncorrected=None) for one in after]).shift == pytest.approx(0.0, abs=0.005)


def test_people_who_confirm_everything_that_they_look_at_correct_nothing() -> None:
    """They look at the folder sehr_gut only, right above its threshold: that says little of what lies below."""
    dice = random.Random(1)
    scores = [round(dice.uniform(0.93, 0.94), 4) for _ in range(60)]
    judged = [
        Judged(score, Grade.SEHR_GUT, Grade.SEHR_GUT, at, order="shoes", model="u2netp")
        for at, score in enumerate(scores)
    ]

    assert found_in(judged).correction is None


def test_silence_holds_a_correction_back() -> None:
    judged = people(-0.03, 60)
    moved = [one for one in judged if one.spoken]

    assert abs(found_in(judged).shift) < abs(found_in(moved).shift)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda one: replace(one, model=""),
        lambda one: replace(one, by_rim=True),
        lambda one: replace(one, order="gone"),
    ],
)
def test_results_that_say_nothing_of_a_score_are_left_out(spoil: Callable[[Judged], Judged]) -> None:
    assert find_shifts(map(spoil, people(-0.03, 60)), {"shoes": LIMITS}) == {}


def test_without_verdicts_there_is_nothing_to_say() -> None:
    silent = [replace(one, spoken=False) for one in people(0.0, 20)]

    assert find_shifts([], {}) == {}
    assert find_shifts(silent, {"shoes": LIMITS}) == {}
    assert try_corrections([], {}) == {}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(0, 1), st.sampled_from(Grade), st.booleans(), st.sampled_from(["a", "b"]), st.floats(0, 9)),
        max_size=60,
    )
)
def test_whatever_people_say_corrections_are_numbers_within_bounds(
    rows: list[tuple[float, Grade, bool, str, float]],
) -> None:
    judged = [
        Judged(score, LIMITS.grade(score), person, at, spoken, order=order, model="m")
        for score, person, spoken, order, at in rows
    ]
    limits = {"a": LIMITS, "b": Thresholds(1.0, 0.0)}

    for found in find_shifts(judged, limits).values():
        assert -MOST_SHIFT <= found.shift <= MOST_SHIFT
        assert 0 <= found.error < 1
        assert found.verdicts >= LEAST_VERDICTS or not found.shift
    for trial in try_corrections(judged, limits).values():
        assert trial.tried >= trial.changed >= trial.nearer + trial.farther


def test_what_a_correction_would_have_changed_is_counted_on_later_results_only() -> None:
    judged = people(-0.03, 60)

    (trial,) = try_corrections(judged, {"shoes": LIMITS}).values()

    assert 0 < trial.tried < len(judged)
    assert trial.changed >= trial.nearer + trial.farther
    assert trial.nearer > 2 * trial.farther


def test_a_correction_that_comes_too_late_is_seen_not_to_help() -> None:
    """The first half of the people is strict, the second kind: what was learnt from the first harms the second."""
    strict, kind = people(-0.04, 60), [replace(one, at=one.at + 1e6) for one in people(0.04, 60, 1)]

    first = sum(trial.nearer for trial in try_corrections(strict, {"shoes": LIMITS}).values())
    (trial,) = try_corrections([*strict, *kind], {"shoes": LIMITS}).values()

    assert trial.farther > 5
    assert first > 5


def test_whom_nobody_contradicts_no_trial_changes() -> None:
    judged = [replace(one, person=one.program, spoken=True) for one in people(0.0, 60)]

    (trial,) = try_corrections(judged, {"shoes": LIMITS}).values()

    assert (trial.changed, trial.nearer, trial.farther) == (0, 0, 0)
