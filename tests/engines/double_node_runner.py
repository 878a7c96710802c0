"""Runs the nodes of one prompt in the double, with the faults that a test has switched on."""

import hashlib
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tests.engines import double_nodes
from tests.engines.double_files import FileName, file_name
from tests.engines.double_nodes import Image, NodeFailure
from tests.engines.double_version import PYAV

if TYPE_CHECKING:
    from tests.engines.double_worker import Worker

Json = dict[str, Any]

MODEL_NODES = ("RMBG", "BiRefNetRMBG")
LOADER, REMOVER = "LoadBackgroundRemovalModel", "RemoveBackground"  # core's own


@dataclass(frozen=True)
class Inference:
    """One run of a model node."""

    prompt_id: str
    model: str
    loaded: bool


@dataclass
class LoadedModel:
    """What core's loader puts out. used: whether a picture went through it."""

    file: str
    used: bool = False


class Died(Exception):
    """The server went down in mid-prompt."""


class NodeRunner:
    """The nodes of one prompt. results: node id -> {"result": its outputs} or {"ui": what it shows}."""

    def __init__(self, worker: "Worker", prompt_id: str, prompt: Json) -> None:
        self.worker = worker
        self.prompt_id = prompt_id
        self.prompt = prompt
        self.results: Json = {}
        self._encoded: tuple[Image | None, bytes] = (None, b"")
        self._began = time.monotonic()

    def run(self, node_id: str) -> None:
        """Run one node and keep its result. Raises NodeFailure if the node fails, Died if the server goes down."""
        self.results[node_id] = self._result(node_id, self.prompt[node_id])

    def _result(self, node_id: str, node: Json) -> Json:
        kind = node["class_type"]
        inputs = {name: self._value(value) for name, value in node["inputs"].items()}
        if kind == "LoadImage":
            name = node["inputs"]["image"]
            load = double_nodes.load_by_pyav if self.worker.version >= PYAV else double_nodes.load_image
            return {"result": [load(self.worker.files.get(file_name(name), b""), name)]}
        if kind == LOADER:
            return {"result": [LoadedModel(inputs["bg_removal_name"])]}
        if kind == REMOVER:
            return {"result": [self._infer(node_id, kind, inputs)[1]]}
        if kind in MODEL_NODES:
            return {"result": self._infer(node_id, kind, inputs)}
        if kind == "MaskToImage":
            mask = inputs["mask"]
            return {"result": [np.dstack([mask, mask, mask])]}
        return {"ui": {"images": [self._save(kind, inputs)]}}

    def _value(self, value: Any) -> Any:
        return self.results[value[0]]["result"][value[1]] if isinstance(value, list) else value

    def _infer(self, node_id: str, kind: str, inputs: Json) -> list[Image]:
        worker, faults = self.worker, self.worker.faults
        model: str = inputs["model"] if kind in MODEL_NODES else inputs["bg_removal_model"].file
        if model in faults.missing_weights:
            raise NodeFailure(
                "RuntimeError",
                "Error in image processing: Error downloading model files: An error happened while trying to locate "
                "the file on the Hub and we cannot find the requested files in the local cache. Please check your "
                "connection and try again or make sure your Internet connection is on.\n",
            )
        if kind == REMOVER:
            loaded = not inputs["bg_removal_model"].used
            inputs["bg_removal_model"].used = True
        else:
            held = worker.nodes.setdefault((node_id, kind), set())
            loaded = model not in held
            if kind == "BiRefNetRMBG":
                held.clear()  # one slot per node object
            held.add(model)
        with worker.changed:
            worker.inferences.append(Inference(self.prompt_id, model, loaded))
            worker.changed.notify_all()
        height = inputs["image"].shape[0]
        if model in faults.spoilt_models or height in faults.die_heights or faults.happens("die_in_prompt"):
            worker.die()
            raise Died
        if faults.happens("interrupt_prompts"):
            worker.interrupt(None)
        if faults.missing_input:
            raise NodeFailure("RuntimeError", f"Error in image processing: '{faults.missing_input}'\n")
        meant = model in (faults.fail_models or [model]) and height in (faults.fail_heights or [height])
        if faults.fail and meant and faults.happens("fail_prompts"):
            raise NodeFailure("RuntimeError", f"Error in image processing: Error in batch processing: {faults.fail}\n")
        if model in faults.wrong_masks:
            inputs = {**inputs, "invert_output": True}
        result = double_nodes.cut_out(kind, inputs["image"], inputs)
        self._encoded = (result[2], double_nodes.encode_png(result[2], self.prompt))  # encoding counts as service time
        until = self._began + faults.seconds + (faults.load_seconds if loaded else 0.0)
        with worker.changed:
            while faults.hold and not worker.stopped:
                worker.changed.wait()
            while (left := until - time.monotonic()) > 0 and not worker.stopped:
                worker.changed.wait(left)
            if worker.stopped:
                raise Died
        return list(result)

    def _save(self, kind: str, inputs: Json) -> Json:
        worker, faults = self.worker, self.worker.faults
        with worker.changed:
            while faults.hold_results and not worker.stopped:
                worker.saving = True
                worker.changed.notify_all()
                worker.changed.wait()
            worker.saving = False
        image, prompt = inputs["images"], self.prompt
        if faults.happens("swapped_results"):
            image = image[:, ::-1]
            prompt = json.loads(json.dumps(self.prompt))
            for node in prompt.values():
                if "is_changed" in node:
                    node["is_changed"] = [hashlib.sha256(b"another picture").hexdigest()]
        if faults.happens("small_results"):
            image = image[::2, ::2]
        if image is self._encoded[0] and prompt is self.prompt:
            encoded = self._encoded[1]
        else:
            encoded = double_nodes.encode_png(image, prompt)
        if faults.happens("damaged_results"):
            encoded = encoded[: len(encoded) // 2]
        number = next(worker.image_numbers)
        if kind == "SaveImage":
            folder, _, prefix = str(inputs["filename_prefix"]).rpartition("/")
            name: FileName = ("output", folder, f"{prefix}_{number:05}_.png")
        else:
            name = ("temp", "", f"ComfyUI_temp_{worker.letters}_{number:05}_.png")
        if not faults.happens("lost_results"):
            worker.files[name] = encoded
        return {"filename": name[2], "subfolder": name[1], "type": name[0]}
