"""Whose picture it is, wherever in a file that was said.

Not every program looks for EXIF and IPTC in every format (WebP has no place for the latter), all look for XMP: a
copyright found in the former is repeated there.
"""

import re
import struct

_COPYRIGHT = 0x8298
_IPTC_COPYRIGHT = re.compile(rb"\x1c\x02\x74(..)", re.DOTALL)  # record 2, dataset 116 (IPTC-IIM 4.2), its length


def copyright_of(exif: bytes | None, iptc: bytes | None) -> str | None:
    """The copyright notice in an EXIF block, else in an IPTC block; None where neither has one."""
    return _in_exif(exif or b"") or _in_iptc(iptc or b"")


def _in_exif(exif: bytes) -> str | None:
    tiff = exif.removeprefix(b"Exif\0\0")
    try:
        order = {b"II": "<", b"MM": ">"}[tiff[:2]]
        (first,) = struct.unpack_from(order + "I", tiff, 4)
        (entries,) = struct.unpack_from(order + "H", tiff, first)
        for number in range(entries):
            tag, kind, length, value = struct.unpack_from(order + "HHI4s", tiff, first + 2 + 12 * number)
            if tag == _COPYRIGHT and kind == 2:
                at = struct.unpack(order + "I", value)[0]
                return _text(tiff[at : at + length] if length > 4 else value[:length])
    except (KeyError, struct.error):
        pass  # a broken block says nothing
    return None


def _in_iptc(iptc: bytes) -> str | None:
    found = _IPTC_COPYRIGHT.search(iptc)
    if found is None:
        return None
    return _text(iptc[found.end() : found.end() + int.from_bytes(found[1])])


def _text(raw: bytes) -> str | None:
    """Photographer's notice, then editor's, parted by a NUL; UTF-8 where it can be, else Latin-1."""
    parts = [part for part in raw.split(b"\0") if part.strip()]
    try:
        said = "; ".join(part.decode("utf-8").strip() for part in parts)
    except UnicodeDecodeError:
        said = "; ".join(part.decode("latin-1").strip() for part in parts)
    return "".join(letter for letter in said if letter.isprintable()) or None
