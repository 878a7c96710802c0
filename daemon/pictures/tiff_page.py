"""What a TIFF says of its pages and channels, its making and its records, and libvips does not."""

import os
import struct
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from itertools import islice

from daemon.pictures.exif_in_tiff import making_of
from daemon.pictures.tiff_directory import Dialect, Field, chain, dialect_of, fields_at, numbers

_NEW_SUBFILE_TYPE, _COMPRESSION, _PHOTOMETRIC, _EXTRA_SAMPLES = 0x00FE, 0x0103, 0x0106, 0x0152
_IPTC, _DNG_VERSION = 0x83BB, 0xC612
_JPEG, _YCBCR = (6, 7), 6
_SMALLER_VERSION, _MASK = 1, 4  # of NewSubfileType
_ALPHAS = (1, 2)  # of ExtraSamples: premultiplied or not; 0 is what Photoshop gives a saved selection


def pages_of(descriptor: int) -> tuple[int, ...]:
    """Which pages of an open TIFF are pictures of their own, counted from 0; smaller versions and masks are not.

    (0,) at least, also where the file cannot be followed. Reads one directory after the other, and no page's data.
    """
    pictures: list[int] = []
    read = partial(os.pread, descriptor)
    with suppress(struct.error):
        dialect = dialect_of(read)
        for page, position in enumerate(chain(read, dialect) if dialect else ()):
            assert dialect  # or there were no pages
            kind = numbers(dialect, fields_at(read, dialect, position), _NEW_SUBFILE_TYPE)
            if not kind or not kind[0] & (_SMALLER_VERSION | _MASK):
                pictures.append(page)
    return tuple(pictures) or (0,)


class Tags:
    """The fields of one page of a TIFF; those that cannot be followed are as if they were not there."""

    def __init__(self, descriptor: int, page: int = 0) -> None:
        self._read = partial(os.pread, descriptor)
        self._dialect: Dialect | None = None
        self._position = 0
        self._fields: Mapping[int, Field] = {}
        with suppress(struct.error):
            self._dialect = dialect_of(self._read)
            if self._dialect:
                self._position = next(islice(chain(self._read, self._dialect), page, None), 0)
                self._fields = fields_at(self._read, self._dialect, self._position) if self._position else {}

    @property
    def exif(self) -> bytes | None:
        """An EXIF block, or None where the file says nothing of its making."""
        if not self._dialect or not self._fields:
            return None
        return making_of(self._read, self._dialect, self._position).block

    @property
    def iptc(self) -> bytes | None:
        """The IPTC records, or None; libvips 8.18 gives a quarter of them."""
        field = self._fields.get(_IPTC)
        return field and field[2]

    @property
    def alpha_extra(self) -> int | None:
        """Which of the channels beside the colours is the alpha, counted from 0; None where it is none of them."""
        if _EXTRA_SAMPLES not in self._fields:
            return 0
        kinds = self._numbers(_EXTRA_SAMPLES)
        return next((place for place, kind in enumerate(kinds) if kind in _ALPHAS), None)

    @property
    def begins_with_a_preview(self) -> bool:
        """Whether the first picture is only a small version of another one, as in camera RAW files (DNG, NEF, ARW)."""
        return _DNG_VERSION in self._fields or bool((self._number(_NEW_SUBFILE_TYPE) or 0) & _SMALLER_VERSION)

    @property
    def in_bare_ycbcr(self) -> bool:
        """Whether its colours are luma and chroma without JPEG around them; libvips takes them for RGB."""
        return self._number(_PHOTOMETRIC) == _YCBCR and self._number(_COMPRESSION) not in _JPEG

    def _number(self, tag: int) -> int | None:
        return next(iter(self._numbers(tag)), None)

    def _numbers(self, tag: int) -> tuple[int, ...]:
        return numbers(self._dialect, self._fields, tag) if self._dialect else ()
