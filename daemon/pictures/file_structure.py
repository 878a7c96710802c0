"""Follows the structure of a picture file to its end, to see whether all of it is there; decodes nothing.

A file can have its full size long before its data (Windows and Samba set the size first), so we follow each format from
its first byte to the marker or the length that closes it. We read with pread and never map a file: a writer that
truncates a mapped file would kill us with SIGBUS.
"""

import os
import re
import struct
from collections.abc import Callable, Iterator, Mapping

from daemon.errors import NotWholeYet, Said, said_of
from daemon.pictures import gif_blocks, jp2_boxes, jpeg_xl, psd_parts, tiff_structure
from daemon.pictures.known_formats import GIF, JPEG_2000, PSD
from daemon.pictures.partial_file import Doubtful, EndMissing, PartialFile

_TAIL_BYTES = 4096
_ZEROS_BYTES = 16  # as many zeros at the end of coded data are no picture
_MOST_PARTS = 100_000  # segments, chunks or boxes; a PNG of 800 MB has as many chunks
# In coded data: no stuffing, no fill byte, no restart marker. Two bytes, so that a search never looks at one twice.
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]", re.DOTALL)
_EOI = 0xD9
SOS = 0xDA
"""The mark in a JPEG behind which its coded data begin."""
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD9)})  # markers without a length: TEM, RST0-7, SOI


def follow_to_end(descriptor: int) -> Said | None:
    """Follow a file's structure to its end.

    Returns None if nothing speaks against the file, or a doubt in words: it may be whole, but looks like a file whose
    data is still to come. Of an unknown format we look at the end only. Raises NotWholeYet that says what is missing;
    EndMissing if that is only what closes the file.
    """
    file = PartialFile(descriptor)
    if file.size == 0:
        raise NotWholeYet(Said("is_empty"))
    head = file.some(0, _TAIL_BYTES)
    if not any(head):
        raise NotWholeYet(Said("zeros_at_start"))
    for signature, follow in _FORMATS:
        if signature.match(head):
            try:
                return _doubt(file, follow(file))
            except Doubtful as error:
                return said_of(error)
    if file.size < 16:
        raise NotWholeYet(Said("only_one_byte") if file.size == 1 else Said("only_n_bytes", n=file.size))
    return _doubt(file, file.size)


