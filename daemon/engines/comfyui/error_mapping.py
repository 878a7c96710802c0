"""Whose fault it is: from what a ComfyUI server says to the error class that answers it. Pure.

The RMBG nodes wrap everything in one RuntimeError, so a missing model and a full memory differ only in their text.
"""

import re
from typing import Any

from daemon.engines.comfyui.replies import NodeError
from daemon.errors import BadPhoto, EngineAway, EngineFull, EngineMisconfigured, FreistellerError, RecipeRefused


class UploadLost(EngineMisconfigured):
    """The server cannot find a picture that was just uploaded. Answer: upload it again, once."""


class QueuedAllTheSame(EngineMisconfigured):
    """The server names faults in a prompt, and yet took it. Answer: take it back, then as any rejection."""


class CorruptUpload(BadPhoto):
    """The server cannot read the picture that was uploaded. Answer: upload it again, once."""


class NodeFailed(RecipeRefused):
    """A model's node failed and nothing in its text says why: this picture, or a broken installation."""


FULL = (
    "out of memory",
    "outofmemory",
    "memoryerror",
    "allocation on device",
    "cuda error: memory",
    "not enough memory",
    "allocate memory",
    "unable to allocate",
    "alloc_failed",
)
MODEL_MISSING = (
    "error downloading",
    "cannot find the requested files",
    "failed to download",
    "no such file or directory",
    "model file not found",
    "no module named",
    "cannot import name",
    "could not import",
    "error loading",
)
MISSING_INPUT = re.compile(r"error in image processing: '\w+'")  # a KeyError's text: a node with inputs we do not send
SOURCE_NODES = ("LoadImage",)


def of_rejection(body: Any, server: str, model: str) -> FreistellerError:
    """Why POST /prompt was answered with 400, or with node_errors. `body`: the parsed JSON, whatever it is.

    Nothing here is the photo's fault: the prompt is our own, legal by our table, so server and table disagree.
    """
    error = body.get("error") if isinstance(body, dict) else None
    error = error if isinstance(error, dict) else {"message": str(error or "no reason given")}
    message = str(error.get("message", "")).strip()
    for class_type, fault in _node_faults(body):
        kind, details = str(fault.get("type", "")), str(fault.get("details", ""))
        if kind == "custom_validation_failed" and class_type in SOURCE_NODES:
            return UploadLost(f"{server} has lost the uploaded picture: {details}")
        if kind == "value_not_in_list" and details.startswith("model"):
            return EngineMisconfigured(
                f"{server} does not list the model {model} in its node {class_type}: update ComfyUI-RMBG there."
            )
        told = ": ".join(part for part in (str(fault.get("message", "")).strip(), details) if part)
        return EngineMisconfigured(f"{server} rejects what {class_type} is asked for {model}: {told}.")
    if "does not exist" in message or "not found" in message:
        return EngineMisconfigured(f"{server}: {message} Install ComfyUI-RMBG there.")
    details = str(error.get("details", ""))
    told = ": ".join(part for part in (message, details) if part)
    return EngineMisconfigured(f"{server} rejects our prompt for {model}: {told}.")


def of_node_error(error: NodeError, server: str, model: str) -> FreistellerError:
    """Why a prompt that was accepted failed while it ran."""
    text = error.message.lower()
    if any(mark in f"{error.exception_type.lower()}: {text}" for mark in FULL):
        return EngineFull(f"{server} is out of memory for {model}: {error.message}")
    if error.node_type in SOURCE_NODES:
        return CorruptUpload(f"{server} cannot read the picture: {error.exception_type}: {error.message}")
    if any(mark in text for mark in MODEL_MISSING) or MISSING_INPUT.fullmatch(text):
        return EngineMisconfigured(f"{server} has not got what {model} needs: {error.message}")
    return NodeFailed(f"{model} failed on {server}: {error.message or error.exception_type or 'no reason given'}")


def of_status(status: int, path: str, server: str) -> FreistellerError:
    """Why a request got an HTTP status other than 2xx, where the route has no answer of its own for it."""
    if status in (401, 403, 407):
        return EngineMisconfigured(f"{server} refuses us ({status}): set or correct this server's token.")
    if status == 413:
        return EngineMisconfigured(
            f"{server} takes no picture of this size (413): lower engine.proxy_pixels, or raise --max-upload-size."
        )
    if status in (408, 425, 429) or status >= 500:
        return EngineAway(f"{server} is in trouble: {status} for {path}")
    if 300 <= status < 400:
        return EngineMisconfigured(f"{server} sends us elsewhere ({status} for {path}): correct this server's url.")
    return EngineMisconfigured(f"{server} does not answer like ComfyUI ({status} for {path}): correct its url.")


def _node_faults(body: Any) -> list[tuple[str, dict[str, Any]]]:
    nodes = body.get("node_errors") if isinstance(body, dict) else None
    faults = []
    for node in nodes.values() if isinstance(nodes, dict) else ():
        errors = node.get("errors") if isinstance(node, dict) else None
        for fault in errors if isinstance(errors, list) else ():
            if isinstance(fault, dict):
                faults.append((str(node.get("class_type", "")), fault))
    return faults
