"""Whether a picture file reaches its own end, by what its format says of itself; nothing is decoded here.

A file can have its full size long before its data (Windows and Samba set the size first), so each format is followed
from its first byte to the mark or the length that closes it. Read with pread, never mapped: a writer that truncates
a mapped file would kill us with SIGBUS.
"""

import os
import re
import struct
from collections.abc import Callable

import numpy as np

from daemon.errors import NotWholeYet

_MAX_PAGES = 100_000
_TAIL_BYTES = 4096
_WINDOW_BYTES = 1 << 20
_JPEG_MARKER = re.compile(rb"\xff+[^\x00\xff\xd0-\xd7]", re.DOTALL)  # in coded data: no stuffing, no restart marker
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length: TEM, RST0-7, SOI


def follow_to_end(descriptor: int) -> str | None:
    """Follow a file's structure to its end.

    Returns None where nothing speaks against the file, or a doubt in words: it may be whole, and also looks like one
    whose data is still to come. A format that is not known here passes. Raises NotWholeYet with what is missing.
    """
    file = _File(descriptor)
    if file.size == 0:
        raise NotWholeYet("it is empty")
    head = file.some(0, _TAIL_BYTES)
    if not any(head):
        raise NotWholeYet("it holds only zeros where a picture should begin")
    for signature, follow in _FORMATS:
        if signature.match(head):
            return _doubt(file, follow(file))
    if file.size < 16:
        raise NotWholeYet(f"it has only {file.size} bytes")
    return None


class _File:
    """A file read by position; what lies beyond its end is "not there yet"."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.size = os.fstat(descriptor).st_size

    def some(self, position: int, length: int) -> bytes:
        """Up to `length` bytes, fewer at the end of the file."""
        return os.pread(self.descriptor, length, position) if position < self.size else b""

    def exactly(self, position: int, length: int, what: str) -> bytes:
        """`length` bytes. Raises NotWholeYet saying that `what` is cut off."""
        if position + length <= self.size and len(content := os.pread(self.descriptor, length, position)) == length:
            return content
        raise NotWholeYet(f"it ends before {what}")

    def find(self, pattern: re.Pattern[bytes], position: int, what: str) -> int:
        """Where a two-byte mark that ends the pattern begins. Raises NotWholeYet saying that `what` is cut off."""
        while window := self.some(position, _WINDOW_BYTES):
            if found := pattern.search(window):
                return position + found.end() - 2
            position += max(1, len(window) - 1)  # its first byte may be this window's last one
        raise NotWholeYet(f"it ends before {what}")


def _doubt(file: _File, end: int) -> str | None:
    # A tail of zeros or a hole may be black pixels, or a sparse copy: believed later than others, not refused.
    start = max(end - _TAIL_BYTES, end // 2)
    tail = file.some(start, end - start)
    if len(tail) >= 16 and not any(tail):
        return "its end holds only zeros"
    try:
        hole = os.lseek(file.descriptor, 0, os.SEEK_HOLE)
    except OSError:  # a file system that cannot say
        return None
    return "it has a hole that no data was written to" if hole < end else None


def _jpeg(file: _File) -> int:
    """From SOI over all segments and scans to EOI (ITU-T T.81, annex B); what follows EOI does not matter."""
    what = "the end mark of a JPEG"
    position = 2
    while True:
        head = file.exactly(position, 2, what)
        if head[0] != 0xFF:
            if not any(file.some(position, 16)):
                raise NotWholeYet("it is a JPEG with zeros between its parts")
            position = file.find(_JPEG_MARKER, position, what)  # stray bytes; decoders step over them too
        elif head[1] == 0xFF:  # a fill byte
            position += 1
        elif head[1] == 0xD9:
            return position + 2
        elif head[1] in _JPEG_BARE:
            position += 2
        else:
            position += 2 + int.from_bytes(file.exactly(position + 2, 2, what))
            if head[1] == 0xDA:
                position = file.find(_JPEG_MARKER, position, what)


def _png(file: _File) -> int:
    """Over all chunks to IEND (ISO/IEC 15948, 5.3)."""
    position = 8
    while True:
        head = file.exactly(position, 12, "the last chunk of a PNG")
        if not head[4:8].isalpha():
            raise NotWholeYet("it is a PNG with a gap between its chunks")
        position += 12 + int.from_bytes(head[:4])
        if head[4:8] == b"IEND":
            return position


def _webp(file: _File) -> int:
    """The length that RIFF gives in its header counts from byte 8."""
    return _sized(file, 8 + int.from_bytes(file.exactly(4, 4, "its header"), "little"), "WebP")


def _bmp(file: _File) -> int:
    """The size in the header; some writers leave that 0, so rows times height as well where nothing is compressed."""
    size, offset, header = struct.unpack("<2xI4xII", file.exactly(0, 18, "its header"))
    if header >= 40:
        width, height, bits, compression = struct.unpack("<ii2xHI", file.exactly(18, 16, "its header"))
        if compression in (0, 3):  # plain, or plain with bit masks
            size = offset + (abs(width) * bits + 31) // 32 * 4 * abs(height)
    return _sized(file, size, "BMP")


def _boxes(file: _File) -> int:
    """Over all boxes to the end of the file (ISO/IEC 14496-12, 4.2); the last one may leave its size open."""
    position = 0
    while position < file.size:
        size, kind = struct.unpack(">I4s", file.exactly(position, 8, "its last part"))
        if kind == b"\0\0\0\0":
            raise NotWholeYet("it has zeros where its next part should begin")
        if size == 1:
            (size,) = struct.unpack(">Q", file.exactly(position + 8, 8, "its last part"))
        if size == 0:
            return file.size
        position += max(size, 8)
    return _sized(file, position, "picture")


def _sized(file: _File, size: int, kind: str) -> int:
    if size > file.size:
        raise NotWholeYet(f"it is a {kind} of {size} bytes, and {file.size} are there")
    return size


def _tiff(file: _File) -> int:
    """The chain of pages ends in 0, and each one's strips or tiles lie inside the file (TIFF 6.0; BigTIFF)."""
    head = file.exactly(0, 16, "the header of a TIFF")
    dialect = _Big(head) if head[2:4] in (b"+\0", b"\0+") else _Classic(head)
    position = dialect.first
    seen: set[int] = set()
    while position and position not in seen and len(seen) < _MAX_PAGES:
        seen.add(position)
        entries, position = dialect.page(file, position)
        if not entries:
            raise NotWholeYet(f"it is a TIFF whose page {len(seen)} is still empty")
        _tiff_data(file, dialect, entries)
    if not seen:
        raise NotWholeYet("it is a TIFF without a page so far")
    return file.size


