"""BMP files; libvips has no reader for them.

After Microsoft's BITMAPFILEHEADER, BITMAPCOREHEADER and BITMAPINFOHEADER up to version 5. The pixels lie in the file as
they are, so the header and the length of the file prove that all is there. They are unpacked a few rows at a time,
straight into the photo: a file of one bit a pixel needs 32 times its own size in memory, but never twice that.
Runs of equal pixels (RLE8, RLE4), which hardly any file has, are left to OpenCV.
"""

import os
import struct
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon.errors import Said
from daemon.pictures.bmp_runs import rgb_of_runs
from daemon.pictures.codec_errors import Undecodable, Unsupported
from daemon.pictures.values import METRES_PER_INCH, Decodable, Header, Metadata, is_sensible

_HEAD_BYTES = 14 + 124  # up to the end of the header of version 5
_PLAIN, _BIT_FIELDS, _ALPHA_BIT_FIELDS = 0, 3, 6
_RUNS = {8: 1, 4: 2}  # compression in runs, by the bits of a pixel
_COLOURS_555, _COLOURS_888 = (0x7C00, 0x03E0, 0x001F), (0xFF0000, 0x00FF00, 0x0000FF)
_ALPHA_888 = 0xFF000000
_PALETTE_BITS, _BITS = (1, 4, 8), (1, 4, 8, 16, 24, 32)
_DEEP_BITS, _OTHER_FILES = 64, (4, 5)  # of GDI+; with a JPEG or a PNG inside, for printers
_STRIP_PIXELS = 1 << 18  # unpacked at once; a longer row is unpacked alone


class _Bitmap(NamedTuple):
    """What the header of a BMP says.

    height: negative if the highest row comes first. start: of the pixels, in bytes. stride: bytes of a row.
    masks: the bits of red, green, blue and alpha in a pixel. palette: (N, 3) uint8, the colour of each value, if there
    is one. in_runs: whether it is compressed. dpi: pixels per inch; None if it does not say.
    """

    width: int
    height: int
    bits: int
    start: int
    stride: int
    masks: tuple[int, ...]
    palette: NDArray[np.uint8] | None
    in_runs: bool = False
    dpi: float | None = None


def opened(descriptor: int) -> Decodable:
    """The picture in a BMP: (H, W, 3), or (H, W, 4) if it uses an alpha. Raises Undecodable or Unsupported."""
    bitmap = _read_header(descriptor)
    channels = 4 if bitmap.masks[3] else 3
    size, told = (bitmap.width, abs(bitmap.height)), Metadata(dpi=bitmap.dpi)
    header = Header(*size, channels, 3, "uchar", pages=1, orientation=1, metadata=told, in_passes=bitmap.in_runs)

    def pixels() -> NDArray[np.uint8]:
        picture, has_alpha = _unpacked(descriptor, bitmap)
        return picture if has_alpha else picture[..., :3]

    return Decodable(header, pixels, pixels if bitmap.in_runs else lambda: None)


