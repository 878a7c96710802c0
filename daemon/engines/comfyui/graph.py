"""Makes a ComfyUI prompt from a recipe: the picture, the chain of nodes that runs the model, and what shows the alpha.

ComfyUI keeps what nodes have loaded for as long as the next prompt contains them, wired or not. Nodes that a prompt
contains unwired are called parked. One prompt with fixed node ids for all models therefore loads each model once. Each
model has nodes of its own, even if one node could run several: a node never unloads what it loaded, so the server can
only drop a model that is alone in its node.
"""

import math
from collections.abc import Mapping
from typing import TypeAlias

from daemon.engines.comfyui.model_table import ModelTable
from daemon.errors import RecipeRefused, Said
from daemon.jobs import Recipe
from daemon.settings import ModelSettings, NodeSettings

Json: TypeAlias = str | int | float | bool | list["Json"] | dict[str, "Json"] | None
Prompt: TypeAlias = dict[str, dict[str, Json]]
"""Node id -> {class_type, inputs}, the form that POST /prompt takes."""
Inputs: TypeAlias = Mapping[str, Mapping[str, Json]]
"""Node of a chain -> its inputs, without the picture and without links."""

SOURCE, SOURCE_ID = "LoadImage", "photo"
CONVERTER, CONVERTER_ID = "MaskToImage", "mask"
SINK, SINK_ID = "PreviewImage", "alpha"  # writes to temp/, which a restart wipes; SaveImage would fill output/ for ever


class Graph:
    """Makes prompts from the table of models. Asks no server."""

    def __init__(self, table: ModelTable) -> None:
        self.table = table

    def node_classes(self, model: str) -> tuple[str, ...]:
        """Every node class that a server needs for that model."""
        family = self.table.family(model)
        converter = (CONVERTER,) if family.alpha.kind == "MASK" else ()
        return (SOURCE, *(node.node for node in family.chain.values()), *converter, SINK)

    def inputs_for(self, recipe: Recipe, height: int, width: int) -> dict[str, dict[str, Json]]:
        """The inputs of each node of the model's chain for a picture of that size in pixels, without links.

        Raises RecipeRefused if the model is unknown or a parameter is not legal for it.
        """
        model = self.table.models.get(recipe.model)
        if model is None:
            known = ", ".join(self.table.models)
            raise RecipeRefused(Said("no_node_for_model", model=recipe.model, known=known))
        resolution = _resolution(recipe, model, height, width)
        chain = self.table.family(recipe.model).chain
        inputs = {name: self.own_inputs(recipe.model, node) for name, node in chain.items()}
        for name, node in chain.items():
            if node.size and resolution is not None:
                inputs[name][node.size] = resolution
        return inputs

    def own_inputs(self, model: str, node: NodeSettings) -> dict[str, Json]:
        """The inputs of a node that are the same for every recipe of that model."""
        chosen: dict[str, Json] = {node.model: self.table.value(model)} if node.model else {}
        return {**chosen, **node.inputs}

    def prompt(self, model: str, inputs: Inputs, picture: str, parked: Mapping[str, Inputs]) -> Prompt:
        """The prompt that cuts out `picture` (LoadImage's name for it) with `model`. inputs: see `inputs_for`.

        parked: the models to keep in memory besides the one that works, with the inputs of their parked nodes.
        """
        family = self.table.family(model)
        prompt: Prompt = {SOURCE_ID: _node(SOURCE, {"image": picture})}
        for name in self.table.models:
            if name == model:
                prompt |= self._chain(model, inputs)
            elif name in parked:
                chain = self.table.family(name).chain
                prompt |= {
                    f"{name}/{part}": _node(chain[part].node, kept, f"{name}, parked")
                    for part, kept in parked[name].items()
                }
        last: list[Json] = [f"{model}/{family.alpha.node}", family.alpha.output]
        if family.alpha.kind == "MASK":
            prompt[CONVERTER_ID] = _node(CONVERTER, {"mask": last})
            last = [CONVERTER_ID, 0]
        prompt[SINK_ID] = _node(SINK, {"images": last})
        return prompt

    def _chain(self, model: str, inputs: Inputs) -> Prompt:
        chain: Prompt = {}
        for part, node in self.table.family(model).chain.items():
            given: dict[str, Json] = dict(inputs[part])
            if node.picture:
                given[node.picture] = [SOURCE_ID, 0]
            given |= {key: [f"{model}/{source}", output] for key, (source, output) in node.links.items()}
            chain[f"{model}/{part}"] = _node(node.node, given, model)
        return chain


def wired(prompt: Prompt) -> Prompt:
    """The nodes of a prompt that work: all whose output reaches the sink. The others are parked."""
    found: Prompt = {}
    waiting = [SINK_ID]
    while waiting:
        node_id = waiting.pop()
        if node_id not in found and node_id in prompt:
            found[node_id] = prompt[node_id]
            inputs = prompt[node_id]["inputs"]
            values = inputs.values() if isinstance(inputs, dict) else ()
            waiting += [str(value[0]) for value in values if isinstance(value, list)]
    return found


def _node(node_class: str, inputs: Mapping[str, Json], title: str = "") -> dict[str, Json]:
    return {"class_type": node_class, "inputs": dict(inputs), "_meta": {"title": title or node_class}}


def _resolution(recipe: Recipe, model: ModelSettings, height: int, width: int) -> int | None:
    """The process_res to send, in pixels. None if the node has no such input.

    A recipe's process_res says how much the model may see: process_res x process_res pixels. A square model gets
    exactly that. A model that takes process_res as a width gets the width that gives as many pixels at the picture's
    aspect ratio: with process_res as the width of a 1:8 scan, the picture would be eight times as large as meant.
    Raises RecipeRefused for a strip so narrow that even the lowest width gives more pixels than the largest square that
    the node accepts: it would fill the GPU's memory. Raises it for a strip as flat as that, too: at the highest width,
    so few rows are left that the layers of the network, each half as high as the one before, have none.
    """
    asked = recipe.process_res
    if model.resolutions is None:
        if asked is not None:
            raise RecipeRefused(Said("no_process_res", model=recipe.model))
        return None
    legal = model.resolutions
    if asked is None:
        asked = legal.usual
    if not legal.lowest <= asked <= legal.highest:
        raise RecipeRefused(
            Said("process_res_not_legal", n=asked, model=recipe.model, lowest=legal.lowest, highest=legal.highest)
        )
    if model.process_res == "width":
        asked = math.floor(asked * math.sqrt(width / height))
        if legal.lowest * legal.lowest * width > legal.highest * legal.highest * height:
            raise RecipeRefused(Said("too_flat", width=width, height=height, model=recipe.model))
    stepped = min(max(asked // legal.step * legal.step, legal.lowest), legal.highest)
    if model.process_res == "width" and stepped * stepped * height > legal.highest * legal.highest * width:
        raise RecipeRefused(Said("too_narrow", width=width, height=height, model=recipe.model))
    return stepped
