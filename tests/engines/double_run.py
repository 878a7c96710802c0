"""Executes one prompt in the double.

It caches as recorded: results are keyed by content, and only those of the last prompt are kept; node objects, with the
models that they loaded, are kept for exactly the nodes of the last prompt.
"""

import hashlib
import json
import time
from typing import TYPE_CHECKING, Any

from tests.engines.double_files import file_name
from tests.engines.double_node_runner import Json, NodeRunner
from tests.engines.double_nodes import NodeFailure

if TYPE_CHECKING:
    from tests.engines.double_worker import Worker


class Run:
    """The execution of one prompt."""

    def __init__(
        self, worker: "Worker", prompt_id: str, prompt: Json, client_id: str | None, outputs: list[str]
    ) -> None:
        self.worker = worker
        self.prompt_id = prompt_id
        self.prompt = prompt
        self.client_id = client_id
        self.targets = outputs
        self.messages: list[list[Any]] = []
        self.outputs: Json = {}
        self.states: Json = {}
        self.executed: list[str] = []
        self.keys: dict[str, str] = {}
        self.nodes = NodeRunner(worker, prompt_id, prompt)

    def execute(self) -> Json:
        """Execute the prompt. Returns its history entry, without the prompt itself."""
        self._note("execution_start", {})
        ids = [(node_id, node["class_type"]) for node_id, node in self.prompt.items()]
        worker = self.worker
        parked = {self._key(node_id) for node_id, node in self.prompt.items() if not _is_linked(node)}
        kept = {key: result for key, result in worker.cache.items() if key in parked}
        worker.nodes = {key: models for key, models in worker.nodes.items() if key in ids}
        order = self._order()
        self.keys = {node_id: self._key(node_id) for node_id in order}
        cached = [node_id for node_id in order if self.keys[node_id] in worker.cache]
        self._note("execution_cached", {"nodes": cached})
        try:
            for node_id in order:
                self._step(node_id, node_id in cached)
        except NodeFailure as failure:
            self._fail(failure, node_id)
            return self._entry("error", completed=False)
        except InterruptedError:
            kind = self.prompt[node_id]["class_type"]
            data = {"node_id": node_id, "node_type": kind, "executed": self.executed}
            self._note("execution_interrupted", data, everybody=self.client_id is None)
            return self._entry("error", completed=False)
        finally:
            worker.cache = kept | {self.keys[node_id]: self.nodes.results[node_id] for node_id in self.nodes.results}
        self._note("execution_success", {})
        return self._entry("success", completed=True)

    def tell(self, kind: str, data: Json, everybody: bool = False) -> None:
        if self.client_id is not None or everybody:
            self.worker.sessions.tell(kind, {**data, "prompt_id": self.prompt_id}, self.client_id)

    def _order(self) -> list[str]:
        """The order of execution: sources first, an output as soon as it can be shown. Leaves out parked nodes."""
        sources: dict[str, list[str]] = {}

        def visit(node_id: str) -> None:
            if node_id not in sources:
                values = self.prompt[node_id]["inputs"].values()
                sources[node_id] = [value[0] for value in values if isinstance(value, list)]
                for source in sources[node_id]:
                    visit(source)

        for target in self.targets:
            visit(target)
        order: list[str] = []
        while len(order) < len(sources):
            ready = [each for each in sources if each not in order and set(sources[each]) <= set(order)]
            order.append(next((each for each in ready if each in self.targets), ready[0]))
        return order

    def _key(self, node_id: str) -> str:
        """A key for a node's content, independent of its id: class, values, sources, and the bytes of a loaded file."""
        node = self.prompt[node_id]
        parts: list[Any] = [node["class_type"]]
        if node["class_type"] == "LoadImage" and "image" in node["inputs"]:
            content = self.worker.files.get(file_name(node["inputs"]["image"]), b"")
            node["is_changed"] = [hashlib.sha256(content).hexdigest()]
            parts.append(node["is_changed"])
        for name, value in sorted(node["inputs"].items()):
            parts.append([name, [self._key(value[0]), value[1]] if isinstance(value, list) else value])
        return json.dumps(parts)

    def _step(self, node_id: str, cached: bool) -> None:
        worker = self.worker
        if cached:
            self.nodes.results[node_id] = worker.cache[self.keys[node_id]]
            if "ui" in self.nodes.results[node_id]:
                self._show(node_id, 1)
            return
        self._state(node_id, "running", 0.0)
        with worker.changed:
            worker.executing = (self.client_id, node_id)
        self.tell("executing", {"node": node_id, "display_node": node_id})
        if worker.interrupted:
            raise InterruptedError
        self.nodes.run(node_id)
        self.executed.append(node_id)
        if "ui" in self.nodes.results[node_id]:
            self._show(node_id, 1.0)
        else:
            self._state(node_id, "finished", 1.0)

    def _show(self, node_id: str, done: float) -> None:
        ui = self.nodes.results[node_id]["ui"]
        self.outputs[node_id] = ui
        self.tell("executed", {"node": node_id, "display_node": node_id, "output": ui})
        self._state(node_id, "finished", done)

    def _state(self, node_id: str, state: str, done: float) -> None:
        self.states[node_id] = {
            "value": done,
            "max": 1 if isinstance(done, int) else 1.0,
            "state": state,
            "node_id": node_id,
            "prompt_id": self.prompt_id,
            "display_node_id": node_id,
            "parent_node_id": None,
            "real_node_id": node_id,
        }
        # Of a prompt without a client id, all clients get this frame, and no other.
        self.tell("progress_state", {"nodes": dict(self.states)}, everybody=True)

    def _fail(self, failure: NodeFailure, node_id: str) -> None:
        self._note(
            "execution_error",
            {
                "node_id": node_id,
                "node_type": self.prompt[node_id]["class_type"],
                "executed": self.executed,
                "exception_message": str(failure),
                "exception_type": failure.kind,
                "traceback": ['  File "<comfy>/execution.py", line 496, in execute\n    <source line>\n'],
                "current_inputs": {},
                "current_outputs": list(self.prompt),
            },
        )

    def _note(self, kind: str, data: Json, everybody: bool = False) -> None:
        stamped = {"prompt_id": self.prompt_id, **data, "timestamp": int(time.time() * 1000)}
        self.messages.append([kind, stamped])
        self.tell(kind, stamped, everybody)

    def _entry(self, status: str, completed: bool) -> Json:
        empty = status == "success" and self.worker.faults.happens("empty_results")
        shown = {} if empty else self.outputs
        return {
            "outputs": shown,
            "status": {"status_str": status, "completed": completed, "messages": self.messages},
            "meta": {
                node_id: {"node_id": node_id, "display_node": node_id, "parent_node": None, "real_node_id": node_id}
                for node_id in shown
            },
        }


def _is_linked(node: Json) -> bool:
    return any(isinstance(value, list) for value in node["inputs"].values())
