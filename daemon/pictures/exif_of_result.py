"""The EXIF block of a result: the photo's own bytes, and what has changed in directories behind them.

libvips would have libexif write the block anew, which says of each picture that its colours are not sRGB, moves maker
notes away from what they point to, makes up a block where there was none, and knows none over 64 kB.
"""

import struct
from collections.abc import Mapping
from contextlib import suppress

from daemon.pictures.exif_in_tiff import PREFIX
from daemon.pictures.tiff_directory import (
    Dialect,
    Directory,
    Field,
    dialect_of,
    directory_at,
    in_memory,
    laid_out_directory,
)

_ORIENTATION, _CAPTURE = 0x0112, 0x8769
_ACROSS, _DOWN, _UNIT, _INCH = 0x011A, 0x011B, 0x0128, 2
_WIDTHS, _HEIGHTS = (0x0100, 0xA002), (0x0101, 0xA003)  # of the picture, and as the camera told it
_SHORT, _LONG, _RATIO, _PARTS = 3, 4, 5, 1000
_HEAD_BYTES = 8


def exif_of_result(exif: bytes | None, size: tuple[int, int], dpi: tuple[float, float] | None) -> bytes | None:
    """A photo's EXIF block with what is true of an upright picture, without the six bytes before it; None if broken.

    size: width and height. dpi: across and down; None = the block keeps what it says. What the block did not tell is
    not added, except for a resolution.
    """
    block = (exif or b"").removeprefix(PREFIX)
    with suppress(struct.error):
        dialect = dialect_of(in_memory(block))
        if dialect and not dialect.is_big:
            first = directory_at(in_memory(block), dialect, dialect.first)
            return _changed(block, dialect, first, _sizes(dialect, size), _resolution(dialect, dpi) if dpi else {})
    return None


def exif_of_resolution(dpi: tuple[float, float]) -> bytes:
    """A block, without the six bytes before it, that tells a resolution and nothing else."""
    dialect = Dialect("<", _HEAD_BYTES)
    directory = laid_out_directory(dialect, _resolution(dialect, dpi), dialect.first, {})
    return b"II*\0" + dialect.offset.pack(dialect.first) + directory


def _changed(
    block: bytes, dialect: Dialect, first: Directory, sizes: Mapping[int, Field], resolution: Mapping[int, Field]
) -> bytes:
    """The block with both directories written again behind its end, so that nothing else moves."""
    block += bytes(len(block) % 2)
    fields = {**_told(first, sizes), **resolution}
    if _ORIENTATION in first.rows:
        fields[_ORIENTATION] = Field(_SHORT, 1, struct.pack(dialect.order + "H", 1))
    with suppress(struct.error):  # a block may have no such directory, or lead to none
        capture = directory_at(first.read, dialect, first.first_number(_CAPTURE) or 0)
        if told := _told(capture, sizes):
            fields[_CAPTURE] = Field(_LONG, 1, dialect.offset.pack(len(block)))
            block += laid_out_directory(dialect, told, len(block), capture.rows)
    directory = laid_out_directory(dialect, fields, len(block), first.rows)
    return block[:4] + dialect.offset.pack(len(block)) + block[_HEAD_BYTES:] + directory


def _told(directory: Directory, fields: Mapping[int, Field]) -> dict[int, Field]:
    return {tag: field for tag, field in fields.items() if tag in directory.rows}


def _sizes(dialect: Dialect, size: tuple[int, int]) -> dict[int, Field]:
    width, height = (Field(_LONG, 1, struct.pack(dialect.order + "I", each)) for each in size)
    return {**dict.fromkeys(_WIDTHS, width), **dict.fromkeys(_HEIGHTS, height)}


def _resolution(dialect: Dialect, dpi: tuple[float, float]) -> dict[int, Field]:
    across, down = (Field(_RATIO, 1, struct.pack(dialect.order + "II", round(each * _PARTS), _PARTS)) for each in dpi)
    return {_ACROSS: across, _DOWN: down, _UNIT: Field(_SHORT, 1, struct.pack(dialect.order + "H", _INCH))}
