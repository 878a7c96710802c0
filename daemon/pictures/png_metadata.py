"""Metadata in a PNG wherever they stand: before or behind the pixels, in chunks of their own or in texts.

libvips reads EXIF and XMP before the pixels. Some programs write them behind, and ImageMagick (as we do with IPTC) puts
them into texts of hex digits, "Raw profile type …". Files come from strangers: there is a limit to the bytes of a text,
and to what a compressed one may become; of several of one name only the first is looked at, and a broken one is left
out.
"""

import os
import re
import zlib
from collections.abc import Mapping
from dataclasses import replace

from daemon.pictures import iptc
from daemon.pictures.exif import orientation_in
from daemon.pictures.exif_in_tiff import PREFIX
from daemon.pictures.png_chunks import Chunk, chunks_before_pixels, chunks_of
from daemon.pictures.values import Header, Metadata

_MOST_BYTES = 1 << 23  # of a text: half as many in its hex digits, more than any segment of a JPEG brings
_MOST_NAME_BYTES = 80  # with the NUL behind it (PNG, third edition, 11.3.3)
_EXIF, _TEXTS = b"eXIf", (b"tEXt", b"zTXt", b"iTXt")
_XMP, _RAW = b"xml:com.adobe.xmp", b"raw profile type "
_XMP_IN_APP1 = b"http://ns.adobe.com/xap/1.0/\0"
_HEX_HEAD = re.compile(rb"\s*[^\s]+\s+(\d{1,9})\s")  # what it is, and its number of bytes
_TIFFS = (b"II*\0", b"MM\0*")


def completed(header: Header, descriptor: int) -> Header:
    """The header of an open PNG with the metadata that libvips does not read; what it read itself counts."""
    known, found = header.metadata, metadata_in(descriptor)
    metadata = replace(known, exif=known.exif or found.exif, xmp=known.xmp or found.xmp, iptc=found.iptc)
    return replace(
        header, metadata=metadata, orientation=header.orientation if known.exif else orientation_in(found.exif)
    )


def tells_resolution(descriptor: int) -> bool:
    """Whether an open PNG has pixels per metre (PNG, third edition, 11.3.4.3), and not only the shape of its pixels."""
    return chunks_before_pixels(descriptor).get(b"pHYs", b"")[8:9] == b"\1"


def metadata_in(descriptor: int) -> Metadata:
    """The EXIF block, the XMP packet and the bare IPTC records of an open PNG."""
    places: dict[bytes, Chunk] = {}
    for chunk in chunks_of(descriptor):
        name = _name(descriptor, chunk)
        if name in (_EXIF, _XMP) or name.startswith(_RAW):
            places.setdefault(name, chunk)
    segment = _raw(descriptor, places, b"app1")
    exifs = (_text(descriptor, places.get(_EXIF)), _raw(descriptor, places, b"exif"), segment)
    packets = (_text(descriptor, places.get(_XMP)), _raw(descriptor, places, b"xmp"), segment)
    blocks = (_raw(descriptor, places, b"iptc"), _raw(descriptor, places, b"8bim"))
    return Metadata(
        exif=next(filter(None, map(_exif, exifs)), None),
        xmp=next(filter(None, map(_packet, packets)), None),
        iptc=next(filter(None, map(iptc.records, blocks)), None),
    )


def _name(descriptor: int, chunk: Chunk) -> bytes:
    """The kind of a chunk, or what a text is called, in lower case: programs differ in that."""
    if chunk.kind not in _TEXTS:
        return chunk.kind
    return os.pread(descriptor, min(chunk.length, _MOST_NAME_BYTES), chunk.start).partition(b"\0")[0].lower()


def _text(descriptor: int, chunk: Chunk | None) -> bytes:
    """What a chunk holds; nothing if it is broken or too long."""
    if chunk is None or chunk.length > _MOST_BYTES:
        return b""
    content = os.pread(descriptor, chunk.length + 4, chunk.start)
    content, check = content[: chunk.length], content[chunk.length :]
    if zlib.crc32(chunk.kind + content).to_bytes(4) != check:
        return b""
    if chunk.kind not in _TEXTS:
        return content
    text, is_compressed = content.partition(b"\0")[2], chunk.kind == b"zTXt"
    if chunk.kind == b"iTXt":  # whether and how it is compressed, its language, its name in that language
        is_compressed = text[:1] == b"\1"
        text = text[:1] + text[2:].partition(b"\0")[2].partition(b"\0")[2]
    return _inflated(text[1:]) if is_compressed else text.removeprefix(b"\0")


def _inflated(compressed: bytes) -> bytes:
    inflating = zlib.decompressobj()
    try:
        text = inflating.decompress(compressed, _MOST_BYTES)
    except zlib.error:
        return b""
    return text if inflating.eof else b""


def _raw(descriptor: int, places: Mapping[bytes, Chunk], kind: bytes) -> bytes:
    """The bytes that a raw profile has in hex digits; none if it is broken."""
    text = _text(descriptor, places.get(_RAW + kind))
    head = _HEX_HEAD.match(text)
    if head is None:
        return b""
    try:
        content = bytes.fromhex(text[head.end() :].decode("ascii"))
    except ValueError:
        return b""
    return content if len(content) == int(head[1]) else b""


def _exif(content: bytes) -> bytes | None:
    block = content.removeprefix(PREFIX)
    return PREFIX + block if block.startswith(_TIFFS) else None


def _packet(content: bytes) -> bytes | None:
    packet = content.removeprefix(_XMP_IN_APP1)
    return packet if packet.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<") else None
