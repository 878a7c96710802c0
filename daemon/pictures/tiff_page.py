"""What a TIFF says of its pages, and libvips does not: which are photos, their channels, EXIF and IPTC."""

import os
import struct
from contextlib import suppress
from functools import partial
from itertools import islice

from daemon.pictures.exif_in_tiff import exif_fields_of
from daemon.pictures.tiff_directory import Directory, dialect_of, pages

_ROWS_PER_STRIP, _PLANES, _PART_BYTES = 0x0116, 0x011C, (0x0117, 0x0145)  # bytes of each strip, or of each tile
_PLAIN, _SEPARATE = 1, 2  # of Compression; of PlanarConfiguration
_MOST_TABLE_BYTES = 1 << 22  # of a table of strips
_NEW_SUBFILE_TYPE, _COMPRESSION, _PHOTOMETRIC, _EXTRA_SAMPLES = 0x00FE, 0x0103, 0x0106, 0x0152
_IPTC, _DNG_VERSION = 0x83BB, 0xC612
_JPEG, _YCBCR = (6, 7), 6
_SMALLER_VERSION, _MASK = 1, 4  # of NewSubfileType
_ALL_ROWS = 2**32 - 1
_ALPHAS = (1, 2)  # of ExtraSamples: premultiplied or not; 0 is what Photoshop gives a saved selection


def pages_of(descriptor: int) -> tuple[int, ...]:
    """Which pages of an open TIFF are photos of their own, counted from 0; smaller versions and masks are not.

    At least (0,), also if the file cannot be followed. Reads one directory after the other, and no page's pixels.
    """
    photos: list[int] = []
    read = partial(os.pread, descriptor)
    with suppress(struct.error):
        dialect = dialect_of(read)
        for number, page in enumerate(pages(read, dialect) if dialect else ()):
            if not (page.first_number(_NEW_SUBFILE_TYPE) or 0) & (_SMALLER_VERSION | _MASK):
                photos.append(number)
    return tuple(photos) or (0,)


class Tags:
    """The fields of one page of a TIFF; fields that cannot be read count as missing."""

    def __init__(self, descriptor: int, page: int = 0) -> None:
        self._page: Directory | None = None
        read = partial(os.pread, descriptor)
        with suppress(struct.error):
            if dialect := dialect_of(read):
                self._page = next(islice(pages(read, dialect), page, None), None)

    @property
    def exif(self) -> bytes | None:
        """An EXIF block, or None if the page has no fields of EXIF."""
        return exif_fields_of(self._page).block if self._page else None

    @property
    def iptc(self) -> bytes | None:
        """The IPTC records, or None; libvips 8.18 gives a quarter of them."""
        field = self._page and self._page.field(_IPTC)
        return field.content if field else None

    @property
    def alpha_extra(self) -> int | None:
        """Which of the channels beside the colours is the alpha, counted from 0; None if none of them is."""
        if not self._page or not self._page.field(_EXTRA_SAMPLES):
            return 0
        kinds = self._page.numbers(_EXTRA_SAMPLES)
        return next((place for place, kind in enumerate(kinds) if kind in _ALPHAS), None)

    @property
    def begins_with_a_preview(self) -> bool:
        """Whether the page is only a small version of another one, as the first in camera RAW files (DNG, NEF, ARW)."""
        is_dng = self._page is not None and self._page.field(_DNG_VERSION) is not None
        return is_dng or bool((self._number(_NEW_SUBFILE_TYPE) or 0) & _SMALLER_VERSION)

    @property
    def in_bare_ycbcr(self) -> bool:
        """Whether its colours are luma and chroma without JPEG around them; libvips takes them for RGB."""
        return self._number(_PHOTOMETRIC) == _YCBCR and self._number(_COMPRESSION) not in _JPEG

    @property
    def rows_read_at_once(self) -> int:
        """How many rows a decoder has to take at once because each colour lies apart in long strips; else 0."""
        return (self._number(_ROWS_PER_STRIP) or _ALL_ROWS) if self._number(_PLANES) == _SEPARATE else 0

    def part_bytes(self, file_bytes: int) -> int:
        """How many bytes of the file a decoder has to hold at once: those of the largest strip or tile.

        0 if the pixels lie in rows as they are. file_bytes: of the file; there are never more.
        """
        if self._page is None:
            return file_bytes
        if self._number(_COMPRESSION) in (None, _PLAIN) and self._number(_PLANES) != _SEPARATE:
            return 0
        sizes = [size for tag in _PART_BYTES for size in self._page.numbers(tag, _MOST_TABLE_BYTES)]
        return min(file_bytes, max(sizes, default=file_bytes))

    def _number(self, tag: int) -> int | None:
        return self._page.first_number(tag) if self._page else None
