"""Explains a bad setting to people: the key, the value, and what is allowed."""

import difflib
import re
from collections.abc import Callable, Iterable
from typing import get_args

from pydantic import BaseModel, ValidationError

from daemon.settings.photo_sections import COLOUR
from daemon.settings.rendition_words import NAME_PATTERN

_TABLE = re.compile(r"a valid dictionary or instance of \w+")
_LOGIN = re.compile(r"://[^/]*@")
_KIND = re.compile(r"(literal|tuple|function-before)\[|constrained-|\[key\]")  # pydantic's word for a kind of value

_WORDS = {
    f"String should match pattern '{COLOUR}'": "must be a colour like #ffffff",
    f"String should match pattern '{NAME_PATTERN}'": "a name has lower-case letters, digits, and dashes between them",
    "Input should": "must",
    "String should": "must",
    "must have at least 1 character": "must not be empty",
    "Tuple should have at least 1 item after validation, not 0": "must not be empty",
    "must match pattern '^https?://[^\\s/]+'": "must be an address like http://gpu1:8188",
    "must match pattern '^[A-Za-z0-9_.-]{0,64}$'": "must have only letters, digits, dots and dashes, at most 64",
    "must match pattern '^(https?://[^\\s/]+/\\S+)?$'": "must be an address like https://files.example/model.onnx",
    "must match pattern '^([0-9a-f]{64})?$'": "must be 64 digits, each of 0-9 or a-f",
    "must match pattern '^([0-9a-f]{32})?$'": "must be 32 digits, each of 0-9 or a-f",
    "a valid number, unable to parse string as a number": "a number, such as 2.5",
    "a valid integer, unable to parse string as an integer": "a whole number, such as 3",
    "a valid integer, got a number with a fractional part": "a whole number, such as 3",
    "a valid boolean, unable to interpret input": "true or false",
    "a valid boolean": "true or false",
    "a valid number": "a number, such as 2.5",
    "a valid integer": "a whole number, such as 3",
    "a valid string": 'text, in "quotes"',
    "a valid tuple": "a list",
    "a valid list": "a list",
    "a valid dictionary": "a table",
    "greater than or equal to": "at least",
    "less than or equal to": "at most",
    "greater than": "more than",
    "Field required": "is missing",
}
"""What pydantic says, and what we say; in this order."""


def explain(error: ValidationError, tree: type[BaseModel], place: Callable[[list[str]], str] | None = None) -> str:
    """One line for each error with its place, without secrets.

    tree: the model that was to be read. place: says where the keys that lead to a value were set, "" = nobody knows.
    """
    lines: dict[str, str] = {}  # by what a line begins with, so that several kinds of value share one
    places: dict[str, str] = {}
    errors = error.errors()

    def where(path: list[str]) -> str:
        found = place(path) if place else ""
        return f" ({found})" if found else ""

    paths = [[str(part) for part in each["loc"] if not _KIND.match(str(part))] for each in errors]
    outer = {tuple(path[:depth]) for path in paths for depth in range(len(path))}
    for path, each in zip(paths, errors, strict=True):
        if tuple(path) in outer:
            continue  # other lines say what is wrong within it
        key = _named(path) or "settings"
        if each["type"] == "extra_forbidden":
            line = f"Unknown setting {key}"
            lines[line], places[line] = suggestion(path[-1], _keys_beside(path, tree)), where(path)
            continue
        allowed = in_words(each["msg"])
        secret = {"token", "password"} & {*path} or (path[:2] == ["notify", "hooks"] and "on" not in path)
        value = "***" if secret else _LOGIN.sub("://***@", repr(each["input"]))
        shown = "" if isinstance(each["input"], dict | BaseModel) else f" = {value}"
        line, allowed = f"Bad setting {key}{shown}", f"{allowed[:1].lower()}{allowed[1:]}"
        others = f"{lines[line]}, or " if line in lines else ": "
        lines[line] = others + (allowed.removeprefix("must be ") if line in lines else allowed)
        places[line] = where(path)
    return "\n".join(f"{line}{text}{places[line]}" for line, text in lines.items())


def _named(path: list[str]) -> str:
    """A key as people name it: entries of a list count from 1, and what lies in one stands before it."""
    number = next((at for at in range(len(path) - 1, -1, -1) if path[at].isdecimal()), None)
    if number is None:
        return ".".join(path)
    inner = ".".join(path[number + 1 :])
    entry = f"entry {int(path[number]) + 1} of {_named(path[:number])}"
    return f"{inner} of {entry}" if inner else entry


def in_words(message: str) -> str:
    """What pydantic asks for, in a person's words."""
    message = _TABLE.sub("a table, such as { key = value }", message.removeprefix("Value error, "))
    for theirs, ours in _WORDS.items():
        message = message.replace(theirs, ours)
    return message


def suggestion(key: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown key: the key that was probably meant, or all known keys."""
    known = sorted(known)
    begun = [each for each in known if len(key) > 2 and each.startswith(key)]
    close = difflib.get_close_matches(key, known, n=1) or (begun if len(begun) == 1 else [])
    return f": did you mean {close[0]}?" if close else f": allowed are {', '.join(known)}"


def _keys_beside(path: list[str], tree: type[BaseModel]) -> Iterable[str]:
    """The known keys of the section that `path` leads into."""
    section = tree
    for part in path[:-1]:
        if part not in section.model_fields:  # a number in a list, or a name that the user chose
            continue
        annotation = section.model_fields[part].annotation
        inner = [kind for kind in (annotation, *get_args(annotation)) if isinstance(kind, type)]
        section = next((kind for kind in inner if issubclass(kind, BaseModel)), section)
    return section.model_fields
