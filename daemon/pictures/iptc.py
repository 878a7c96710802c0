"""IPTC records (IPTC-IIM 4.2): bare as in a TIFF, or wrapped as Photoshop puts them into a JPEG (Adobe's 8BIM)."""

import re
from collections.abc import Iterator

from daemon.pictures.exif import text_of
from daemon.pictures.png_chunks import chunk

PHOTOSHOP = b"Photoshop 3.0\0"
"""What a segment of Photoshop's begins with in a JPEG."""
_RESOURCE, _RECORDS = b"8BIM", b"\x04\x04"
_RESOURCES = (_RESOURCE, b"MeSa", b"AgHg", b"PHUT", b"DCSR")  # of ImageReady and other programs of Adobe's
_TAG = b"\x1c"  # each record begins with it
_HEAD_BYTES, _EXTENDED = 5, 0x8000  # tag, record, dataset and length
_RECORD, _COPYRIGHT = rb"\x1c\x02", 116  # the tag and number of a record, and a dataset of it


def records(block: bytes | None) -> bytes | None:
    """The bare records in a block of either kind; None if it holds none."""
    if block is None or block[:1] == _TAG:
        return block
    position = len(PHOTOSHOP) if block.startswith(PHOTOSHOP) else 0
    while block[position : position + 4] in _RESOURCES:
        kind = block[position + 4 : position + 6]
        name = position + 6
        size = name + (block[name] + 2) // 2 * 2 if name < len(block) else len(block)  # a name fills up to even
        start = size + 4
        length = int.from_bytes(block[size:start])
        if kind == _RECORDS:
            found = block[start : start + length]
            return found if found[:1] == _TAG else None
        position = start + length + length % 2
    return None


def copyright_in(block: bytes | None) -> str | None:
    """The copyright notice in a block of either kind; None if it has none."""
    return text_in(block, _COPYRIGHT)


def text_in(block: bytes | None, dataset: int) -> str | None:
    """A text of record 2 in a block of either kind; None if it has none."""
    block = block or b""
    found = re.search(_RECORD + bytes([dataset]) + rb"(..)", block, re.DOTALL)
    return text_of(block[found.end() : found.end() + int.from_bytes(found[1])]) if found else None


def wrapped(bare: bytes) -> bytes:
    """The records as a JPEG holds them."""
    return PHOTOSHOP + _RESOURCE + _RECORDS + b"\0\0" + len(bare).to_bytes(4) + bare + bytes(len(bare) % 2)


def shortened(bare: bytes, most: int) -> bytes | None:
    """The records without as many of the longest as it takes to have at most so many bytes; None if none is left."""
    found = list(_each(bare))
    for record in sorted(found, key=len, reverse=True):
        if sum(map(len, found)) <= most:
            break
        found.remove(record)
    return b"".join(found) or None


def _each(bare: bytes) -> Iterator[bytes]:
    """The records, each with its head, as far as they can be followed (IPTC-IIM 4.2, 1.5)."""
    position = 0
    while bare[position : position + 1] == _TAG and position + _HEAD_BYTES <= len(bare):
        start = position + _HEAD_BYTES
        length = int.from_bytes(bare[start - 2 : start])
        if length & _EXTENDED:  # the length of the length
            number, start = length ^ _EXTENDED, start + (length ^ _EXTENDED)
            length = int.from_bytes(bare[start - number : start])
        yield bare[position : start + length]
        position = start + length


def chunk_of(bare: bytes) -> bytes:
    """The records as a chunk of a PNG.

    As "Raw profile type iptc", which ImageMagick introduced and ExifTool reads; PNG itself has no place for them.
    """
    resource = wrapped(bare).removeprefix(PHOTOSHOP)
    text = f"\niptc\n{len(resource):8d}\n{resource.hex()}\n".encode()
    return chunk(b"tEXt", b"Raw profile type iptc\0" + text)
