"""What a TIFF says of itself that libvips does not read: its making, as an EXIF block, its records and channels.

In a TIFF the fields of EXIF stand among the tags of the picture (TIFF 6.0, 2; CIPA DC-008, 4.6). Descriptions and the
EXIF directory are copied as they are, in the file's own byte order; what only means something inside that one file
(maker notes with offsets of their own, the layout of the pixels) is not. BigTIFF is followed like TIFF.
"""

import os
import struct
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import islice
from typing import NamedTuple

_DESCRIPTIONS = frozenset({0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298})
_EXIF_DIRECTORY = 0x8769
_IPTC = 0x83BB
_NEW_SUBFILE_TYPE = 0x00FE
_DNG_VERSION = 0xC612
_EXTRA_SAMPLES = 0x0152
_COMPRESSION, _PHOTOMETRIC = 0x0103, 0x0106
_JPEG, _YCBCR = (6, 7), 6
_SMALLER_VERSION, _MASK = 1, 4  # of NewSubfileType
_NO_SELECTION = (1, 2)  # of ExtraSamples: an alpha, premultiplied or not
_MAKER_NOTE, _INTEROPERABILITY = 0x927C, 0xA005
_VALUE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8}  # of one value, by the type's number
_WHOLE_NUMBERS = {1: "B", 3: "H", 4: "I"}  # types that hold counts and offsets, as struct has them
_MOST_ENTRIES = 512
_MOST_PAGES = 10_000
_MOST_OFFSET = 2**63 - 1  # of a file, to the system
_MOST_BYTES = 16384  # of one field; longer ones are pictures or private

_Field = tuple[int, int, bytes]
"""Type, number of values, the values."""


def pages_of(descriptor: int) -> tuple[int, ...]:
    """Which pages of an open TIFF are pictures of their own, counted from 0; smaller versions and masks are not.

    (0,) at least, also where the file cannot be followed. One directory after the other, and no page's data.
    """
    pictures: list[int] = []
    with suppress(struct.error):
        dialect = _dialect_of(descriptor)
        for page, position in enumerate(_directories(descriptor, dialect)):
            assert dialect  # only then there are directories
            kind = _numbers(dialect, dict(_fields(descriptor, dialect, position)), _NEW_SUBFILE_TYPE)
            if not kind or not kind[0] & (_SMALLER_VERSION | _MASK):
                pictures.append(page)
    return tuple(pictures) or (0,)


class Tags:
    """The fields of one page of a TIFF; those that cannot be followed are as if they were not there."""

    def __init__(self, descriptor: int, page: int = 0) -> None:
        self._descriptor = descriptor
        self._dialect: _Dialect | None = None
        self._first: Mapping[int, _Field] = {}
        with suppress(struct.error):
            self._dialect = _dialect_of(descriptor)
            position = next(islice(_directories(descriptor, self._dialect), page, None), None)
            if self._dialect and position:
                self._first = dict(_fields(descriptor, self._dialect, position))

    @property
    def exif(self) -> bytes | None:
        """An EXIF block, or None where the file says nothing of its making."""
        described = {tag: field for tag, field in self._first.items() if tag in _DESCRIPTIONS}
        details: dict[int, _Field] = {}
        position = self._number(_EXIF_DIRECTORY)
        if self._dialect and position:
            with suppress(struct.error):
                details = dict(_fields(self._descriptor, self._dialect, position))
            for tag in (_MAKER_NOTE, _INTEROPERABILITY):
                details.pop(tag, None)
        return _block(self._dialect.order, described, details) if self._dialect and (described or details) else None

    @property
    def iptc(self) -> bytes | None:
        """The IPTC records, or None; libvips 8.18 gives a quarter of them."""
        field = self._first.get(_IPTC)
        return field and field[2]

    @property
    def alpha_extra(self) -> int | None:
        """Which of the channels beside the colours is the alpha, counted from 0; None where it is none of them.

        ExtraSamples says so with 1 or 2; 0 is what Photoshop gives a saved selection, which is nobody's transparency.
        """
        if _EXTRA_SAMPLES not in self._first:
            return 0
        kinds = self._numbers(_EXTRA_SAMPLES)
        return next((place for place, kind in enumerate(kinds) if kind in _NO_SELECTION), None)

    @property
    def begins_with_a_preview(self) -> bool:
        """Whether the first picture is only a small version of another one, as in camera RAW files (DNG, NEF, ARW)."""
        return _DNG_VERSION in self._first or bool((self._number(_NEW_SUBFILE_TYPE) or 0) & _SMALLER_VERSION)

    @property
    def in_bare_ycbcr(self) -> bool:
        """Whether its colours are luma and chroma without JPEG around them; libvips takes them for RGB."""
        return self._number(_PHOTOMETRIC) == _YCBCR and self._number(_COMPRESSION) not in _JPEG

    def _number(self, tag: int) -> int | None:
        return next(iter(self._numbers(tag)), None)

    def _numbers(self, tag: int) -> tuple[int, ...]:
        return _numbers(self._dialect, self._first, tag) if self._dialect else ()


