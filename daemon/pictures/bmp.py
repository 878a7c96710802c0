"""Uncompressed BMP files, unpacked by Pillow; libvips has no reader for them.

After Microsoft's BITMAPFILEHEADER, BITMAPCOREHEADER and BITMAPINFOHEADER up to version 5. We read the header ourselves:
Pillow's own reader leaves out some alphas, refuses unusual bit masks and rounds 16-bit colours down. The pixels lie in
the file as they are, so no header can ask for more memory than a few times the file's own size.
"""

import struct
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from daemon.pictures.codec_errors import Undecodable, Unsupported
from daemon.pictures.values import Decodable, Header

_PLAIN, _BIT_FIELDS, _ALPHA_BIT_FIELDS = 0, 3, 6
_STRIP = 256  # rows unpacked at once: Pillow's own picture and its copies stay small
_UNPACKERS = {
    1: ("P", "P;1"), 4: ("P", "P;4"), 8: ("P", "P"), 16: ("I;16", "I;16"), 24: ("RGB", "BGR"), 32: ("I", "I;32"),
}  # fmt: skip
"""Pillow's names for a picture and for what lies in the file, by the bits of a pixel."""
_COLOURS_555, _COLOURS_888 = (0x7C00, 0x03E0, 0x001F), (0xFF0000, 0x00FF00, 0x0000FF)


class _Bitmap(NamedTuple):
    """What the header of a BMP says.

    height: negative if the highest row comes first. start: of the pixels, in bytes. stride: bytes of a row.
    masks: the bits of red, green, blue and alpha in a pixel. table: (N, 3 or 4) uint8, the colour of each value that a
    pixel of up to 16 bits can have.
    """

    width: int
    height: int
    bits: int
    start: int
    stride: int
    masks: tuple[int, ...]
    table: NDArray[np.uint8] | None


def opened(data: bytes) -> Decodable:
    """The picture in a BMP: (H, W, 3), or (H, W, 4) if it uses an alpha. Raises Undecodable or Unsupported."""
    try:
        bitmap = _read_header(data)
    except struct.error as error:
        raise Undecodable("BMP: the header is cut off") from error
    channels = 4 if bitmap.masks[3] else 3
    header = Header(bitmap.width, abs(bitmap.height), channels, colours=3, sample="uchar", pages=1, orientation=1)
    return Decodable(header, lambda: _unpacked(data, bitmap), lambda: None)


def _read_header(data: bytes) -> _Bitmap:
    start, header = struct.unpack_from("<II", data, 10)
    compression, colours = _PLAIN, 0
    if header == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
    elif header >= 40:
        width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
        (colours,) = struct.unpack_from("<I", data, 46)
    else:
        raise Undecodable(f"BMP: its header has {header} bytes, which no kind of BMP has")
    if compression not in (_PLAIN, _BIT_FIELDS, _ALPHA_BIT_FIELDS):
        raise Unsupported("BMP: it is compressed, which hardly any is")
    if width <= 0 or height == 0:
        raise Undecodable(f"BMP: it says it has {width} x {height} pixels")
    if bits not in _UNPACKERS:
        raise Undecodable(f"BMP: it has {bits} bits a pixel, which no BMP has")
    stride = (width * bits + 31) // 32 * 4  # rows are filled up to whole 4 bytes
    wanted, there = stride * abs(height), max(0, len(data) - start)
    if there < wanted:
        raise Undecodable(f"BMP: {wanted} bytes of pixels are announced, and {there} are there")
    masks: tuple[int, ...] = (*(_COLOURS_555 if bits == 16 else _COLOURS_888), 0)
    if compression != _PLAIN and bits in (16, 32):
        has_alpha = header >= 56 or compression == _ALPHA_BIT_FIELDS
        masks = struct.unpack_from("<IIII", data, 54) if has_alpha else (*struct.unpack_from("<III", data, 54), 0)
    table = None
    if bits <= 8:
        table = _palette(data[14 + header :], 3 if header == 12 else 4, 1 << bits, colours)
    elif bits == 16:
        table = _spread(np.arange(1 << 16, dtype=np.uint32), masks)
    return _Bitmap(width, height, bits, start, stride, masks, table)


def _palette(content: bytes, entry: int, values: int, colours: int) -> NDArray[np.uint8]:
    """The colour of each value. colours: how many are in the file, or 0 for all; the last one stands for the rest."""
    number = min(colours or values, values)
    if len(content) < number * entry:
        raise Undecodable("BMP: its palette is cut off")
    table = np.frombuffer(content, np.uint8, number * entry).reshape(number, entry)[:, 2::-1]  # blue, green, red there
    return table[np.minimum(np.arange(values), number - 1)]


def _unpacked(data: bytes, bitmap: _Bitmap) -> NDArray[np.uint8]:
    from PIL import Image  # here, since most daemons never meet a BMP

    height, from_top = abs(bitmap.height), bitmap.height < 0
    mode, packed = _UNPACKERS[bitmap.bits]
    picture = np.empty((height, bitmap.width, 4 if bitmap.masks[3] else 3), np.uint8)
    for top in range(0, height, _STRIP):
        rows = min(_STRIP, height - top)
        first = bitmap.start + bitmap.stride * (top if from_top else height - top - rows)
        strip = data[first : first + bitmap.stride * rows]
        size, direction = (bitmap.width, rows), 1 if from_top else -1
        values = np.asarray(Image.frombuffer(mode, size, strip, "raw", packed, bitmap.stride, direction))
        if bitmap.table is not None:
            values = bitmap.table[values]
        elif bitmap.bits == 32:
            values = _spread(values.view(np.uint32), bitmap.masks)
        picture[top : top + rows] = values
    has_alpha = picture.shape[2] == 4 and picture[..., 3].any()  # many programs announce an alpha and leave it empty
    return picture if has_alpha else picture[..., :3]


def _spread(values: NDArray[np.uint32], masks: tuple[int, ...]) -> NDArray[np.uint8]:
    """The bits of each mask as 0..255: (…, 3), or (…, 4) if there is a mask of alpha."""
    channels = []
    for mask in masks if masks[3] else masks[:3]:
        lowest = max(1, mask & -mask)
        part, most = (values & np.uint32(mask)) // np.uint32(lowest), max(1, mask // lowest)
        channels.append((part if most == 255 else np.rint(part * (255 / most))).astype(np.uint8))
    return np.stack(channels, axis=-1)
