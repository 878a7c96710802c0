"""Finds the parts of a Photoshop file, PSD or PSB (Adobe's file format specification, 2019); decodes nothing.

Layers are passed over: only the picture that Photoshop made of them is read.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from daemon.errors import Said
from daemon.pictures.exif_in_tiff import PREFIX
from daemon.pictures.partial_file import PartialFile
from daemon.pictures.values import Metadata, is_sensible

BITMAP, GREY, INDEXED, RGB, CMYK, MULTICHANNEL, DUOTONE, LAB = 0, 1, 2, 3, 4, 7, 8, 9
"""Colour modes by their numbers."""
PLAIN, RUNS = 0, 1
"""How the picture is compressed."""

_RESOLUTION, _IPTC, _ICC, _CLEAR, _VERSION, _EXIF, _XMP = 1005, 1028, 1039, 1047, 1057, 1058, 1060
_KEPT = frozenset({_RESOLUTION, _IPTC, _ICC, _CLEAR, _VERSION, _EXIF, _XMP})
_LAYERS, _TRANSPARENCY = (b"Layr", b"Lr16", b"Lr32"), (b"Mtrn", b"Mt16", b"Mt32")
_OF_LONG_LENGTH = frozenset(
    {*_LAYERS, *_TRANSPARENCY, b"LMsk", b"Alph", b"FMsk", b"lnk2", b"FEid", b"FXid", b"PxSD"}
)  # in a PSB
_MOST_PARTS = 10_000
_MOST_BYTES = 1 << 24  # of a resource that is read


@dataclass(frozen=True, slots=True)
class PsdParts:
    """What a file says before its picture.

    mode: as the numbers above. palette: of an indexed picture, 256 reds, then greens and blues. has_alpha: whether the
    first channel behind the colours is the picture's transparency, and not a selection that somebody saved. start: of
    the first row. rows: the bytes of each row of each channel, one after the other, if it is compressed in runs.
    """

    channels: int
    height: int
    width: int
    bits: int
    mode: int
    palette: bytes
    resources: dict[int, bytes]
    has_alpha: bool
    compression: int
    start: int
    rows: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    @property
    def row_bytes(self) -> int:
        """Of a row of one channel that is not compressed."""
        return (self.width * self.bits + 7) // 8

    @property
    def end(self) -> int:
        """Where the picture ends, and with it the file."""
        plain = self.row_bytes * self.height * self.channels
        return self.start + (int(self.rows.sum()) if self.compression == RUNS else plain)

    @property
    def is_blank(self) -> bool:
        """Whether it was saved without a picture of its layers."""
        return self.resources.get(_VERSION, b"")[4:5] == b"\0"

    @property
    def clear(self) -> int | None:
        """The code of the transparent pixels of an indexed picture."""
        said = self.resources.get(_CLEAR, b"")
        return int.from_bytes(said) if len(said) == 2 else None

    @property
    def metadata(self) -> Metadata:
        """What travels with the pixels."""
        icc, exif, xmp, iptc = (self.resources.get(number) or None for number in (_ICC, _EXIF, _XMP, _IPTC))
        exif = PREFIX + exif.removeprefix(PREFIX) if exif else None
        said = self.resources.get(_RESOLUTION, b"")
        dpi = [int.from_bytes(said[at : at + 4]) / 65536 for at in (0, 8)]  # per inch, whatever unit is shown
        if not all(map(is_sensible, dpi)):
            return Metadata(icc, exif, xmp, iptc)
        return Metadata(icc, exif, xmp, iptc, dpi[0], dpi[1] if dpi[1] != dpi[0] else None)


def follow(file: PartialFile) -> int:
    """Over all parts to the end of the picture. Raises NotWholeYet if some of it is missing."""
    end = parts_of(file).end
    file.exactly(end, 0, "psd_picture")
    return end


def parts_of(file: PartialFile) -> PsdParts:
    """The parts of a file. Raises NotWholeYet if they end before its picture."""
    version, channels, height, width, bits, mode = struct.unpack(">4xH6xHIIHH", file.exactly(0, 26, "its_header"))
    is_big = version > 1
    start, length = _sized(file, 26, 4)
    palette = file.some(start, min(length, 768)) if mode == INDEXED else b""
    start, length = _sized(file, start + length, 4)
    resources = dict(_resources(file, start, start + length))
    start, length = _sized(file, start + length, 8 if is_big else 4)
    has_alpha = _has_transparency(file, start, length, is_big)
    start += length
    compression = int.from_bytes(file.exactly(start, 2, "psd_picture"))
    start += 2
    rows = np.empty(0, np.int64)
    if compression == RUNS:
        number = np.dtype(">u4" if is_big else ">u2")
        table = file.exactly(start, channels * height * number.itemsize, "psd_picture")
        rows, start = np.frombuffer(table, number).astype(np.int64), start + len(table)
    return PsdParts(channels, height, width, bits, mode, palette, resources, has_alpha, compression, start, rows)


def _sized(file: PartialFile, position: int, length_bytes: int) -> tuple[int, int]:
    """Where a part begins, behind its length, and that length."""
    length = int.from_bytes(file.exactly(position, length_bytes, "psd_picture"))
    return position + length_bytes, length


def _resources(file: PartialFile, position: int, end: int) -> Iterator[tuple[int, bytes]]:
    """Number and content of each resource that is asked for."""
    for _ in range(_MOST_PARTS):
        head = file.some(position, 7) if position < end else b""
        if len(head) < 7:
            return
        number, name = int.from_bytes(head[4:6]), head[6]
        start, length = _sized(file, position + 6 + (name + 2) // 2 * 2, 4)  # a name fills up to even
        if number in _KEPT:
            yield number, file.some(start, min(length, _MOST_BYTES, max(0, end - start)))
        position = start + length + length % 2


def _has_transparency(file: PartialFile, position: int, length: int, is_big: bool) -> bool:
    """Whether the number of layers is negative, which stands for that; with 16 bit, it stands among later blocks."""
    end, length_bytes = position + length, 8 if is_big else 4
    if length < length_bytes + 2:
        return False
    start, layers = _sized(file, position, length_bytes)
    if layers:
        return file.exactly(start, 1, "psd_picture")[0] >= 0x80
    position = sum(_sized(file, start, 4))  # behind the mask for all layers
    for _ in range(_MOST_PARTS):
        head = file.some(position, 16) if position + 12 <= end else b""
        if head[:4] not in (b"8BIM", b"8B64"):
            return False
        kind = head[4:8]
        start, size = _sized(file, position + 8, 8 if is_big and kind in _OF_LONG_LENGTH else 4)
        if kind in _TRANSPARENCY:
            return True
        if kind in _LAYERS and size:
            return file.exactly(start, 1, "psd_picture")[0] >= 0x80
        position = start + (size + 3) // 4 * 4
    return False


def why_unread(parts: PsdParts) -> Said | None:
    """Why a file is not read here; None if it is."""
    if parts.is_blank:
        return Said("psd_blank")
    if parts.mode == MULTICHANNEL:
        return Said("psd_multichannel")
    if parts.mode == DUOTONE:
        return Said("psd_duotone")
    if parts.mode not in (BITMAP, GREY, INDEXED, RGB, CMYK, LAB) or parts.compression not in (PLAIN, RUNS):
        return Said("codec_missing")
    if parts.bits not in ((1,) if parts.mode == BITMAP else (8,) if parts.mode == INDEXED else (8, 16)):
        return Said("psd_bits", n=parts.bits)
    return None
