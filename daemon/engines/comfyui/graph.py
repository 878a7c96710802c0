"""Makes a ComfyUI prompt from a recipe. The one graph has a node for every model; only the chosen one is wired.

ComfyUI keeps a node's loaded models for as long as the next prompt contains the node, wired or not. Nodes that a prompt
contains unwired are called parked. One graph with fixed node ids therefore loads each model once; two graphs would load
at every switch. Each model has its own node, even if one node could run several: a node never unloads what it loaded,
so the server can only drop a model that is alone in its node.
"""

import copy
import json
import math
from collections.abc import Collection, Mapping
from typing import TypeAlias

from daemon.disk.shipped import shipped
from daemon.engines.comfyui.model_table import Model, ModelTable
from daemon.errors import RecipeRefused
from daemon.jobs import Recipe

Json: TypeAlias = str | int | float | bool | list["Json"] | dict[str, "Json"] | None
Prompt: TypeAlias = dict[str, dict[str, Json]]
"""Node id -> {class_type, inputs}, the form that POST /prompt takes."""

SOURCE = "LoadImage"
SINK = "PreviewImage"  # writes to temp/, which a restart of the server wipes; SaveImage would fill output/ for ever


class Graph:
    """Makes prompts from the shipped graph and the table of models. Asks no server."""

    def __init__(self, template: Mapping[str, Mapping[str, Json]], table: ModelTable) -> None:
        self._template = template
        self._source = _id_of(template, SOURCE)
        self.sink = _id_of(template, SINK)
        """The id of the node whose output is the alpha."""
        self._model_nodes = {_title(node): id_ for id_, node in template.items() if _title(node) in table.models}
        self.table = table

    @property
    def node_classes(self) -> tuple[str, ...]:
        """Every node class that a server needs."""
        return tuple(dict.fromkeys((SOURCE, *(model.node for model in self.table.models.values()), SINK)))

    def inputs_for(self, recipe: Recipe, height: int, width: int) -> dict[str, Json]:
        """The inputs of the model's node for a picture of that size in pixels, without the picture itself.

        Raises RecipeRefused if the model is unknown or a parameter is not legal for it.
        """
        model = self.table.models.get(recipe.model)
        if model is None:
            known = ", ".join(self.table.models)
            raise RecipeRefused(f"No ComfyUI node is known for the model {recipe.model}. Known models: {known}.")
        inputs: dict[str, Json] = {"model": recipe.model, **self.table.nodes[model.node].inputs}
        resolution = _resolution(recipe, model, height, width)
        if resolution is not None:
            inputs["process_res"] = resolution
        return inputs

    def prompt(self, model: str, inputs: Mapping[str, Json], picture: str, parked: Collection[str]) -> Prompt:
        """The prompt that cuts out `picture` (LoadImage's name for it) with `model`. inputs: see `inputs_for`.

        parked: the models to keep in memory besides the one that works.
        """
        node_of_model = self._model_nodes[model]
        kept = {self._source, self.sink, node_of_model, *(self._model_nodes[name] for name in parked)}
        prompt: Prompt = {id_: copy.deepcopy(dict(node)) for id_, node in self._template.items() if id_ in kept}
        prompt[self._source]["inputs"] = {"image": picture}
        prompt[node_of_model]["inputs"] = {**inputs, "image": [self._source, 0]}
        output = self.table.nodes[self.table.models[model].node].output
        prompt[self.sink]["inputs"] = {"images": [node_of_model, output]}
        return prompt


def load_graph(table: ModelTable) -> Graph:
    """Read the graph that is shipped with this program."""
    return Graph(json.loads(shipped("workflows", "cutout.json").read_text(encoding="utf-8")), table)


def _id_of(template: Mapping[str, Mapping[str, Json]], node_class: str) -> str:
    return next(id_ for id_, node in template.items() if node["class_type"] == node_class)


def _title(node: Mapping[str, Json]) -> str:
    meta = node.get("_meta")
    return str(meta.get("title", "")) if isinstance(meta, dict) else ""


def _resolution(recipe: Recipe, model: Model, height: int, width: int) -> int | None:
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
            raise RecipeRefused(f"{recipe.model} has no process_res. Remove it from the recipe.")
        return None
    legal = model.resolutions
    if asked is None:
        asked = legal.usual
    if not legal.lowest <= asked <= legal.highest:
        raise RecipeRefused(
            f"process_res {asked} is not legal for {recipe.model}. Legal: {legal.lowest} to {legal.highest} pixels."
        )
    if model.process_res == "width":
        asked = math.floor(asked * math.sqrt(width / height))
        if legal.lowest * legal.lowest * width > legal.highest * legal.highest * height:
            raise RecipeRefused(f"A picture of {width} x {height} pixels is too flat for {recipe.model}.")
    stepped = min(max(asked // legal.step * legal.step, legal.lowest), legal.highest)
    if model.process_res == "width" and stepped * stepped * height > legal.highest * legal.highest * width:
        raise RecipeRefused(f"A picture of {width} x {height} pixels is too narrow for {recipe.model}.")
    return stepped
