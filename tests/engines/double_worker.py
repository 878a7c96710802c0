"""The double's inside: queue, history, caches, node objects, and the thread that runs one prompt after another.

Caching as recorded: results are keyed by content and only the last prompt's are kept; node objects, with the models
they loaded, are kept for exactly the nodes of the last prompt.
"""

import hashlib
import heapq
import itertools
import json
import random
import string
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.engines import double_nodes
from tests.engines.double_nodes import Image, NodeFailure
from tests.engines.double_socket import Sessions

Json = dict[str, Any]
FileName = tuple[str, str, str]
"""type, sub-folder, name."""

MODEL_NODES = ("RMBG", "BiRefNetRMBG")


@dataclass
class Faults:
    """What goes wrong. Numbers named after an event count down, once per event; -1 never ends."""

    seconds: float = 0.0  # service time of one prompt that computes
    load_seconds: float = 0.0  # added where a model is loaded
    slow_seconds: float = 0.0  # before every HTTP answer
    hold: bool = False  # model nodes do not end until this is False again
    hold_results: bool = False  # nor do the nodes that save or show
    hang_paths: list[str] = field(default_factory=list)  # these routes never answer; "*": none does
    status: int = 0  # answered by the routes in status_paths, or by all
    status_paths: list[str] = field(default_factory=list)
    blips: int = 0  # a request is answered by 503; but for probes
    unanswered_prompts: int = 0  # POST /prompt works, then the connection is cut
    no_sockets: bool = False  # /ws is refused
    deaf: bool = False  # sockets hear nothing
    die_in_prompt: int = 0  # the server goes down while a model node works
    forget_prompts: int = 0  # the prompt vanishes from queue and history
    interrupt_prompts: int = 0  # somebody else interrupts it
    fail: str = ""  # the model node raises this
    fail_prompts: int = 0
    fail_models: list[str] = field(default_factory=list)  # [] = all
    wrong_masks: list[str] = field(default_factory=list)  # these models keep the ground and drop the subject
    missing_input: str = ""  # the model node looks for an input of this name
    missing_nodes: list[str] = field(default_factory=list)
    missing_models: list[str] = field(default_factory=list)
    missing_weights: list[str] = field(default_factory=list)
    mislaid_uploads: int = 0  # said to be stored, and not found
    corrupt_uploads: int = 0  # stored as rubbish
    empty_results: int = 0  # history says success and shows nothing
    swapped_results: int = 0  # computed from another picture
    lost_results: int = 0  # the result's file is deleted
    damaged_results: int = 0  # the result's file is cut short
    small_results: int = 0  # of half the size
    late_status: int = 0  # the history entry's status is null when asked
    remarked_nodes: list[str] = field(default_factory=list)  # POST /prompt takes it, and names faults in these nodes
    strict_ids: bool = False  # a prompt id that is no canonical lower-case UUID is refused, as by newer servers

    def happens(self, name: str) -> bool:
        """Count one down."""
        left: int = getattr(self, name)
        if left > 0:
            setattr(self, name, left - 1)
        return left != 0


@dataclass(frozen=True)
class Inference:
    """One run of a model node."""

    prompt_id: str
    model: str
    loaded: bool


class Died(Exception):
    """The server went down in mid-prompt."""


