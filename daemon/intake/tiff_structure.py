"""Whether all pages of a TIFF are there, with the data that they point to."""

import struct

import numpy as np
from numpy.typing import NDArray

from daemon.errors import NotWholeYet
from daemon.intake.partial_file import PartialFile

_MAX_PAGES = 100_000


class MoreToCome(Exception):
    """What the file speaks of is not there: still to come, or something that a program left behind."""


def follow(file: PartialFile) -> int:
    """The chain of pages ends in 0, and each one's strips or tiles lie inside the file (TIFF 6.0; BigTIFF).

    The pages within a page (TIFF Technical Note 1, SubIFDs), where camera RAWs keep the data that counts, are to be
    there too. Raises MoreToCome where they are not, or where the first page counts more pages than there are (tag 297).
    """
    head = file.exactly(0, 16, "the header of a TIFF")
    dialect = _Big(head) if head[2:4] in (b"+\0", b"\0+") else _Classic(head)
    position = dialect.first
    seen: set[int] = set()
    inner: list[int] = []
    promised = 0
    while position and position not in seen and len(seen) < _MAX_PAGES:
        seen.add(position)
        entries, position = dialect.page(file, position)
        if not entries:
            raise NotWholeYet(f"it is a TIFF whose page {len(seen)} is still empty")
        tables = _tiff_tables(file, dialect, entries)
        _tiff_data(file, tables)
        if len(seen) == 1:
            promised = _promised_pages(tables)
        inner += [int(each) for each in tables.get(_SUB_IFDS, ())][: _MOST_INNER - len(inner)]
    if not seen:
        raise NotWholeYet("it is a TIFF without a page so far")
    try:
        for within in inner:
            _tiff_data(file, _tiff_tables(file, dialect, dialect.page(file, within)[0]))
    except NotWholeYet as error:
        raise MoreToCome(str(error)) from error
    if len(seen) < promised:
        raise MoreToCome(f"it is a TIFF that says it has {promised} pages, and {len(seen)} are there")
    return file.size


class _Classic:
    """How a TIFF writes its tables: 4-byte offsets, 12-byte entries."""

    word, word_bytes, count, count_bytes = "I", 4, "H", 2

    def __init__(self, head: bytes) -> None:
        self.order = "<" if head[:2] == b"II" else ">"
        (self.first,) = struct.unpack_from(self.order + self.word, head, 4 if self.word_bytes == 4 else 8)

    def page(self, file: PartialFile, position: int) -> tuple[list[tuple[int, int, int, bytes]], int]:
        """The entries (tag, type, length, value field) of the page at `position`, and where the next page is."""
        what = "one of the pages of a TIFF"
        (number,) = struct.unpack(self.order + self.count, file.exactly(position, self.count_bytes, what))
        size = 4 + 2 * self.word_bytes
        table = file.exactly(position + self.count_bytes, min(number, 65536) * size + self.word_bytes, what)
        form = f"{self.order}HH{self.word}{self.word_bytes}s"
        entries = list(struct.iter_unpack(form, table[: -self.word_bytes]))
        (following,) = struct.unpack(self.order + self.word, table[-self.word_bytes :])
        return entries, following


class _Big(_Classic):
    """How a BigTIFF writes them: 8-byte offsets, 20-byte entries."""

    word, word_bytes, count, count_bytes = "Q", 8, "Q", 8


_TIFF_TYPES = {1: "u1", 3: "u2", 4: "u4", 13: "u4", 16: "u8", 18: "u8"}
_SUB_IFDS = 330
_PAGE_NUMBER = 297  # number of this page, from 0, and of all pages; 0 = it is not known how many
_MOST_INNER = 64  # pages within pages that are looked at; cameras have up to four
_TIFF_DATA = ((273, 279), (324, 325), (513, 514))  # offsets and byte counts: strips, tiles, old-style JPEG


def _tiff_tables(
    file: PartialFile, dialect: _Classic, entries: list[tuple[int, int, int, bytes]]
) -> dict[int, NDArray[np.float64]]:
    """The numbers of one page's entries that say where something lies."""
    wanted = {_SUB_IFDS, _PAGE_NUMBER, *(tag for pair in _TIFF_DATA for tag in pair)}
    tables = {}
    for tag, kind, length, value in entries:
        if kind in _TIFF_TYPES and tag in wanted:
            dtype = np.dtype(dialect.order + _TIFF_TYPES[kind])
            size = length * dtype.itemsize
            if size > len(value):
                (position,) = struct.unpack(dialect.order + dialect.word, value)
                value = file.exactly(position, size, "the tables of a TIFF")
            # Floats: exact for any offset a file can have, and sums that cannot wrap around.
            tables[tag] = np.frombuffer(value[:size], dtype).astype(np.float64)
    return tables


def _promised_pages(tables: dict[int, NDArray[np.float64]]) -> int:
    """How many pages the first one speaks of; 0 where it does not, or was cut out of the middle of a file."""
    number, *total = (int(each) for each in tables.get(_PAGE_NUMBER, (1,)))
    return total[0] if number == 0 and total else 0


def _tiff_data(file: PartialFile, tables: dict[int, NDArray[np.float64]]) -> None:
    """Check that all pixel data of one page lies inside the file."""
    for offsets, counts in ((tables.get(of), tables.get(by)) for of, by in _TIFF_DATA):
        if offsets is not None and counts is not None and len(offsets) == len(counts):
            if np.any(offsets + counts > file.size):
                raise NotWholeYet("it ends before the picture data of a TIFF")
            if np.any(offsets == 0):
                raise NotWholeYet("it is a TIFF with picture data still to come")
