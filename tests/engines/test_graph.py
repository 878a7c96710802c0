"""The table of models and the graph, compared with the recorded /object_info; and prompts made from recipes."""

import json
from typing import Any

import pytest

from daemon.engines.comfyui.graph import SINK_ID, Graph, Inputs, wired
from daemon.engines.comfyui.model_table import load_models
from daemon.errors import RecipeRefused
from daemon.jobs import Recipe
from daemon.settings import DEFAULT_LADDER
from tests.engines.comfyui_double import RECORDINGS
from tests.engines.double_validation import Validator

OBJECT_INFO: dict[str, Any] = json.loads((RECORDINGS / "object_info.json").read_text("utf-8"))
NEWER_INFO = OBJECT_INFO | json.loads((RECORDINGS / "newer.json").read_text("utf-8"))["object_info"]
TABLE = load_models()
RMBG_PACK = [name for name in TABLE.models if TABLE.family(name).install == "ComfyUI-RMBG"]
CORE = [name for name in TABLE.models if TABLE.models[name].family == "core"]
RECIPES = [Recipe(name) for name in RMBG_PACK]
FAMILIES = ("RMBG", "BiRefNetRMBG")


@pytest.fixture
def graph() -> Graph:
    return Graph(TABLE)


def prompt_of(graph: Graph, recipe: Recipe, height: int = 768, width: int = 1024) -> Any:
    inputs = graph.inputs_for(recipe, height, width)
    parked: dict[str, Inputs] = {name: {"cut": {}} for name in RMBG_PACK if name != recipe.model}
    return graph.prompt(recipe.model, inputs, "freisteller/a/photo-01.jpg", parked)


def node_of(model: str) -> str:
    return TABLE.family(model).chain["cut"].node


def declared(node: str) -> dict[str, Any]:
    inputs = OBJECT_INFO[node]["input"]
    return {**inputs["required"], **inputs["optional"]}


@pytest.mark.parametrize("name", RMBG_PACK)
def test_every_model_is_an_option_of_its_node(name: str) -> None:
    assert name in declared(node_of(name))["model"][0]


@pytest.mark.parametrize("name", RMBG_PACK)
def test_process_res_is_given_where_the_node_has_it_with_its_range(name: str) -> None:
    model = TABLE.models[name]
    spec = declared(node_of(name)).get("process_res")

    if model.resolutions is None:
        assert spec is None
        assert model.process_res == "none"
    else:
        assert spec
        found = model.resolutions
        limits = spec[1]
        assert (found.lowest, found.highest, found.step) == (limits["min"], limits["max"], limits["step"])
        assert found.usual == limits["default"]
        assert model.process_res in ("square", "width")


@pytest.mark.parametrize("node", FAMILIES)
def test_every_input_of_a_node_is_sent_with_a_legal_value(node: str) -> None:
    asked = TABLE.families[node].chain["cut"].inputs
    assert set(asked) | {"image", "model"} | ({"process_res"} & set(declared(node))) == set(declared(node))

    for name, value in asked.items():
        kind, limits = declared(node)[name]
        if isinstance(kind, list):
            assert value in kind
        elif kind in ("INT", "FLOAT"):
            assert limits["min"] <= value <= limits["max"]


@pytest.mark.parametrize("node", FAMILIES)
def test_what_a_node_is_asked_for_is_the_raw_alpha(node: str) -> None:
    asked, alpha = TABLE.families[node].chain["cut"], TABLE.families[node].alpha

    assert OBJECT_INFO[node]["output_name"][alpha.output] == alpha.kind == "MASK_IMAGE"
    assert (asked.inputs["sensitivity"], asked.inputs["mask_blur"], asked.inputs["mask_offset"]) == (1.0, 0, 0)
    assert not asked.inputs["invert_output"]


@pytest.mark.parametrize("recipe", RECIPES, ids=str)
def test_every_prompt_passes_comfyuis_own_validation(graph: Graph, recipe: Recipe) -> None:
    prompt = prompt_of(graph, recipe)

    verdict = Validator(OBJECT_INFO, lambda name: name == "freisteller/a/photo-01.jpg").judge(prompt)

    assert verdict.error is None
    assert verdict.node_errors == {}
    assert verdict.outputs == [SINK_ID]


@pytest.mark.parametrize("model", CORE)
def test_a_chain_of_cores_nodes_passes_comfyuis_own_validation(graph: Graph, model: str) -> None:
    info = json.loads(json.dumps(NEWER_INFO))
    info["LoadBackgroundRemovalModel"]["input"]["required"]["bg_removal_name"][1]["options"] = [TABLE.value(model)]
    prompt = prompt_of(graph, Recipe(model))

    verdict = Validator(info, lambda name: name == "freisteller/a/photo-01.jpg").judge(prompt)

    assert (verdict.error, verdict.outputs) == (None, [SINK_ID])
    kinds = {node["class_type"] for node in wired(prompt).values()}
    assert kinds == {"PreviewImage", "MaskToImage", "RemoveBackground", "LoadBackgroundRemovalModel", "LoadImage"}


@pytest.mark.parametrize("model", TABLE.models)
def test_every_node_of_every_chain_works_for_the_alpha(graph: Graph, model: str) -> None:
    prompt = graph.prompt(model, graph.inputs_for(Recipe(model), 768, 1024), "a.jpg", {})

    assert wired(prompt).keys() == prompt.keys()
    assert {node["class_type"] for node in prompt.values()} == set(graph.node_classes(model))


