"""The inputs that one server's nodes declare in its own /object_info.

We check a prompt against them before we send it. We also complete it: ComfyUI fills in no defaults for prompts over the
API, so a newer version of a node with one more optional input would fail on every photo. We therefore send each
declared input that we do not know with the node's own default, or with the first choice if it must have one.
"""

import threading
from collections.abc import Mapping

from daemon.engines.comfyui.graph import Graph, Inputs, Json
from daemon.engines.comfyui.http_client import HttpClient
from daemon.engines.comfyui.replies import Input
from daemon.errors import EngineMisconfigured, FreistellerError, RecipeRefused, Said, said_together
from daemon.jobs import Recipe
from daemon.settings import NodeSettings


class NodeInputs:
    """The node classes of one server. Each is asked for once, and again after `forget`. Thread-safe."""

    def __init__(self, http: HttpClient, graph: Graph) -> None:
        self._http = http
        self._graph = graph
        self._known: dict[str, Mapping[str, Input] | None] = {}
        self._lock = threading.Lock()

    def lacking(self, model: str) -> list[str]:
        """The node classes that the server lacks for that model. Raises EngineAway or EngineMisconfigured."""
        return [each for each in self._graph.node_classes(model) if self._inputs(each) is None]

    def offers(self, model: str) -> bool:
        """Whether the node that chooses the model lists it. True if there is nothing to choose."""
        chooser = self._graph.table.chooser(model)
        declared = self._inputs(chooser.node) if chooser else None
        if chooser is None or declared is None or chooser.model not in declared:
            return True
        listed = declared[chooser.model]
        return self._graph.table.value(model) in listed.options if listed.is_choice else True

    def complete(self, recipe: Recipe, height: int, width: int) -> Inputs:
        """The inputs of each node of the recipe's chain, with every other input that those nodes declare.

        Raises EngineMisconfigured if this server's node does not accept a value of ours, but RecipeRefused if it is the
        recipe's own process_res, or the recipe is not legal anywhere.
        """
        own = self._graph.inputs_for(recipe, height, width)
        family, usual = self._graph.table.family(recipe.model), self._graph.table.models[recipe.model].resolutions
        for part, node in family.chain.items():
            declared = self._declared(node.node, family.install)
            if node.size_optional and node.size not in declared:
                own[part].pop(node.size, None)
                if usual and recipe.process_res not in (None, usual.usual):
                    raise RecipeRefused(
                        Said(
                            "node_without_size",
                            node=node.node,
                            server=self._http.name,
                            size=node.size,
                            model=recipe.model,
                            usual=usual.usual,
                            install=family.install,
                        )
                    )
        return {part: self._completed(family.install, node, own[part]) for part, node in family.chain.items()}

    def parked(self, model: str) -> Inputs | None:
        """The parked nodes of that model's chain with their inputs. None if this server cannot run the model."""
        family = self._graph.table.family(model)
        try:
            if self.lacking(model):
                return None
            return {
                part: {}
                if node.park == "empty"
                else self._completed(family.install, node, self._graph.own_inputs(model, node))
                for part, node in family.chain.items()
                if node.park != "no"
            }
        except FreistellerError:
            return None

    def forget(self) -> None:
        """Ask again next time, because the server was away or somebody may have installed something."""
        with self._lock:
            self._known.clear()

    def _completed(self, install: str, node: NodeSettings, inputs: Mapping[str, Json]) -> dict[str, Json]:
        declared = self._declared(node.node, install)
        name = self._http.name
        for key, value in inputs.items():
            if key not in declared or declared[key].accepts(value):
                continue
            legal = declared[key].legal
            text = Said("input_not_legal", node=node.node, server=name, key=key, value=value, legal=legal)
            if key == node.size:
                raise RecipeRefused(text)
            remedy = Said("put_model_there") if key == node.model else Said("update_there", install=install)
            raise EngineMisconfigured(said_together([text, remedy]))
        ours = {node.picture, *node.links}
        rest = {key: spec.filled_in for key, spec in declared.items() if spec.filled_in is not None and key not in ours}
        return {**rest, **inputs}

    def _declared(self, node_class: str, install: str) -> Mapping[str, Input]:
        declared = self._inputs(node_class)
        if declared is None:
            raise EngineMisconfigured(Said("no_such_node", server=self._http.name, node=node_class, install=install))
        return declared

    def _inputs(self, node_class: str) -> Mapping[str, Input] | None:
        with self._lock:
            if node_class in self._known:
                return self._known[node_class]
        inputs = self._http.inputs(node_class)
        with self._lock:
            self._known[node_class] = inputs
        return inputs
