"""IPTC records, bare as TIFF has them, or wrapped as Photoshop puts them into a JPEG (IPTC-IIM 4.2; Adobe's 8BIM)."""

import os
import zlib

_PHOTOSHOP = b"Photoshop 3.0\0"
_RESOURCE, _RECORDS = b"8BIM", b"\x04\x04"
_TAG = b"\x1c"  # each record begins with it


def records(block: bytes | None) -> bytes | None:
    """The bare records in a block of either kind; None where it holds none."""
    if block is None or block[:1] == _TAG:
        return block
    position = len(_PHOTOSHOP) if block.startswith(_PHOTOSHOP) else 0
    while block[position : position + 4] == _RESOURCE:
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


def wrapped(bare: bytes) -> bytes:
    """The records as a JPEG holds them."""
    return _PHOTOSHOP + _RESOURCE + _RECORDS + b"\0\0" + len(bare).to_bytes(4) + bare + bytes(len(bare) % 2)


def put_into_png(descriptor: int, bare: bytes) -> None:
    """Add the records to a PNG that was just written, before its last chunk. Raises OSError.

    As "Raw profile type iptc", which ImageMagick began and ExifTool reads; the format itself has no place for them.
    """
    resource = wrapped(bare).removeprefix(_PHOTOSHOP)
    text = f"\niptc\n{len(resource):8d}\n{resource.hex()}\n".encode()
    end = os.lseek(descriptor, -len(_LAST_CHUNK), os.SEEK_END)
    content = _chunk(b"tEXt", b"Raw profile type iptc\0" + text) + _LAST_CHUNK
    while content:
        written = os.pwrite(descriptor, content, end)
        content, end = content[written:], end + written


def _chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4) + kind + content + zlib.crc32(kind + content).to_bytes(4)


_LAST_CHUNK = _chunk(b"IEND", b"")
