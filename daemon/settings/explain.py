"""Explains a bad setting to people: the key, the value, and what is allowed."""

import difflib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, ValidationError

from daemon.settings.tree import PREFIX, Settings

_LOGIN = re.compile(r"://[^/]*@")
_KIND = re.compile(r"(literal|tuple|function-before)\[|constrained-")  # pydantic's word for a kind of value


def explain(error: ValidationError, config: Path | None = None, tree: type[BaseModel] = Settings) -> str:
    """One line for each error, without secrets. tree: the model that was to be read."""
    lines: dict[str, str] = {}  # by what a line begins with, so that several kinds of value share one
    errors = error.errors()
    outer = {each["loc"][:depth] for each in errors for depth in range(len(each["loc"]))}
    for each in errors:
        if each["type"] == "too_short" and each["loc"] in outer:
            continue  # the list does have values, and other lines say what is wrong with them
        path = [str(part) for part in each["loc"] if not _KIND.match(str(part))]
        key = ".".join(path) or "settings"
        if each["type"] == "extra_forbidden":
            lines[f"Unknown setting {key}"] = suggestion(path[-1], _keys_beside(path, tree))
            continue
        allowed = each["msg"].removeprefix("Value error, ").replace("a valid tuple", "a list")  # Python's word
        secret = {"token", "password"} & {*path} or (path[:2] == ["notify", "hooks"] and "on" not in path)
        value = "***" if secret else _LOGIN.sub("://***@", repr(each["input"]))
        shown = "" if isinstance(each["input"], dict | BaseModel) else f" = {value}"
        line, allowed = f"Bad setting {key}{shown}", f"{allowed[:1].lower()}{allowed[1:]}"
        others = f"{lines[line]}, or " if line in lines else ": "
        lines[line] = others + (allowed.removeprefix("input should be ") if line in lines else allowed)
    where = f" (settings file {config}, {PREFIX}… variables, flags)" if config else ""
    return "\n".join(map("".join, lines.items())) + where


def suggestion(key: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown key: the key that was probably meant, or all known keys."""
    known = sorted(known)
    close = difflib.get_close_matches(key, known, n=1)
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
