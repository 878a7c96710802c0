"""Joins JPEGs of one size to a tall one, so that one decoder goes through all of them (ITU-T T.81, B.2).

In the strips and tiles of a TIFF each JPEG has its own coded data, and mostly the same headers. They become restart
intervals of one picture. Others are handed on one by one.
"""

import re
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby

from daemon.pictures.jpeg_end import EOI

_SOI, _DRI, _SOS = b"\xff\xd8", 0xDD, 0xDA
_SEQUENTIAL = (0xC0, 0xC1)  # frames whose data are coded once, from the first row to the last
_MARKER = re.compile(rb"\xff[^\x00\xff]", re.DOTALL)
_BLOCK = 8  # pixels
_MOST_ROWS, _MOST_UNITS = 65_500, 65_535  # libjpeg's limit, and that of a restart interval
_ROWS_BEHIND = 128  # a decoder that shrinks by 8 is asked for so many at once, and its warnings are seen at the next
_MOST_BYTES = 1 << 22  # of those that are joined


@dataclass(frozen=True, slots=True)
class Joined:
    """One JPEG, and the parts that it was made of.

    is_joined: its last rows are no part's. is_wide: it can be decoded at an eighth of its size.
    """

    content: bytes
    parts: tuple[bytes, ...]
    is_joined: bool = False
    is_wide: bool = False


@dataclass(frozen=True, slots=True)
class _Headers:
    """What stands before the coded data. frame: where the frame header begins in it, scan: the scan header."""

    content: bytes
    frame: int
    scan: int
    rows: int
    units: int
    is_wide: bool

    def for_copies(self, copies: int) -> bytes:
        """Headers of a picture of so many, each a restart interval."""
        rows, interval = struct.pack(">H", self.rows * copies), struct.pack(">BBHH", 0xFF, _DRI, 4, self.units)
        start, frame = self.content[: self.frame + 5], self.content[self.frame + 7 : self.scan]
        return start + rows + frame + interval + self.content[self.scan :]


def joined(parts: Iterable[bytes], tables: bytes) -> Iterator[Joined]:
    """The JPEGs one after the other, joined where that can be.

    tables: a JPEG without a picture, whose tables they share; b"" for none. Behind the last of those that are joined,
    the first stands again as often as a decoder needs to tell what is wrong with the last.
    """
    shared = tables[2:].removesuffix(EOI) if tables.startswith(_SOI) else b""
    whole = ((_SOI + shared + part[2:], part) for part in parts)
    split = ((_split(content), content, part) for content, part in whole)
    for headers, group in groupby(split, key=lambda found: found[0] and found[0][0]):
        if headers is None:
            yield from (Joined(content + EOI, (part,)) for _, content, part in group)
            continue
        coded, raw, length = list[bytes](), list[bytes](), 0
        behind = -(-_ROWS_BEHIND // headers.rows)
        for found, _, part in group:
            if (len(coded) + 1 + behind) * headers.rows > _MOST_ROWS or length > _MOST_BYTES:
                yield _one(headers, coded, raw, behind)
                coded, raw, length = [], [], 0
            assert found
            coded.append(found[1])
            raw.append(part)
            length += len(part)
        yield _one(headers, coded, raw, behind)


def _one(headers: _Headers, coded: list[bytes], parts: list[bytes], behind: int) -> Joined:
    all_data = coded + coded[:1] * behind
    marks = (bytes((0xFF, 0xD0 + number % 8)) for number in range(len(all_data)))
    data = b"".join(piece for pair in zip(all_data, marks, strict=True) for piece in pair)[:-2]
    return Joined(headers.for_copies(len(all_data)) + data + EOI, tuple(parts), True, headers.is_wide)


def _split(content: bytes) -> tuple[_Headers, bytes] | None:
    """The headers and the coded data of a JPEG; None if it is none whose data can be a restart interval."""
    try:
        headers = _headers(content)
    except (struct.error, IndexError):
        return None
    end = headers and _MARKER.search(content, len(headers.content))
    if headers is None or not end or end.group() != EOI:
        return None
    return headers, content[len(headers.content) : end.start()]


def _headers(content: bytes) -> _Headers | None:
    at, frame = 2, 0
    while content[at] == 0xFF:
        kind, (length,) = content[at + 1], struct.unpack_from(">H", content, at + 2)
        if kind == _DRI or (0xC0 <= kind <= 0xCF and kind not in (*_SEQUENTIAL, 0xC4)) or length < 2:
            return None
        if kind in _SEQUENTIAL:
            frame = at
        if kind == _SOS:
            return _measured(content[: at + 2 + length], frame, at)
        at += 2 + length
    return None


def _measured(content: bytes, frame: int, scan: int) -> _Headers | None:
    """Headers with the size of the picture, if one scan has all of its colours."""
    height, width, colours = struct.unpack_from(">HHB", content, frame + 5)
    if not frame or not height or content[scan + 4] != colours:
        return None
    factors = [content[frame + 11 + 3 * number] for number in range(colours)]
    wide, high = (_BLOCK, _BLOCK) if colours == 1 else (
        _BLOCK * max(factor >> 4 for factor in factors), _BLOCK * max(factor & 15 for factor in factors)
    )  # fmt: skip
    across, down = -(-width // wide), -(-height // high)
    rows, units = down * high, across * down
    if units > _MOST_UNITS or rows + max(rows, _ROWS_BEHIND + rows) > _MOST_ROWS:
        return None
    return _Headers(content, frame, scan, rows, units, width >= _BLOCK)