class Worker:
    """Everything that a restart forgets, but for `files`."""

    def __init__(self, faults: Faults, files: dict[FileName, bytes], changed: threading.Condition) -> None:
        self.faults = faults
        self.files = files
        self.sessions = Sessions()
        self.history: dict[str, Json] = {}
        self.inferences: list[Inference] = []
        self.busy_seconds = 0.0
        self.die: Callable[[], None] = lambda: None
        self._changed = changed
        self._pending: list[tuple[float, str, Json, Json, list[str]]] = []
        self._running: list[Any] | None = None
        self._executing: tuple[str | None, str] | None = None
        self._counter = itertools.count()
        self._cache: dict[str, Json] = {}
        self._nodes: dict[tuple[str, str], set[str]] = {}
        self._interrupted = False
        self._saving = False
        self._free = False
        self._stopped = False
        self._letters = "".join(random.choices(string.ascii_lowercase, k=5))
        self._images = itertools.count(1)
        self._thread = threading.Thread(target=self._work, name="double-worker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def is_stopped(self) -> bool:
        return self._stopped

    # What the routes ask for

    def put(self, body: Json, prompt: Json, outputs: list[str]) -> tuple[str, float]:
        number = self._number(body)
        prompt_id = str(body["prompt_id"]) if "prompt_id" in body else _new_id()
        extra = dict(body.get("extra_data") or {})
        if "client_id" in body:
            extra["client_id"] = body["client_id"]
        with self._changed:
            heapq.heappush(self._pending, (number, prompt_id, prompt, extra, outputs))
            self._changed.notify_all()
            self.tell_status()  # before anything that the prompt's own run tells
        return prompt_id, number

    def queue(self) -> Json:
        with self._changed:
            running = [self._running] if self._running else []
            return {"queue_running": list(running), "queue_pending": [list(item) for item in self._pending]}

    def remaining(self) -> int:
        with self._changed:
            return len(self._pending) + (1 if self._running else 0)

    def dequeue(self, prompt_ids: list[str] | None) -> None:
        """None: all that wait."""
        with self._changed:
            before = len(self._pending)
            self._pending = [item for item in self._pending if prompt_ids is not None and item[1] not in prompt_ids]
            heapq.heapify(self._pending)
            changed = len(self._pending) != before
            self._changed.notify_all()
        if changed:
            self.tell_status()

    def forget(self, prompt_ids: list[str] | None) -> None:
        with self._changed:
            for prompt_id in list(self.history) if prompt_ids is None else prompt_ids:
                self.history.pop(prompt_id, None)
            self._changed.notify_all()

    def interrupt(self, prompt_id: str | None) -> None:
        """None: whatever runs."""
        with self._changed:
            if self._running and prompt_id in (None, self._running[1]):
                self._interrupted = True

    def free(self) -> None:
        with self._changed:
            self._free = True
            self._changed.notify_all()

    def is_asked_to_free(self) -> bool:
        return self._free

    def holds_a_result(self) -> bool:
        """Whether a node that saves or shows is at work, and held."""
        return self._saving

    def tell_status(self, client_id: str | None = None, **extra: str) -> None:
        status = {"status": {"exec_info": {"queue_remaining": self.remaining()}}, **extra}
        self.sessions.tell("status", status, client_id)

    def greet(self, client_id: str) -> None:
        """What a socket hears first."""
        self.tell_status(client_id, sid=client_id)
        executing = self._executing
        if executing and executing[0] == client_id:
            self.sessions.tell("executing", {"node": executing[1]}, client_id)

    # One prompt after another

    def _number(self, body: Json) -> float:
        if "number" in body:
            return float(body["number"])
        counted = next(self._counter)
        return -counted if body.get("front") else counted

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._pending and not self._free and not self._stopped:
                    self._changed.wait()
                if self._stopped:
                    return
                if self._free:
                    self._free = False
                    self._cache, self._nodes = {}, {}
                    self._changed.notify_all()
                    continue
                item = heapq.heappop(self._pending)
                self._running = list(item)
                self._interrupted = False
            self.tell_status()
            began = time.monotonic()
            try:
                run = Run(self, item[1], item[2], item[3].get("client_id"), item[4])
                entry = run.execute()
            except Died:
                return
            forgotten = self.faults.happens("forget_prompts")
            with self._changed:
                if self.is_stopped():
                    return
                self._running, self._executing = None, None
                self.busy_seconds += time.monotonic() - began
                if not forgotten:
                    self.history[item[1]] = {"prompt": list(item), **entry}
                self._changed.notify_all()
            self.tell_status()
            run.tell("executing", {"node": None})


class Run:
    """One prompt's execution."""

    def __init__(self, worker: Worker, prompt_id: str, prompt: Json, client_id: str | None, outputs: list[str]) -> None:
        self.worker = worker
        self.prompt_id = prompt_id
        self.prompt = prompt
        self.client_id = client_id
        self.targets = outputs
        self.messages: list[list[Any]] = []
        self.outputs: Json = {}
        self.states: Json = {}
        self.executed: list[str] = []
        self.results: Json = {}
        self.keys: dict[str, str] = {}
        self.encoded: tuple[Image | None, bytes] = (None, b"")
        self.began = time.monotonic()

    def execute(self) -> Json:
        """The history entry, but for its prompt."""
        self._note("execution_start", {})
        ids = [(node_id, node["class_type"]) for node_id, node in self.prompt.items()]
        worker = self.worker
        worker._nodes = {key: models for key, models in worker._nodes.items() if key in ids}
        order = self._order()
        self.keys = {node_id: self._key(node_id) for node_id in order}
        cached = [node_id for node_id in order if self.keys[node_id] in worker._cache]
        self._note("execution_cached", {"nodes": cached})
        try:
            for node_id in order:
                self._step(node_id, node_id in cached)
        except NodeFailure as failure:
            self._fail(failure, node_id)
            return self._entry("error", completed=False)
        except InterruptedError:
            kind = self.prompt[node_id]["class_type"]
            told = {"node_id": node_id, "node_type": kind, "executed": self.executed}
            self._note("execution_interrupted", told, everybody=self.client_id is None)
            return self._entry("error", completed=False)
        finally:
            worker._cache = {self.keys[node_id]: self.results[node_id] for node_id in self.results}
        self._note("execution_success", {})
        return self._entry("success", completed=True)

    def tell(self, kind: str, data: Json, everybody: bool = False) -> None:
        if self.client_id is not None or everybody:
            self.worker.sessions.tell(kind, {**data, "prompt_id": self.prompt_id}, self.client_id)

    def _order(self) -> list[str]:
        """Sources first, and an output as soon as it can be shown; parked nodes are not in it."""
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
        """A node's content, whatever its id: class, values, sources, and the bytes of a loaded file."""
        node = self.prompt[node_id]
        parts: list[Any] = [node["class_type"]]
        if node["class_type"] == "LoadImage":
            content = self.worker.files.get(file_name(node["inputs"]["image"]), b"")
            node["is_changed"] = [hashlib.sha256(content).hexdigest()]
            parts.append(node["is_changed"])
        for name, value in sorted(node["inputs"].items()):
            parts.append([name, [self._key(value[0]), value[1]] if isinstance(value, list) else value])
        return json.dumps(parts)

    def _step(self, node_id: str, cached: bool) -> None:
        node, worker = self.prompt[node_id], self.worker
        if cached:
            self.results[node_id] = worker._cache[self.keys[node_id]]
            if "ui" in self.results[node_id]:
                self._show(node_id, 1)
            return
        self._state(node_id, "running", 0.0)
        with worker._changed:
            worker._executing = (self.client_id, node_id)
        self.tell("executing", {"node": node_id, "display_node": node_id})
        if worker._interrupted:
            raise InterruptedError
        self.results[node_id] = self._run_node(node_id, node)
        self.executed.append(node_id)
        if "ui" in self.results[node_id]:
            self._show(node_id, 1.0)
        else:
            self._state(node_id, "finished", 1.0)

    def _show(self, node_id: str, done: float) -> None:
        ui = self.results[node_id]["ui"]
        self.outputs[node_id] = ui
        self.tell("executed", {"node": node_id, "display_node": node_id, "output": ui})
        self._state(node_id, "finished", done)

    def _run_node(self, node_id: str, node: Json) -> Json:
        kind = node["class_type"]
        inputs = {name: self._value(value) for name, value in node["inputs"].items()}
        if kind == "LoadImage":
            name = node["inputs"]["image"]
            return {"result": [double_nodes.load_image(self.worker.files.get(file_name(name), b""), name)]}
        if kind in MODEL_NODES:
            return {"result": self._infer(node_id, kind, inputs)}
        if kind == "MaskToImage":
            mask = inputs["mask"]
            return {"result": [np.dstack([mask, mask, mask])]}
        return {"ui": {"images": [self._save(kind, inputs)]}}

    def _value(self, value: Any) -> Any:
        return self.results[value[0]]["result"][value[1]] if isinstance(value, list) else value

    def _infer(self, node_id: str, kind: str, inputs: Json) -> list[Image]:
        worker, faults, model = self.worker, self.worker.faults, inputs["model"]
        if model in faults.missing_weights:
            raise NodeFailure(
                "RuntimeError",
                "Error in image processing: Error downloading model files: An error happened while trying to locate "
                "the file on the Hub and we cannot find the requested files in the local cache. Please check your "
                "connection and try again or make sure your Internet connection is on.\n",
            )
        held = worker._nodes.setdefault((node_id, kind), set())
        loaded = model not in held
        if kind == "BiRefNetRMBG":
            held.clear()  # one slot per node object
        held.add(model)
        with worker._changed:
            worker.inferences.append(Inference(self.prompt_id, model, loaded))
            worker._changed.notify_all()
        if faults.happens("die_in_prompt"):
            worker.die()
            raise Died
        if faults.happens("interrupt_prompts"):
            worker.interrupt(None)
        if faults.missing_input:
            raise NodeFailure("RuntimeError", f"Error in image processing: '{faults.missing_input}'\n")
        if faults.fail and model in (faults.fail_models or [model]) and faults.happens("fail_prompts"):
            raise NodeFailure("RuntimeError", f"Error in image processing: Error in batch processing: {faults.fail}\n")
        if model in faults.wrong_masks:
            inputs = {**inputs, "invert_output": True}
        result = double_nodes.cut_out(kind, inputs["image"], inputs)
        self.encoded = (result[2], double_nodes.encode_png(result[2], self.prompt))  # within the service time
        until = self.began + faults.seconds + (faults.load_seconds if loaded else 0.0)
        with worker._changed:
            while faults.hold and not worker._stopped:
                worker._changed.wait()
            while (left := until - time.monotonic()) > 0 and not worker._stopped:
                worker._changed.wait(left)
            if worker._stopped:
                raise Died
        return list(result)

    def _save(self, kind: str, inputs: Json) -> Json:
        worker, faults = self.worker, self.worker.faults
        with worker._changed:
            while faults.hold_results and not worker._stopped:
                worker._saving = True
                worker._changed.notify_all()
                worker._changed.wait()
            worker._saving = False
        image, prompt = inputs["images"], self.prompt
        if faults.happens("swapped_results"):
            image = image[:, ::-1]
            prompt = json.loads(json.dumps(self.prompt))
            for node in prompt.values():
                if "is_changed" in node:
                    node["is_changed"] = [hashlib.sha256(b"another picture").hexdigest()]
        if faults.happens("small_results"):
            image = image[::2, ::2]
        if image is self.encoded[0] and prompt is self.prompt:
            encoded = self.encoded[1]
        else:
            encoded = double_nodes.encode_png(image, prompt)
        if faults.happens("damaged_results"):
            encoded = encoded[: len(encoded) // 2]
        number = next(worker._images)
        if kind == "SaveImage":
            folder, _, prefix = str(inputs["filename_prefix"]).rpartition("/")
            name: FileName = ("output", folder, f"{prefix}_{number:05}_.png")
        else:
            name = ("temp", "", f"ComfyUI_temp_{worker._letters}_{number:05}_.png")
        if not faults.happens("lost_results"):
            worker.files[name] = encoded
        return {"filename": name[2], "subfolder": name[1], "type": name[0]}

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
        # A prompt without a client id is told to everybody, but only so.
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
        lies = status == "success" and self.worker.faults.happens("empty_results")
        shown = {} if lies else self.outputs
        return {
            "outputs": shown,
            "status": {"status_str": status, "completed": completed, "messages": self.messages},
            "meta": {
                node_id: {"node_id": node_id, "display_node": node_id, "parent_node": None, "real_node_id": node_id}
                for node_id in shown
            },
        }


def file_name(image: str) -> FileName:
    """LoadImage's name of a file: "folder/name", or "name [temp]"."""
    kind = "input"
    for annotation in ("input", "temp", "output"):
        if image.endswith(f" [{annotation}]"):
            kind, image = annotation, image.removesuffix(f" [{annotation}]")
    folder, _, name = image.rpartition("/")
    return kind, folder, name


def _new_id() -> str:
    digits = "".join(random.choices("0123456789abcdef", k=32))
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
