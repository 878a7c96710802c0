"""Fields of EXIF on their way between EXIF blocks and TIFF files.

In a TIFF the fields of EXIF stand among the tags of the picture (CIPA DC-008, 4.6), each directory where the file has
room. What has a meaning only inside one file (maker notes with offsets of their own, the layout of the pixels) does not
travel. libvips neither reads nor writes EXIF in a TIFF, and writes IPTC with a wrong length.
"""

import os
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from daemon.pictures.tiff_directory import (
    VALUE_BYTES,
    Dialect,
    Directory,
    Field,
    dialect_of,
    directory_at,
    in_memory,
    laid_out_directory,
)

PREFIX = b"Exif\0\0"
"""What an EXIF block begins with in most files."""

_DESCRIPTIONS = frozenset({0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298})
_EXIF, _GPS, _IPTC = 0x8769, 0x8825, 0x83BB
_MAKER_NOTE, _INTEROPERABILITY = 0x927C, 0xA005
_WIDTH, _HEIGHT = 0xA002, 0xA003
_LONG, _LONG8 = 4, 16  # types of offsets
_HALF_BYTES = {5: 4, 10: 4}  # of types whose value consists of two numbers


@dataclass(frozen=True, slots=True)
class ExifFields:
    """The fields that travel, in one byte order.

    picture: of the picture's own directory (who made it, with what). capture: of the EXIF directory. place: of GPS.
    """

    order: str
    picture: dict[int, Field]
    capture: dict[int, Field] = field(default_factory=dict)
    place: dict[int, Field] = field(default_factory=dict)

    @property
    def block(self) -> bytes | None:
        """An EXIF block of these fields; None if there are none."""
        if not (self.picture or self.capture or self.place):
            return None
        body, first = _laid_out(self, Dialect(self.order, 8), 8)
        return PREFIX + (b"II" if self.order == "<" else b"MM") + struct.pack(self.order + "HI", 42, first) + body

    def in_order(self, wanted: str) -> "ExifFields":
        """The same fields in the byte order `wanted`, "<" or ">"."""
        if self.order == wanted:
            return self
        parts = (
            {tag: Field(each.kind, each.number, _reversed(each)) for tag, each in part.items()}
            for part in (self.picture, self.capture, self.place)
        )
        return ExifFields(wanted, *parts)


def exif_fields_of(page: Directory) -> ExifFields:
    """The fields of EXIF in a page's directory and in those it leads to; a directory that is not there has none."""
    below = []
    for tag in (_EXIF, _GPS):
        found: dict[int, Field] = {}
        with suppress(struct.error):
            found = directory_at(page.read, page.dialect, page.first_number(tag) or 0).fields()
        below.append({tag: value for tag, value in found.items() if tag not in (_MAKER_NOTE, _INTEROPERABILITY)})
    picture = {tag: value for tag in _DESCRIPTIONS if (value := page.field(tag))}
    return ExifFields(page.dialect.order, picture, *below)


def put_into_tiff(descriptor: int, exif: bytes | None, iptc: bytes | None, size: tuple[int, int]) -> None:
    """Add an EXIF block and IPTC records to a TIFF that was just written. size: of its picture, (width, height).

    Writes the first directory again behind the file's end, then lets the header point to it. Raises OSError.
    """
    read = partial(os.pread, descriptor)
    dialect = dialect_of(read)
    assert dialect  # we wrote it
    fields = fields_in(exif or b"", dialect.order)
    for tag, pixels in zip((_WIDTH, _HEIGHT), size, strict=True):
        if tag in fields.capture:
            fields.capture[tag] = Field(_LONG, 1, struct.pack(dialect.order + "I", pixels))
    if iptc:
        whole = iptc + bytes(-len(iptc) % 4)  # as numbers of 4 bytes, which they are not, but every program has it so
        fields.picture[_IPTC] = Field(_LONG, len(whole) // 4, whole)
    if fields.block is None:
        return
    end = os.lseek(descriptor, 0, os.SEEK_END)
    start = end + end % 2
    body, first = _laid_out(fields, dialect, start, directory_at(read, dialect, dialect.first).rows)
    _write(descriptor, bytes(start - end) + body, end)
    _write(descriptor, dialect.offset.pack(first), 8 if dialect.is_big else 4)


def fields_in(exif: bytes, order: str) -> ExifFields:
    """The fields of an EXIF block that travel, in the byte order `order`; none if it is broken."""
    read = in_memory(exif.removeprefix(PREFIX))
    with suppress(struct.error):
        if dialect := dialect_of(read):
            return exif_fields_of(directory_at(read, dialect, dialect.first)).in_order(order)
    return ExifFields(order, {})


def _reversed(value: Field) -> bytes:
    """The content of a field in the other byte order."""
    size = _HALF_BYTES.get(value.kind, VALUE_BYTES[value.kind])
    return np.frombuffer(value.content, np.uint8).reshape(-1, size)[:, ::-1].tobytes()


def _laid_out(
    fields: ExifFields, dialect: Dialect, start: int, kept: Mapping[int, bytes] | None = None
) -> tuple[bytes, int]:
    """The directories as they lie from `start` on, and where the first one begins: behind those it leads to.

    kept: entries that go into the first directory as they are, by tag.
    """
    body, first = b"", dict(fields.picture)
    for tag, below in ((_EXIF, fields.capture), (_GPS, fields.place)):
        if below:
            position = dialect.offset.pack(start + len(body))
            first[tag] = Field(_LONG8 if dialect.is_big else _LONG, 1, position)
            body += laid_out_directory(dialect, below, start + len(body), {})
    return body + laid_out_directory(dialect, first, start + len(body), kept or {}), start + len(body)


def _write(descriptor: int, content: bytes, position: int) -> None:
    while content:
        written = os.pwrite(descriptor, content, position)
        content, position = content[written:], position + written
