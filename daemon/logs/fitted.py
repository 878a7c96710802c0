"""Fits text for people into the columns of a terminal: a Chinese character takes two, a combining mark none."""

import re
import unicodedata

CUT = "…"
_LONGEST_SUFFIX = 8  # characters; what follows a dot further away is no suffix
_WORDS = re.compile(r"[^ ]+ *| +")
_LEAST_PART = 8  # columns of a word that is broken
_NO_WIDTH = frozenset({"Mn", "Me", "Cf"})
_BROAD = frozenset({"W", "F"})


def columns(text: str) -> int:
    """How many columns a terminal needs for one line of text."""
    return sum(_columns_of(char) for char in text)


def shortened(name: str, room: int) -> str:
    """A file name in at most `room` columns: what does not fit is left out in the middle, the suffix stays.

    room: at least 3.
    """
    if columns(name) <= room:
        return name
    stem, dot, suffix = name.rpartition(".")
    kept = columns(dot + suffix) if stem and len(suffix) <= _LONGEST_SUFFIX else 0
    end = _last(name, min(room - 2, max(kept + 1, (room - 1) // 2)))
    return _first(name, room - 1 - columns(end)) + CUT + end


def padded(name: str, room: int) -> str:
    """A file name that takes exactly `room` columns."""
    fits = shortened(name, room)
    return fits + " " * (room - columns(fits))


def wrapped(text: str, width: int, indent: int = 0) -> list[str]:
    """One line of text as lines of at most `width` columns. They end at a blank, and all but the first are indented.

    A word that no line holds, as a path may be, is broken where the line ends; it does not begin a line of its own.
    """
    indent = min(indent, max(0, width - 8))
    lines, line = [], ""
    for word in _WORDS.findall(text):
        left = word.rstrip(" ")
        is_too_long = columns(left) > width - indent and columns(line) < width - _LEAST_PART
        if line.strip() and columns(line) + columns(left) > width and not is_too_long:
            lines.append(line.rstrip())
            line = " " * indent
        while left and columns(line) + columns(left) > width:
            part = _first(left, width - columns(line))
            if not part:
                line, part = "", _first(left, width) or left[:1]  # a character may be broader than the terminal
            lines.append(line + part)
            left, line = left[len(part) :], " " * indent
        line += left + " " * (len(word) - len(word.rstrip(" ")))
    return [*lines, line.rstrip()] if line.strip() or not lines else lines


def _columns_of(char: str) -> int:
    if unicodedata.category(char) in _NO_WIDTH:
        return 0
    return 2 if unicodedata.east_asian_width(char) in _BROAD else 1


def _first(text: str, room: int) -> str:
    """The longest beginning that takes at most `room` columns."""
    for index, char in enumerate(text):
        room -= _columns_of(char)
        if room < 0:
            return text[:index]
    return text


def _last(text: str, room: int) -> str:
    """The longest end that takes at most `room` columns and begins with no combining mark."""
    for index in range(len(text) - 1, -1, -1):
        room -= _columns_of(text[index])
        if room < 0:
            return text[index + 1 :].lstrip("".join(char for char in text if not _columns_of(char)))
    return text
