"""EXIF blocks of photos: copyright, colours and resolution in them, and the preview that has to leave them.

A camera puts a preview of the whole photo into its EXIF block (IFD1 of CIPA DC-008, 4.5.8). With it, each cut-out would
show the old background. Only the link to the preview and its bytes go; all else in the block stays as it is.
"""

import struct
from contextlib import suppress
from typing import Literal

from daemon.pictures.exif_in_tiff import PREFIX
from daemon.pictures.tiff_directory import TEXT, dialect_of, directory_at, in_memory

_PREVIEW_AT, _PREVIEW_BYTES = 0x0201, 0x0202  # JPEGInterchangeFormat and its length
_MAKER, _COPYRIGHT = 0x010F, 0x8298
_ORIENTATION, _ORIENTATIONS = 0x0112, range(1, 9)
_EXIF, _COLOUR_SPACE, _INTEROPERABILITY, _INDEX = 0x8769, 0xA001, 0xA005, 0x0001
_ADOBE_RGB, _UNCALIBRATED = 2, 65535  # of ColorSpace; the first is no standard, but some cameras write it
_ACROSS, _DOWN, _UNIT, _RATIO = 0x011A, 0x011B, 0x0128, 5
_INCH, _MM_PER_UNIT = 2, {2: 25.4, 3: 10.0}  # ResolutionUnit
_OPTION_FILE = b"R03"  # of InteroperabilityIndex: Adobe RGB


def without_preview(exif: bytes) -> bytes:
    """The same block without its preview picture; a broken block comes back as it is."""
    start = len(PREFIX) if exif.startswith(PREFIX) else 0
    read = in_memory(exif[start:])
    block = bytearray(exif)
    with suppress(struct.error):
        dialect = dialect_of(read)
        first = dialect and directory_at(read, dialect, dialect.first)
        if not dialect or not first or not first.following:
            return exif
        second = directory_at(read, dialect, first.following)
        dialect.offset.pack_into(block, start + first.link, 0)
        at, length = (second.first_number(tag) or 0 for tag in (_PREVIEW_AT, _PREVIEW_BYTES))
        if 0 < at <= at + length <= len(exif) - start:
            block[start + at : start + at + length] = bytes(length)
    return bytes(block)


def copyright_in(exif: bytes | None) -> str | None:
    """The copyright notice in an EXIF block; None if it has none, or is broken."""
    read = in_memory((exif or b"").removeprefix(PREFIX))
    with suppress(struct.error):
        if dialect := dialect_of(read):
            found = directory_at(read, dialect, dialect.first).cut_field(_COPYRIGHT)
            return text_of(found.content) if found and found.kind == TEXT else None
    return None


def orientation_in(exif: bytes | None) -> int:
    """How the picture lies, 1..8 (CIPA DC-008, 4.6.4); 1 if an EXIF block does not say, or is broken."""
    read = in_memory((exif or b"").removeprefix(PREFIX))
    with suppress(struct.error):
        if dialect := dialect_of(read):
            found = directory_at(read, dialect, dialect.first).first_number(_ORIENTATION)
            return found if found and found in _ORIENTATIONS else 1
    return 1


def colour_space_in(exif: bytes | None) -> Literal["adobe_rgb", "uncalibrated"] | None:
    """Which colours an EXIF block tells: Adobe RGB, or some other than sRGB; None if sRGB, or if it tells nothing.

    "Not sRGB" counts if the block is a camera's: libraries say so of pictures of which they know nothing.
    """
    read = in_memory((exif or b"").removeprefix(PREFIX))
    space, index, maker = None, None, None
    with suppress(struct.error):
        if dialect := dialect_of(read):
            first = directory_at(read, dialect, dialect.first)
            capture = directory_at(read, dialect, first.first_number(_EXIF) or 0)
            maker = first.field(_MAKER)
            space = capture.first_number(_COLOUR_SPACE)
            below = directory_at(read, dialect, capture.first_number(_INTEROPERABILITY) or 0)
            index = below.field(_INDEX)
    if space == _ADOBE_RGB or (index and index.content.startswith(_OPTION_FILE)):
        return "adobe_rgb"
    return "uncalibrated" if space == _UNCALIBRATED and maker else None


def resolution_in(exif: bytes | None) -> tuple[float, float] | None:
    """Pixels per millimetre, across and down, in an EXIF block; None if it tells none (CIPA DC-008, 4.6.2)."""
    read = in_memory((exif or b"").removeprefix(PREFIX))
    with suppress(struct.error):
        if dialect := dialect_of(read):
            first = directory_at(read, dialect, dialect.first)
            unit = _MM_PER_UNIT.get(first.first_number(_UNIT) or _INCH)
            fields = [first.field(tag) for tag in (_ACROSS, _DOWN)]
            ratios = [
                struct.unpack(dialect.order + "II", field.content)
                for field in fields
                if field and (field.kind, field.number) == (_RATIO, 1)
            ]
            if unit and len(ratios) == len(fields) and all(below for _, below in ratios):
                across, down = (above / below / unit for above, below in ratios)
                return across, down
    return None


def text_of(raw: bytes) -> str | None:
    """A notice in words: photographer's, then editor's, parted by a NUL (CIPA DC-008, 4.6.5). None if it is empty.

    In UTF-8 if it can be, else in Latin-1.
    """
    parts = [part for part in raw.split(b"\0") if part.strip()]
    try:
        said = "; ".join(part.decode("utf-8").strip() for part in parts)
    except UnicodeDecodeError:
        said = "; ".join(part.decode("latin-1").strip() for part in parts)
    return "".join(letter for letter in said if letter.isprintable()) or None
