"""GIF pictures: the first picture of the file on its screen, decoded here.

libvips' decoder takes a picture whose codes end early for whole, and this program has to tell. What the first picture
leaves free of the screen is transparent, as in browsers.
"""

import numpy as np
from numpy.typing import NDArray

from daemon.errors import NotWholeYet, Said, said_of
from daemon.pictures.codec_errors import Undecodable
from daemon.pictures.gif_blocks import GifPicture, joined, parts_of
from daemon.pictures.partial_file import Doubtful, PartialFile
from daemon.pictures.values import Decodable, Header, Metadata

_MOST_CODES, _MOST_BITS = 1 << 12, 12
_VALUE_BITS = range(1, 9)
_PASSES = ((0, 8), (4, 8), (2, 4), (1, 2))  # of an interlaced picture: first row, and how many rows on


def opened(descriptor: int) -> Decodable:
    """The first picture of a GIF: (H, W, 3), or (H, W, 4) if some of it is transparent. Raises Undecodable."""
    file = PartialFile(descriptor)
    try:
        parts = parts_of(file)
    except (NotWholeYet, Doubtful) as error:
        raise Undecodable(said_of(error)) from error
    frame = parts.first
    assert frame is not None  # parts_of says so
    size = (max(parts.size[0], frame.left + frame.width), max(parts.size[1], frame.top + frame.height))
    if not frame.width * frame.height or not frame.palette:
        raise Undecodable(Said("gif_empty"))
    channels = 3 if frame.see_through is None and size == (frame.width, frame.height) else 4
    told = Metadata(icc=parts.icc, xmp=parts.xmp)
    header = Header(*size, channels, 3, "uchar", pages=parts.pictures, orientation=1, metadata=told)
    return Decodable(header, lambda: _pixels(file, frame, size), lambda: _codes(file, frame))


def _pixels(file: PartialFile, frame: GifPicture, size: tuple[int, int]) -> NDArray[np.uint8]:
    codes = _rows(np.frombuffer(_codes(file, frame), np.uint8).reshape(frame.height, frame.width), frame.is_interlaced)
    colours = np.zeros((256, 4), np.uint8)
    palette = np.frombuffer(frame.palette, np.uint8).reshape(-1, 3)
    colours[: len(palette), :3] = palette
    colours[:, 3] = 255
    if frame.see_through is not None:
        colours[frame.see_through, 3] = 0
    picture = np.zeros((size[1], size[0], 4), np.uint8)
    place = picture[frame.top : frame.top + frame.height, frame.left : frame.left + frame.width]
    place.view(np.uint32)[..., 0] = colours.view(np.uint32)[..., 0][codes]
    return picture if (picture[..., 3] == 0).any() else picture[..., :3]


def _rows(codes: NDArray[np.uint8], is_interlaced: bool) -> NDArray[np.uint8]:
    """The rows from the highest to the lowest."""
    if not is_interlaced:
        return codes
    order = [row for first, step in _PASSES for row in range(first, len(codes), step)]
    upright = np.empty_like(codes)
    upright[order] = codes
    return upright


def _codes(file: PartialFile, frame: GifPicture) -> bytearray:
    """The code of each pixel as they come in the file. Raises Undecodable if one is missing."""
    start, end = frame.codes
    content = file.some(start, end - start)
    wanted = frame.width * frame.height
    codes = unpacked(joined(content[1:]), content[0] if content else 0, wanted)
    if len(codes) < wanted:
        raise Undecodable(Said("gif_fewer_pixels", n=wanted, there=len(codes)))
    return codes[:wanted]


def unpacked(data: bytes, code_bits: int, wanted: int) -> bytearray:
    """LZW as in appendix F: at least `wanted` values, or fewer if the data end before. Raises Undecodable."""
    if code_bits not in _VALUE_BITS:
        raise Undecodable(Said("gif_broken"))
    clear = 1 << code_bits
    table = [bytes([value]) for value in range(clear)] + [b"", b""]  # clear, and the end
    first, width, full = len(table), code_bits + 1, clear << 1
    values, last = bytearray(), b""
    bits = ahead = 0
    for byte in data:
        bits |= byte << ahead
        ahead += 8
        while ahead >= width:
            code = bits & (full - 1)
            bits >>= width
            ahead -= width
            if code == clear:
                del table[first:]
                width, full, last = code_bits + 1, clear << 1, b""
                continue
            if code < len(table):
                entry = table[code]
            elif code == len(table) and last:
                entry = last + last[:1]
            else:
                raise Undecodable(Said("gif_broken"))
            values += entry
            if not entry or len(values) >= wanted:
                return values
            if last and len(table) < _MOST_CODES:
                table.append(last + entry[:1])
                if len(table) == full and width < _MOST_BITS:
                    width, full = width + 1, full << 1
            last = entry
    return values
