"""Turns what a ComfyUI server says into the error class that says whose fault it is. Pure.

The RMBG nodes wrap everything in one RuntimeError, so a missing model and a full memory differ only in their text.
"""

import re
from typing import Any

from daemon.engines.comfyui.replies import NodeError
from daemon.errors import BadPhoto, EngineAway, EngineFull, EngineMisconfigured, FreistellerError, RecipeRefused, Said


class UploadLost(EngineMisconfigured):
    """The server cannot find a picture that was just uploaded. Answer: upload it again, once."""


class QueuedDespiteErrors(EngineMisconfigured):
    """The server names errors in a prompt, but queued it. Answer: cancel it, then treat it like any rejection."""


class CorruptUpload(BadPhoto):
    """The server cannot read the picture that was uploaded. Answer: upload it again, once."""


class ServerGone(EngineAway):
    """The connection to the server was refused or cut. Answer: as for EngineAway; if it was at work, count it."""


class ServerStumbled(EngineAway):
    """The server answered that something went wrong inside it. Answer: ask again; however late, it was an answer."""


class NodeFailed(RecipeRefused):
    """A model's node failed and its text does not say why: because of this picture, or of a broken installation."""


OUT_OF_MEMORY_TEXTS = (
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
MODEL_MISSING_TEXTS = (
    "error downloading",
    "cannot find the requested files",
    "failed to download",
    "no such file or directory",
    "model file not found",
    "no module named",
    "cannot import name",
    "could not import",
    "error loading",
    "model file is invalid",
    "with filename",
)
MISSING_INPUT = re.compile(
    r"error in image processing: '\w+'"
)  # a KeyError's text: the node has an input we do not send
SOURCE_NODES = ("LoadImage",)


def of_rejection(body: Any, server: str, model: str) -> FreistellerError:
    """The error for a POST /prompt that the server answered with 400, or with node_errors.

    body: the parsed JSON, of any shape. It is never the photo's fault: the prompt is our own and legal by our table, so
    the server and the table disagree.
    """
    error = body.get("error") if isinstance(body, dict) else None
    error = error if isinstance(error, dict) else {"message": str(error or "no reason given")}
    message = str(error.get("message", "")).strip()
    for class_type, node_error in _node_errors(body):
        kind, details = str(node_error.get("type", "")), str(node_error.get("details", ""))
        if kind == "custom_validation_failed" and class_type in SOURCE_NODES:
            return UploadLost(Said("upload_lost", server=server, detail=details))
        if kind == "value_not_in_list" and ("model" in details.partition(":")[0] or f"'{model}'" in details):
            return EngineMisconfigured(Said("model_not_listed", server=server, model=model, node=class_type))
        text = ": ".join(part for part in (str(node_error.get("message", "")).strip(), details) if part)
        return EngineMisconfigured(Said("input_rejected", server=server, node=class_type, model=model, detail=text))
    if "does not exist" in message or "not found" in message:
        return EngineMisconfigured(Said("install_nodes", server=server, detail=message, model=model))
    text = ": ".join(part for part in (message, str(error.get("details", ""))) if part)
    return EngineMisconfigured(Said("prompt_rejected", server=server, model=model, detail=text))


def of_node_error(error: NodeError, server: str, model: str) -> FreistellerError:
    """The error for a prompt that the server accepted and that then failed while it ran."""
    text = error.message.lower()
    if any(part in f"{error.exception_type.lower()}: {text}" for part in OUT_OF_MEMORY_TEXTS):
        return EngineFull(Said("server_memory", server=server, model=model, detail=error.message))
    if error.node_type in SOURCE_NODES:
        return CorruptUpload(
            Said("server_cannot_read_picture", server=server, detail=f"{error.exception_type}: {error.message}")
        )
    if any(part in text for part in MODEL_MISSING_TEXTS) or MISSING_INPUT.fullmatch(text):
        return EngineMisconfigured(Said("server_lacks", server=server, model=model, detail=error.message))
    return NodeFailed(
        Said(
            "model_failed",
            model=model,
            server=server,
            detail=error.message or error.exception_type or "no reason given",
        )
    )


def of_status(status: int, path: str, server: str) -> FreistellerError:
    """The error for an HTTP status other than 2xx, if the route itself has no answer for that status."""
    if status in (401, 403, 407):
        return EngineMisconfigured(Said("server_refuses_access", server=server, status=status))
    if status == 413:
        return EngineMisconfigured(Said("picture_too_large_for_server", server=server))
    if status in (502, 504):  # from a proxy in front of it
        return ServerGone(Said("server_behind_proxy_away", server=server, path=path, status=status))
    if status in (408, 425, 429) or status >= 500:
        return ServerStumbled(Said("server_trouble", server=server, path=path, status=status))
    if 300 <= status < 400:
        return EngineMisconfigured(Said("redirected", server=server, status=status, path=path))
    return EngineMisconfigured(Said("not_comfyui", server=server, status=status, path=path))


def _node_errors(body: Any) -> list[tuple[str, dict[str, Any]]]:
    """Each error in node_errors, with the class of its node."""
    nodes = body.get("node_errors") if isinstance(body, dict) else None
    found = []
    for node in nodes.values() if isinstance(nodes, dict) else ():
        errors = node.get("errors") if isinstance(node, dict) else None
        for error in errors if isinstance(errors, list) else ():
            if isinstance(error, dict):
                found.append((str(node.get("class_type", "")), error))
    return found
