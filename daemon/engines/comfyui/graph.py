"""From a recipe to a ComfyUI prompt: one graph, every model's node parked in it, only the chosen one wired.

ComfyUI keeps a node's loaded models for as long as the node stands in the next prompt, whether it is wired or not.
One graph with fixed ids therefore loads each model once, where two graphs would load at every switch. Each model has a
node of its own, also where one node could run several: a node never unloads what it loaded, so only a model that is
alone in its node can be let go of.
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
"""Node id -> {class_type, inputs}: what POST /prompt takes."""

SOURCE = "LoadImage"
SINK = "PreviewImage"  # temp/, wiped at the server's restart; SaveImage would fill output/ for ever


class Graph:
    """The shipped graph and table of models; makes prompts, asks nobody."""

    def __init__(self, template: Mapping[str, Mapping[str, Json]], table: ModelTable) -> None:
        self._template = template
        self._source, self._sink = (_id_of(template, kind) for kind in (SOURCE, SINK))
        self._workers = {_title(node): node_id for node_id, node in template.items() if _title(node) in table.models}
        self.table = table

    @property
    def sink(self) -> str:
        """The id of the node whose output is the alpha."""
        return self._sink

    @property
    def node_classes(self) -> tuple[str, ...]:
        """Every node class that a server needs."""
        return tuple(dict.fromkeys((SOURCE, *(model.node for model in self.table.models.values()), SINK)))

    def settle(self, recipe: Recipe, height: int, width: int) -> dict[str, Json]:
        """The inputs of the model's node for a picture of that size, but for the picture itself.

        Raises RecipeRefused for an unknown model or a parameter that is not legal for it.
        """
        model = self.table.models.get(recipe.model)
        if model is None:
            known = ", ".join(self.table.models)
            raise RecipeRefused(f"No ComfyUI node is known for the model {recipe.model}; known are {known}.")
        inputs: dict[str, Json] = {"model": recipe.model, **self.table.nodes[model.node].inputs}
        resolution = _resolution(recipe, model, height, width)
        if resolution is not None:
            inputs["process_res"] = resolution
        return inputs

    def prompt(self, model: str, inputs: Mapping[str, Json], picture: str, parked: Collection[str]) -> Prompt:
        """The prompt that cuts `picture` (LoadImage's name for it) with `model`, asked with `inputs` (see `settle`).

        parked: the models to keep in memory besides the one that works.
        """
        worker = self._workers[model]
        kept = {self._source, self._sink, worker, *(self._workers[name] for name in parked)}
        prompt: Prompt = {
            node_id: copy.deepcopy(dict(node)) for node_id, node in self._template.items() if node_id in kept
        }
        prompt[self._source]["inputs"] = {"image": picture}
        prompt[worker]["inputs"] = {**inputs, "image": [self._source, 0]}
        prompt[self._sink]["inputs"] = {"images": [worker, self.table.nodes[self.table.models[model].node].output]}
        return prompt


def load_graph(table: ModelTable) -> Graph:
    """The graph that travels with this program."""
    return Graph(json.loads(shipped("workflows", "cutout.json").read_text(encoding="utf-8")), table)


def _id_of(template: Mapping[str, Mapping[str, Json]], node_class: str) -> str:
    return next(node_id for node_id, node in template.items() if node["class_type"] == node_class)


def _title(node: Mapping[str, Json]) -> str:
    meta = node.get("_meta")
    return str(meta.get("title", "")) if isinstance(meta, dict) else ""


def _resolution(recipe: Recipe, model: Model, height: int, width: int) -> int | None:
    """The process_res to send, in pixels; None where the node has no such input.

    A recipe's process_res says how much the model may see: process_res x process_res pixels. A square model gets just
    that. A model that takes it as a width gets the width that gives as many pixels at the picture's aspect: with
    process_res as the width of a 1:8 scan, the picture would be eight times as large as meant. A strip so narrow that
    even the lowest width is more than any square that the node takes is refused: it would fill the GPU's memory.
    """
    asked = recipe.process_res
    if model.resolutions is None:
        if asked is not None:
            raise RecipeRefused(f"{recipe.model} has no process_res; leave it out of the recipe.")
        return None
    legal = model.resolutions
    if asked is None:
        asked = legal.usual
    if not legal.lowest <= asked <= legal.highest:
        raise RecipeRefused(
            f"process_res {asked} is not legal for {recipe.model}: {legal.lowest} to {legal.highest} pixels."
        )
    if model.process_res == "width":
        asked = math.floor(asked * math.sqrt(width / height))
    stepped = min(max(asked // legal.step * legal.step, legal.lowest), legal.highest)
    if model.process_res == "width" and stepped * stepped * height > legal.highest * legal.highest * width:
        raise RecipeRefused(f"A picture of {width} x {height} is too narrow for {recipe.model}.")
    return stepped
