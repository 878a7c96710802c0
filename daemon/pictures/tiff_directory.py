"""The directories of fields that TIFF and EXIF consist of: followed where they lie, and laid out anew.

After TIFF 6.0, 2, and the BigTIFF proposal; an EXIF block is a TIFF without a picture (CIPA DC-008, 4.5).
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

Read = Callable[[int, int], bytes]
"""So many bytes at a position, fewer at the end; as os.pread."""

Field = tuple[int, int, bytes]
"""Type, number of values, the values."""

_VALUE_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 18: 8}
"""Of one value, by the type's number."""
_WHOLE_NUMBERS = {1: "B", 3: "H", 4: "I", 13: "I", 16: "Q", 18: "Q"}  # types of counts and offsets, as struct has them
_HALVES = {5: 4, 10: 4}  # types whose value consists of two numbers
_MOST_ENTRIES = 512
_MOST_PAGES = 10_000
_MOST_OFFSET = 2**63 - 1  # of a file, to the system
_MOST_BYTES = 16384  # of one field; longer ones are pictures or private


class Dialect(NamedTuple):
    """How a file writes: order, "<" or ">"; where its first page is; numbers, offsets, entries, as struct has them."""

    order: str
    first: int
    number: str
    offset: str
    entry: str

    @property
    def room(self) -> int:
        """The bytes of a value that stand in its entry itself."""
        return int(self.entry[-2])

    def pointer(self, position: int) -> Field:
        """A field that says where another directory is."""
        return (4 if self.room == 4 else 16), 1, struct.pack(self.order + self.offset, position)


def plain(order: str, first: int) -> Dialect:
    """The dialect of TIFF and EXIF, which are not BigTIFF."""
    return Dialect(order, first, "H", "I", "HHI4s")


def dialect_of(read: Read) -> Dialect | None:
    """None where it is no TIFF. Raises struct.error where its header is cut off."""
    head = read(16, 0)
    order = {b"II": "<", b"MM": ">"}.get(head[:2])
    if order is None:
        return None
    if head[2:4] in (b"+\0", b"\0+"):  # BigTIFF
        return Dialect(order, struct.unpack(order + "Q", head[8:])[0], "Q", "Q", "HHQ8s")
    return plain(order, struct.unpack(order + "I", head[4:8])[0])


def chain(read: Read, dialect: Dialect) -> Iterator[int]:
    """Where the directory of each page is, as far as one leads to the next. Raises struct.error."""
    count, link = struct.Struct(dialect.order + dialect.number), struct.Struct(dialect.order + dialect.offset)
    position, seen = dialect.first, set[int]()
    while 0 < position <= _MOST_OFFSET and position not in seen and len(seen) < _MOST_PAGES:
        yield position
        seen.add(position)
        (entries,) = count.unpack(read(count.size, position))
        behind = position + count.size + entries * struct.calcsize(dialect.order + dialect.entry)
        if behind > _MOST_OFFSET:
            return
        (position,) = link.unpack(read(link.size, behind))


def entries_at(read: Read, dialect: Dialect, position: int) -> dict[int, bytes]:
    """The entries of the directory at `position` as they lie there, by tag. Raises struct.error."""
    count, size = struct.Struct(dialect.order + dialect.number), struct.calcsize(dialect.order + dialect.entry)
    if position > _MOST_OFFSET:
        return {}
    (entries,) = count.unpack(read(count.size, position))
    table = read(size * min(entries, _MOST_ENTRIES), position + count.size)
    rows = (table[at : at + size] for at in range(0, len(table) - size + 1, size))
    return {struct.unpack(dialect.order + "H", row[:2])[0]: row for row in rows}


def fields_at(read: Read, dialect: Dialect, position: int) -> dict[int, Field]:
    """The fields of the directory at `position` whose values can be read, by tag. Raises struct.error."""
    fields = {}
    for tag, row in entries_at(read, dialect, position).items():
        _, kind, number, value = struct.unpack(dialect.order + dialect.entry, row)
        size = number * _VALUE_BYTES.get(kind, 0)
        if dialect.room < size <= _MOST_BYTES:
            at = struct.unpack(dialect.order + dialect.offset, value)[0]
            value = read(size, at) if at <= _MOST_OFFSET else b""
        if 0 < size <= _MOST_BYTES and len(value) >= size:
            fields[tag] = kind, number, value[:size]
    return fields


def numbers(dialect: Dialect, fields: Mapping[int, Field], tag: int) -> tuple[int, ...]:
    """The whole numbers of a field; none where it is not there, or holds something else."""
    kind, number, content = fields.get(tag, (0, 0, b""))
    return struct.unpack(f"{dialect.order}{number}{_WHOLE_NUMBERS[kind]}", content) if kind in _WHOLE_NUMBERS else ()


def turned(fields: Mapping[int, Field], order: str, wanted: str) -> dict[int, Field]:
    """The same fields in another byte order."""
    if order == wanted:
        return dict(fields)
    return {tag: (kind, number, _turned(kind, content)) for tag, (kind, number, content) in fields.items()}


def _turned(kind: int, content: bytes) -> bytes:
    size = _HALVES.get(kind, _VALUE_BYTES[kind])
    return b"".join(content[at : at + size][::-1] for at in range(0, len(content), size))


def laid_out(
    dialect: Dialect, fields: Mapping[int, Field], start: int, kept: Mapping[int, bytes] | None = None
) -> bytes:
    """A directory that begins at `start`, and its values behind it. kept: entries that go into it as they are."""
    kept = {tag: row for tag, row in (kept or {}).items() if tag not in fields}
    count, link = struct.Struct(dialect.order + dialect.number), struct.Struct(dialect.order + dialect.offset)
    entry = struct.Struct(dialect.order + dialect.entry)
    behind = start + count.size + entry.size * (len(fields) + len(kept)) + link.size
    rows, values = dict(kept), b""
    for tag, (kind, number, content) in sorted(fields.items()):
        place = content
        if len(content) > dialect.room:
            place = link.pack(behind + len(values))
            values += content + bytes(len(content) % 2)  # values begin at even offsets
        rows[tag] = entry.pack(tag, kind, number, place)
    return count.pack(len(rows)) + b"".join(row for _, row in sorted(rows.items())) + link.pack(0) + values