def rgba_of(descriptor: int, longest: int | None = None) -> tuple[NDArray[np.uint8], bool]:
    """(H, W, 4), with full alpha if the file uses none; and whether it does. Raises Undecodable or Unsupported.

    longest: the picture may come at a part of its size, with no side shorter than that, in pixels.
    """
    bitmap = _read_header(descriptor)
    sides = (bitmap.width, abs(bitmap.height))
    spare = 1 if longest is None or bitmap.masks[3] else min(*sides, max(sides) // longest)
    return _unpacked(descriptor, bitmap, max(1, spare))


def _read_header(descriptor: int) -> _Bitmap:
    try:
        bitmap = _parsed(descriptor, os.pread(descriptor, _HEAD_BYTES, 0))
    except struct.error as error:
        raise Undecodable(Said("bmp_header_cut")) from error
    wanted, there = bitmap.stride * abs(bitmap.height), max(0, os.fstat(descriptor).st_size - bitmap.start)
    if there < wanted and not bitmap.in_runs:
        raise Undecodable(Said("bmp_fewer_bytes", n=wanted, there=there))
    return bitmap


def _parsed(descriptor: int, head: bytes) -> _Bitmap:
    start, header = struct.unpack_from("<II", head, 10)
    compression, colours, per_metre = _PLAIN, 0, 0
    if header == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", head, 18)
    elif header >= 40:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", head, 18)
        per_metre, _, colours = struct.unpack_from("<iiI", head, 38)
    else:
        raise Undecodable(Said("bmp_odd_header", n=header))
    if width <= 0 or height == 0:
        raise Undecodable(Said("bmp_odd_size", width=width, height=height))
    if compression in _OTHER_FILES:
        raise Unsupported(Said("bmp_compressed"))
    if bits not in _BITS:
        raise (Unsupported if bits == _DEEP_BITS else Undecodable)(Said("bmp_odd_bits", n=bits))
    in_runs = compression == _RUNS.get(bits, -1) and height > 0
    if not in_runs and compression not in ((_PLAIN, _BIT_FIELDS, _ALPHA_BIT_FIELDS) if bits in (16, 32) else (_PLAIN,)):
        raise Unsupported(Said("bmp_compressed"))
    masks: tuple[int, ...] = (*(_COLOURS_555 if bits == 16 else _COLOURS_888), 0)
    if compression != _PLAIN and not in_runs:
        has_alpha = header >= 56 or compression == _ALPHA_BIT_FIELDS
        masks = struct.unpack_from("<IIII", head, 54) if has_alpha else (*struct.unpack_from("<III", head, 54), 0)
    palette = None
    if bits in _PALETTE_BITS:
        palette = _palette(descriptor, 14 + header, 3 if header == 12 else 4, min(colours or 1 << bits, 1 << bits))
    stride = (width * bits + 31) // 32 * 4  # rows are filled up to whole 4 bytes
    return _Bitmap(width, height, bits, start, stride, masks, palette, in_runs, _dpi(per_metre))


def _dpi(per_metre: int) -> float | None:
    dpi = per_metre * METRES_PER_INCH
    return dpi if is_sensible(dpi) else None


def _palette(descriptor: int, start: int, entry_bytes: int, colours: int) -> NDArray[np.uint8]:
    content = os.pread(descriptor, colours * entry_bytes, start)
    if len(content) < colours * entry_bytes:
        raise Undecodable(Said("bmp_palette_cut"))
    return np.frombuffer(content, np.uint8).reshape(colours, entry_bytes)[:, 2::-1]  # blue, green, red in the file


def _unpacked(descriptor: int, bitmap: _Bitmap, shrink: int = 1) -> tuple[NDArray[np.uint8], bool]:
    """The picture, (H, W, 4), and whether it uses an alpha. shrink: so many pixels a side become one."""
    table, width, height = _table(bitmap), bitmap.width // shrink, abs(bitmap.height) // shrink
    picture = np.empty((height, width, 4), np.uint8)
    if bitmap.in_runs:
        rgb = rgb_of_runs(descriptor, (bitmap.width, bitmap.height))[: height * shrink, : width * shrink]
        part = rgb if shrink == 1 else cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
        cv2.cvtColor(part, cv2.COLOR_RGB2RGBA, dst=picture)
        return picture, False
    most = max(1, _STRIP_PIXELS // (bitmap.width * shrink))
    for top in range(0, height, most):
        part = picture[top : top + most]
        packed = _rows(descriptor, bitmap, top * shrink, len(part) * shrink)
        if shrink == 1:
            _unpack(packed, bitmap, table, part)
        else:
            full = np.empty((len(packed), bitmap.width, 4), np.uint8)
            _unpack(packed, bitmap, table, full)
            cv2.resize(full[:, : width * shrink], (width, len(part)), dst=part, interpolation=cv2.INTER_AREA)
    has_alpha = bool(bitmap.masks[3] and picture[..., 3].any())  # many programs announce an alpha and leave it empty
    if bitmap.masks[3] and not has_alpha:
        picture[..., 3] = 255
    return picture, has_alpha


def _rows(descriptor: int, bitmap: _Bitmap, top: int, rows: int) -> NDArray[np.uint8]:
    """Rows of the picture as they lie in the file, the highest first: (rows, stride)."""
    first = top if bitmap.height < 0 else bitmap.height - top - rows
    content = os.pread(descriptor, bitmap.stride * rows, bitmap.start + bitmap.stride * first)
    if len(content) < bitmap.stride * rows:
        raise Undecodable(Said("bmp_shortened"))
    packed = np.frombuffer(content, np.uint8).reshape(rows, bitmap.stride)
    return np.ascontiguousarray(packed if bitmap.height < 0 else packed[::-1])


def _table(bitmap: _Bitmap) -> NDArray[np.uint8] | None:
    """(N, pixels, 4): the pixels that each value of a byte, or of two bytes, stands for; None for wider pixels."""
    if bitmap.bits == 16:
        return _spread(np.arange(1 << 16, dtype=np.uint32), bitmap.masks)[:, None]
    if bitmap.palette is None:
        return None
    in_byte = np.arange(256)[:, None] >> np.arange(8 - bitmap.bits, -1, -bitmap.bits) & (1 << bitmap.bits) - 1
    colours = bitmap.palette[np.minimum(in_byte, len(bitmap.palette) - 1)]  # the last one stands for those beyond
    return np.dstack([colours.reshape(256, -1, 3), np.full(in_byte.shape, 255, np.uint8)])


def _unpack(
    packed: NDArray[np.uint8], bitmap: _Bitmap, table: NDArray[np.uint8] | None, into: NDArray[np.uint8]
) -> None:
    """Turn rows of a file, (rows, stride), into rows of the picture, (rows, W, 4)."""
    rows, width = into.shape[:2]
    if table is not None:
        codes = packed.view("<u2") if bitmap.bits == 16 else packed
        codes = codes[:, : -(-width // table.shape[1])]
        pixels = table.view(np.uint32)[..., 0].take(codes, axis=0)  # four channels as one number
        into.view(np.uint32)[..., 0] = pixels.reshape(rows, -1)[:, :width]
    elif bitmap.bits == 24:
        cv2.cvtColor(packed[:, : 3 * width].reshape(rows, width, 3), cv2.COLOR_BGR2RGBA, dst=into)
    elif bitmap.masks in ((*_COLOURS_888, 0), (*_COLOURS_888, _ALPHA_888)):
        cv2.cvtColor(packed.reshape(rows, width, 4), cv2.COLOR_BGRA2RGBA, dst=into)
        if not bitmap.masks[3]:
            into[..., 3] = 255
    else:
        into[:] = _spread(packed.view("<u4"), bitmap.masks)


def _spread(values: NDArray[np.uint32], masks: tuple[int, ...]) -> NDArray[np.uint8]:
    """The bits of each mask as 0..255: (…, 4), with full alpha if there is no mask for it."""
    spread = np.full((*values.shape, 4), 255, np.uint8)
    for channel, mask in enumerate(masks if masks[3] else masks[:3]):
        lowest = max(1, mask & -mask)
        part, most = (values & np.uint32(mask)) // np.uint32(lowest), max(1, mask // lowest)
        spread[..., channel] = part if most == 255 else np.rint(part * (255 / most))
    return spread
