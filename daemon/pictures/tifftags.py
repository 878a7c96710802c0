"""What a TIFF says of itself that libvips does not read: its making, as an EXIF block, its records and channels.

In a TIFF the fields of EXIF stand among the tags of the picture (TIFF 6.0, 2; CIPA DC-008, 4.6). Descriptions and the
EXIF directory are copied as they are, in the file's own byte order; what only means something inside that one file
(maker notes with offsets of their own, the layout of the pixels) is not. BigTIFF has no EXIF.
"""

import os
import struct
from collections.abc import Iterator, Mapping

_DESCRIPTIONS = frozenset({0x010E, 0x010F, 0x0110, 0x0131, 0x0132, 0x013B, 0x8298})
_EXIF_DIRECTORY = 0x8769
_IPTC = 0x83BB
_NEW_SUBFILE_TYPE = 0x00FE
_DNG_VERSION = 0xC612
_EXTRA_SAMPLES = 0x0152
_MAKER_NOTE, _INTEROPERABILITY = 0x927C, 0xA005
_VALUE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8}  # of one value, by the type's number
_MOST_ENTRIES = 512
_MOST_BYTES = 16384  # of one field; longer ones are pictures or private

_Field = tuple[int, int, bytes]
"""Type, number of values, the values."""


def exif_of(descriptor: int) -> bytes | None:
    """The EXIF block of an open TIFF, or None where it says nothing or cannot be followed."""
    try:
        order, first = _first_directory(descriptor)
        described = {tag: field for tag, field in first.items() if tag in _DESCRIPTIONS}
        directory = first.get(_EXIF_DIRECTORY)
        details = {}
        if directory is not None and directory[0] == 4 and directory[1] == 1:
            details = dict(_fields(descriptor, order, struct.unpack(order + "I", directory[2])[0]))
            details.pop(_MAKER_NOTE, None)
            details.pop(_INTEROPERABILITY, None)
    except (KeyError, struct.error):
        return None
    return _block(order, described, details) if described or details else None


def iptc_of(descriptor: int) -> bytes | None:
    """The IPTC records of an open TIFF, or None; libvips 8.18 gives a quarter of them."""
    try:
        _, first = _first_directory(descriptor)
    except (KeyError, struct.error):
        return None
    field = first.get(_IPTC)
    return field and field[2]


def extra_is_alpha(descriptor: int) -> bool:
    """Whether the channel beside the colours is an alpha.

    ExtraSamples says so with 1 or 2; 0 is what Photoshop gives a saved selection, which is nobody's transparency.
    True where a TIFF cannot be followed here (BigTIFF).
    """
    try:
        order, first = _first_directory(descriptor)
        return _EXTRA_SAMPLES not in first or struct.unpack_from(order + "H", first[_EXTRA_SAMPLES][2])[0] in (1, 2)
    except (KeyError, struct.error):
        return True


def begins_with_a_preview(descriptor: int) -> bool:
    """Whether the first picture is only a small version of another one, as in camera RAW files (DNG, NEF, ARW)."""
    try:
        order, first = _first_directory(descriptor)
        if _DNG_VERSION in first:
            return True
        kind, _, value = first.get(_NEW_SUBFILE_TYPE, (0, 0, b""))
        return kind == 4 and bool(struct.unpack(order + "I", value)[0] & 1)
    except (KeyError, struct.error):
        return False


def _first_directory(descriptor: int) -> tuple[str, dict[int, _Field]]:
    """The byte order, "<" or ">", and the fields of the first page. Raises KeyError or struct.error."""
    order = {b"II*\0": "<", b"MM\0*": ">"}[os.pread(descriptor, 4, 0)]
    (position,) = struct.unpack(order + "I", os.pread(descriptor, 4, 4))
    return order, dict(_fields(descriptor, order, position))


def _fields(descriptor: int, order: str, position: int) -> Iterator[tuple[int, _Field]]:
    """The fields of the directory at `position`, as far as they can be read. Raises struct.error."""
    (entries,) = struct.unpack(order + "H", os.pread(descriptor, 2, position))
    table = os.pread(descriptor, 12 * min(entries, _MOST_ENTRIES), position + 2)
    for tag, kind, number, value in struct.iter_unpack(order + "HHI4s", table):
        size = number * _VALUE_BYTES.get(kind, 0)
        if 0 < size <= 4:
            yield tag, (kind, number, value[:size])
        elif 4 < size <= _MOST_BYTES:
            content = os.pread(descriptor, size, struct.unpack(order + "I", value)[0])
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
