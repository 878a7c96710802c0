"""What one server's nodes take, from its own /object_info: checked before a prompt is sent, completed where it grew.

ComfyUI fills in no defaults for prompts over the API. A newer ComfyUI-RMBG with one more optional input would fail on
every photo; so what a node declares and we do not know is sent with the node's own default.
"""

import threading
from collections.abc import Mapping

from daemon.engines.comfyui.graph import Json
from daemon.engines.comfyui.http_client import Http
from daemon.engines.comfyui.replies import Input
from daemon.errors import EngineMisconfigured, RecipeRefused

OURS_TO_CHOOSE = "process_res"  # a recipe's own parameter; all else we send is fixed


class Catalogue:
    """One server's node classes, asked once and again after `forget`. Thread-safe."""

    def __init__(self, http: Http) -> None:
        self._http = http
        self._known: dict[str, Mapping[str, Input] | None] = {}
        self._lock = threading.Lock()

    def has(self, node_class: str) -> bool:
        """Whether the server has that node class. Raises EngineAway or EngineMisconfigured."""
        return self._inputs(node_class) is not None

    def options(self, node_class: str) -> tuple[str, ...] | None:
        """The models that a node lists; None where there is no such node."""
        inputs = self._inputs(node_class)
        if inputs is None:
            return None
        return inputs["model"].options if "model" in inputs else ()

    def complete(self, node_class: str, inputs: Mapping[str, Json]) -> dict[str, Json]:
        """`inputs` and whatever else the node declares, with its default.

        Raises EngineMisconfigured where this server's node does not take what we send, RecipeRefused where it is the
        recipe's own process_res that it does not take.
        """
        declared = self._inputs(node_class)
        name = self._http.name
        if declared is None:
            raise EngineMisconfigured(f"{name} has no node {node_class}: install or update ComfyUI-RMBG there.")
        for key, value in inputs.items():
            if key not in declared or declared[key].takes(value):
                continue
            told = f"{name} does not take {key} {value} in its node {node_class}, but {declared[key].legal}"
            if key == OURS_TO_CHOOSE:
                raise RecipeRefused(f"{told}.")
            raise EngineMisconfigured(f"{told}: update ComfyUI-RMBG there.")
        defaults = {key: spec.default for key, spec in declared.items() if spec.default is not None}
        return {**defaults, **inputs}

    def forget(self) -> None:
        """Ask again next time: the server was away, or somebody installed something."""
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
