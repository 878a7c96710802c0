"""Validates a prompt as the recorded versions of ComfyUI do, for the node classes that the double has."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.engines.double_version import DEPENDENCY_CYCLE, MISSING_NODE_TYPE, OLDEST, Version

Json = dict[str, Any]

CONVERT = {"INT": int, "FLOAT": float, "BOOLEAN": bool, "STRING": str}


@dataclass
class Verdict:
    """error is None if at least one output is valid; `outputs` are the valid ones."""

    error: Json | None
    outputs: list[str] = field(default_factory=list)
    node_errors: Json = field(default_factory=dict)


class Cycle(Exception):
    """A node that depends on itself, by way of these nodes."""

    def __init__(self, nodes: tuple[str, ...]) -> None:
        super().__init__(nodes)
        self.nodes = nodes

    def errors(self, prompt: Json) -> dict[str, tuple[bool, list[Json]]]:
        """What newer versions say of it, in the form of `Validator._node`."""
        first = self.nodes[0]
        way = " -> ".join(f"{node} ({prompt[node]['class_type']})" for node in (*self.nodes, first))
        extra = {"node_id": first, "cycle_nodes": list(self.nodes)}
        fault = {**_error("dependency_cycle", "Dependency cycle detected", way), "extra_info": extra}
        return {first: (False, [fault])}


class Validator:
    """object_info: the body of GET /object_info. has_file: whether LoadImage finds a file of that name."""

    def __init__(self, object_info: Mapping[str, Json], has_file: Any, version: Version = OLDEST) -> None:
        self.object_info = object_info
        self._version = version
        self._has_file = has_file

    def judge(self, prompt: Json, targets: list[str] | None = None) -> Verdict:
        """Validate a prompt, and convert its values in place, as ComfyUI does."""
        outputs = []
        for node_id, node in prompt.items():
            error = self._class_error(node_id, node)
            if error:
                return Verdict(error)
            wanted = targets is None or node_id in targets
            if self.object_info[node["class_type"]]["output_node"] and wanted:
                outputs.append(node_id)
        if not outputs:
            return Verdict(_error("prompt_no_outputs", "Prompt has no outputs", ""))
        return self._judge_outputs(prompt, outputs)

    def _class_error(self, node_id: str, node: Json) -> Json | None:
        if self._version >= MISSING_NODE_TYPE:
            return self._missing_type(node_id, node)
        message = ""
        if "class_type" not in node:
            message = "Cannot execute because a node is missing the class_type property."
        elif node["class_type"] not in self.object_info:
            message = f"Cannot execute because node {node['class_type']} does not exist."
        return _error("invalid_prompt", message, f"Node ID '#{node_id}'") if message else None

    def _missing_type(self, node_id: str, node: Json) -> Json | None:
        kind = node.get("class_type")
        if kind in self.object_info:
            return None
        text = (
            f"Node '{kind}' not found. The custom node may not be installed."
            if kind
            else f"Node 'ID #{node_id}' has no class_type. The workflow may be corrupted or a custom node is missing."
        )
        title = node.get("_meta", {}).get("title", kind)
        extra = {"node_id": node_id, "class_type": kind, "node_title": title}
        return {**_error("missing_node_type", text, f"Node ID '#{node_id}'"), "extra_info": extra}

    def _judge_outputs(self, prompt: Json, outputs: list[str]) -> Verdict:
        good: list[str] = []
        details: list[str] = []
        node_errors: Json = {}
        for output in outputs:
            seen: dict[str, tuple[bool, list[Json]]] = {}
            try:
                valid, reasons = self._node(prompt, output, seen, ())
            except Cycle as cycle:
                valid, reasons = False, []
                seen = cycle.errors(prompt) if self._version >= DEPENDENCY_CYCLE else {}  # old ones do not say why
            except Exception as error:  # noqa: BLE001 - ComfyUI catches everything here too
                valid, reasons = (
                    False,
                    [_exception("exception_during_validation", "Exception when validating node", error)],
                )
                seen[output] = (False, reasons)
            if valid:
                good.append(output)
                continue
            details += [f"{reason['message']}: {reason['details']}" for reason in reasons]
            for node_id, (node_valid, node_reasons) in seen.items():
                if not node_valid and node_reasons:
                    entry = node_errors.setdefault(
                        node_id,
                        {"errors": node_reasons, "dependent_outputs": [], "class_type": prompt[node_id]["class_type"]},
                    )
                    entry["dependent_outputs"].append(output)
        if not good:
            failed = _error("prompt_outputs_failed_validation", "Prompt outputs failed validation", "\n".join(details))
            return Verdict(failed, [], node_errors)
        return Verdict(None, good, node_errors)

    def _node(
        self, prompt: Json, node_id: str, seen: dict[str, tuple[bool, list[Json]]], above: tuple[str, ...]
    ) -> tuple[bool, list[Json]]:
        if node_id in seen:
            return seen[node_id]
        if node_id in above:
            raise Cycle(above[above.index(node_id) :])
        node = prompt[node_id]
        inputs, declared = node["inputs"], self.object_info[node["class_type"]]["input"]
        errors: list[Json] = []
        valid = True
        for category in ("required", "optional"):
            for name, spec in declared.get(category, {}).items():
                config = [spec[0], spec[1] if len(spec) > 1 else {}]
                if name not in inputs:
                    if category == "required":
                        errors.append(_fault("required_input_missing", "Required input is missing", name, name))
                    continue
                if isinstance(inputs[name], list):
                    valid = self._link(prompt, node_id, name, config, seen, above, errors) and valid
                else:
                    self._value(node, name, config, errors)
        if errors:
            valid = False
        seen[node_id] = (valid, errors)
        return seen[node_id]

    def _link(
        self,
        prompt: Json,
        node_id: str,
        name: str,
        config: list[Any],
        seen: dict[str, tuple[bool, list[Json]]],
        above: tuple[str, ...],
        errors: list[Json],
    ) -> bool:
        link = prompt[node_id]["inputs"][name]
        source = prompt[link[0]]
        received = tuple(self.object_info[source["class_type"]]["output"])[link[1]]
        if received != config[0]:
            details = f"{name}, received_type({received}) mismatch input_type({config[0]})"
            extra = {"input_config": config, "received_type": received, "linked_node": link}
            errors.append(
                _fault("return_type_mismatch", "Return type mismatch between linked nodes", details, name, extra)
            )
            return True
        try:
            return self._node(prompt, link[0], seen, (*above, node_id))[0]
        except Cycle:
            raise
        except Exception as error:  # noqa: BLE001 - as above
            fault = _exception("exception_during_inner_validation", "Exception when validating inner node", error)
            fault["extra_info"] = {
                "input_name": name,
                "input_config": config,
                "exception_message": str(error),
                **fault["extra_info"],
                "linked_node": link,
            }
            seen[link[0]] = (False, [fault])
            return False

    def _value(self, node: Json, name: str, config: list[Any], errors: list[Json]) -> None:
        kind, limits, value = config[0], config[1], node["inputs"][name]
        if isinstance(kind, str) and kind in CONVERT:
            try:
                node["inputs"][name] = value = CONVERT[kind](value)
            except (TypeError, ValueError) as error:
                extra = {"input_config": config, "received_value": value, "exception_message": str(error)}
                message = f"Failed to convert an input value to a {kind} value"
                errors.append(_fault("invalid_input_type", message, f"{name}, {value}, {error}", name, extra))
                return
        extra = {"input_config": config, "received_value": value}
        if node["class_type"] == "LoadImage" and name == "image":
            if not self._has_file(value):
                message = "Custom validation failed for node"
                errors.append(
                    _fault("custom_validation_failed", message, f"{name} - Invalid image file: {value}", name)
                )
        elif "min" in limits and value < limits["min"]:
            message = f"Value {value} smaller than min of {limits['min']}"
            errors.append(_fault("value_smaller_than_min", message, name, name, extra))
        elif "max" in limits and value > limits["max"]:
            message = f"Value {value} bigger than max of {limits['max']}"
            errors.append(_fault("value_bigger_than_max", message, name, name, extra))
        elif (options := _options(config)) is not None and value not in options:
            details = f"{name}: '{value}' not in {options}"
            errors.append(_fault("value_not_in_list", "Value not in list", details, name, extra))


def without(object_info: Mapping[str, Json], nodes: list[str], models: list[str]) -> dict[str, Json]:
    """The object_info of an installation that lacks these node classes and models."""
    lacking = {name: copy.deepcopy(info) for name, info in object_info.items() if name not in nodes}
    for info in lacking.values():
        model = info["input"].get("required", {}).get("model")
        if model:
            model[0] = [option for option in model[0] if option not in models]
    return lacking


def _options(config: list[Any]) -> list[Any] | None:
    """The choices of an input, in the old form or the new one. None if it is no choice."""
    if isinstance(config[0], list):
        return config[0]
    return config[1].get("options", []) if config[0] == "COMBO" else None


def _error(kind: str, message: str, details: str) -> Json:
    return {"type": kind, "message": message, "details": details, "extra_info": {}}


def _fault(kind: str, message: str, details: str, name: str, extra: Json | None = None) -> Json:
    return {"type": kind, "message": message, "details": details, "extra_info": {"input_name": name, **(extra or {})}}


def _exception(kind: str, message: str, error: Exception) -> Json:
    extra = {"exception_type": type(error).__name__, "traceback": []}
    return {"type": kind, "message": message, "details": str(error), "extra_info": extra}
