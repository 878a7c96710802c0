"""Proves the strips or tiles of a TIFF each by itself, where decoding the picture does not show all damage.

Deflated data end with a checksum, at which libtiff never looks. JPEG data that break off, or have codes that do not
exist, are worth a warning to their decoder, and whoever decodes a TIFF does not hear of it.
"""

import os
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from functools import partial
from itertools import islice
from typing import NamedTuple

from daemon.errors import Said
from daemon.pictures import vips
from daemon.pictures.codec_errors import Undecodable, Unsupported, error_of
from daemon.pictures.joined_jpeg import Joined, joined
from daemon.pictures.jpeg_damage import prove_coded
from daemon.pictures.jpeg_end import EOI
from daemon.pictures.tiff_directory import Directory, dialect_of, pages

_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _CHANNELS, _PLANES = 0x0100, 0x0101, 0x0102, 0x0103, 0x0115, 0x011C
_STRIPS, _ROWS_PER_STRIP, _TILE_WIDTH, _TILE_HEIGHT, _TILES = (0x0111, 0x0117), 0x0116, 0x0142, 0x0143, (0x0144, 0x0145)
_JPEG_TABLES = 0x015B
_APART = 2  # of PlanarConfiguration
_JPEG, _DEFLATED = 7, (8, 32946)  # of Compression
_MOST_TABLE_BYTES = 1 << 22
_CHUNK = 1 << 20
_SPARE = 1 << 16  # bytes for headers and tables
_MOST_TOO_MUCH = 4  # times what a strip or tile has; nobody looks further
_ZEROS = bytes(16)  # as many zeros are no picture; behind the end mark, they fill up a strip or tile
_SHRUNK = 8  # reads every bit of the coded data, in less time than at full size


class _Part(NamedTuple):
    """A strip or tile: where it lies in the file, its bytes there, and those that the picture takes from it."""

    at: int
    size: int
    decoded: int


def prove_parts(descriptor: int, page: int) -> None:
    """Look at each strip or tile of a page of an open TIFF. Raises Undecodable if one is damaged.

    Takes no more memory than the longest of them has in the file. Compressions that the decoder sees through, and
    pages that cannot be followed, are left to it.
    """
    read = partial(os.pread, descriptor)
    with suppress(struct.error):
        dialect = dialect_of(read)
        found = next(islice(pages(read, dialect), page, None), None) if dialect else None
        if found is None:
            return
        parts = _parts_of(found, os.fstat(descriptor).st_size)
        compression = found.first_number(_COMPRESSION)
        if compression in _DEFLATED:
            _prove_deflated(descriptor, parts)
        elif compression == _JPEG:
            tables = found.field(_JPEG_TABLES, _MOST_TABLE_BYTES)
            coded = (os.pread(descriptor, min(part.size, 4 * part.decoded + _SPARE), part.at) for part in parts)
            _prove_jpegs(coded, tables.content if tables else b"")


def _parts_of(page: Directory, file_bytes: int) -> Iterator[_Part]:
    """The strips or tiles that the picture needs, as far as the page names them and they lie in the file."""
    width, height = (page.first_number(tag) or 0 for tag in (_WIDTH, _HEIGHT))
    is_tiled = _TILES[0] in page.rows
    wide = (page.first_number(_TILE_WIDTH) if is_tiled else width) or 1
    high = page.first_number(_TILE_HEIGHT if is_tiled else _ROWS_PER_STRIP) or height or 1
    channels, is_apart = page.first_number(_CHANNELS) or 1, page.first_number(_PLANES) == _APART
    row_bytes = -(-wide * (page.first_number(_BITS) or 1) * (1 if is_apart else channels) // 8)
    across, down = -(-width // wide), -(-height // high)
    offsets, sizes = (page.numbers(tag, _MOST_TABLE_BYTES) for tag in (_TILES if is_tiled else _STRIPS))
    for number, (at, size) in enumerate(zip(offsets, sizes, strict=False)):
        if number == across * down * (channels if is_apart else 1):
            break
        rows = high if is_tiled else min(high, height - number % down * high)
        if at < file_bytes:
            yield _Part(at, min(size, file_bytes - at), rows * row_bytes)


def _prove_deflated(descriptor: int, parts: Iterable[_Part]) -> None:
    for part in parts:
        try:
            is_sound = _inflates(_chunks(descriptor, part), part.decoded)
        except zlib.error as error:
            raise Undecodable(Said("part_damaged")) from error
        if not is_sound:
            raise Undecodable(Said("part_damaged"))


def _inflates(chunks: Iterable[bytes], most: int) -> bool:
    """Whether deflated data give no more than `most` bytes, or have an end soon after. Raises zlib.error.

    Data that were never written read as zeros, which stand for some byte or other, again and again.
    """
    inflate, decoded = zlib.decompressobj(), 0
    for chunk in chunks:
        rest, had_more = chunk, True
        while (rest or had_more) and decoded <= _MOST_TOO_MUCH * most:
            some = inflate.decompress(rest, _CHUNK)
            decoded += len(some)
            rest, had_more = inflate.unconsumed_tail, bool(some)
        if inflate.eof or decoded > _MOST_TOO_MUCH * most:
            break
    return inflate.eof or decoded <= most


def _chunks(descriptor: int, part: _Part) -> Iterator[bytes]:
    """The bytes of a part, at first no more than it should need: a hostile file says of each that it is very long."""
    end, step = part.at + part.size, min(_CHUNK, part.decoded + _SPARE)
    for start in range(part.at, end, step):
        yield os.pread(descriptor, min(step, end - start), start)


def _prove_jpegs(parts: Iterable[bytes], tables: bytes) -> None:
    for jpeg in joined(parts, tables):
        if not _is_clean(jpeg) and len(jpeg.parts) > 1:  # only the first warning is told
            for part in jpeg.parts:
                all(_is_clean(alone) for alone in joined([part], tables))


def _is_clean(jpeg: Joined) -> bool:
    """Whether a decoder has nothing to say of a JPEG. Raises Undecodable if it is damaged."""
    if not jpeg.is_joined and jpeg.parts[0].endswith(_ZEROS) and not jpeg.parts[0].rstrip(b"\0").endswith(EOI):
        raise Undecodable(Said("part_damaged"))
    load = vips.Image.jpegload_buffer
    try:
        return prove_coded(partial(load, jpeg.content, access="sequential", shrink=_SHRUNK if jpeg.is_wide else 1))
    except vips.Error as error:
        reason = error_of(str(error.detail))
        if isinstance(reason, Unsupported):
            return True  # as far as can be told here
        if isinstance(reason, Undecodable):
            raise Undecodable(Said("part_damaged")) from error
        raise reason from error
