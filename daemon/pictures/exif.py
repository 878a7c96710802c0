"""EXIF blocks that no longer show what was cut away.

A camera puts a preview of the whole photo into its EXIF block (IFD1 of CIPA DC-008, 4.5.8): the old background, in
every cut-out. Only the way to the preview and its bytes go; whatever else is in the block stays as it is.
"""

import struct

_PREFIX = b"Exif\0\0"
_PREVIEW_AT, _PREVIEW_BYTES = 0x0201, 0x0202  # JPEGInterchangeFormat and its length
_ENTRY_BYTES = 12


def without_preview(exif: bytes) -> bytes:
    """The same block without its preview picture; one that is broken comes back as it is."""
    start = len(_PREFIX) if exif.startswith(_PREFIX) else 0
    block = bytearray(exif)
    try:
        _cut(memoryview(block)[start:])
    except (struct.error, KeyError):
        return exif
    return bytes(block)


def _cut(tiff: memoryview) -> None:
    order = {b"II": "<", b"MM": ">"}[bytes(tiff[:2])]
    (first,) = struct.unpack_from(order + "I", tiff, 4)
    (entries,) = struct.unpack_from(order + "H", tiff, first)
    link = first + 2 + entries * _ENTRY_BYTES
    (second,) = struct.unpack_from(order + "I", tiff, link)
    if second == 0:
        return
    struct.pack_into(order + "I", tiff, link, 0)
    (entries,) = struct.unpack_from(order + "H", tiff, second)
    found = {}
    for number in range(entries):
        tag, _, _, value = struct.unpack_from(order + "HHII", tiff, second + 2 + number * _ENTRY_BYTES)
        found[tag] = value
    at, length = found.get(_PREVIEW_AT, 0), found.get(_PREVIEW_BYTES, 0)
    if 0 < at <= at + length <= len(tiff):
        tiff[at : at + length] = bytes(length)
