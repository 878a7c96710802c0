"""Follows a JPEG 2000 codestream by its markers (ISO/IEC 15444-1, annex A); decodes nothing."""

import struct
from typing import NamedTuple

from daemon.errors import NotWholeYet, Said
from daemon.pictures.partial_file import Doubtful, PartialFile

START = b"\xff\x4f\xff\x51"
"""SOC and SIZ, with which each codestream begins."""
HEAD_BYTES = 4 + 38 + 3 * 256
"""As far as the components of any sensible picture are told of."""

_SOT, _EOC = b"\xff\x90", b"\xff\xd9"
_MOST_PARTS = 100_000
_NOT_SIZED = 0  # of a tile part: it reaches to the end mark; allowed for the last one


class Component(NamedTuple):
    """One channel as it lies in the codestream. bits: of a value. is_whole: whether it has a value for each pixel."""

    bits: int
    is_signed: bool
    is_whole: bool


class Size(NamedTuple):
    """What SIZ says (A.5.1). is_at_origin: whether the picture begins where its grid does."""

    width: int
    height: int
    is_at_origin: bool
    components: tuple[Component, ...]


def size_in(head: bytes) -> Size:
    """What the first HEAD_BYTES of a codestream say of its picture. Raises struct.error if they are too few."""
    right, bottom, left, top = struct.unpack_from(">4I", head, 8)
    (count,) = struct.unpack_from(">H", head, 40)
    if count > 256:
        raise struct.error("more components than any picture has")
    told = struct.unpack_from(f">{3 * count}B", head, 42)
    parts = tuple(
        Component((depth & 0x7F) + 1, depth > 0x7F, across == down == 1)
        for depth, across, down in zip(told[::3], told[1::3], told[2::3], strict=True)
    )
    return Size(max(0, right - left), max(0, bottom - top), left == top == 0, parts)


def end_of(file: PartialFile, start: int, end: int) -> int:
    """Where a codestream ends: behind its end mark. end: of what can belong to it.

    Raises NotWholeYet if a tile part or the mark is missing, and Doubtful if there are very many parts.
    """
    what = "jp2_end"
    position = start + 2
    for _ in range(_MOST_PARTS):
        if position + 2 > end:
            break
        marker = file.exactly(position, 2, what)
        if marker == _EOC:
            return position + 2
        if marker[:1] != b"\xff":
            raise NotWholeYet(Said("jp2_gap"))
        if marker != _SOT:
            position += 2 + struct.unpack(">H", file.exactly(position + 2, 2, what))[0]
            continue
        (length,) = struct.unpack(">I", file.exactly(position + 6, 4, what))
        position = max(position + 12, end - 2) if length == _NOT_SIZED else position + max(length, 12)
    else:
        raise Doubtful(Said("too_many_parts"))
    raise NotWholeYet(Said("ends_before", what=Said(what)))
