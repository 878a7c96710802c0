"""Follows the blocks of a GIF to their end, and says where its first picture lies (GIF89a specification, 1990)."""

import struct
from dataclasses import dataclass, field

from daemon.errors import NotWholeYet, Said, said_of
from daemon.pictures.partial_file import Doubtful, EndMissing, PartialFile

_EXTENSION, _PICTURE, _TRAILER = 0x21, 0x2C, 0x3B
_CONTROL, _APPLICATION = 0xF9, 0xFF  # labels of extensions
_ICC, _XMP = b"ICCRGBG1012", b"XMP DataXMP"
_XMP_END = b"\1\xff\xfe\xfd"  # how the bytes begin that lead a reader of sub-blocks out of a packet
_MOST_BLOCKS = 200_000
_MOST_BYTES = 1 << 24  # of an extension that is read
_WINDOW = 1 << 16
_ZEROS = 16  # as many where a block should begin are data that are still to come


@dataclass(frozen=True, slots=True)
class GifPicture:
    """One picture. palette: of red, green, blue. see_through: the code of transparent pixels. codes: where they lie."""

    left: int
    top: int
    width: int
    height: int
    is_interlaced: bool
    palette: bytes
    see_through: int | None
    codes: tuple[int, int]


@dataclass(slots=True)
class GifParts:
    """What the blocks of a GIF say. size: of the screen, (width, height). pictures: how many there are, so far."""

    size: tuple[int, int] = (0, 0)
    first: GifPicture | None = None
    pictures: int = 0
    end: int = 0
    extensions: dict[bytes, bytes] = field(default_factory=dict)

    @property
    def icc(self) -> bytes | None:
        """The ICC profile."""
        return self.extensions.get(_ICC)

    @property
    def xmp(self) -> bytes | None:
        """The XMP packet."""
        return self.extensions.get(_XMP, b"").partition(_XMP_END)[0] or None


def follow(file: PartialFile) -> int:
    """Over all blocks to the trailer. Raises NotWholeYet if a block is missing, EndMissing if only the trailer is."""
    parts = GifParts()
    try:
        _walk(file, parts)
    except NotWholeYet as error:
        if parts.pictures and not _zeros_follow(file, parts.end):
            raise EndMissing(said_of(error)) from error
        raise
    return parts.end


def parts_of(file: PartialFile) -> GifParts:
    """What a GIF says, as far as it goes. Raises NotWholeYet if its first picture is not all there."""
    parts = GifParts()
    try:
        _walk(file, parts)
    except (NotWholeYet, Doubtful):
        if parts.first is None:
            raise
    if parts.first is None:
        raise NotWholeYet(Said("gif_empty"))
    return parts


def _walk(file: PartialFile, parts: GifParts) -> None:
    head = file.exactly(0, 13, "its_header")
    width, height, flags = struct.unpack_from("<HHB", head, 6)
    parts.size = width, height
    position, palette = _palette(file, 13, flags)
    see_through = None
    for _ in range(_MOST_BLOCKS):
        parts.end = position
        kind = file.exactly(position, 1, "gif_end")[0]
        if kind == _TRAILER:
            parts.end = position + 1
            return
        if kind == _EXTENSION:
            label = file.exactly(position, 2, "gif_end")[1]
            end = _behind(file, position + 2)
            content = file.some(position + 2, min(end - position - 2, _MOST_BYTES))
            if label == _CONTROL and len(content) >= 5:
                see_through = content[4] if content[1] & 1 else None
            elif label == _APPLICATION and not parts.pictures:
                name = content[1:12]
                if name in (_ICC, _XMP):
                    parts.extensions[name] = content[12:] if name == _XMP else joined(content[12:])
        elif kind == _PICTURE:
            left, top, wide, high, flags = struct.unpack("<4HB", file.exactly(position + 1, 9, "gif_end"))
            start, own = _palette(file, position + 10, flags)
            end = _behind(file, start + 1)
            if parts.first is None:
                parts.first = GifPicture(
                    left, top, wide, high, bool(flags & 0x40), own or palette, see_through, (start, end)
                )
            parts.pictures += 1
            see_through = None
        elif kind == 0 and not _zeros_follow(file, position):
            end = position + 1  # some programs end a block twice
        else:
            raise NotWholeYet(Said("gif_gap"))
        position = end
    raise Doubtful(Said("too_many_parts"))


def _palette(file: PartialFile, position: int, flags: int) -> tuple[int, bytes]:
    """Where a palette ends, and its colours; nothing if there is none."""
    length = 3 << (flags & 7) + 1 if flags & 0x80 else 0
    return position + length, file.exactly(position, length, "its_header") if length else b""


def _behind(file: PartialFile, position: int) -> int:
    """Where a row of sub-blocks ends: behind the empty one."""
    start, window = position, file.some(position, _WINDOW)
    while True:
        if position - start >= len(window):
            start, window = position, file.some(position, _WINDOW)
            if not window:
                raise NotWholeYet(Said("ends_before", what=Said("gif_end")))
        length = window[position - start]
        position += 1 + length
        if length == 0:
            return position


def joined(sub_blocks: bytes) -> bytes:
    """The content of a row of sub-blocks."""
    content, position = [], 0
    while position < len(sub_blocks) and (length := sub_blocks[position]):
        content.append(sub_blocks[position + 1 : position + 1 + length])
        position += 1 + length
    return b"".join(content)


def _zeros_follow(file: PartialFile, position: int) -> bool:
    ahead = file.some(position, _ZEROS)
    return len(ahead) == _ZEROS and not any(ahead)
