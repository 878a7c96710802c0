"""The inputs that one server's nodes declare in its own /object_info.

We check a prompt against them before we send it. We also complete it: ComfyUI fills in no defaults for prompts over the
API, so a newer ComfyUI-RMBG with one more optional input would fail on every photo. We therefore send each declared
input that we do not know with the node's own default.
"""

import threading
from collections.abc import Mapping

from daemon.engines.comfyui.graph import Json
from daemon.engines.comfyui.http_client import HttpClient
from daemon.engines.comfyui.replies import Input
from daemon.errors import EngineMisconfigured, RecipeRefused

RECIPE_INPUT = "process_res"  # the only input whose value comes from the recipe; all other values are fixed


class NodeInputs:
    """The node classes of one server. Each is asked for once, and again after `forget`. Thread-safe."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http
        self._known: dict[str, Mapping[str, Input] | None] = {}
        self._lock = threading.Lock()

    def has(self, node_class: str) -> bool:
        """Whether the server has that node class. Raises EngineAway or EngineMisconfigured."""
        return self._inputs(node_class) is not None

    def options(self, node_class: str) -> tuple[str, ...] | None:
        """The models that a node class lists. None if the server has no such class."""
        inputs = self._inputs(node_class)
        if inputs is None:
            return None
        return inputs["model"].options if "model" in inputs else ()

    def complete(self, node_class: str, inputs: Mapping[str, Json]) -> dict[str, Json]:
        """`inputs`, and every other input that the node declares, with its default.

        Raises EngineMisconfigured if this server's node does not accept a value of ours, but RecipeRefused if it is the
        recipe's own process_res.
        """
        declared = self._inputs(node_class)
        name = self._http.name
        if declared is None:
            raise EngineMisconfigured(f"{name} has no node {node_class}. Install or update ComfyUI-RMBG there.")
        for key, value in inputs.items():
            if key not in declared or declared[key].accepts(value):
                continue
            text = f"The node {node_class} on {name} does not accept {key} = {value}, but {declared[key].legal}."
            if key == RECIPE_INPUT:
                raise RecipeRefused(text)
            raise EngineMisconfigured(f"{text} Update ComfyUI-RMBG there.")
        defaults = {key: spec.default for key, spec in declared.items() if spec.default is not None}
        return {**defaults, **inputs}

    def forget(self) -> None:
        """Ask again next time, because the server was away or somebody may have installed something."""
        with self._lock:
            self._known.clear()

    def _inputs(self, node_class: str) -> Mapping[str, Input] | None:
        with self._lock:
            if node_class in self._known:
                return self._known[node_class]
        inputs = self._http.inputs(node_class)
        with self._lock:
            self._known[node_class] = inputs
        return inputs
