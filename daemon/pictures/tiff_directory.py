"""The one walker through the directories of fields that TIFF files and EXIF blocks consist of.

After TIFF 6.0, section 2, and the BigTIFF proposal; an EXIF block is a TIFF without a picture (CIPA DC-008, 4.5). Files
come from strangers: a chain of pages ends at the first page that it meets twice; there is a limit to the pages, to the
entries of a page and to the bytes of a value; and a value is read only when it is asked for.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

Read = Callable[[int, int], bytes]
"""So many bytes at a position, as os.pread: fewer at the end, or an error of its own."""

VALUE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 18: 8}
"""The bytes of one value, by the number of its type."""
WHOLE_NUMBERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}
"""The types of counts and offsets, and their letters in struct and numpy."""
TEXT = 2
"""The type of texts."""

_MOST_ENTRIES = 512
_MOST_PAGES = 10_000
_USUAL_ENTRIES = 32  # of a page; directories that lie over each other could make a small file say millions of entries
_MOST_OFFSET = 2**63 - 16  # the system takes no position beyond 2**63 - 1
_MOST_BYTES = 16384  # of one value; longer ones are pictures or private


class Field(NamedTuple):
    """One field: the number of its type, how many values it has, and their bytes in the file's byte order."""

    kind: int
    number: int
    content: bytes


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file writes its directories. order: "<" or ">", as struct has it. first: where the first directory is."""

    order: str
    first: int
    is_big: bool = False

    @property
    def count(self) -> struct.Struct:
        """The number of entries, which begins a directory."""
        return struct.Struct(self.order + ("Q" if self.is_big else "H"))

    @property
    def offset(self) -> struct.Struct:
        """A position in the file."""
        return struct.Struct(self.order + ("Q" if self.is_big else "I"))

    @property
    def entry(self) -> struct.Struct:
        """Tag, type, number of values; then the values, or their position if they need more room."""
        return struct.Struct(self.order + ("HHQ8s" if self.is_big else "HHI4s"))


@dataclass(frozen=True, slots=True)
class Directory:
    """One directory of a file.

    rows: its entries as they lie there, by tag. link: where the position of the next directory stands.
    """

    read: Read
    dialect: Dialect
    position: int
    rows: Mapping[int, bytes]
    link: int

    @property
    def following(self) -> int:
        """The position of the next directory, 0 behind the last one. Raises struct.error if the file ends before."""
        offset = self.dialect.offset
        if self.link > _MOST_OFFSET:
            raise struct.error("the next directory lies beyond any file")
        return int(offset.unpack(self.read(offset.size, self.link))[0])

    @property
    def end(self) -> int:
        """The position behind the last of its values; 0 if all of them stand in its entries."""
        inside, end = self.dialect.offset.size, 0
        for row in self.rows.values():
            _, kind, number, value = self.dialect.entry.unpack(row)
            if (size := number * VALUE_BYTES.get(kind, 0)) > inside:
                end = max(end, self.dialect.offset.unpack(value)[0] + size)
        return end

    def entry(self, tag: int) -> Field:
        """Type and number of values of a field, and its entry's last bytes: the values or their position; or zeros."""
        return Field(*self.dialect.entry.unpack(self.rows[tag])[1:]) if tag in self.rows else Field(0, 0, b"")

    def cut_field(self, tag: int, most_bytes: int = _MOST_BYTES) -> Field | None:
        """The field with `tag`, its content cut off where the file ends; None if there is none that can be read."""
        kind, number, value = self.entry(tag)
        size = number * VALUE_BYTES.get(kind, 0)
        if not 0 < size <= most_bytes:
            return None
        if size > len(value):
            (at,) = self.dialect.offset.unpack(value)
            value = self.read(size, at) if at + size <= _MOST_OFFSET else b""
        return Field(kind, number, value[:size])

    def field(self, tag: int, most_bytes: int = _MOST_BYTES) -> Field | None:
        """The field with `tag`; None if there is none that can be read to its end."""
        found = self.cut_field(tag, most_bytes)
        return found if found and len(found.content) == found.number * VALUE_BYTES[found.kind] else None

    def fields(self) -> dict[int, Field]:
        """All fields that can be read, by tag."""
        return {tag: field for tag in self.rows if (field := self.field(tag))}

    def numbers(self, tag: int, most_bytes: int = _MOST_BYTES) -> tuple[int, ...]:
        """The whole numbers of a field; none if it is not there, or holds something else."""
        found = self.field(tag, most_bytes)
        if found is None or found.kind not in WHOLE_NUMBERS:
            return ()
        return struct.unpack(f"{self.dialect.order}{found.number}{WHOLE_NUMBERS[found.kind]}", found.content)

    def first_number(self, tag: int) -> int | None:
        """The first whole number of a field, or None."""
        return next(iter(self.numbers(tag)), None)


def in_memory(content: bytes) -> Read:
    """A way to read `content` as if it were a file."""
    return lambda length, position: content[position : position + length]


def dialect_of(read: Read) -> Dialect | None:
    """How a file writes; None if it is no TIFF. Raises struct.error if its header is cut off."""
    head = read(16, 0)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None:
        return None
    if head[2:4] in (b"+\0", b"\0+"):
        return Dialect(order, struct.unpack(order + "Q", head[8:])[0], is_big=True)
    return Dialect(order, struct.unpack(order + "I", head[4:8])[0])


def directory_at(read: Read, dialect: Dialect, position: int) -> Directory:
    """The directory at `position`, with as many of its entries as are there. Raises struct.error if it is not there."""
    count, size = dialect.count, dialect.entry.size
    if not 0 < position <= _MOST_OFFSET:
        raise struct.error("there is no such position")
    (entries,) = count.unpack(read(count.size, position))
    start = position + count.size
    table = read(size * min(entries, _MOST_ENTRIES), start)
    rows = (table[at : at + size] for at in range(0, len(table) - size + 1, size))
    by_tag = {struct.unpack(dialect.order + "H", row[:2])[0]: row for row in rows}
    return Directory(read, dialect, position, by_tag, start + entries * size)


def pages(read: Read, dialect: Dialect, most: int = _MOST_PAGES) -> Iterator[Directory]:
    """The directories of a file's pages, as far as one leads to the next. Raises struct.error where one is missing.

    No more than `most` pages, and no more entries than so many pages usually have.
    """
    position, seen, entries = dialect.first, set[int](), 0
    while position and position not in seen and len(seen) < most and entries < most * _USUAL_ENTRIES:
        seen.add(position)
        page = directory_at(read, dialect, position)
        entries += min((page.link - position) // dialect.entry.size, _MOST_ENTRIES)
        yield page
        position = page.following


def laid_out_directory(dialect: Dialect, fields: Mapping[int, Field], start: int, kept: Mapping[int, bytes]) -> bytes:
    """The last directory of a file as it lies from `start` on, with its values behind it.

    kept: entries that go into it as they are, by tag.
    """
    rows, values = {tag: row for tag, row in kept.items() if tag not in fields}, b""
    entries = len(rows) + len(fields)
    behind = start + dialect.count.size + dialect.entry.size * entries + dialect.offset.size
    for tag, (kind, number, content) in sorted(fields.items()):
        place = content
        if len(content) > dialect.offset.size:
            place = dialect.offset.pack(behind + len(values))
            values += content + bytes(len(content) % 2)  # values begin at even positions
        rows[tag] = dialect.entry.pack(tag, kind, number, place)
    table = b"".join(row for _, row in sorted(rows.items()))
    return dialect.count.pack(entries) + table + dialect.offset.pack(0) + values
