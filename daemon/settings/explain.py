"""What is wrong with a setting, in words: the key, the value, what is allowed."""

import difflib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import get_args

from pydantic import BaseModel, ValidationError

from daemon.settings.tree import PREFIX, Settings

_LOGIN = re.compile(r"://[^/]*@")


def explain(error: ValidationError, config: Path | None = None, tree: type[BaseModel] = Settings) -> str:
    """Every fault on a line of its own; secrets are left out. tree: what was to be read."""
    lines, faults = [], error.errors()
    outer = {fault["loc"][:depth] for fault in faults for depth in range(len(fault["loc"]))}
    for fault in faults:
        if fault["type"] == "too_short" and fault["loc"] in outer:
            continue  # it has values, and what is wrong with them is told
        path = [str(part) for part in fault["loc"] if part != "function-before[_bind(), str]"]
        key = ".".join(path) or "settings"
        if fault["type"] == "extra_forbidden":
            lines.append(f"Unknown setting {key}{meant(path[-1], _keys_beside(path, tree))}")
            continue
        allowed = fault["msg"].removeprefix("Value error, ")
        secret = {"token", "password"} & {*path} or (path[:2] == ["notify", "hooks"] and "on" not in path)
        value = "***" if secret else _LOGIN.sub("://***@", repr(fault["input"]))
        shown = "" if isinstance(fault["input"], dict | BaseModel) else f" = {value}"
        lines.append(f"Bad setting {key}{shown}: {allowed[:1].lower()}{allowed[1:]}")
    where = f" (settings file {config}, {PREFIX}… variables, flags)" if config else ""
    return "\n".join(lines) + where


def meant(key: str, known: Iterable[str]) -> str:
    """What an unknown key may have been meant for, to be put behind it."""
    known = sorted(known)
    close = difflib.get_close_matches(key, known, n=1)
    return f": did you mean {close[0]}?" if close else f": allowed are {', '.join(known)}"


def _keys_beside(path: list[str], tree: type[BaseModel]) -> Iterable[str]:
    """The keys allowed where `path` went wrong."""
    section = tree
    for part in path[:-1]:
        if part.isdigit():
            continue
        annotation = section.model_fields[part].annotation
        inner = [kind for kind in (annotation, *get_args(annotation)) if isinstance(kind, type)]
        section = next((kind for kind in inner if issubclass(kind, BaseModel)), section)
    return section.model_fields
