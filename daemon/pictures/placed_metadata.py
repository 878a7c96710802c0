"""Puts EXIF, a resolution and IPTC of PNG into files that libvips writes without them; it would make EXIF up."""

import os
import struct
from collections.abc import Mapping

from daemon.pictures import iptc, vips
from daemon.pictures.exif_in_tiff import PREFIX
from daemon.pictures.exif_of_result import exif_of_resolution, exif_of_result
from daemon.pictures.png_chunks import chunk
from daemon.pictures.values import Container, Metadata

MOST_EXIF_BYTES: Mapping[Container, int] = {"jpeg": 0xFFFF - 2 - len(PREFIX)}
"""How long a block may be."""
_BEGINNING: Mapping[Container, int] = {"jpeg": 2, "png": 33}
"""How many bytes stand before EXIF: the mark of a JPEG; the signature of a PNG and its first chunk."""
DEFAULT_DPI = 72.0
"""If the photo names none; TIFF must name one, and libvips' PNG does."""
_APP0, _APP1, _NO_UNIT, _PER_INCH, _MOST_DPI = 0xE0, 0xE1, 0, 1, 65535
_RIFF_BYTES, _SIZE_AT, _EXTENDED_AT, _FLAGS_AT = 8, 4, 12, 20  # of a WebP: before its size counts, and where it is
_HAS_EXIF = 0x08


class PlacingTarget:
    """Where libvips writes a picture to: a new file that gets something behind its beginning.

    Keep it until all is written.
    """

    def __init__(self, descriptor: int, container: Container, placed: bytes) -> None:
        self._descriptor = descriptor
        self._before = _BEGINNING[container]
        self._placed = placed
        self.target = vips.TargetCustom()  # owns the callback
        self.target.on_write(self._write)

    def _write(self, content: bytes | memoryview) -> int:
        """How many bytes were taken; -1 if the disk takes none: an exception may not leave a callback of libvips."""
        whole = bytes(content)
        left = whole
        if self._before:
            begin, left = whole[: self._before], whole[self._before :]
            self._before -= len(begin)
            left = begin + (b"" if self._before else self._placed) + left
        try:
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError:
            return -1
        return len(whole)


def placed_at_beginning(metadata: Metadata, container: Container, size: tuple[int, int]) -> bytes:
    """What goes behind the beginning of a JPEG or PNG: EXIF, or else a JPEG's resolution; IPTC of a PNG.

    size: of the picture.
    """
    block = exif_of_result(metadata.exif, size, metadata.resolution)
    if container == "png":
        records = iptc.chunk_of(metadata.iptc) if metadata.iptc else b""
        return (chunk(b"eXIf", block) if block else b"") + records
    if block and len(block) <= MOST_EXIF_BYTES[container]:
        return _segment(_APP1, PREFIX + block)
    unit = _PER_INCH if metadata.resolution else _NO_UNIT
    across, down = (min(max(round(each), 1), _MOST_DPI) for each in metadata.resolution or (1, 1))
    return _segment(_APP0, b"JFIF\0" + struct.pack(">BBBHHBB", 1, 2, unit, across, down, 0, 0))


def with_placed(content: bytes, metadata: Metadata, container: Container, size: tuple[int, int]) -> bytes:
    """A whole JPEG, PNG or WebP in memory with its EXIF and its resolution."""
    if container == "webp":
        end = len(content)
        head, tail = _in_webp(content[: _FLAGS_AT + 1], end, metadata, size)
        return head + content[len(head) :] + tail
    begin = _BEGINNING[container]
    return content[:begin] + placed_at_beginning(metadata, container, size) + content[begin:]


def put_into_webp(descriptor: int, metadata: Metadata, size: tuple[int, int]) -> None:
    """Add EXIF to a WebP that was just written, behind its last part. Raises OSError.

    It has no other place for a resolution, so it gets a block that tells nothing else if the photo had none.
    """
    head, end = os.pread(descriptor, _FLAGS_AT + 1, 0), os.lseek(descriptor, 0, os.SEEK_END)
    head, tail = _in_webp(head, end, metadata, size)
    if tail:
        write_at(descriptor, tail, end)
        write_at(descriptor, head, 0)


def _in_webp(head: bytes, end: int, metadata: Metadata, size: tuple[int, int]) -> tuple[bytes, bytes]:
    """The first bytes of a WebP as they are to be, and what follows its last ones."""
    dpi = metadata.resolution
    block = exif_of_result(metadata.exif, size, dpi)
    if block is None and dpi:
        block = exif_of_resolution(dpi)
    if block is None:
        return head, b""
    assert head[_EXTENDED_AT:].startswith(b"VP8X")  # it has XMP or an ICC profile
    tail = b"EXIF" + struct.pack("<I", len(block)) + block + bytes(len(block) % 2)
    riff = struct.pack("<I", end - _RIFF_BYTES + len(tail))
    flags = bytes([head[_FLAGS_AT] | _HAS_EXIF])
    return head[:_SIZE_AT] + riff + head[_RIFF_BYTES:_FLAGS_AT] + flags, tail


def write_at(descriptor: int, content: bytes, position: int) -> None:
    """Write all of it. Raises OSError."""
    while content:
        written = os.pwrite(descriptor, content, position)
        content, position = content[written:], position + written


def _segment(number: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, number, len(content) + 2) + content
