"""Takes parts out of an EXIF block that not everybody wants to hand on: the place, and what a camera's maker keeps.

All else in the block stays where it is, because some of it points to places; what goes is zeros from then on.
"""

import re
import struct
from collections.abc import Callable
from contextlib import suppress

from daemon.pictures.exif_in_tiff import PREFIX
from daemon.pictures.tiff_directory import VALUE_BYTES, Directory, dialect_of, directory_at, in_memory

_CAPTURE, _PLACE, _MAKER_NOTE = 0x8769, 0x8825, 0x927C
# The mark with which a JPEG begins, before one of those that may follow; some makers change its first byte.
_PICTURE = re.compile(rb".\xd8\xff[\xc0\xc4\xdb\xe0\xe1\xfe]", re.DOTALL)
_PICTURE_END = b"\xff\xd9"


def without_place(exif: bytes) -> bytes:
    """The block without its directory of GPS (CIPA DC-008, 4.6.7); a broken block comes back as it is."""
    return _changed(exif, _blank_place)


def without_maker_note(exif: bytes) -> bytes:
    """The block without its maker note; a broken block comes back as it is."""
    return _changed(exif, _blank_maker_note)


def without_pictures(exif: bytes) -> bytes:
    """The block without a maker note that holds a picture, and without any picture beside it.

    The block's own preview has to be gone before.
    """
    if not _PICTURE.search(exif):
        return exif
    block = bytearray(_changed(exif, lambda block, first: _blank_maker_note(block, first, _holds_picture)))
    position = 0
    while found := _PICTURE.search(block, position):
        end = block.find(_PICTURE_END, found.end())
        position = end + len(_PICTURE_END) if end >= 0 else len(block)
        block[found.start() : position] = bytes(position - found.start())
    return bytes(block)


def _changed(exif: bytes, change: Callable[[bytearray, Directory], None]) -> bytes:
    start = len(PREFIX) if exif.startswith(PREFIX) else 0
    block = bytearray(exif[start:])
    with suppress(struct.error):
        read = in_memory(bytes(block))
        if (dialect := dialect_of(read)) and not dialect.is_big:
            change(block, directory_at(read, dialect, dialect.first))
    return exif[:start] + bytes(block)


def _blank_place(block: bytearray, first: Directory) -> None:
    if _PLACE not in first.rows:
        return
    with suppress(struct.error):  # it may lead to none
        place = directory_at(first.read, first.dialect, first.first_number(_PLACE) or 0)
        for tag in place.rows:
            _blank_value(block, place, tag)
        _blank(block, place.position, place.link + first.dialect.offset.size)
    _remove_row(block, first, _PLACE)


def _blank_maker_note(
    block: bytearray, first: Directory, is_unwanted: Callable[[bytes], bool] = lambda _: True
) -> None:
    capture = directory_at(first.read, first.dialect, first.first_number(_CAPTURE) or 0)
    note = capture.cut_field(_MAKER_NOTE, len(block))
    if _MAKER_NOTE in capture.rows and (note is None or is_unwanted(note.content)):
        _blank_value(block, capture, _MAKER_NOTE)
        _remove_row(block, capture, _MAKER_NOTE)


def _holds_picture(note: bytes) -> bool:
    return _PICTURE.search(note) is not None


def _blank_value(block: bytearray, directory: Directory, tag: int) -> None:
    """Make zeros of a value that lies apart from its entry."""
    kind, number, value = directory.entry(tag)
    size = number * VALUE_BYTES.get(kind, 1)
    if size > len(value):
        (at,) = directory.dialect.offset.unpack(value)
        _blank(block, at, at + size)


def _remove_row(block: bytearray, directory: Directory, tag: int) -> None:
    """Let the entries behind it move up; the link to the next directory follows the last one."""
    dialect, end = directory.dialect, directory.link + directory.dialect.offset.size
    rows = [row for other, row in directory.rows.items() if other != tag]
    table = dialect.count.pack(len(rows)) + b"".join(rows) + block[directory.link : end]
    _blank(block, directory.position, end)
    block[directory.position : directory.position + len(table)] = table


def _blank(block: bytearray, start: int, end: int) -> None:
    end = min(end, len(block))
    if start < end:
        block[start:end] = bytes(end - start)