def _doubt(file: PartialFile, end: int) -> Said | None:
    # A tail of zeros or a hole may be black pixels, or a sparse copy: we do not refuse the file, but believe it later.
    start = max(end - _TAIL_BYTES, end // 2)
    tail = file.some(start, end - start)
    if len(tail) >= 16 and not any(tail):
        return Said("zeros_at_end")
    try:
        hole = os.lseek(file.descriptor, 0, os.SEEK_HOLE)
    except OSError:  # the file system cannot tell
        return None
    return Said("has_hole") if hole < end else None


def remarks_on(descriptor: int) -> tuple[str, ...]:
    """What the report says of a file that ends in an unusual way, though its picture is all there."""
    file = PartialFile(descriptor)
    head = file.some(0, _TAIL_BYTES)
    follow = next((follow for signature, follow in _FORMATS if signature.match(head)), None)
    if follow is None:
        return ()
    try:
        end = follow(file)
    except EndMissing:
        return (_REMARKS[follow],)
    except (NotWholeYet, Doubtful):
        return ()
    return (_TRAILER,) if follow is _boxes and end < file.size else ()


def jpeg_has_end(descriptor: int) -> bool:
    """Whether a JPEG has its end mark, whatever follows it."""
    try:
        _jpeg(PartialFile(descriptor))
    except NotWholeYet:
        return False
    except Doubtful:
        pass
    return True


def _jpeg(file: PartialFile) -> int:
    """From SOI over all segments and scans to EOI (ITU-T T.81, annex B); what follows EOI is ignored."""
    scans = 0
    try:
        for position, mark in jpeg_marks(file):
            if mark == _EOI:
                return position + 2
            scans += mark == SOS
    except NotWholeYet as error:
        if not scans or _ends_in_zeros(file):
            raise
        raise EndMissing(said_of(error)) from error
    raise Doubtful(Said("jpeg_parts"))


def jpeg_marks(file: PartialFile) -> Iterator[tuple[int, int]]:
    """The position and the number of each mark of a JPEG behind SOI, as far as one leads to the next, with a limit.

    Raises NotWholeYet where the file ends before that.
    """
    what = "jpeg_end"
    position = 2
    for _ in range(_MOST_PARTS):
        head = file.exactly(position, 2, what)
        if head[0] != 0xFF or head[1] == 0xFF:
            if not any(file.some(position, 16)):
                raise NotWholeYet(Said("jpeg_zeros"))
            position = file.find(_JPEG_MARKER, position, what)  # stray or fill bytes; decoders skip them too
            continue
        yield position, head[1]
        if head[1] in _JPEG_BARE:
            position += 2
        else:
            position += 2 + int.from_bytes(file.exactly(position + 2, 2, what))
            if head[1] == SOS:
                position = file.find(_JPEG_MARKER, position, what)


def _ends_in_zeros(file: PartialFile) -> bool:
    """Whether a file may have its full size, and its data is still to come."""
    tail = file.some(max(0, file.size - _ZEROS_BYTES), _ZEROS_BYTES)
    return not any(tail)


def _png(file: PartialFile) -> int:
    """Over all chunks to IEND (ISO/IEC 15948, 5.3)."""
    position, has_pixels = 8, False
    try:
        for _ in range(_MOST_PARTS):
            head = file.exactly(position, 12, "png_end")
            if not head[4:8].isalpha():
                raise NotWholeYet(Said("png_gap"))
            has_pixels |= head[4:8] == b"IDAT"
            position += 12 + int.from_bytes(head[:4])
            if head[4:8] == b"IEND":
                return position
    except NotWholeYet as error:
        if not has_pixels or _ends_in_zeros(file):
            raise
        raise EndMissing(said_of(error)) from error
    raise Doubtful(Said("png_parts"))


def _webp(file: PartialFile) -> int:
    """The length that RIFF gives in its header counts from byte 8."""
    return _sized(file, 8 + int.from_bytes(file.exactly(4, 4, "its_header"), "little"), "kind_webp")


def _bmp(file: PartialFile) -> int:
    """The size in the header; some writers leave it 0, so row size times height if nothing is compressed."""
    size, offset, header = struct.unpack("<2xI4xII", file.exactly(0, 18, "its_header"))
    if header >= 40:
        width, height, bits, compression = struct.unpack("<ii2xHI", file.exactly(18, 16, "its_header"))
        if compression in (0, 3):  # plain, or plain with bit masks
            size = offset + (abs(width) * bits + 31) // 32 * 4 * abs(height)
    return _sized(file, size, "kind_bmp")


def _boxes(file: PartialFile) -> int:
    """Over all boxes to the end of the file (ISO/IEC 14496-12, 4.2); the last one may leave its size open.

    What follows the picture and is no box is ignored: phones write such trailers.
    """
    position, kinds = 0, set[bytes]()
    for _ in range(_MOST_PARTS):
        if position == file.size:
            return position
        has_picture = kinds >= _PICTURE_BOXES
        try:
            size, kind = struct.unpack(">I4s", file.exactly(position, 8, "its_last_part"))
            if kind == b"\0\0\0\0":
                raise NotWholeYet(Said("zeros_at_next"))
            if has_picture and not (_BOX_KIND.fullmatch(kind) and (size >= 8 or size < 2)):
                return position
            if size == 1:
                (size,) = struct.unpack(">Q", file.exactly(position + 8, 8, "its_last_part"))
            if size == 0:
                return file.size
            position = _sized(file, position + max(size, 8), "kind_picture")
        except NotWholeYet as error:
            if has_picture:
                raise EndMissing(said_of(error)) from error
            raise
        kinds.add(kind)
    raise Doubtful(Said("too_many_parts"))


def _sized(file: PartialFile, size: int, kind: str) -> int:
    if size > file.size:
        raise NotWholeYet(Said("fewer_bytes_than_said", kind=Said(kind), n=size, there=file.size))
    return size


_PICTURE_BOXES = frozenset({b"ftyp", b"meta", b"mdat"})
_BOX_KIND = re.compile(rb"[0-9A-Za-z \xa9]{4}")

_FORMATS: tuple[tuple[re.Pattern[bytes], Callable[[PartialFile], int]], ...] = (
    (re.compile(rb"\xff\xd8\xff"), _jpeg),
    (re.compile(rb"\x89PNG\r\n\x1a\n"), _png),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), _webp),
    (re.compile(rb"II[*+]\x00|MM\x00[*+]"), tiff_structure.follow),
    (re.compile(rb"BM"), _bmp),
    (re.compile(rb"....ftyp", re.DOTALL), _boxes),
    (re.compile(JPEG_2000), jp2_boxes.follow),
    (re.compile(GIF), gif_blocks.follow),
    (re.compile(rb"\0\0\0\x0cJXL \r\n|\xff\x0a"), jpeg_xl.follow),
    (re.compile(PSD), psd_parts.follow),
)

_WITHOUT_END = "its end mark is missing; all rows of the picture are there"
_CUT_TRAILER = "what follows the picture is cut off, or is no part of it; the picture is all there"
_TRAILER = "bytes that are no part of it follow the picture"
_REMARKS: Mapping[Callable[[PartialFile], int], str] = {
    _jpeg: _WITHOUT_END,
    gif_blocks.follow: _WITHOUT_END,
    _png: "its last part is missing; all rows of the picture are there",
    _boxes: _CUT_TRAILER,
    jp2_boxes.follow: _CUT_TRAILER,
    jpeg_xl.follow: _CUT_TRAILER,
    tiff_structure.follow: "it ends before it says that there is no further page",
}
"""Of files whose end is missing."""
