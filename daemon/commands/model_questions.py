"""What is still to be said of a network of a user's own: read from its graph, given, or asked."""

import json
import re
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from daemon.engines.onnx.onnx_session import NetworkGraph, Tensor
from daemon.engines.onnx.onnx_table import OnnxModel
from daemon.errors import BadSettings, EngineMisconfigured
from daemon.settings.explain import explain

Values = dict[str, Any]
"""Keys of a model's table, and what stands behind them, of any type that TOML has."""

Ask = Callable[[str, str], str]
"""Asks a person: the question, the answer that is likely. Returns the answer."""

NORMALIZATIONS: Mapping[str, tuple[Sequence[float], Sequence[float]]] = {
    "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
    "half": ((0.5, 0.5, 0.5), (1.0, 1.0, 1.0)),
    "none": ((0.0, 0.0, 0.0), (1.0, 1.0, 1.0)),
}
NEEDED = ("fit", "size", "divide", "mean", "std", "activation", "range")
QUESTIONS = {
    "fit": 'How does a photo get the size of the network: "stretch", "letterbox" or "keep" its shape?',
    "size": "Width x height in pixels that the network sees",
    "divide": 'Divide by 255, or by the "maximum" of the photo, as rembg does?',
    "mean": 'Mean: "imagenet", "half" (0.5, and 1.0 to divide by), "none", or three numbers',
    "std": "Three numbers to divide by after that",
    "activation": 'Does the graph put out logits? "sigmoid" if so, else "none"',
    "range": 'The map "as is", or stretched to "min-max", as rembg does?',
    "licence": "Licence of the weights",
    "commercial_use": 'Does it allow commercial use: "yes", "no" or "not known"?',
    "good_for": "What is the model good for? One line for people",
}
LIKELY = {
    "fit": "stretch",
    "size": "1024x1024",
    "divide": "255",
    "mean": "imagenet",
    "std": "1 1 1",
    "activation": "none",
    "range": "as is",
    "licence": "not known",
    "commercial_use": "not known",
    "good_for": "",
}


def read_from(graph: NetworkGraph, name: str) -> Values:
    """What the graph itself says: the size if it is fixed, the type, the output if only one can be an alpha.

    Raises EngineMisconfigured for a network that takes no picture or gives no map.
    """
    if len(graph.inputs) != 1:
        names = ", ".join(map(_shown, graph.inputs)) or "none"
        raise EngineMisconfigured(f"{name} wants {len(graph.inputs)} inputs ({names}), and we have one picture.")
    (picture,) = graph.inputs
    if len(picture.shape) != 4 or picture.shape[1] not in (3, None) or picture.shape[0] not in (1, None):
        raise EngineMisconfigured(f"{name} wants {_shown(picture)}, and a picture is 1 x 3 x height x width.")
    if picture.kind not in ("float32", "float16"):
        raise EngineMisconfigured(f"{name} wants {_shown(picture)}, and we give float32 or float16.")
    maps = [at for at, output in enumerate(graph.outputs) if len(output.shape) in (0, 3, 4)]
    if not maps:
        raise EngineMisconfigured(f"{name} gives no map of the picture, only {', '.join(map(_shown, graph.outputs))}.")
    found: Values = {"input_type": picture.kind, "output": maps[0]}
    if picture.shape[2] and picture.shape[3]:
        found["size"] = [picture.shape[3], picture.shape[2]]
    return found


def _shown(tensor: Tensor) -> str:
    """An input or output for people."""
    return f"{tensor.name}: {tensor.kind} {' x '.join(str(side or '?') for side in tensor.shape) or 'of any shape'}"


def given_values(settings: Sequence[str]) -> Values:
    """What options say: each "key=value", the value in TOML, or a word without its quotes. Raises BadSettings."""
    values: Values = {}
    for each in settings:
        key, equals, text = each.partition("=")
        if not equals:
            raise BadSettings(f'--set {each!r} must be "key=value", e.g. --set size=1024')
        values |= understood(key.strip(), text.strip())
    return values


def understood(key: str, text: str) -> Values:
    """An answer or option as the table's values; one word may stand for several."""
    if key == "mean" and text in NORMALIZATIONS:
        mean, std = NORMALIZATIONS[text]
        return {"mean": list(mean), "std": list(std)}
    if key == "std" and text in NORMALIZATIONS:
        return {"std": list(NORMALIZATIONS[text][1])}
    if key == "size" and (sides := re.fullmatch(r"(\d+)(?:\s*[xX×]\s*(\d+))?", text)):
        return {"size": [int(sides[1]), int(sides[2] or sides[1])]}
    if key in ("mean", "std") and not text.startswith("["):
        text = f"[{', '.join(text.replace(',', ' ').split())}]"
    try:
        return {key: tomllib.loads(f"value = {text}")["value"]}
    except tomllib.TOMLDecodeError:
        return {key: text}


def asked_values(known: Values, activation: Callable[[Values], str], ask: Ask, say: Callable[[str], None]) -> Values:
    """What a person answers to the questions that are still open, each until the answer is right.

    activation: the likely one, by what is known so far. say: tells why an answer is wrong.
    """
    values = dict(known)
    for key, question in QUESTIONS.items():
        if key in values:
            continue
        likely = activation(values) if key == "activation" else LIKELY[key]
        while key not in values:
            answer = understood(key, ask(question, likely))
            if trouble := _trouble_of(answer):
                say(trouble)
                continue
            values |= answer
    return {key: value for key, value in values.items() if value != ""}


def _trouble_of(answer: Values) -> str:
    """Why an answer cannot be, "" = it can."""
    whole = {"fit": "stretch", "size": [1, 1], "divide": 255, "activation": "none", "range": "as is"}
    mean, std = NORMALIZATIONS["none"]
    try:
        OnnxModel.model_validate(whole | {"mean": list(mean), "std": list(std)} | answer)
    except ValidationError as error:
        return explain(error, tree=OnnxModel)
    return ""


def described(values: Values, name: str) -> OnnxModel:
    """The table with these values. Raises BadSettings, which says what is missing or wrong, and how to say it."""
    if missing := [key for key in NEEDED if key not in values]:
        raise BadSettings(
            f"Nothing says {', '.join(missing)} of {name}. Write them into {name}.toml beside it, in the form that "
            f"workflows/onnx.toml explains, or give them here, e.g. --set {missing[0]}={LIKELY[missing[0]]}"
        )
    try:
        return OnnxModel.model_validate(values)
    except ValidationError as error:
        raise BadSettings(f"{explain(error, tree=OnnxModel)} (model {name})") from error


def read_table(path: Path) -> Values:
    """The keys and values of a table that a person wrote. Raises BadSettings."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BadSettings(f"The model's table {path} cannot be read: {error.strerror}") from error
    except ValueError as error:  # of TOML and of letters
        raise BadSettings(f"The model's table {path} is not valid TOML: {error}") from error


def table_text(values: Values) -> str:
    """The table as a file. Values that hold tables themselves (sources) stand in one line."""
    return "".join(f"{key} = {_toml(value)}\n" for key, value in values.items())


def _toml(value: Any) -> str:  # Any: what TOML has
    if isinstance(value, Mapping):
        return f"{{ {', '.join(f'{key} = {_toml(inner)}' for key, inner in value.items())} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_toml, value))}]"
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
