"""JPEG XL pictures, decoded by libvips where it was built with libjxl; the one that pip brings was not."""

from typing import Any

from daemon.errors import Said
from daemon.pictures import vips
from daemon.pictures.box_walk import follow_boxes
from daemon.pictures.codec_errors import Unsupported
from daemon.pictures.partial_file import PartialFile

BARE = b"\xff\x0a"
"""How a codestream without boxes begins."""

_LOADER, _CLASS = "jxlload_buffer", "VipsForeignLoadJxl"
_WHOLE, _PART = b"jxlc", b"jxlp"  # boxes of the codestream
_LAST_PART = 0x80  # in the first byte of a part's number
_EIGHT, _SIXTEEN = 8, 16


def loaded(content: bytes, **options: Any) -> Any:
    """A libvips image of a file's content. Raises Unsupported if libvips cannot, or if it is in CMYK or in floats.

    libvips calls the decoder untrusted; it is allowed because strangers' files are decoded in a process of their own.
    """
    if not vips.has(_LOADER):
        raise Unsupported(Said("jxl_library"))
    vips.allow(_CLASS)
    image = vips.Image.jxlload_buffer(content, **options)
    profile = vips.field_of(image, vips.BLOBS["icc"])
    if image.format not in ("uchar", "ushort") or (profile and bytes(profile[16:20]) == b"CMYK"):
        raise Unsupported(Said("jxl_rare"))
    return filled(image)


def filled(image: Any) -> Any:
    """The same with all ones for full light: libvips may leave the lower bits of 10, 12 and 14 bit empty."""
    bits = vips.field_of(image, "bits-per-sample") or _SIXTEEN
    return image | (image >> bits) if image.format == "ushort" and _EIGHT < bits < _SIXTEEN else image


def follow(file: PartialFile) -> int:
    """Over all boxes to the end; of a bare codestream only the decoder can tell where it ends.

    Raises NotWholeYet if some of it is missing, and EndMissing if that is only what follows the picture.
    """
    if file.exactly(0, 2, "its_header") == BARE:
        return file.size

    def holds_picture(kind: bytes, begin: int, _: int) -> bool:
        return kind == _WHOLE or (kind == _PART and bool(file.exactly(begin, 1, "its_last_part")[0] & _LAST_PART))

    return follow_boxes(file, holds_picture)
