"""What an audit concludes from outputs that differ in one parameter."""

import numpy as np
import pytest

from daemon.arrays import Alpha
from daemon.judgement import parameter_effects
from daemon.judgement.parameter_effects import LEAST_PHOTOS, Comparison, ParameterEffect
from daemon.judgement.ssim import ssim
from tests.doubles import by_colour
from tests.drawing import drawn_photo

GRID = {"sensitivity": (0.2, 0.9), "mask_blur": (0.0, 5.0), "mask_offset": (-2.0, 2.0)}


def alpha(seed: int = 0) -> Alpha:
    return by_colour(drawn_photo(160, 120, seed))


def compared(ssims: list[float], parameter: str = "process_res", model: str = "M") -> list[Comparison]:
    return [Comparison(model, parameter, (512, 1024), photo, value, 0.0) for photo, value in enumerate(ssims)]


def state(ssims: list[float]) -> str:
    (effect,) = parameter_effects.effects(compared(ssims), (), 0.999)
    return effect.state


def test_outputs_that_are_the_same_have_a_similarity_of_one() -> None:
    assert ssim(alpha(), alpha()) == pytest.approx(1.0)
    assert ssim(alpha(), alpha(1)) < 0.9


def test_every_pair_of_values_is_compared_once() -> None:
    pairs = [
        found.values
        for found in parameter_effects.compare("M", "process_res", 0, {512: alpha(), 1024: alpha(), 2048: alpha()})
    ]

    assert pairs == [(512, 1024), (512, 2048), (1024, 2048)]


def test_a_parameter_without_any_effect_is_dead() -> None:
    assert state([1.0] * LEAST_PHOTOS) == "dead"


def test_one_photo_on_which_it_matters_keeps_a_parameter_alive() -> None:
    assert state([1.0] * LEAST_PHOTOS + [0.7]) == "changes"


def test_a_change_that_is_hardly_seen_is_no_dead_parameter() -> None:
    assert state([0.995] * LEAST_PHOTOS) == "slight"


def test_too_few_photos_prove_nothing_dead() -> None:
    assert state([1.0] * (LEAST_PHOTOS - 1)) == "unsure"
    assert parameter_effects.dead_parameters(parameter_effects.effects(compared([1.0]), (), 0.999)) == {}


def test_an_empty_and_a_full_alpha_prove_nothing() -> None:
    empty = np.zeros((50, 50), np.float32)

    assert not parameter_effects.shows_a_subject(empty)
    assert not parameter_effects.shows_a_subject(empty + 1)
    assert parameter_effects.shows_a_subject(alpha())


def test_only_what_costs_engine_calls_is_left_out_of_the_search() -> None:
    found = parameter_effects.effects(
        [*compared([1.0] * 3), *compared([1.0] * 3, "sensitivity"), *compared([0.5] * 3, model="N")], (), 0.999
    )

    assert parameter_effects.dead_parameters(found) == {"M": ("process_res",)}


def test_a_parameter_that_the_model_does_not_have_is_dead_without_any_photo() -> None:
    found = parameter_effects.effects(compared([0.5], "sensitivity"), [("M", "process_res")], 0.999)

    assert [effect.state for effect in found] == ["not taken", "changes"]
    assert parameter_effects.dead_parameters(found) == {"M": ("process_res",)}


@pytest.mark.parametrize("parameter", GRID)
def test_our_own_finishes_change_a_soft_alpha(parameter: str) -> None:
    outputs = parameter_effects.finished(drawn_photo(160, 120), alpha(), GRID)

    (found,) = parameter_effects.compare("M", parameter, 0, outputs[parameter])

    assert found.ssim < 0.999
    assert found.change > 0


def test_a_lower_sensitivity_keeps_more_and_counts_once() -> None:
    raw = np.full((20, 20), 0.4, np.float32)

    outputs = parameter_effects.finished(drawn_photo(20, 20), raw, GRID)["sensitivity"]

    assert outputs[0.2].mean() == pytest.approx(0.4 * 1.8)  # the gain 2 - s, and not its square


def test_an_effect_says_what_it_costs() -> None:
    engine = ParameterEffect("M", "process_res", (), 0, 1.0, 1.0, 0.0, "dead")
    ours = ParameterEffect("M", "mask_blur", (), 0, 1.0, 1.0, 0.0, "dead")

    assert (engine.costs_calls, ours.costs_calls) == (True, False)