class _Dialect(NamedTuple):
    """How a TIFF writes: order, "<" or ">"; where its first page is; numbers, offsets, entries, as struct has them."""

    order: str
    first: int
    number: str
    offset: str
    entry: str

    @property
    def room(self) -> int:
        """The bytes of a value that stand in its entry itself."""
        return int(self.entry[-2])


def _dialect_of(descriptor: int) -> _Dialect | None:
    """None where it is no TIFF. Raises struct.error where its header is cut off."""
    head = os.pread(descriptor, 16, 0)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None:
        return None
    if head[2:4] in (b"+\0", b"\0+"):  # BigTIFF
        return _Dialect(order, struct.unpack(order + "Q", head[8:])[0], "Q", "Q", "HHQ8s")
    return _Dialect(order, struct.unpack(order + "I", head[4:8])[0], "H", "I", "HHI4s")


def _directories(descriptor: int, dialect: _Dialect | None) -> Iterator[int]:
    """Where each page's fields are, as far as the chain can be followed. Raises struct.error."""
    position, seen = dialect.first if dialect else 0, set[int]()
    while dialect and 0 < position <= _MOST_OFFSET and position not in seen and len(seen) < _MOST_PAGES:
        yield position
        seen.add(position)
        count, link = struct.Struct(dialect.order + dialect.number), struct.Struct(dialect.order + dialect.offset)
        (entries,) = count.unpack(os.pread(descriptor, count.size, position))
        behind = position + count.size + entries * struct.calcsize(dialect.order + dialect.entry)
        if behind > _MOST_OFFSET:
            return
        (position,) = link.unpack(os.pread(descriptor, link.size, behind))


def _numbers(dialect: _Dialect, fields: Mapping[int, _Field], tag: int) -> tuple[int, ...]:
    """The whole numbers of a field; none where it is not there, or holds something else."""
    kind, number, content = fields.get(tag, (0, 0, b""))
    return struct.unpack(f"{dialect.order}{number}{_WHOLE_NUMBERS[kind]}", content) if kind in _WHOLE_NUMBERS else ()


def _fields(descriptor: int, dialect: _Dialect, position: int) -> Iterator[tuple[int, _Field]]:
    """The fields of the directory at `position`, as far as they can be read. Raises struct.error."""
    count, entry = struct.Struct(dialect.order + dialect.number), struct.Struct(dialect.order + dialect.entry)
    if position > _MOST_OFFSET:
        return
    (entries,) = count.unpack(os.pread(descriptor, count.size, position))
    table = os.pread(descriptor, entry.size * min(entries, _MOST_ENTRIES), position + count.size)
    for tag, kind, number, value in entry.iter_unpack(table):
        size = number * _VALUE_BYTES.get(kind, 0)
        if 0 < size <= dialect.room:
            yield tag, (kind, number, value[:size])
        elif dialect.room < size <= _MOST_BYTES:
            at = struct.unpack(dialect.order + dialect.offset, value)[0]
            content = os.pread(descriptor, size, at) if at <= _MOST_OFFSET else b""
            if len(content) == size:
                yield tag, (kind, number, content)


def _block(order: str, described: Mapping[int, _Field], details: Mapping[int, _Field]) -> bytes:
    """An EXIF block: a small TIFF of two directories without a picture."""
    fields = dict(described)
    behind = 8 + _directory_bytes(len(described) + bool(details)) + sum(_outside(field) for field in described.values())
    if details:
        fields[_EXIF_DIRECTORY] = (4, 1, struct.pack(order + "I", behind))
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    block = head + _directory(order, fields, 8)
    if details:
        block += _directory(order, details, len(block))
    return b"Exif\0\0" + block


def _directory(order: str, fields: Mapping[int, _Field], start: int) -> bytes:
    table, values = struct.pack(order + "H", len(fields)), b""
    behind = start + _directory_bytes(len(fields))
    for tag, (kind, number, content) in sorted(fields.items()):
        if len(content) <= 4:
            place = content.ljust(4, b"\0")
        else:
            place = struct.pack(order + "I", behind + len(values))
            values += content + b"\0" * (len(content) % 2)  # values begin at even offsets
        table += struct.pack(order + "HHI4s", tag, kind, number, place)
    return table + b"\0\0\0\0" + values


def _directory_bytes(fields: int) -> int:
    return 2 + 12 * fields + 4


def _outside(field: _Field) -> int:
    """The bytes that a field takes behind its directory."""
    size = len(field[2])
    return 0 if size <= 4 else size + size % 2
