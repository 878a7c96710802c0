"""Walks over the boxes that a file consists of, from its first to its last (ISO/IEC 14496-12, 4.2)."""

import struct
from collections.abc import Callable, Iterator

from daemon.errors import NotWholeYet, Said, said_of
from daemon.pictures.partial_file import Doubtful, EndMissing, PartialFile

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


def follow_boxes(file: PartialFile, holds_picture: Callable[[bytes, int, int], bool]) -> int:
    """Over all boxes to the end of the file, which is returned.

    holds_picture: whether the picture is all there with a box, by what `whole_boxes` says of it; it is asked until it
    is. Raises NotWholeYet if some of the picture is missing, and EndMissing if that is only what follows it.
    """
    has_picture = False
    try:
        for box in whole_boxes(file):
            has_picture = has_picture or holds_picture(*box)
    except NotWholeYet as error:
        if has_picture:
            raise EndMissing(said_of(error)) from error
        raise
    if not has_picture:
        raise NotWholeYet(Said("ends_before", what=Said("its_last_part")))
    return file.size
