"""What the boxes of a HEIC or AVIF say of its main picture's colours, and its decoders do not.

After ISO/IEC 14496-12 (boxes; 12.1.5, colr) and ISO/IEC 23008-12 (6.5.6, pixi; 9.3.1, ipma). Files come from strangers:
what cannot be followed says nothing.
"""

import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

_MOST_BOXES = 64  # at the top of a file, before the one that describes the pictures
_MOST_META_BYTES = 1 << 22  # of pictures of thousands of tiles
_GAIN_MAPS = (b"urn:com:apple:photo:2020:aux:hdrgainmap", b"urn:iso:std:iso:ts:21496:-1")


@dataclass(frozen=True, slots=True)
class HeifColours:
    """Of the main picture.

    primaries, transfer: by their numbers in ITU-T H.273, 2 if the file does not say. is_full_range: whether black is 0,
    not 16 of 255. is_grey: whether it has no colours. has_gain_map: whether a map beside it makes it brighter on
    screens of a high dynamic range.
    """

    primaries: int = 2
    transfer: int = 2
    is_full_range: bool = True
    is_grey: bool = False
    has_gain_map: bool = False


def heif_colours(descriptor: int) -> HeifColours:
    """What an open HEIC or AVIF says of its colours."""
    with suppress(struct.error):
        return _colours_in(_meta(descriptor))
    return HeifColours()


def full_range(bits: int, full: int) -> tuple[float, float]:
    """Of values with so many bits whose black is 16 of 255 and white 235: black, and by what all beyond it grows.

    full: the value of all ones, to which such values were scaled.
    """
    unit, most = 1 << (bits - 8), (1 << bits) - 1
    return 16 * unit / most * full, most / (219 * unit)


def _meta(descriptor: int) -> bytes:
    """The content of the box that describes the pictures; nothing if there is none."""
    position = 0
    for _ in range(_MOST_BOXES):
        head = os.pread(descriptor, 16, position)
        size, kind = struct.unpack_from(">I4s", head)
        begin = 16 if size == 1 else 8
        if size == 1:
            (size,) = struct.unpack_from(">Q", head, 8)
        if kind == b"meta":
            return os.pread(descriptor, min(max(size - begin, 0), _MOST_META_BYTES), position + begin)
        if size < begin or position + size >= 2**62:
            break
        position += size
    return b""


def _colours_in(meta: bytes) -> HeifColours:
    inside = dict(_boxes(meta[4:]))  # of several of a kind, the last one; there is one of each that is asked for
    parts = dict(_boxes(inside.get(b"iprp", b"")))
    properties = list(_boxes(parts.get(b"ipco", b"")))
    numbers = _numbers_of(_main_item(inside.get(b"pitm", b"")), parts.get(b"ipma", b""))
    mine = [properties[number - 1] for number in numbers if 0 < number <= len(properties)]
    nclx = next((content for kind, content in mine if kind == b"colr" and content[:4] == b"nclx"), b"")
    primaries, transfer = struct.unpack_from(">HH", nclx, 4) if len(nclx) >= 11 else (2, 2)
    is_full_range = bool(nclx[10] & 0x80) if len(nclx) >= 11 else True
    channels = next((content[4] for kind, content in mine if kind == b"pixi" and len(content) > 4), 3)
    has_gain_map = any(name in meta for name in _GAIN_MAPS)
    return HeifColours(primaries, transfer, is_full_range, channels == 1, has_gain_map)


def _boxes(content: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Kind and content of each box, as far as they are whole."""
    position = 0
    while position + 8 <= len(content):
        size, kind = struct.unpack_from(">I4s", content, position)
        begin = 8
        if size == 1 and position + 16 <= len(content):
            (size,) = struct.unpack_from(">Q", content, position + 8)
            begin = 16
        end = position + size if size else len(content)
        if end < position + begin or end > len(content):
            return
        yield kind, content[position + begin : end]
        position = end


def _main_item(pitm: bytes) -> int:
    return int(struct.unpack_from(">H" if pitm[:1] == b"\0" else ">I", pitm, 4)[0])


def _numbers_of(item: int, ipma: bytes) -> list[int]:
    """The properties of an item by their places in the list of all, from 1."""
    wide_item, wide_number = ipma[:1] != b"\0", bool(ipma[3:4] and ipma[3] & 1)
    (entries,), position = struct.unpack_from(">I", ipma, 4), 8
    for _ in range(entries):
        found, count = struct.unpack_from(">IB" if wide_item else ">HB", ipma, position)
        position += 5 if wide_item else 3
        numbers = struct.unpack_from(f">{count}{'H' if wide_number else 'B'}", ipma, position)
        position += count * (2 if wide_number else 1)
        if found == item:
            return [number & (0x7FFF if wide_number else 0x7F) for number in numbers]
    return []
