"""Models that are missing or broken on a server are set aside there, and nothing else is."""

import uuid

import pytest

from daemon.errors import EngineAway, EngineMisconfigured, FreistellerError, RecipeRefused
from daemon.jobs import Recipe
from tests.engines.comfyui_double import Double
from tests.engines.conformance import drawn_photo
from tests.engines.conftest import OpenEngine
from tests.engines.cuts import RMBG


def test_a_missing_node_class_sets_its_models_aside_and_no_others(double: Double, open_engine: OpenEngine) -> None:
    double.faults.missing_nodes = ["BiRefNetRMBG"]
    engine = open_engine(double, probe_seconds=60.0)

    for _ in range(2):
        with pytest.raises(EngineMisconfigured, match="no node BiRefNetRMBG"):
            engine.cut(uuid.uuid4(), drawn_photo(), Recipe("BiRefNet-HR"))

    assert double.asked("GET", "/object_info/BiRefNetRMBG") == 1  # set aside: not asked again
    assert double.asked("POST", "/prompt") == 0
    assert engine.cut(uuid.uuid4(), drawn_photo(), RMBG).alpha.max() > 0.9
    (health,) = engine.health()
    assert health.up
    assert "BiRefNetRMBG" in health.message


def test_a_server_that_can_do_nothing_it_was_asked_is_not_up(double: Double, open_engine: OpenEngine) -> None:
    double.faults.missing_nodes = ["RMBG"]
    engine = open_engine(double, probe_seconds=60.0)

    with pytest.raises(EngineMisconfigured):
        engine.cut(uuid.uuid4(), drawn_photo(), RMBG)

    (health,) = engine.health()
    assert not health.up
    assert "no node RMBG" in health.message


@pytest.mark.parametrize("fault", ["missing_models", "missing_weights"])
def test_a_missing_model_is_set_aside(fault: str, double: Double, open_engine: OpenEngine) -> None:
    double.set_faults({fault: ["BEN2"]})
    engine = open_engine(double, probe_seconds=60.0)

    with pytest.raises(EngineMisconfigured, match="BEN2"):
        engine.cut(uuid.uuid4(), drawn_photo(), Recipe("BEN2"))

    assert engine.cut(uuid.uuid4(), drawn_photo(), RMBG).alpha.max() > 0.9


def test_a_model_set_aside_is_used_again_once_it_is_there(double: Double, open_engine: OpenEngine) -> None:
    double.faults.missing_models = ["BEN2"]
    engine = open_engine(double, probe_seconds=0.3)
    with pytest.raises(EngineMisconfigured):
        engine.cut(uuid.uuid4(), drawn_photo(), Recipe("BEN2"))
    double.faults.missing_models = []

    def works() -> bool:
        try:
            return bool(engine.cut(uuid.uuid4(), drawn_photo(), Recipe("BEN2")).alpha.size)
        except EngineMisconfigured:
            return False

    asked = double.asked("GET", "/system_stats")
    assert double.wait_until(lambda: double.asked("GET", "/system_stats") >= asked + 3)
    assert works()
    assert engine.health()[0].message == ""


def test_what_one_server_lacks_another_does(double: Double, other: Double, open_engine: OpenEngine) -> None:
    double.faults.missing_nodes = ["RMBG"]
    engine = open_engine(double, other)

    answers = [engine.cut(uuid.uuid4(), drawn_photo(shift=shift), RMBG).server for shift in range(4)]

    assert all(server in other.url for server in answers)
    assert double.asked("POST", "/prompt") <= 1


def test_a_model_that_fails_on_photo_after_photo_is_broken_there(double: Double, open_engine: OpenEngine) -> None:
    double.set_faults({"fail": "'NoneType' object has no attribute 'to'", "fail_prompts": -1})
    engine = open_engine(double, probe_seconds=60.0)

    kinds = []
    for shift in range(4):
        with pytest.raises(FreistellerError) as failure:
            engine.cut(uuid.uuid4(), drawn_photo(shift=shift), RMBG)
        kinds.append(failure.type)

    assert [issubclass(kind, RecipeRefused) for kind in kinds] == [True, True, False, False]
    assert kinds[2:] == [EngineMisconfigured, EngineMisconfigured]
    assert len(double.inferences) == 3


@pytest.mark.parametrize("fault", ["missing_nodes", "missing_models"])
def test_what_went_missing_since_it_was_looked_up_is_heard_from_the_rejection(
    fault: str, double: Double, open_engine: OpenEngine
) -> None:
    engine = open_engine(double, probe_seconds=60.0)
    engine.cut(uuid.uuid4(), drawn_photo(), RMBG)
    double.set_faults({fault: ["RMBG", "RMBG-2.0"]})

    with pytest.raises(EngineMisconfigured, match=r"does not exist|does not list"):
        engine.cut(uuid.uuid4(), drawn_photo(shift=1), RMBG)

    assert double.asked("POST", "/prompt") == 2


def test_a_photo_that_waits_is_told_what_the_live_server_lacks_and_not_only_that_the_other_is_down(
    double: Double, other: Double, open_engine: OpenEngine
) -> None:
    double.faults.missing_nodes = ["RMBG"]
    engine = open_engine(double, other)
    other.die()

    with pytest.raises(EngineAway, match="has no node RMBG") as told:
        engine.cut(uuid.uuid4(), drawn_photo(), RMBG)

    assert "cannot be reached" in str(told.value)
