"""Reads from a result PNG which picture it was computed from. ComfyUI writes the prompt into every PNG. Pure."""

import json
import struct
from collections.abc import Iterator

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
SHA256_HEX_DIGITS = 64


def loaded_digest(png: bytes) -> str | None:
    """The SHA-256, in hex, of the file that LoadImage really read.

    ComfyUI notes it beside LoadImage in the prompt that the PNG carries. Returns None if the server leaves the prompt
    out (--disable-metadata) or if the prompt has no such hash.
    """
    for name, text in _png_texts(png):
        if name != b"prompt":
            continue
        try:
            nodes = json.loads(text)
        except ValueError:
            return None
        for node in nodes.values() if isinstance(nodes, dict) else ():
            changed = node.get("is_changed") if isinstance(node, dict) else None
            if isinstance(changed, list) and changed and len(str(changed[0])) == SHA256_HEX_DIGITS:
                return str(changed[0])
    return None


def _png_texts(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The (keyword, text) pairs of a PNG's tEXt chunks. Source: PNG specification, 5.3 and 11.3.3."""
    if not png.startswith(PNG_SIGNATURE):
        return
    at = len(PNG_SIGNATURE)
    while at + 8 <= len(png):
        (length,) = struct.unpack_from(">I", png, at)
        kind = png[at + 4 : at + 8]
        if kind == b"IDAT":  # ComfyUI writes its texts before the pixels
            return
        if kind == b"tEXt":
            name, _, text = png[at + 8 : at + 8 + length].partition(b"\0")
            yield name, text
        at += length + 12
