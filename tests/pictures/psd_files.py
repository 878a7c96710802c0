"""Draws Photoshop files by own bytes: what Photoshop saves of a picture, after Adobe's specification."""

import struct
from collections.abc import Mapping

import numpy as np

from daemon.pictures.values import Samples

BITMAP, GREY, INDEXED, RGB, CMYK, MULTICHANNEL, DUOTONE, LAB = 0, 1, 2, 3, 4, 7, 8, 9


def psd(
    channels: Samples,
    mode: int = RGB,
    *,
    bits: int = 0,
    in_runs: bool = True,
    resources: Mapping[int, bytes] | None = None,
    layers: bytes = b"",
    palette: bytes = b"",
    is_big: bool = False,
) -> bytes:
    """A PSD, or a PSB. channels: (H, W) or (H, W, C) as they lie in the file. layers: content of the part for them."""
    planes = np.moveaxis(np.atleast_3d(channels), 2, 0)
    count, height, width = planes.shape
    bits = bits or planes.dtype.itemsize * 8
    head = struct.pack(">4sH6xHIIHH", b"8BPS", 1 + is_big, count, height, width, bits, mode)
    told = b"".join(resource(number, content) for number, content in (resources or {}).items())
    parts = struct.pack(">I", len(palette)) + palette + struct.pack(">I", len(told)) + told
    parts += struct.pack(">Q" if is_big else ">I", len(layers)) + layers
    if bits == 1:
        rows = [np.packbits(row).tobytes() for plane in planes for row in plane]
    else:
        rows = [row.astype(row.dtype.newbyteorder(">")).tobytes() for plane in planes for row in plane]
    if not in_runs:
        return head + parts + b"\0\0" + b"".join(rows)
    packed = [runs(row) for row in rows]
    table = struct.pack(f">{len(packed)}{'I' if is_big else 'H'}", *map(len, packed))
    return head + parts + b"\0\1" + table + b"".join(packed)


def resource(number: int, content: bytes, name: bytes = b"") -> bytes:
    """An image resource block."""
    titled = bytes([len(name)]) + name
    return (
        struct.pack(">4sH", b"8BIM", number)
        + titled
        + bytes(len(titled) % 2)
        + struct.pack(">I", len(content))
        + content
        + bytes(len(content) % 2)
    )


def version_info(has_picture: bool) -> bytes:
    """The resource that says whether there is a flattened picture."""
    return struct.pack(">IB", 1, has_picture) + bytes(8) + struct.pack(">I", 1)


def resolution(across: float, down: float) -> bytes:
    """The resource of the resolution, in pixels per inch."""
    return struct.pack(">IHHIHH", round(across * 65536), 1, 1, round(down * 65536), 1, 1)


def layers(count: int, is_big: bool = False) -> bytes:
    """The part for layers of a picture of 8 bit, which says how many there are; negative: with their transparency."""
    about = struct.pack(">h", count) + bytes(30)
    return struct.pack(">Q" if is_big else ">I", len(about)) + about + bytes(4)


def layers_of_16_bit(count: int, is_big: bool = False) -> bytes:
    """The same of 16 bit, where they stand among later blocks."""
    about, other = struct.pack(">h", count) + bytes(30), b"\0\1\2"
    block = b"8BIMPatt" + struct.pack(">I", len(other)) + other + b"\0"
    block += b"8BIMLr16" + struct.pack(">Q" if is_big else ">I", len(about)) + about
    return bytes(8 if is_big else 4) + bytes(4) + block


def runs(row: bytes) -> bytes:
    """A row as Photoshop packs it (PackBits): three equal values or more are a run."""
    packed, position, plain = bytearray(), 0, 0

    def literal(start: int, end: int) -> None:
        for at in range(start, end, 128):
            part = row[at : min(at + 128, end)]
            packed.append(len(part) - 1)
            packed.extend(part)

    while position < len(row):
        end = position
        while end < len(row) and end - position < 128 and row[end] == row[position]:
            end += 1
        if end - position < 3:
            position += 1
            continue
        literal(plain, position)
        packed.extend([257 - (end - position), row[position]])
        position = plain = end
    literal(plain, len(row))
    return bytes(packed)
