"""Follows the structure of a picture file to its end, to see whether all of it is there; decodes nothing.

A file can have its full size long before its data (Windows and Samba set the size first), so we follow each format from
its first byte to the marker or the length that closes it. We read with pread and never map a file: a writer that
truncates a mapped file would kill us with SIGBUS.
"""

import os
import re
import struct
from collections.abc import Callable

from daemon.errors import NotWholeYet, Said, said_of
from daemon.intake import tiff_structure
from daemon.intake.partial_file import Doubtful, PartialFile

_TAIL_BYTES = 4096
_MOST_PARTS = 100_000  # segments, chunks or boxes; a PNG of 800 MB has as many chunks
# In coded data: no stuffing, no fill byte, no restart marker. Two bytes, so that a search never looks at one twice.
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length: TEM, RST0-7, SOI


def follow_to_end(descriptor: int) -> Said | None:
    """Follow a file's structure to its end.

    Returns None if nothing speaks against the file, or a doubt in words: it may be whole, but looks like a file whose
    data is still to come. Of an unknown format we look at the end only. Raises NotWholeYet that says what is missing.
    """
    file = PartialFile(descriptor)
    if file.size == 0:
        raise NotWholeYet(Said("is_empty"))
    head = file.some(0, _TAIL_BYTES)
    if not any(head):
        raise NotWholeYet(Said("zeros_at_start"))
    for signature, follow in _FORMATS:
        if signature.match(head):
            try:
                return _doubt(file, follow(file))
            except Doubtful as error:
                return said_of(error)
    if file.size < 16:
        raise NotWholeYet(Said("only_one_byte") if file.size == 1 else Said("only_n_bytes", n=file.size))
    return _doubt(file, file.size)


def _doubt(file: PartialFile, end: int) -> Said | None:
    # A tail of zeros or a hole may be black pixels, or a sparse copy: we do not refuse the file, but believe it later.
    start = max(end - _TAIL_BYTES, end // 2)
    tail = file.some(start, end - start)
    if len(tail) >= 16 and not any(tail):
        return Said("zeros_at_end")
    try:
        hole = os.lseek(file.descriptor, 0, os.SEEK_HOLE)
    except OSError:  # the file system cannot tell
        return None
    return Said("has_hole") if hole < end else None


def _jpeg(file: PartialFile) -> int:
    """From SOI over all segments and scans to EOI (ITU-T T.81, annex B); what follows EOI is ignored."""
    what = "jpeg_end"
    position = 2
    for _ in range(_MOST_PARTS):
        head = file.exactly(position, 2, what)
        if head[0] != 0xFF or head[1] == 0xFF:
            if not any(file.some(position, 16)):
                raise NotWholeYet(Said("jpeg_zeros"))
            position = file.find(_JPEG_MARKER, position, what)  # stray or fill bytes; decoders skip them too
        elif head[1] == 0xD9:
            return position + 2
        elif head[1] in _JPEG_BARE:
            position += 2
        else:
            position += 2 + int.from_bytes(file.exactly(position + 2, 2, what))
            if head[1] == 0xDA:
                position = file.find(_JPEG_MARKER, position, what)
    raise Doubtful(Said("jpeg_parts"))


def _png(file: PartialFile) -> int:
    """Over all chunks to IEND (ISO/IEC 15948, 5.3)."""
    position = 8
    for _ in range(_MOST_PARTS):
        head = file.exactly(position, 12, "png_end")
        if not head[4:8].isalpha():
            raise NotWholeYet(Said("png_gap"))
        position += 12 + int.from_bytes(head[:4])
        if head[4:8] == b"IEND":
            return position
    raise Doubtful(Said("png_parts"))


def _webp(file: PartialFile) -> int:
    """The length that RIFF gives in its header counts from byte 8."""
    return _sized(file, 8 + int.from_bytes(file.exactly(4, 4, "its_header"), "little"), "kind_webp")


def _bmp(file: PartialFile) -> int:
    """The size in the header; some writers leave it 0, so row size times height if nothing is compressed."""
    size, offset, header = struct.unpack("<2xI4xII", file.exactly(0, 18, "its_header"))
    if header >= 40:
        width, height, bits, compression = struct.unpack("<ii2xHI", file.exactly(18, 16, "its_header"))
        if compression in (0, 3):  # plain, or plain with bit masks
            size = offset + (abs(width) * bits + 31) // 32 * 4 * abs(height)
    return _sized(file, size, "kind_bmp")


def _boxes(file: PartialFile) -> int:
    """Over all boxes to the end of the file (ISO/IEC 14496-12, 4.2); the last one may leave its size open."""
    position = 0
    for _ in range(_MOST_PARTS):
        if position >= file.size:
            return _sized(file, position, "kind_picture")
        size, kind = struct.unpack(">I4s", file.exactly(position, 8, "its_last_part"))
        if kind == b"\0\0\0\0":
            raise NotWholeYet(Said("zeros_at_next"))
        if size == 1:
            (size,) = struct.unpack(">Q", file.exactly(position + 8, 8, "its_last_part"))
        if size == 0:
            return file.size
        position += max(size, 8)
    raise Doubtful(Said("too_many_parts"))


def _sized(file: PartialFile, size: int, kind: str) -> int:
    if size > file.size:
        raise NotWholeYet(Said("fewer_bytes_than_said", kind=Said(kind), n=size, there=file.size))
    return size


_FORMATS: tuple[tuple[re.Pattern[bytes], Callable[[PartialFile], int]], ...] = (
    (re.compile(rb"\xff\xd8\xff"), _jpeg),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), _png),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), _webp),
    (re.compile(rb"II[*+]\x00|MM\x00[*+]"), tiff_structure.follow),
    (re.compile(rb"BM"), _bmp),
    (re.compile(rb"....ftyp", re.DOTALL), _boxes),
)
