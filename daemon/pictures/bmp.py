"""Uncompressed BMP files to arrays; libvips has no reader for them.

After Microsoft's BITMAPFILEHEADER, BITMAPCOREHEADER and BITMAPINFOHEADER up to version 5. The pixels lie in the file as
they are, so no header can ask for more memory than a few times the file's own size.
"""

import struct

import numpy as np
from numpy.typing import NDArray

from daemon.pictures.codec_errors import Undecodable, Unsupported
from daemon.pictures.values import Decodable, Header

_PLAIN, _BIT_FIELDS, _ALPHA_BIT_FIELDS = 0, 3, 6
_USUAL_MASKS = {
    16: (0x7C00, 0x03E0, 0x001F, 0),
    24: (0xFF0000, 0x00FF00, 0x0000FF, 0),
    32: (0xFF0000, 0x00FF00, 0x0000FF, 0),
}


def opened(data: bytes) -> Decodable:
    """The picture in a BMP: (H, W, 3), or (H, W, 4) where it has an alpha. Raises Undecodable with the reason."""
    try:
        pixels = _decoded(data)
    except struct.error as error:
        raise Undecodable("BMP: the header is cut off") from error
    height, width, channels = pixels.shape
    header = Header(width, height, channels, colours=3, sample="uchar", pages=1, orientation=1)
    return Decodable(header, lambda: pixels, lambda: None)


def _decoded(data: bytes) -> NDArray[np.uint8]:
    offset, header = struct.unpack_from("<II", data, 10)
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
    rows = _rows(data, offset, width, abs(height), bits)
    if bits in (1, 4, 8):
        palette = _palette(data, header, bits, colours)
        picture = palette[np.minimum(_indices(rows, width, bits), len(palette) - 1)]
    elif bits in _USUAL_MASKS:
        picture = _channels(rows, width, bits, _masks(data, header, bits, compression))
    else:
        raise Undecodable(f"BMP: it has {bits} bits a pixel, which no BMP has")
    return picture[::-1] if height > 0 else picture  # the lowest row comes first, unless the height is negative


def _rows(data: bytes, offset: int, width: int, height: int, bits: int) -> NDArray[np.uint8]:
    stride = (width * bits + 31) // 32 * 4  # rows are filled up to whole 4 bytes
    if len(data) - offset < stride * height:
        raise Undecodable(
            f"BMP: {stride * height} bytes of pixels are announced, and {max(0, len(data) - offset)} are there"
        )
    return np.frombuffer(data, np.uint8, stride * height, offset).reshape(height, stride)


def _indices(rows: NDArray[np.uint8], width: int, bits: int) -> NDArray[np.uint8]:
    if bits == 8:
        return rows[:, :width]
    if bits == 1:
        return np.unpackbits(rows, axis=1)[:, :width]
    return np.stack([rows >> 4, rows & 15], axis=-1).reshape(len(rows), -1)[:, :width]


def _palette(data: bytes, header: int, bits: int, colours: int) -> NDArray[np.uint8]:
    entry = 3 if header == 12 else 4
    number = min(colours or 1 << bits, 1 << bits)
    table = np.frombuffer(data[14 + header : 14 + header + number * entry], np.uint8)
    if len(table) < number * entry:
        raise Undecodable("BMP: its palette is cut off")
    return table.reshape(number, entry)[:, 2::-1]  # blue, green, red in the file


def _masks(data: bytes, header: int, bits: int, compression: int) -> tuple[int, int, int, int]:
    """The bits of red, green, blue and alpha in a pixel."""
    if compression == _PLAIN:
        return _USUAL_MASKS[bits]
    red, green, blue = struct.unpack_from("<III", data, 54)
    has_alpha = header >= 56 or compression == _ALPHA_BIT_FIELDS
    (alpha,) = struct.unpack_from("<I", data, 66) if has_alpha else (0,)
    return red, green, blue, alpha


def _channels(rows: NDArray[np.uint8], width: int, bits: int, masks: tuple[int, int, int, int]) -> NDArray[np.uint8]:
    size = bits // 8
    bytes_ = rows[:, : width * size].reshape(len(rows), width, size)
    values = sum(bytes_[..., place].astype(np.uint32) << np.uint32(8 * place) for place in range(size))
    channels = [_spread(np.asarray(values, np.uint32), mask) for mask in masks[:3]]
    if masks[3]:
        alpha = _spread(np.asarray(values, np.uint32), masks[3])
        if alpha.any():  # many programs announce an alpha and leave it empty
            channels.append(alpha)
    return np.stack(channels, axis=-1)


def _spread(values: NDArray[np.uint32], mask: int) -> NDArray[np.uint8]:
    """The bits of `mask` as 0..255."""
    if mask == 0:
        return np.zeros(values.shape, np.uint8)
    shift = (mask & -mask).bit_length() - 1
    most = mask >> shift
    part = (values & np.uint32(mask)) >> np.uint32(shift)
    if most == 255:
        return part.astype(np.uint8)
    return np.rint(part.astype(np.float64) * (255 / most)).astype(np.uint8)
