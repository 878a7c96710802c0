"""Reads a ComfyUI server's JSON into values. Pure; takes no field for granted.

`Any` stands for the parsed JSON of a foreign program. No other module looks into it.
"""

import contextlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class StoredImage:
    """The place of a result on the server, in the form that GET /view takes."""

    filename: str
    subfolder: str
    type: str


@dataclass(frozen=True, slots=True)
class NodeError:
    """What a node raised. message: stripped, because nodes end it with a newline."""

    node_type: str
    exception_type: str
    message: str


@dataclass(frozen=True, slots=True)
class FinishedPrompt:
    """A history entry.

    Image, error or interrupted is set. None of them is set if the server reports success but shows no result.
    prompt: what was asked, node id -> node, as the server keeps it.
    picture: LoadImage's name of the picture in that prompt, "" if there is none.
    complete: False if the server has not written the rest yet. Newer servers write an entry before its status.
    """

    prompt: Mapping[str, Any] = field(default_factory=dict)
    picture: str = ""
    image: StoredImage | None = None
    error: NodeError | None = None
    interrupted: bool = False
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Queue:
    """The ids of the queued prompts, in the order in which they run, and the pictures that they still need."""

    running: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    pictures: frozenset[str] = frozenset()

    def __contains__(self, prompt_id: object) -> bool:
        return prompt_id in self.running or prompt_id in self.pending


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory of all devices of the server together, in bytes, None if it does not say; and its flags."""

    total_bytes: int | None = None
    free_bytes: int | None = None
    flags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Input:
    """What one input of a node accepts: a list of options, or a range. None stands for no limit.

    is_choice: whether it is one of `options`, also if there are none. required: whether the node cannot do without it.
    """

    options: tuple[str, ...] = ()
    lowest: float | None = None
    highest: float | None = None
    default: str | int | float | bool | None = None
    is_choice: bool = False
    required: bool = False

    @property
    def filled_in(self) -> str | int | float | bool | None:
        """What to send if we know nothing of the input. None = nothing."""
        if self.default is None and self.required and self.options:
            return self.options[0]
        return self.default

    def accepts(self, value: object) -> bool:
        """Whether a value is within the limits that the node declares."""
        if self.is_choice:
            return value in self.options
        if isinstance(value, int | float) and not isinstance(value, bool):
            return (self.lowest is None or value >= self.lowest) and (self.highest is None or value <= self.highest)
        return True

    @property
    def legal(self) -> str:
        """The limits in words."""
        if self.is_choice:
            return f"one of {', '.join(self.options)}" if self.options else "has nothing to choose from"
        return f"{self.lowest} to {self.highest}"


def read_queue(body: Any) -> Queue:
    """Read GET /queue. Its pending list is a raw heap, so we sort it by number to get the order.

    Raises ValueError if a list is missing.
    """
    running = _items(body, "queue_running")
    pending = sorted(_items(body, "queue_pending"), key=lambda item: _number(item[0]) or 0.0)
    return Queue(
        tuple(str(item[1]) for item in running),
        tuple(str(item[1]) for item in pending),
        frozenset(picture for item in (*running, *pending) for picture in _pictures(item[2])),
    )


def read_history(body: Any, prompt_id: str, sink: str) -> FinishedPrompt | None:
    """Read GET /history/{prompt_id}. None if there is no entry. sink: the id of the node that shows the alpha."""
    entry = body.get(prompt_id) if isinstance(body, dict) else None
    if not isinstance(entry, dict):
        return None
    item = entry.get("prompt")
    prompt = item[2] if isinstance(item, list) and len(item) > 2 and isinstance(item[2], dict) else {}
    request = (prompt, next(_pictures(prompt), ""))
    status = entry.get("status")
    if not isinstance(status, dict):
        return FinishedPrompt(*request, complete=False)
    for name, data in _messages(status):
        if name == "execution_interrupted":
            return FinishedPrompt(*request, interrupted=True)
        if name == "execution_error":
            return FinishedPrompt(*request, error=_node_error(data))
    if status.get("status_str") == "error":
        return FinishedPrompt(*request, error=NodeError("", "", "the server gives no reason"))
    if not status.get("completed"):
        return FinishedPrompt(*request, complete=False)
    return FinishedPrompt(*request, image=_first_image(entry.get("outputs"), sink))


def same_request(kept: Mapping[str, Any], ours: Mapping[str, Any]) -> bool:
    """Whether a prompt that a server keeps asks for the same as ours. Ignores what the server itself added.

    ours: the nodes that work, without parked ones.
    """
    for node_id, node in ours.items():
        found = kept.get(node_id)
        if not isinstance(found, dict) or any(found.get(key) != node[key] for key in ("class_type", "inputs")):
            return False
    return True


def read_memory(body: Any) -> Memory:
    """Read GET /system_stats. Raises ValueError if the body is something else."""
    if not isinstance(body, dict) or not isinstance(body.get("system"), dict):
        raise ValueError("it has no system")
    listed = body.get("devices")
    devices = [device for device in listed if isinstance(device, dict)] if isinstance(listed, list) else []
    argv = body["system"].get("argv")
    flags = tuple(str(each) for each in argv) if isinstance(argv, list) else ()
    return Memory(_sum_of(devices, "vram_total"), _sum_of(devices, "vram_free"), flags)


def read_inputs(body: Any, node_class: str) -> Mapping[str, Input] | None:
    """Read GET /object_info/{node_class}: what each of its inputs accepts. None if there is no such node."""
    declared = body.get(node_class) if isinstance(body, dict) else None
    parts = declared.get("input") if isinstance(declared, dict) else None
    if not isinstance(parts, dict):
        return None
    inputs: dict[str, Input] = {}
    for part in ("required", "optional"):
        listed = parts.get(part)
        for name, spec in listed.items() if isinstance(listed, dict) else ():
            inputs[name] = _input(spec, part == "required")
    return inputs


def _input(spec: Any, required: bool) -> Input:
    kind = spec[0] if isinstance(spec, list) and spec else None
    limits = spec[1] if isinstance(spec, list) and len(spec) > 1 and isinstance(spec[1], dict) else {}
    # Newer servers declare a list as ["COMBO", {"options": […]}].
    options = kind if isinstance(kind, list) else limits.get("options")
    default = limits.get("default")
    return Input(
        tuple(str(option) for option in options) if isinstance(options, list) else (),
        _number(limits.get("min")),
        _number(limits.get("max")),
        default if isinstance(default, str | int | float | bool) else None,
        isinstance(options, list),
        required,
    )


def _number(value: Any) -> float | None:
    """A finite number. None for anything else, also for an integer that no float can hold."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    with contextlib.suppress(OverflowError):
        return float(value) if math.isfinite(value) else None
    return None


