"""Photos that fail or kill: they cost their neighbours nothing."""

import time
import uuid

import pytest

from daemon.engines.comfyui.comfyui_engine import ComfyUIEngine
from daemon.errors import EngineMisconfigured, FreistellerError, RecipeRefused
from tests.engines.comfyui_double import Double
from tests.engines.conformance import drawn_photo
from tests.engines.conftest import OpenEngine
from tests.engines.cuts import RMBG

ODD_HEIGHTS = [50, 52, 54]
ODD = {"fail": "The size of tensor a must match", "fail_prompts": -1, "fail_heights": ODD_HEIGHTS}


def fail_at(engine: ComfyUIEngine, height: int) -> type[FreistellerError]:
    with pytest.raises(FreistellerError) as failure:
        engine.cut(uuid.uuid4(), drawn_photo(height), RMBG)
    return failure.type


def test_the_photo_that_set_a_model_aside_is_not_the_one_that_tries_it_again(
    double: Double, open_engine: OpenEngine
) -> None:
    double.set_faults(ODD)
    engine = open_engine(double, probe_seconds=3.0)
    for height in ODD_HEIGHTS:
        fail_at(engine, height)
    (entry,) = engine._servers.entries
    while not entry.trust.accepts_test_picture(RMBG.model, time.monotonic()):
        time.sleep(0.02)

    knocked = fail_at(engine, ODD_HEIGHTS[-1])
    answer = engine.cut(uuid.uuid4(), drawn_photo(), RMBG)

    assert knocked is EngineMisconfigured
    assert answer.alpha.max() > 0.9
    assert len(double.inferences) == len(ODD_HEIGHTS) + 1
    assert issubclass(fail_at(engine, ODD_HEIGHTS[-1]), RecipeRefused)  # the model works, so it is the photo
    assert engine.health()[0].set_aside == ()


def test_a_test_picture_tries_the_model_if_they_are_sent(double: Double, open_engine: OpenEngine) -> None:
    double.set_faults(ODD)
    engine = open_engine(double, canary_minutes=600.0, canary_models=(RMBG.model,))
    assert double.wait_until(lambda: bool(engine.health()[0].canaries))
    for height in ODD_HEIGHTS:
        fail_at(engine, height)
    assert engine.health()[0].set_aside == (RMBG.model,)

    assert double.wait_until(lambda: engine.health()[0].set_aside == ())

    assert engine.cut(uuid.uuid4(), drawn_photo(), RMBG).alpha.max() > 0.9


def test_one_odd_photo_alone_sets_nothing_aside(double: Double, open_engine: OpenEngine) -> None:
    double.set_faults(ODD)
    engine = open_engine(double)

    assert all(issubclass(fail_at(engine, ODD_HEIGHTS[0]), RecipeRefused) for _ in range(5))
    assert engine.cut(uuid.uuid4(), drawn_photo(), RMBG).alpha.max() > 0.9
