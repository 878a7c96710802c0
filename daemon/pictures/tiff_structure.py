"""Whether all pages of a TIFF are there, with the data that they point to."""

import struct
from collections.abc import Iterable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from daemon.errors import NotWholeYet, Said, said_of
from daemon.pictures.partial_file import Doubtful, EndMissing, PartialFile
from daemon.pictures.tiff_directory import WHOLE_NUMBERS, Directory, dialect_of, directory_at, pages

_MOST_PAGES = 100_000
_MOST_TABLE_BYTES = 1 << 24  # four million strips; a larger table is left to the decoder
_MOST_INNER = 64  # pages within pages that are looked at; cameras have up to four
_SUB_IFDS = 330
_PAGE_NUMBER = 297  # number of this page, from 0, and of all pages; 0 = it is not known how many
_DATA = ((273, 279), (324, 325), (513, 514))  # offsets and byte counts: strips, tiles, old-style JPEG


def follow(file: PartialFile) -> int:
    """Follow all pages of a TIFF or BigTIFF, and return its size.

    The chain of pages ends in 0, and the strips or tiles of each page lie inside the file (TIFF 6.0; BigTIFF). Pages
    within a page (TIFF Technical Note 1, SubIFDs), where camera RAWs keep the data that counts, have to be there too.
    Raises NotWholeYet with what is missing. Raises Doubtful if it is a page within a page, if the first page counts
    more pages than there are (tag 297), if pages share their tables, or if a value lies outside the file, such as the
    ICC profile that libtiff writes last. Raises EndMissing if only the link behind the last page is cut off.
    """
    file.exactly(0, 16, "tiff_header")
    read = partial(_read, file)
    dialect = dialect_of(read)
    assert dialect  # its signature says so
    inner: list[int] = []
    number = promised = table_numbers = end = 0
    last: Directory | None = None
    unlinked: NotWholeYet | None = None
    try:
        for page in pages(read, dialect, _MOST_PAGES):
            number += 1
            if not page.rows:
                raise NotWholeYet(Said("tiff_page_empty", n=number))
            table_numbers += _check_data(file, page)
            if table_numbers > file.size:
                raise Doubtful(Said("tiff_shared_tables"))
            if number == 1:
                promised = _promised_pages(file, page)
            if len(inner) < _MOST_INNER:  # a table is read only if it is wanted: all pages may point to one of 16 MB
                inner += map(int, _table(file, page, _SUB_IFDS)[: _MOST_INNER - len(inner)])
            last, end = page, max(end, page.end)
    except NotWholeYet as error:
        # Some scanners end a file with the last entry of its last page, without the link to a next one.
        if last is None or not last.link <= file.size < last.link + dialect.offset.size:
            raise
        unlinked = error
    except struct.error as error:
        raise NotWholeYet(Said("tiff_ends_early")) from error
    if not number:
        raise NotWholeYet(Said("tiff_without_page"))
    _check_inner(file, (directory_at(read, dialect, within) for within in inner), table_numbers)
    if number < promised:
        raise Doubtful(Said("tiff_fewer_pages", promised=promised, n=number))
    if end > file.size:
        raise Doubtful(Said("tiff_values_missing"))
    if unlinked is not None:
        raise EndMissing(said_of(unlinked)) from unlinked
    return file.size


def _check_inner(file: PartialFile, pages_within: Iterable[Directory], table_numbers: int) -> None:
    """Raise Doubtful if a page within a page is not all there. table_numbers: that the tables of the pages have."""
    try:
        for within in pages_within:
            table_numbers += _check_data(file, within)
            if table_numbers > file.size:
                raise Doubtful(Said("tiff_shared_tables"))
    except NotWholeYet as error:
        raise Doubtful(said_of(error)) from error
    except struct.error as error:
        raise Doubtful(Said("tiff_ends_early")) from error


def _read(file: PartialFile, length: int, position: int) -> bytes:
    return file.exactly(position, length, "tiff_page")


def _promised_pages(file: PartialFile, first: Directory) -> int:
    """How many pages the first one speaks of; 0 if it does not, or was cut out of the middle of a file."""
    numbers = _table(file, first, _PAGE_NUMBER)
    return int(numbers[1]) if len(numbers) > 1 and numbers[0] == 0 else 0


def _check_data(file: PartialFile, page: Directory) -> int:
    """Raise NotWholeYet if some pixel data of a page lies outside the file.

    Returns how many numbers the tables have that say where the data lies.
    """
    tables = {tag: _table(file, page, tag) for pair in _DATA for tag in pair}
    for offsets, counts in ((tables[of], tables[by]) for of, by in _DATA):
        if len(offsets) == len(counts):
            if np.any(offsets + counts > file.size):
                raise NotWholeYet(Said("tiff_no_data"))
            if np.any(offsets == 0):
                raise NotWholeYet(Said("tiff_data_to_come"))
    return sum(len(table) for table in tables.values())


def _table(file: PartialFile, page: Directory, tag: int) -> NDArray[np.float64]:
    """The numbers of a field; none if it is not there. Raises NotWholeYet if the file ends before them.

    As floats: exact for any position that a file can have, and their sums cannot wrap around.
    """
    kind, number, _ = page.entry(tag)
    if kind not in WHOLE_NUMBERS:
        return np.empty(0)
    dtype = np.dtype(page.dialect.order + WHOLE_NUMBERS[kind])
    field = page.cut_field(tag, _MOST_TABLE_BYTES)
    if number * dtype.itemsize > (len(field.content) if field else file.size):
        raise NotWholeYet(Said("tiff_ends_early"))
    return np.frombuffer(field.content if field else b"", dtype).astype(np.float64)
