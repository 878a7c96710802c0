"""What EXIF says of a picture's making, between EXIF blocks and the fields of a TIFF.

In a TIFF the fields of EXIF stand among the tags of the picture (CIPA DC-008, 4.6), each directory where the file has
room. What only means something inside one file (maker notes with offsets of their own, the layout of the pixels) does
not travel. libvips reads none of it in a TIFF and writes none, and IPTC with a wrong length.
"""

import os
import struct
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

from daemon.pictures.tiff_directory import (
    Dialect,
    Field,
    Read,
    dialect_of,
    entries_at,
    fields_at,
    laid_out,
    numbers,
    plain,
    turned,
)

_DESCRIPTIONS = frozenset({0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298})
_EXIF, _GPS, _IPTC = 0x8769, 0x8825, 0x83BB
_MAKER_NOTE, _INTEROPERABILITY = 0x927C, 0xA005
_WIDTH, _HEIGHT = 0xA002, 0xA003
_PREFIX = b"Exif\0\0"


@dataclass(frozen=True, slots=True)
class Making:
    """The fields that tell of it, in one byte order."""

    order: str
    described: dict[int, Field]
    details: dict[int, Field] = field(default_factory=dict)
    place: dict[int, Field] = field(default_factory=dict)

    @property
    def block(self) -> bytes | None:
        """An EXIF block of them; None where there are none."""
        if not (self.described or self.details or self.place):
            return None
        body, first = _behind(self, plain(self.order, 8), 8)
        mark = b"II" if self.order == "<" else b"MM"
        return _PREFIX + mark + struct.pack(self.order + "HI", 42, first) + body


def making_of(read: Read, dialect: Dialect, position: int) -> Making:
    """What the directory at `position` and those it leads to say. Raises struct.error."""
    fields = fields_at(read, dialect, position)
    below = []
    for tag in (_EXIF, _GPS):
        found: dict[int, Field] = {}
        if at := next(iter(numbers(dialect, fields, tag)), 0):
            with suppress(struct.error):
                found = fields_at(read, dialect, at)
        below.append({tag: value for tag, value in found.items() if tag not in (_MAKER_NOTE, _INTEROPERABILITY)})
    return Making(dialect.order, {tag: value for tag, value in fields.items() if tag in _DESCRIPTIONS}, *below)


def put_into_tiff(descriptor: int, exif: bytes | None, iptc: bytes | None, size: tuple[int, int]) -> None:
    """Add an EXIF block and IPTC records to a TIFF that was just written. size: of its picture, (width, height).

    Its first directory is written anew behind its end, then its header is turned to that. Raises OSError.
    """
    read = partial(os.pread, descriptor)
    dialect = dialect_of(read)
    assert dialect  # we wrote it
    making = _in_block(exif or b"", dialect.order)
    for tag, pixels in zip((_WIDTH, _HEIGHT), size, strict=True):
        if tag in making.details:
            making.details[tag] = 4, 1, struct.pack(dialect.order + "I", pixels)
    if iptc:
        whole = iptc + bytes(-len(iptc) % 4)  # as numbers of 4 bytes, which they are not, but every program has it so
        making.described[_IPTC] = 4, len(whole) // 4, whole
    if making.block is None:
        return
    end = os.lseek(descriptor, 0, os.SEEK_END)
    start = end + end % 2
    body, first = _behind(making, dialect, start, entries_at(read, dialect, dialect.first))
    _write(descriptor, bytes(start - end) + body, end)
    _write(descriptor, struct.pack(dialect.order + dialect.offset, first), 4 if dialect.room == 4 else 8)


def _in_block(exif: bytes, wanted: str) -> Making:
    """What an EXIF block says, in another byte order; nothing where it is broken."""
    content = exif.removeprefix(_PREFIX)

    def read(length: int, position: int) -> bytes:
        return content[position : position + length]

    with suppress(struct.error):
        dialect = dialect_of(read)
        if dialect:
            found = making_of(read, dialect, dialect.first)
            parts = (turned(part, dialect.order, wanted) for part in (found.described, found.details, found.place))
            return Making(wanted, *parts)
    return Making(wanted, {})


def _behind(making: Making, dialect: Dialect, start: int, kept: dict[int, bytes] | None = None) -> tuple[bytes, int]:
    """The directories as they lie from `start` on, and where the first one is: behind those it leads to."""
    body, fields = b"", dict(making.described)
    for tag, below in ((_EXIF, making.details), (_GPS, making.place)):
        if below:
            fields[tag] = dialect.pointer(start + len(body))
            body += laid_out(dialect, below, start + len(body))
    return body + laid_out(dialect, fields, start + len(body), kept), start + len(body)


def _write(descriptor: int, content: bytes, position: int) -> None:
    while content:
        written = os.pwrite(descriptor, content, position)
        content, position = content[written:], position + written