def _items(body: Any, key: str) -> list[Any]:
    found = body.get(key) if isinstance(body, dict) else None
    if not isinstance(found, list):
        raise ValueError(f"it has no {key}")
    return [item for item in found if isinstance(item, list) and len(item) >= 3]


def _pictures(prompt: Any) -> Iterator[str]:
    for node in prompt.values() if isinstance(prompt, dict) else ():
        inputs = node.get("inputs") if isinstance(node, dict) else None
        if isinstance(inputs, dict) and isinstance(inputs.get("image"), str):
            yield inputs["image"]


def _messages(status: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    messages = status.get("messages")
    for message in messages if isinstance(messages, list) else ():
        if isinstance(message, list) and len(message) == 2 and isinstance(message[1], dict):
            yield str(message[0]), message[1]


def _node_error(data: dict[str, Any]) -> NodeError:
    return NodeError(
        str(data.get("node_type", "")),
        str(data.get("exception_type", "")),
        str(data.get("exception_message", "")).strip(),
    )


def _first_image(outputs: Any, sink: str) -> StoredImage | None:
    node = outputs.get(sink) if isinstance(outputs, dict) else None
    images = node.get("images") if isinstance(node, dict) else None
    if not isinstance(images, list) or not images or not isinstance(images[0], dict):
        return None
    image = images[0]
    if not image.get("filename"):
        return None
    return StoredImage(str(image["filename"]), str(image.get("subfolder", "")), str(image.get("type", "temp")))


def _sum_of(devices: list[dict[str, Any]], key: str) -> int | None:
    numbers = [number for device in devices if (number := _number(device.get(key))) is not None]
    return int(sum(numbers)) if numbers else None
