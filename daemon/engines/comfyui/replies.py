"""What a ComfyUI server's JSON says, as values: queue, history, memory. Pure; doubts every field.

`Any` stands for parsed JSON of somebody else's program; nothing of it leaves this module.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class StoredImage:
    """Where a result lies on the server, as GET /view takes it."""

    filename: str
    subfolder: str
    type: str


@dataclass(frozen=True, slots=True)
class NodeError:
    """What a node raised. message: stripped; nodes end it with a newline."""

    node_type: str
    exception_type: str
    message: str


@dataclass(frozen=True, slots=True)
class Finished:
    """A history entry: image, error or interrupted is set, or none of them where it claims success without a result.

    prompt: what was asked, node id -> node, as the server keeps it. picture: LoadImage's name in it, "" for none.
    complete: False where the server has not written the rest yet; newer ones write an entry before its status.
    """

    prompt: Mapping[str, Any] = field(default_factory=dict)
    picture: str = ""
    image: StoredImage | None = None
    error: NodeError | None = None
    interrupted: bool = False
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Queue:
    """The ids of prompts, in the order they run, and the pictures that they still need."""

    running: tuple[str, ...] = ()
    pending: tuple[str, ...] = ()
    pictures: frozenset[str] = frozenset()

    def __contains__(self, prompt_id: object) -> bool:
        return prompt_id in self.running or prompt_id in self.pending


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory of the server's devices together, in bytes; None where it does not say."""

    total_bytes: int | None = None
    free_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class Input:
    """What one input of a node takes: a list of options, or a range; None where there is no such limit."""

    options: tuple[str, ...] = ()
    lowest: float | None = None
    highest: float | None = None
    default: str | int | float | bool | None = None

    def takes(self, value: object) -> bool:
        """Whether a value is within the limits, as far as there are any."""
        if self.options:
            return value in self.options
        if isinstance(value, int | float) and not isinstance(value, bool):
            return (self.lowest is None or value >= self.lowest) and (self.highest is None or value <= self.highest)
        return True

    @property
    def legal(self) -> str:
        """The limits in words."""
        return f"one of {', '.join(self.options)}" if self.options else f"{self.lowest} to {self.highest}"


def read_queue(body: Any) -> Queue:
    """GET /queue. Its pending list is a raw heap: only sorting by number gives the order."""
    running = _items(body, "queue_running")
    pending = sorted(_items(body, "queue_pending"), key=lambda item: _number(item[0]) or 0.0)
    return Queue(
        tuple(str(item[1]) for item in running),
        tuple(str(item[1]) for item in pending),
        frozenset(picture for item in (*running, *pending) for picture in _pictures(item[2])),
    )


def read_history(body: Any, prompt_id: str, sink: str) -> Finished | None:
    """GET /history/{prompt_id}: None where there is no entry."""
    entry = body.get(prompt_id) if isinstance(body, dict) else None
    if not isinstance(entry, dict):
        return None
    item = entry.get("prompt")
    prompt = item[2] if isinstance(item, list) and len(item) > 2 and isinstance(item[2], dict) else {}
    asked = (prompt, next(_pictures(prompt), ""))
    status = entry.get("status")
    if not isinstance(status, dict):
        return Finished(*asked, complete=False)
    for name, told in _messages(status):
        if name == "execution_interrupted":
            return Finished(*asked, interrupted=True)
        if name == "execution_error":
            return Finished(*asked, error=_node_error(told))
    if status.get("status_str") == "error":
        return Finished(*asked, error=NodeError("", "", "the server gives no reason"))
    if not status.get("completed"):
        return Finished(*asked, complete=False)
    return Finished(*asked, image=_first_image(entry.get("outputs"), sink))


def asks_the_same(kept: Mapping[str, Any], ours: Mapping[str, Any]) -> bool:
    """Whether a prompt that a server keeps asks for what ours does; parked nodes and the server's own notes aside."""
    for node_id, node in ours.items():
        found = kept.get(node_id)
        if not node["inputs"]:
            continue
        if not isinstance(found, dict) or found.get("class_type") != node["class_type"]:
            return False
        if found.get("inputs") != node["inputs"]:
            return False
    return True


def read_memory(body: Any) -> Memory:
    """GET /system_stats. Raises ValueError where that is not what answered."""
    if not isinstance(body, dict) or not isinstance(body.get("system"), dict):
        raise ValueError("no system in it")
    listed = body.get("devices")
    devices = [device for device in listed if isinstance(device, dict)] if isinstance(listed, list) else []
    return Memory(_sum_of(devices, "vram_total"), _sum_of(devices, "vram_free"))


def read_inputs(body: Any, node_class: str) -> Mapping[str, Input] | None:
    """GET /object_info/{node_class}: what each of its inputs takes; None: no such node."""
    declared = body.get(node_class) if isinstance(body, dict) else None
    parts = declared.get("input") if isinstance(declared, dict) else None
    if not isinstance(parts, dict):
        return None
    inputs: dict[str, Input] = {}
    for part in ("required", "optional"):
        listed = parts.get(part)
        for name, spec in listed.items() if isinstance(listed, dict) else ():
            inputs[name] = _input(spec)
    return inputs


def _input(spec: Any) -> Input:
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
    )


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _items(body: Any, key: str) -> list[Any]:
    found = body.get(key) if isinstance(body, dict) else None
    if not isinstance(found, list):
        raise ValueError(f"no {key} in it")
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


def _node_error(told: dict[str, Any]) -> NodeError:
    return NodeError(
        str(told.get("node_type", "")),
        str(told.get("exception_type", "")),
        str(told.get("exception_message", "")).strip(),
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
    told = [number for device in devices if (number := _number(device.get(key))) is not None]
    return int(sum(told)) if told else None
