"""What a page of a TIFF says, and libvips does not: its channels, EXIF, IPTC and XMP."""

import os
import struct
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import islice

from daemon.pictures.exif_in_tiff import exif_fields_of
from daemon.pictures.stale_xmp import without_development
from daemon.pictures.tiff_directory import Directory, dialect_of, pages
from daemon.pictures.values import Metadata

_ROWS_PER_STRIP, _PLANES, _PART_BYTES = 0x0116, 0x011C, (0x0117, 0x0145)  # bytes of each strip, or of each tile
_RESOLUTION_UNIT, _NO_UNIT = 0x0128, 1
_PLAIN, _SEPARATE = 1, 2  # of Compression; of PlanarConfiguration
_MOST_IPTC_BYTES = 1 << 20  # a long caption has tens of thousands
_MOST_XMP_BYTES = 1 << 23
_MOST_TABLE_BYTES = 1 << 22  # of a table of strips
_COMPRESSION, _PHOTOMETRIC, _EXTRA_SAMPLES, _XMP, _IPTC = 0x0103, 0x0106, 0x0152, 0x02BC, 0x83BB
_JPEG, _YCBCR = (6, 7), 6
_ALL_ROWS = 2**32 - 1
_ALPHAS = (1, 2)  # of ExtraSamples: premultiplied or not; 0 is what Photoshop gives a saved selection


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
        field = self._page and self._page.field(_IPTC, _MOST_IPTC_BYTES)
        return field.content if field else None

    @property
    def xmp(self) -> bytes | None:
        """The XMP packet of a camera RAW, or None (XMP, part 3, 1.1.6); libvips reads that of a TIFF, LibRaw none."""
        field = self._page and self._page.field(_XMP, _MOST_XMP_BYTES)
        packet = field.content.rstrip(b"\0") if field else b""
        return without_development(packet) or None

    @property
    def alpha_extra(self) -> int | None:
        """Which of the channels beside the colours is the alpha, counted from 0; None if none of them is."""
        if not self._page or not self._page.field(_EXTRA_SAMPLES):
            return 0
        kinds = self._page.numbers(_EXTRA_SAMPLES)
        return next((place for place, kind in enumerate(kinds) if kind in _ALPHAS), None)

    def added_to(self, metadata: Metadata) -> Metadata:
        """Metadata as they were read, with EXIF and IPTC of the page, and its XMP if none was read.

        A resolution without a unit is only the shape of its pixels; libvips takes it for one per millimetre.
        """
        found = replace(metadata, exif=self.exif, iptc=self.iptc, xmp=metadata.xmp or self.xmp)
        return replace(found, dpi=None, dpi_down=None) if self._number(_RESOLUTION_UNIT) == _NO_UNIT else found

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