def test_one_node_works_and_the_others_are_parked_under_fixed_ids(graph: Graph) -> None:
    by_model = {recipe.model: prompt_of(graph, recipe) for recipe in RECIPES}

    assert len({tuple((node_id, node["class_type"]) for node_id, node in p.items()) for p in by_model.values()}) == 1
    rmbg, birefnet = by_model["BEN2"], by_model["BiRefNet-HR"]
    wired = [[node["class_type"] for node in prompt.values() if node["inputs"]] for prompt in (rmbg, birefnet)]
    assert wired == [["LoadImage", "RMBG", "PreviewImage"], ["LoadImage", "BiRefNetRMBG", "PreviewImage"]]


def test_each_model_has_a_node_of_its_own(graph: Graph) -> None:
    """A node never unloads a model, so the server could not drop a model that shares its node."""
    working = {
        recipe.model: next(node_id for node_id, node in prompt_of(graph, recipe).items() if "model" in node["inputs"])
        for recipe in RECIPES
    }

    assert len(set(working.values())) == len(RMBG_PACK)


def test_nothing_is_parked_that_is_not_wanted(graph: Graph) -> None:
    prompt = graph.prompt("BEN2", {"cut": {"model": "BEN2"}}, "a.jpg", {})

    assert [node["class_type"] for node in prompt.values()] == ["LoadImage", "RMBG", "PreviewImage"]


def test_a_prompt_shares_nothing_with_the_next(graph: Graph) -> None:
    prompt_of(graph, RECIPES[0])["RMBG-2.0/cut"]["inputs"]["model"] = "spoiled"

    assert prompt_of(graph, RECIPES[0])["RMBG-2.0/cut"]["inputs"]["model"] == RECIPES[0].model


@pytest.mark.parametrize(
    ("recipe", "height", "width", "sent"),
    [
        (Recipe("RMBG-2.0", 1024), 3000, 100, 1024),  # a square, whatever the picture
        (Recipe("RMBG-2.0", 1000), 768, 1024, 896),  # floored to the step, as the node would
        (Recipe("RMBG-2.0"), 768, 1024, 1024),  # no resolution named: the usual one
        (Recipe("BEN2", 1024), 1024, 1024, 1024),
        (Recipe("BEN2", 1024), 1024, 512, 640),  # 1024 x 1024 pixels at 1:2 are 724 wide
        (Recipe("INSPYRENET", 1024), 4096, 512, 256),  # 1:8: 362 wide, not 1024 x 8192
        (Recipe("BEN", 1024), 512, 1024, 1408),
        (Recipe("BEN", 2048), 256, 2048, 2048),  # never above the highest
    ],
)
def test_process_res_means_how_much_the_model_sees(
    graph: Graph, recipe: Recipe, height: int, width: int, sent: int
) -> None:
    assert graph.inputs_for(recipe, height, width)["cut"]["process_res"] == sent


@pytest.mark.parametrize("model", ["INSPYRENET", "BEN", "BEN2"])
def test_no_aspect_makes_a_model_see_much_more_than_meant(graph: Graph, model: str) -> None:
    for aspect in (0.125, 0.25, 0.5, 0.75, 1.0, 1.5, 3.0, 8.0):
        width = graph.inputs_for(Recipe(model, 1024), 1000, round(1000 * aspect))["cut"]["process_res"]
        assert isinstance(width, int)
        assert width * width / aspect <= 1024 * 1024 * 1.05


@pytest.mark.parametrize(
    ("recipe", "text"),
    [
        (Recipe("u2netp"), "u2netp"),
        (Recipe("BiRefNet-HR", 1024), "has no process_res"),
        (Recipe("RMBG-2.0", 128), "256 to 2048"),
        (Recipe("RMBG-2.0", 4096), "256 to 2048"),
    ],
)
def test_what_is_not_legal_is_refused_before_anything_is_sent(graph: Graph, recipe: Recipe, text: str) -> None:
    with pytest.raises(RecipeRefused, match=text):
        graph.inputs_for(recipe, 100, 100)


def test_a_strip_too_narrow_for_a_models_lowest_width_is_left_to_the_others(graph: Graph) -> None:
    with pytest.raises(RecipeRefused, match="10 x 1024 pixels is too narrow for BEN2"):
        graph.inputs_for(Recipe("BEN2", 1024), 1024, 10)

    assert graph.inputs_for(Recipe("BEN2", 1024), 1024, 16)["cut"]["process_res"] == 256
    assert graph.inputs_for(Recipe("RMBG-2.0", 1024), 1024, 10)["cut"]["process_res"] == 1024


@pytest.mark.parametrize("model", ["INSPYRENET", "BEN", "BEN2"])
def test_a_strip_too_flat_for_a_models_highest_width_is_left_to_the_others(graph: Graph, model: str) -> None:
    """At 2048 pixels across, the model would see fewer than 32 rows, and its layers none."""
    with pytest.raises(RecipeRefused, match=f"1024 x 15 pixels is too flat for {model}"):
        graph.inputs_for(Recipe(model, 1024), 15, 1024)

    assert graph.inputs_for(Recipe(model, 1024), 16, 1024)["cut"]["process_res"] == 2048
    assert graph.inputs_for(Recipe("RMBG-2.0", 1024), 2, 1024)["cut"]["process_res"] == 1024


def test_the_default_ladder_is_legal(graph: Graph) -> None:
    for rung in DEFAULT_LADDER:
        if rung.model != "local":
            graph.inputs_for(Recipe(rung.model, rung.process_res), 1024, 700)


def test_every_model_says_whether_it_may_be_used_commercially() -> None:
    allowed = {name: TABLE.models[name].commercial_use for name in RMBG_PACK}

    assert allowed == {"RMBG-2.0": False, "INSPYRENET": True, "BEN": True, "BEN2": True, "BiRefNet-HR": True}
    assert all(model.licence for model in TABLE.models.values())