class _Classic:
    """How a TIFF writes its tables: 4-byte offsets, 12-byte entries."""

    word, word_bytes, count, count_bytes = "I", 4, "H", 2

    def __init__(self, head: bytes) -> None:
        self.order = "<" if head[:2] == b"II" else ">"
        (self.first,) = struct.unpack_from(self.order + self.word, head, 4 if self.word_bytes == 4 else 8)

    def page(self, file: _File, position: int) -> tuple[list[tuple[int, int, int, bytes]], int]:
        """The entries (tag, type, length, value field) of the page at `position`, and where the next page is."""
        what = "one of the pages of a TIFF"
        (number,) = struct.unpack(self.order + self.count, file.exactly(position, self.count_bytes, what))
        size = 4 + 2 * self.word_bytes
        table = file.exactly(position + self.count_bytes, min(number, 65536) * size + self.word_bytes, what)
        form = f"{self.order}HH{self.word}{self.word_bytes}s"
        entries = list(struct.iter_unpack(form, table[: -self.word_bytes]))
        (following,) = struct.unpack(self.order + self.word, table[-self.word_bytes :])
        return entries, following


class _Big(_Classic):
    """How a BigTIFF writes them: 8-byte offsets, 20-byte entries."""

    word, word_bytes, count, count_bytes = "Q", 8, "Q", 8


_TIFF_TYPES = {1: "u1", 3: "u2", 4: "u4", 13: "u4", 16: "u8", 18: "u8"}
_TIFF_DATA = ((273, 279), (324, 325), (513, 514))  # offsets and byte counts: strips, tiles, old-style JPEG


def _tiff_data(file: _File, dialect: _Classic, entries: list[tuple[int, int, int, bytes]]) -> None:
    """Check that all pixel data of one page lies inside the file."""
    tables = {}
    for tag, kind, length, value in entries:
        if kind in _TIFF_TYPES and any(tag in pair for pair in _TIFF_DATA):
            dtype = np.dtype(dialect.order + _TIFF_TYPES[kind])
            size = length * dtype.itemsize
            if size > len(value):
                (position,) = struct.unpack(dialect.order + dialect.word, value)
                value = file.exactly(position, size, "the tables of a TIFF")
            # Floats: exact for any offset a file can have, and sums that cannot wrap around.
            tables[tag] = np.frombuffer(value[:size], dtype).astype(np.float64)
    for offsets, counts in ((tables.get(of), tables.get(by)) for of, by in _TIFF_DATA):
        if offsets is not None and counts is not None and len(offsets) == len(counts):
            if np.any(offsets + counts > file.size):
                raise NotWholeYet("it ends before the picture data of a TIFF")
            if np.any(offsets == 0):
                raise NotWholeYet("it is a TIFF with picture data still to come")


_FORMATS: tuple[tuple[re.Pattern[bytes], Callable[[_File], int]], ...] = (
    (re.compile(rb"\xff\xd8\xff"), _jpeg),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), _png),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), _webp),
    (re.compile(rb"II[*+]\x00|MM\x00[*+]"), _tiff),
    (re.compile(rb"BM"), _bmp),
    (re.compile(rb"....ftyp", re.DOTALL), _boxes),
)
