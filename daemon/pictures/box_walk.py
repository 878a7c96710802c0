"""Walks over the boxes that a file consists of, from its first to its last (ISO/IEC 14496-12, 4.2)."""

import struct
from collections.abc import Iterator

from daemon.errors import NotWholeYet, Said
from daemon.pictures.partial_file import Doubtful, PartialFile

_MOST_BOXES = 10_000


def whole_boxes(file: PartialFile) -> Iterator[tuple[bytes, int, int]]:
    """The kind of each box, and where its content begins and ends; the last one may leave its size open.

    Raises NotWholeYet at a box that is cut off or still to come, and Doubtful if there are very many.
    """
    position = 0
    for _ in range(_MOST_BOXES):
        if position == file.size:
            return
        size, kind = struct.unpack(">I4s", file.exactly(position, 8, "its_last_part"))
        begin = position + 8
        if kind == b"\0\0\0\0":
            raise NotWholeYet(Said("zeros_at_next"))
        if size == 1:
            (size,), begin = struct.unpack(">Q", file.exactly(begin, 8, "its_last_part")), begin + 8
        end = max(position + size, begin) if size else file.size
        file.exactly(end, 0, "its_last_part")
        yield kind, begin, end
        position = end
    raise Doubtful(Said("too_many_parts"))
