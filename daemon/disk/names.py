"""Compares, cleans and shortens file names, so that every client and file system can handle them.

A name found on disk keeps its bytes. A name that we write is NFC, printable, legal on Windows and fits 255 bytes.
"""

import os
import re
import unicodedata
from collections.abc import Sequence

NAME_BYTES = 255  # the limit of Linux and of Samba for one name

_LONE_SURROGATES = re.compile("[\ud800-\udfff]+")
_FORBIDDEN = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # control characters, newline and tab among them
    '<>:"|?*\\\\'  # forbidden on Windows
    "\u2028\u2029"  # line and paragraph separator: a newline to some programs
    "\u202a-\u202e\u2066-\u2069"  # direction overrides, which make "gpj.exe" read as "exe.jpg"
    "]"
)
_RESERVED = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)", re.IGNORECASE)


def name_key(name: str) -> str:
    """A key to compare names by. Two names that some client cannot tell apart have the same key.

    It is NFC, because a Mac may send either form, and case folded, because Windows and macOS ignore case.
    """
    folded = name if name.isascii() else unicodedata.normalize("NFC", name)
    folded = folded.casefold()
    return folded if folded.isascii() else unicodedata.normalize("NFC", folded)


def name_keys(names: Sequence[str]) -> set[str]:
    """The keys of all names in a folder, which may be many."""
    together = "\0".join(names)
    if names and together.isascii():  # at once, fifty times as fast
        return set(together.lower().split("\0"))
    return {name_key(name) for name in names}


def clean_name(path: str | bytes) -> str:
    """The name of a result for a photo at `path` below the inbox: POSIX, NFC text, sub-folders kept.

    Replaces by "_" what is not UTF-8, control characters, what Windows forbids, and an empty name, "." and "..".
    Cuts each part to 255 bytes and keeps its suffix. Different names may become equal: `place_files` numbers them.
    """
    text = os.fsdecode(path)
    return "/".join(_clean_part(part) for part in text.split("/") if part) or "_"


def _clean_part(part: str) -> str:
    if not part.isascii():
        part = unicodedata.normalize("NFC", _LONE_SURROGATES.sub("_", part))
    part = _FORBIDDEN.sub("_", part).rstrip(". ")
    if _RESERVED.match(part):
        part = f"_{part}"
    stem, suffix = split_suffix(part or "_")
    return shorten(stem, suffix)


def split_suffix(name: str) -> tuple[str, str]:
    """A name's stem and suffix: ("photo", ".jpg"). An ending of more than 16 bytes, its dot included, is no suffix."""
    stem, dot, suffix = name.rpartition(".")
    if not stem or not dot or len(suffix.encode(errors="surrogateescape")) > 15:
        return name, ""
    return stem, f".{suffix}"


def shorten(stem: str, tail: str) -> str:
    """`stem` + `tail` in at most 255 bytes. Cuts the stem between two characters; the tail stays whole."""
    room = NAME_BYTES - len(tail.encode())
    encoded = stem.encode()
    if len(encoded) > room:
        # A cut may uncover a space or a dot, which Windows drops from the end of a name without a suffix.
        stem = encoded[:room].decode(errors="ignore").rstrip(". ")
    return stem + tail
