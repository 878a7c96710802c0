"""Reads a TIFF whose colours lie in tiles apart from each other, which libvips does not.

Each colour is shown to libvips as a grey picture in a file of its own: the same bytes, with a directory behind them
that names the tiles of this colour only (TIFF 6.0, PlanarConfiguration, and section 15).
"""

import io
import os
import struct
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import Any

from daemon.pictures import vips
from daemon.pictures.tiff_directory import Dialect, Directory, Field, dialect_of, laid_out_directory, pages

_BITS, _PHOTOMETRIC, _CHANNELS, _PLANES, _EXTRA, _SAMPLE_FORMAT = 0x0102, 0x0106, 0x0115, 0x011C, 0x0152, 0x0153
_OFFSETS, _SIZES = 0x0144, 0x0145  # of tiles
_SHORT, _LONG, _LONG8 = 3, 4, 16
_GREY, _RGB, _TOGETHER, _APART, _UNSIGNED = 1, 2, 1, 2, 1
_INTERPRETATIONS = {8: "srgb", 16: "rgb16"}
_MOST_TABLE_BYTES = 1 << 22
_MOST_CHANNELS = 8


def picture_of_planes(descriptor: int, page: int, **options: Any) -> Any:
    """A libvips image of a page whose colours lie in tiles apart; None for other pages, and if it is no plain RGB.

    options: of the loader.
    """
    read = partial(os.pread, descriptor)
    with suppress(struct.error):
        if dialect := dialect_of(read):
            found = next(islice(pages(read, dialect), page, None), None)
            return found and _joined(descriptor, dialect, found, options)
    return None


def _joined(descriptor: int, dialect: Dialect, page: Directory, options: dict[str, Any]) -> Any:
    offsets, sizes = (page.numbers(tag, _MOST_TABLE_BYTES) for tag in (_OFFSETS, _SIZES))
    channels, bits = page.first_number(_CHANNELS) or 1, page.first_number(_BITS) or 1
    is_apart = page.first_number(_PLANES) == _APART and page.first_number(_PHOTOMETRIC) == _RGB
    is_plain = page.first_number(_SAMPLE_FORMAT) in (None, _UNSIGNED)
    if not (is_apart and is_plain and bits in _INTERPRETATIONS and 3 <= channels <= _MOST_CHANNELS and offsets):
        return None
    tiles, rest = divmod(len(offsets), channels)
    if rest or len(sizes) != len(offsets):
        return None
    planes = []
    for channel in range(channels):
        mine = slice(channel * tiles, (channel + 1) * tiles)
        file = _PlaneFile(descriptor, dialect, page, bits, offsets[mine], sizes[mine])
        planes.append(vips.Image.new_from_source(file.source(), "", unlimited=True, **options))
    joined = planes[0].bandjoin(planes[1:])
    return joined.copy(interpretation=_INTERPRETATIONS[bits])


class _PlaneFile:
    """A file that is not there: another one with a directory behind it, to which its header leads."""

    def __init__(
        self,
        descriptor: int,
        dialect: Dialect,
        page: Directory,
        bits: int,
        offsets: tuple[int, ...],
        sizes: tuple[int, ...],
    ) -> None:
        """offsets, sizes: of the tiles of one colour. Raises struct.error if the directory would lie too far behind."""
        self._descriptor = descriptor
        self._end = os.fstat(descriptor).st_size
        self._at = 0
        long, letter = (_LONG8, "Q") if dialect.is_big else (_LONG, "I")
        tables = {
            tag: Field(long, len(values), struct.pack(f"{dialect.order}{len(values)}{letter}", *values))
            for tag, values in ((_OFFSETS, offsets), (_SIZES, sizes))
        }
        shorts = {_BITS: bits, _PHOTOMETRIC: _GREY, _CHANNELS: 1, _PLANES: _TOGETHER}
        fields = {tag: Field(_SHORT, 1, struct.pack(dialect.order + "H", value)) for tag, value in shorts.items()}
        kept = {tag: row for tag, row in page.rows.items() if tag not in (_EXTRA, _SAMPLE_FORMAT)}
        start = self._end + self._end % 2
        directory = laid_out_directory(dialect, fields | tables, start, kept)
        self._behind = bytes(start - self._end) + directory
        place = 8 if dialect.is_big else 4
        self._head = os.pread(descriptor, place, 0) + dialect.offset.pack(start)

    def source(self) -> Any:
        """What libvips reads."""
        source = vips.SourceCustom()  # owns the callbacks, and with them this file
        source.on_read(self._read)
        source.on_seek(self._seek)
        return source

    def _seek(self, offset: int, whence: int) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._end + len(self._behind)}[whence]
        self._at = base + offset
        return self._at

    def _read(self, most: int) -> bytes | None:
        if self._at < len(self._head):
            found = self._head[self._at : self._at + most]
        elif self._at < self._end:
            try:
                found = os.pread(self._descriptor, min(most, self._end - self._at), self._at)
            except OSError:  # an exception may not leave a callback of libvips, which says that reading failed
                return None
        else:
            found = self._behind[self._at - self._end :][:most]
        self._at += len(found)
        return found or None
