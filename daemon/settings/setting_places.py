"""Finds where a setting was set: a flag, an environment variable, or a line of the settings file."""

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_TABLE = re.compile(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]")
_KEY = re.compile(r"""\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"))*)\s*=""")


def place_of(path: Sequence[str], config: Path | None, flags: Mapping[str, object], prefix: str) -> str:
    """The place in words, e.g. "line 4 of studio.toml"; "" if nobody set it. path: keys, and numbers in lists.

    The order is that of their precedence: flags, variables, file.
    """
    if path and path[0] in flags:
        return f"flag --{path[0].replace('_', '-')}"
    variables = {name.upper(): name for name in os.environ}
    for depth in range(len(path), 0, -1):
        if name := variables.get((prefix + "__".join(path[:depth])).upper()):
            return f"variable {name}"
    return line_of(path, config) if config else ""


def line_of(path: Sequence[str], file: Path) -> str:
    """The line of a file that sets the last of these keys, in words; "" if it sets none of them."""
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return ""
    number = line_number(path, lines)
    return f"line {number} of {file}" if number else ""


def line_number(path: Sequence[str], lines: Sequence[str]) -> int:
    """Which of the lines of a file, from 1, sets the last of these keys; 0 if it sets none of them."""
    depth, found = 0, 0
    for number, keys in _keys_by_line(lines):
        if depth < len(keys) <= len(path) and keys == tuple(path[: len(keys)]):
            depth, found = len(keys), number
    return found


def _keys_by_line(lines: Sequence[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """The number of each line, from 1, that begins a table or sets a key; and the keys that lead there."""
    table: tuple[str, ...] = ()
    counts: dict[tuple[str, ...], int] = {}
    for number, line in enumerate(lines, 1):
        if found := _TABLE.match(line):
            table = _parts(found[2])
            if found[1] == "[[":
                counts[table] = counts.get(table, -1) + 1
                table = (*table, str(counts[table]))
            yield number, table
        elif found := _KEY.match(line):
            yield number, (*table, *_parts(found[1]))


def _parts(dotted: str) -> tuple[str, ...]:
    return tuple(part.strip().strip("\"'") for part in dotted.split("."))
