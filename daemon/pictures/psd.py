"""Photoshop files (PSD, PSB): the flattened picture that Photoshop saves beside the layers.

In black and white, grey, indexed, RGB, CMYK and Lab, of 8 or 16 bit, plain or in runs (PackBits). Of the channels
beside the colours, the transparency of the layers is the alpha; selections that somebody saved are none. Pillow reads 8
bit only, and takes a saved selection for an alpha.
"""

from collections.abc import Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from daemon.errors import NotWholeYet, Said, said_of
from daemon.pictures import vips
from daemon.pictures.codec_errors import Undecodable, Unsupported
from daemon.pictures.partial_file import PartialFile
from daemon.pictures.psd_parts import BITMAP, CMYK, GREY, INDEXED, LAB, RGB, RUNS, PsdParts, parts_of, why_unread
from daemon.pictures.values import Decodable, Header, Samples

_CHANNELS = {BITMAP: 1, GREY: 1, INDEXED: 1, RGB: 3, CMYK: 4, LAB: 3}
_COLOURS = {**_CHANNELS, INDEXED: 3}
_MOST_BYTES = 1 << 20  # of rows that are read at once
_LIGHTNESS, _STEPS_8, _MIDDLE = 100.0, 255, 128
_REPEATED = 0x80  # the number that begins a run: below, values follow; above, one value is repeated


def opened(descriptor: int) -> Decodable:
    """The flattened picture: (H, W) or (H, W, 2..5), uint8 or uint16. Raises Undecodable or Unsupported."""
    file = PartialFile(descriptor)
    try:
        parts = parts_of(file)
    except NotWholeYet as error:
        raise Undecodable(said_of(error)) from error
    reason = why_unread(parts)
    if reason:
        raise Unsupported(reason)
    wanted = _CHANNELS[parts.mode]
    if parts.channels < wanted or not parts.width * parts.height:
        raise Undecodable(Said("psd_channels", n=parts.channels))
    has_alpha = (parts.has_alpha and parts.channels > wanted) or (parts.mode == INDEXED and parts.clear is not None)
    colours = _COLOURS[parts.mode]
    header = Header(
        parts.width,
        parts.height,
        colours + has_alpha,
        colours,
        sample="ushort" if parts.bits == 16 or parts.mode == LAB else "uchar",
        pages=1,
        orientation=1,  # Photoshop turns the pixels themselves
        metadata=parts.metadata,
        is_lab=parts.mode == LAB,
    )
    read = wanted + (has_alpha and parts.mode != INDEXED)
    return Decodable(header, partial(_pixels, file, parts, read), lambda: _prove(file, parts, read))


def _prove(file: PartialFile, parts: PsdParts, channels: int) -> None:
    for channel in range(channels):
        for _ in _strips(file, parts, channel):
            pass


def _pixels(file: PartialFile, parts: PsdParts, channels: int) -> Samples:
    picture: Samples = np.empty((parts.height, parts.width, channels), np.uint16 if parts.bits == 16 else np.uint8)
    for channel in range(channels):
        for top, rows in _strips(file, parts, channel):
            picture[top : top + len(rows), :, channel] = _samples(rows, parts)
    if parts.mode == INDEXED:
        return _looked_up(picture[..., 0], parts)
    if channels > _CHANNELS[parts.mode]:
        _take_white_out(picture)
    if parts.mode == CMYK:
        np.invert(picture[..., :4], out=picture[..., :4])  # the file has white as the most
    return _rgb_of_lab(picture) if parts.mode == LAB else picture


def _strips(file: PartialFile, parts: PsdParts, channel: int) -> Iterator[tuple[int, NDArray[np.uint8]]]:
    """The rows of a channel from the first to the last, some at once: the number of the first, and (rows, bytes)."""
    if parts.end > file.size:
        raise Undecodable(Said("ends_before", what=Said("psd_picture")))
    lengths = np.full(parts.height, parts.row_bytes)
    position = parts.start + channel * parts.height * parts.row_bytes
    if parts.compression == RUNS:
        first = channel * parts.height
        lengths = parts.rows[first : first + parts.height]
        position = parts.start + int(parts.rows[:first].sum())
    ends = np.cumsum(lengths)
    top = 0
    while top < parts.height:
        done = int(ends[top] - lengths[top])
        bottom = max(top + 1, int(np.searchsorted(ends, done + _MOST_BYTES, "right")))
        if parts.compression == RUNS:
            bottom = min(bottom, top + max(1, _MOST_BYTES // max(1, parts.row_bytes)))
        content = file.some(position + done, int(ends[bottom - 1]) - done)
        if parts.compression == RUNS:
            starts = ends[top:bottom] - lengths[top:bottom] - done
            places = zip(starts.tolist(), (ends[top:bottom] - done).tolist(), strict=True)
            content = b"".join(_unpacked(content[start:end], parts.row_bytes) for start, end in places)
        if len(content) != (bottom - top) * parts.row_bytes:
            raise Undecodable(Said("psd_broken"))
        yield top, np.frombuffer(content, np.uint8).reshape(bottom - top, -1)
        top = bottom


def _unpacked(packed: bytes, wanted: int) -> bytes:
    """A row in runs (PackBits) as it was: `wanted` bytes. Raises Undecodable if it has fewer."""
    row, position, end = bytearray(), 0, len(packed)
    while position < end:
        number = packed[position]
        if number < _REPEATED:
            row += packed[position + 1 : position + 2 + number]
            position += 2 + number
        elif number == _REPEATED:
            position += 1
        else:
            row += packed[position + 1 : position + 2] * (257 - number)
            position += 2
    if len(row) < wanted:
        raise Undecodable(Said("psd_broken"))
    return bytes(row[:wanted])


def _samples(rows: NDArray[np.uint8], parts: PsdParts) -> Samples:
    if parts.bits == 16:
        return rows.view(">u2").astype(np.uint16)
    if parts.bits == 1:  # a bit that is set is black
        return np.asarray((1 - np.unpackbits(rows, axis=1)[:, : parts.width]) * 255, np.uint8)
    return rows


def _looked_up(codes: Samples, parts: PsdParts) -> Samples:
    table = np.full((256, 4 if parts.clear is not None else 3), 255, np.uint8)
    palette = np.frombuffer(parts.palette.ljust(768, b"\0"), np.uint8).reshape(3, 256)
    table[:, :3] = palette.T
    if parts.clear is not None and parts.clear < len(table):
        table[parts.clear, 3] = 0
    return np.asarray(table[codes])


def _take_white_out(picture: Samples) -> None:
    """Photoshop lays what is transparent on white: the colours become themselves again, in place."""
    full = int(np.iinfo(picture.dtype).max)
    for row in picture:
        alpha = row[:, -1:].astype(np.float32)
        colours = (row[:, :-1] - (full - alpha)) * (full / np.maximum(alpha, 1))
        row[:, :-1] = np.rint(np.clip(colours, 0, full))


def _rgb_of_lab(picture: Samples) -> Samples:
    """(H, W, 3 or 4) of Lab as sRGB in 16 bit."""
    step = np.iinfo(picture.dtype).max / _STEPS_8
    image = vips.image_of(picture)
    lab = (image.extract_band(0, n=3) / step - [0, _MIDDLE, _MIDDLE]) * [_LIGHTNESS / _STEPS_8, 1, 1]
    rgb = vips.array_of(lab.cast("float").copy(interpretation="lab").colourspace("rgb16"))
    if picture.shape[2] == 3:
        return rgb
    return np.asarray(np.dstack([rgb, picture[..., 3] * np.uint16(1 if step > 1 else 257)]), np.uint16)
