"""A picture that is made strip by strip while libvips reads it, and again each time that it is read."""

import io
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from daemon.pictures import vips
from daemon.pictures.tiles import TILE
from daemon.pictures.values import Samples

_SHORT, _LONG, _LONG8 = 3, 4, 16  # types of a TIFF's fields
_FIELDS = 10
_ROWS_PER_STRIP = 8  # few, because libvips keeps some strips


@dataclass(frozen=True, slots=True, eq=False)
class StripPicture:
    """It has more than TILE rows.

    strips: gives it from its first row to its last, TILE rows at a time, the last time fewer: (rows, W, 4).

    alpha: (H, W), uint8 or uint16, its fourth channel; the colours have the same depth.
    """

    width: int
    height: int
    alpha: Samples
    strips: Callable[[], Iterator[Samples]]

    @property
    def shape(self) -> tuple[int, int, int]:
        """(H, W, 4)."""
        return self.height, self.width, 4

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8 or uint16."""
        return self.alpha.dtype


class StripReading:
    """One reading of a picture by libvips; keep it for as long as the image is used.

    image: a libvips image that can be read once, from its first row to its last. fault: what `strips` raised, if it
    did; libvips says only that reading failed.
    """

    def __init__(self, picture: StripPicture) -> None:
        self._file = _PlainTiff(picture)
        self._source = vips.SourceCustom()  # owns the callbacks
        self._source.on_read(self._file.read)
        self._source.on_seek(self._file.seek)
        image = vips.Image.tiffload_source(self._source, access="sequential", fail_on="error")
        self.image = image.copy(interpretation="rgb16" if picture.dtype == np.uint16 else "srgb")

    @property
    def fault(self) -> Exception | None:
        """What went wrong while strips were made."""
        return self._file.fault


def in_strips_of(strips: Iterator[Samples], rows: int) -> Iterator[Samples]:
    """The same rows as `vips.strips_of` groups them: what is left at the end goes into the last strip."""
    held: list[Samples] = []
    for strip in strips:
        if len(strip) == rows and held:
            yield held.pop()
        held.append(strip)
    yield held[0] if len(held) == 1 else np.concatenate(held)


class _PlainTiff:
    """A file that is not there: an uncompressed TIFF whose strips are made when they are read, in their order."""

    def __init__(self, picture: StripPicture) -> None:
        self.fault: Exception | None = None
        self._head = _head(picture)
        self._strip_bytes = TILE * picture.width * 4 * picture.dtype.itemsize
        self._size = len(self._head) + picture.height * picture.width * 4 * picture.dtype.itemsize
        self._strips = picture.strips()
        self._number = -1
        self._strip = memoryview(b"")
        self._at = 0

    def seek(self, offset: int, whence: int) -> int:
        """As io.seek."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = base + offset
        return self._at

    def read(self, most: int) -> bytes | memoryview | None:
        """As io.read; None at the end, and where a strip cannot be made."""
        if self._at >= self._size:
            return None
        if self._at < len(self._head):
            found: bytes | memoryview = self._head[self._at : self._at + most]
        else:
            number, start = divmod(self._at - len(self._head), self._strip_bytes)
            try:
                while self._number < number:
                    self._strip = memoryview(next(self._strips).tobytes())
                    self._number += 1
            except Exception as fault:  # noqa: BLE001 - an exception may not leave a callback of libvips
                self.fault = fault
                return None
            found = self._strip[start : start + most]
        self._at += len(found)
        return found


def _head(picture: StripPicture) -> bytes:
    """All of the file before its first strip. It is a BigTIFF, since a strip may begin beyond 4 GB."""
    strips = -(-picture.height // _ROWS_PER_STRIP)
    row_bytes = picture.width * 4 * picture.dtype.itemsize
    bits, entries_at = 8 * picture.dtype.itemsize, 16
    counts_at = entries_at + 8 + 20 * _FIELDS + 8
    offsets_at = counts_at + 8 * strips
    first_at = offsets_at + 8 * strips
    rows = [min(_ROWS_PER_STRIP, picture.height - top) for top in range(0, picture.height, _ROWS_PER_STRIP)]
    fields = (
        (0x0100, _LONG, 1, struct.pack("<Q", picture.width)),
        (0x0101, _LONG, 1, struct.pack("<Q", picture.height)),
        (0x0102, _SHORT, 4, struct.pack("<4H", bits, bits, bits, bits)),
        (0x0103, _SHORT, 1, struct.pack("<Q", 1)),  # not compressed
        (0x0106, _SHORT, 1, struct.pack("<Q", 2)),  # RGB
        (0x0111, _LONG8, strips, struct.pack("<Q", offsets_at)),
        (0x0115, _SHORT, 1, struct.pack("<Q", 4)),  # channels
        (0x0116, _LONG, 1, struct.pack("<Q", _ROWS_PER_STRIP)),
        (0x0117, _LONG8, strips, struct.pack("<Q", counts_at)),
        (0x0152, _SHORT, 1, struct.pack("<Q", 2)),  # the fourth is an alpha, and no colour is multiplied by it
    )
    directory = b"".join(struct.pack("<HHQ", tag, kind, count) + value for tag, kind, count, value in fields)
    counts = struct.pack(f"<{strips}Q", *(row_bytes * each for each in rows))
    offsets = struct.pack(f"<{strips}Q", *(first_at + _ROWS_PER_STRIP * row_bytes * number for number in range(strips)))
    header = struct.pack("<2sHHHQ", b"II", 43, 8, 0, entries_at)
    return header + struct.pack("<Q", _FIELDS) + directory + struct.pack("<Q", 0) + counts + offsets
