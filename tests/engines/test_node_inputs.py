"""What a server's own nodes declare: values that they do not accept, and inputs that we do not know."""

import uuid

import pytest

from daemon.engines.comfyui import replies
from daemon.errors import EngineMisconfigured, RecipeRefused
from daemon.jobs import Recipe
from tests.engines.comfyui_double import Double
from tests.engines.conformance import drawn_photo
from tests.engines.conftest import OpenEngine
from tests.engines.cuts import RMBG


def test_a_resolution_that_a_servers_own_node_does_not_take_is_refused_before_it_is_sent(
    double: Double, open_engine: OpenEngine
) -> None:
    double.object_info["RMBG"]["input"]["optional"]["process_res"][1]["max"] = 512
    engine = open_engine(double)

    with pytest.raises(RecipeRefused, match=r"256\.0 to 512\.0"):
        engine.cut(uuid.uuid4(), drawn_photo(), RMBG)

    assert double.asked("POST", "/prompt") == 0
    assert engine.cut(uuid.uuid4(), drawn_photo(), Recipe("RMBG-2.0", 512)).alpha.max() > 0.9


def test_a_fixed_value_that_a_servers_own_node_does_not_take_is_the_servers_fault(
    double: Double, open_engine: OpenEngine
) -> None:
    double.object_info["RMBG"]["input"]["optional"]["background"][0] = ["Transparent"]

    with pytest.raises(EngineMisconfigured, match="one of Transparent"):
        open_engine(double).cut(uuid.uuid4(), drawn_photo(), RMBG)


def test_an_input_that_a_newer_node_has_is_sent_with_its_default(double: Double, open_engine: OpenEngine) -> None:
    double.object_info["RMBG"]["input"]["optional"]["tile_size"] = ["INT", {"default": 64, "min": 0, "max": 512}]

    open_engine(double).cut(uuid.uuid4(), drawn_photo(), RMBG)

    (entry,) = double.worker.history.values()
    assert entry["prompt"][2]["RMBG-2.0/cut"]["inputs"]["tile_size"] == 64


def test_a_list_of_models_in_the_newer_form_is_read_too() -> None:
    spec = ["COMBO", {"options": ["BEN", "BEN2"], "default": "BEN"}]

    inputs = replies.read_inputs({"RMBG": {"input": {"required": {"model": spec}}}}, "RMBG")

    assert inputs == {"model": replies.Input(("BEN", "BEN2"), default="BEN", is_choice=True, required=True)}


def test_an_input_that_a_node_misses_is_the_installations_fault(double: Double, open_engine: OpenEngine) -> None:
    """As recorded, the node says nothing but the text of a KeyError."""
    double.set_faults({"missing_input": "tile_size"})

    with pytest.raises(EngineMisconfigured, match="tile_size"):
        open_engine(double).cut(uuid.uuid4(), drawn_photo(), RMBG)


def test_a_prompt_that_is_taken_although_its_node_is_faulted_is_taken_back(
    double: Double, open_engine: OpenEngine
) -> None:
    engine = open_engine(double, probe_seconds=0.2)
    double.set_faults({"remarked_nodes": ["RMBG-2.0/cut"], "hold": True})

    with pytest.raises(EngineMisconfigured, match="Required input is missing"):
        engine.cut(uuid.uuid4(), drawn_photo(), RMBG)

    double.set_faults({"hold": False})
    assert double.wait_until(lambda: double.worker.remaining() == 0 and not double.worker.history)


def test_a_fault_in_a_node_that_is_only_parked_is_none_of_ours(double: Double, open_engine: OpenEngine) -> None:
    double.set_faults({"remarked_nodes": ["BiRefNet-HR/cut"]})

    assert open_engine(double).cut(uuid.uuid4(), drawn_photo(), RMBG).alpha.max() > 0.9
