"""What the boxes of a JP2 or JPX file say of its picture, and where they end (ISO/IEC 15444-1, annex I)."""

import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from daemon.errors import Said
from daemon.pictures import jp2_codestream
from daemon.pictures.box_walk import follow_boxes
from daemon.pictures.codec_errors import Undecodable, Unsupported
from daemon.pictures.exif_in_tiff import PREFIX
from daemon.pictures.jp2_codestream import START, Size
from daemon.pictures.partial_file import PartialFile
from daemon.pictures.values import METRES_PER_INCH, Metadata, across_and_down, is_sensible

SRGB, GREY, SYCC, CMYK = 16, 17, 18, 12
"""EnumCS of those colour spaces that are read (I.5.3.3, and 15444-2)."""

_MOST_BOXES = 10_000
_MOST_BYTES = 1 << 24  # of a box that is read, as a profile or a packet
_XMP = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_EXIF = (b"JpgTiffExif->JP2", bytes.fromhex("0537cdab9d0c4431a72afa561f2a113e"))  # the second of Photoshop
_IPTC = (bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38"), bytes.fromhex("09a14e97c0b442e0bebf36df6f0ce36f"))
_FILM = b"moov"  # of Motion JPEG 2000, which begins in the same way


class Palette(NamedTuple):
    """bits: of each column. rows: of each value of a pixel, what stands in each column."""

    bits: tuple[int, ...]
    rows: tuple[tuple[int, ...], ...]


class Channel(NamedTuple):
    """What a channel means (cdef): kind 0 = a colour, 1 = an alpha, 2 = an alpha that the colours were multiplied by.

    of: the number of its colour, from 1; 0 = all of the picture.
    """

    number: int
    kind: int
    of: int


@dataclass(frozen=True, slots=True)
class Jpeg2000:
    """A file's picture before it is decoded.

    start, end: of its codestream. space: the number of its colours; None if it does not say, or an ICC profile does.
    mapping: of each channel, the component and the column of the palette that it is made from; None = it is the
    component itself. meanings: of channels; empty if the file does not say.
    """

    size: Size
    start: int
    end: int
    space: int | None = None
    palette: Palette | None = None
    mapping: tuple[tuple[int, int | None], ...] = ()
    meanings: tuple[Channel, ...] = ()
    metadata: Metadata = field(default_factory=Metadata)


def told_by(descriptor: int) -> Jpeg2000:
    """What an open file says of its picture. Raises Undecodable, or Unsupported if it is a film."""
    try:
        return _told_by(descriptor)
    except struct.error as error:
        raise Undecodable(Said("jp2_header_cut")) from error


def _told_by(descriptor: int) -> Jpeg2000:
    file_bytes = os.fstat(descriptor).st_size
    if os.pread(descriptor, len(START), 0) == START:
        return Jpeg2000(_size(descriptor, 0), 0, file_bytes)
    tops: dict[bytes, tuple[int, int]] = {}
    uuids: dict[bytes, bytes] = {}
    for kind, start, end in _boxes(descriptor, 0, file_bytes):
        tops.setdefault(kind, (start, end))
        if kind == b"uuid":
            uuids.setdefault(os.pread(descriptor, 16, start), _content(descriptor, start + 16, end))
    if _FILM in tops and b"jp2c" not in tops:
        raise Unsupported(Said("jp2_film"))
    start, end = tops.get(b"jp2c", (file_bytes, file_bytes))
    size = _size(descriptor, start)
    inside: dict[bytes, list[tuple[int, int]]] = {}
    for kind, begin, stop in _boxes(descriptor, *tops.get(b"jp2h", (0, 0))):
        inside.setdefault(kind, []).append((begin, stop))
    parts = {kind: [_content(descriptor, *place) for place in places] for kind, places in inside.items()}
    space, icc = _colours(parts.get(b"colr", []))
    palette = _palette(parts[b"pclr"][0]) if b"pclr" in parts else None
    across, down = _resolution(descriptor, *inside.get(b"res ", [(0, 0)])[0])
    exif, iptc = (next((uuids[each] for each in known if each in uuids), None) for known in (_EXIF, _IPTC))
    metadata = Metadata(icc, _exif(exif), uuids.get(_XMP), iptc, across, down)
    return Jpeg2000(
        size,
        start,
        end,
        space,
        palette,
        _mapping(parts.get(b"cmap", [b""])[0]),
        _meanings(parts.get(b"cdef", [b"\0\0"])[0]),
        metadata,
    )


def _size(descriptor: int, start: int) -> Size:
    head = os.pread(descriptor, jp2_codestream.HEAD_BYTES, start)
    if not head.startswith(START):
        raise Undecodable(Said("jp2_header_cut"))
    return jp2_codestream.size_in(head)


def _boxes(descriptor: int, position: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    """Kind, and where the content begins and ends, of each box, as far as they are whole."""
    for _ in range(_MOST_BOXES):
        head = os.pread(descriptor, 16, position) if position + 8 <= end else b""
        if len(head) < 8:
            return
        size, kind = struct.unpack_from(">I4s", head)
        begin = 8
        if size == 1:
            (size,), begin = struct.unpack_from(">Q", head, 8), 16
        stop = position + size if size else end
        if not position + begin <= stop <= end:
            return
        yield kind, position + begin, stop
        position = stop


def _content(descriptor: int, start: int, end: int) -> bytes:
    return os.pread(descriptor, min(end - start, _MOST_BYTES), start) if end > start else b""


def _colours(boxes: list[bytes]) -> tuple[int | None, bytes | None]:
    """The number of the colour space, or an ICC profile, by the first box that says either (I.5.3.3)."""
    for box in boxes:
        if box[:1] == b"\1" and len(box) >= 7:
            return int.from_bytes(box[3:7]), None
        if box[:1] in (b"\2", b"\3"):
            return None, box[3:]
    return None, None


def _palette(box: bytes) -> Palette:
    rows, columns = struct.unpack_from(">HB", box)
    bits = tuple((depth & 0x7F) + 1 for depth in struct.unpack_from(f">{columns}B", box, 3))
    row = struct.Struct(">" + "".join("B" if depth <= 8 else "H" for depth in bits))
    return Palette(bits, tuple(row.unpack_from(box, 3 + columns + number * row.size) for number in range(rows)))


def _mapping(box: bytes) -> tuple[tuple[int, int | None], ...]:
    entries = struct.iter_unpack(">HBB", box[: len(box) // 4 * 4])
    return tuple((component, column if by_palette else None) for component, by_palette, column in entries)


def _meanings(box: bytes) -> tuple[Channel, ...]:
    (count,) = struct.unpack_from(">H", box)
    return tuple(Channel(*struct.unpack_from(">HHH", box, 2 + 6 * number)) for number in range(count))


def _resolution(descriptor: int, start: int, end: int) -> tuple[float | None, float | None]:
    """Pixels per inch, across, and down if that differs: of the scanner, or else as it is to be shown (I.5.3.7)."""
    found = {kind: os.pread(descriptor, 10, begin) for kind, begin, _ in _boxes(descriptor, start, end)}
    for kind in (b"resc", b"resd"):
        with suppress(struct.error, ZeroDivisionError, OverflowError):
            down, below, across, beside, down_zeros, across_zeros = struct.unpack(">HHHHbb", found.get(kind, b""))
            dpi = tuple(
                number / under * 10.0**zeros * METRES_PER_INCH
                for number, under, zeros in ((across, beside, across_zeros), (down, below, down_zeros))
            )
            if all(map(is_sensible, dpi)):
                return across_and_down(*dpi)
    return None, None


def _exif(content: bytes | None) -> bytes | None:
    return PREFIX + content.removeprefix(PREFIX) if content else None


def follow(file: PartialFile) -> int:
    """Over all boxes and the codestream to the end; what is no box behind the picture is ignored.

    Raises NotWholeYet if some of it is missing, and EndMissing if that is only what follows the picture.
    """
    if file.exactly(0, 4, "its_header") == START:
        return jp2_codestream.end_of(file, 0, file.size)

    def holds_picture(kind: bytes, begin: int, end: int) -> bool:
        if kind == b"jp2c":
            jp2_codestream.end_of(file, begin, end)
        return kind in (b"jp2c", _FILM)

    return follow_boxes(file, holds_picture)
