"""Finds out which pages of a TIFF are photos of their own, and whether it is a camera RAW instead.

Smaller versions and masks are none: scanners and editors keep them beside the picture, before or behind it. Some mark
them (TIFF 6.0, NewSubfileType; before, SubfileType), some do not.
"""

import os
import struct
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from daemon.pictures.tiff_directory import Directory, dialect_of, pages

_NEW_SUBFILE_TYPE, _OLD_SUBFILE_TYPE, _WIDTH, _HEIGHT, _PHOTOMETRIC = 0x00FE, 0x00FF, 0x0100, 0x0101, 0x0106
_SUB_IFDS, _DNG_VERSION = 0x014A, 0xC612
_SMALLER_VERSION, _PAGE_OF_SEVERAL, _MASK = 1, 2, 4  # of NewSubfileType
_OLD_SMALLER_VERSION, _OLD_PAGE_OF_SEVERAL = 2, 3  # of SubfileType
_MOSAICS = (32803, 34892)  # of PhotometricInterpretation: what a sensor saw, not yet a picture (DNG)


class PhotoPages(NamedTuple):
    """Which pages are photos, counted from 0; and those that are left out because they look like a smaller version."""

    photos: tuple[int, ...]
    look_smaller: tuple[int, ...] = ()


def photo_pages(descriptor: int) -> PhotoPages:
    """The pages of an open TIFF; at least the first is a photo, also if the file cannot be followed.

    An unmarked page is a smaller version if another one has its shape and at least twice its width and height. Reads
    one directory after the other, and no page's pixels.
    """
    kept = {number: page for number, page in enumerate(_pages(descriptor)) if not _is_marked(page)}
    sizes = np.array([_size(page) for page in kept.values()], float).reshape(-1, 2)
    smaller = tuple(
        number
        for (number, page), size in zip(kept.items(), sizes, strict=True)
        if not _is_page_of_several(page) and _is_smaller(size, sizes)
    )
    return PhotoPages(tuple(number for number in kept if number not in set(smaller)) or (0,), smaller)


def is_camera_raw(descriptor: int) -> bool:
    """Whether an open TIFF is a camera RAW: a DNG, or one that begins with a preview (NEF, ARW).

    A scanner's file may begin so, too; but its picture lies in a page of its own, not below that of the preview.
    """
    found = _pages(descriptor)
    first = next(found, None)
    if first is None or _DNG_VERSION in first.rows:
        return first is not None
    if not (first.first_number(_NEW_SUBFILE_TYPE) or 0) & _SMALLER_VERSION:
        return False
    size = _size(first)
    larger = (page for page in found if not _is_marked(page) and _size(page) > size)
    has_picture = any(page.first_number(_PHOTOMETRIC) not in _MOSAICS for page in larger)
    return _SUB_IFDS in first.rows or not has_picture


def _pages(descriptor: int) -> Iterator[Directory]:
    """The pages, as far as one leads to the next; each is read when its turn has come."""
    read = partial(os.pread, descriptor)
    with suppress(struct.error):
        if dialect := dialect_of(read):
            yield from pages(read, dialect)


def _is_marked(page: Directory) -> bool:
    """Whether a page says that it is a smaller version, or a mask."""
    kind = page.first_number(_NEW_SUBFILE_TYPE)
    if kind is None:
        return page.first_number(_OLD_SUBFILE_TYPE) == _OLD_SMALLER_VERSION
    return bool(kind & (_SMALLER_VERSION | _MASK))


def _is_page_of_several(page: Directory) -> bool:
    """Whether a page says that it is one of a document."""
    is_new = (page.first_number(_NEW_SUBFILE_TYPE) or 0) & _PAGE_OF_SEVERAL
    return bool(is_new) or page.first_number(_OLD_SUBFILE_TYPE) == _OLD_PAGE_OF_SEVERAL


def _size(page: Directory) -> tuple[int, int]:
    return page.first_number(_WIDTH) or 0, page.first_number(_HEIGHT) or 0


def _is_smaller(size: NDArray[np.float64], sizes: NDArray[np.float64]) -> bool:
    """Whether one of `sizes`, (N, 2), has the same shape, up to a rounded side, and at least twice the sides."""
    width, height = size
    wide, high = sizes.T
    alike = np.abs(wide * height - high * width) <= (wide + high) / 2
    return bool((alike & (wide >= 2 * width) & (high >= 2 * height)).any()) and min(width, height) > 0
