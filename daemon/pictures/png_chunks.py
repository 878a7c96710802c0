"""What the chunks of a PNG say, and libvips does not (PNG, third edition, 5.3 and 11)."""

import os
import zlib
from collections.abc import Iterator
from typing import NamedTuple

_SIGNATURE_BYTES = 8
_MOST_CHUNKS = 100_000  # a PNG of 800 MB has as many
_MOST_BEFORE_PIXELS = 256  # far more than any program writes there
_MOST_BYTES = 64  # of a chunk that is read; longer ones are profiles and texts


class Chunk(NamedTuple):
    """Where the content of a chunk lies in its file, and how many bytes it has."""

    kind: bytes
    start: int
    length: int


def chunks_of(descriptor: int) -> Iterator[Chunk]:
    """The chunks of an open PNG before its end mark, as far as it can be followed; no content is read."""
    position, size = _SIGNATURE_BYTES, os.fstat(descriptor).st_size
    for _ in range(_MOST_CHUNKS):
        head = os.pread(descriptor, 8, position)
        length, kind = int.from_bytes(head[:4]), head[4:]
        if len(head) < 8 or kind == b"IEND" or position + 12 + length > size:
            break
        yield Chunk(kind, position + 8, length)
        position += 12 + length


def chunks_before_pixels(descriptor: int) -> dict[bytes, bytes]:
    """The first bytes of each chunk before the pixels of an open PNG, by kind; of several of a kind those of the first.

    As far as the file can be followed.
    """
    chunks: dict[bytes, bytes] = {}
    for number, (kind, start, length) in enumerate(chunks_of(descriptor)):
        if kind == b"IDAT" or number == _MOST_BEFORE_PIXELS:
            break
        chunks.setdefault(kind, os.pread(descriptor, min(length, _MOST_BYTES), start))
    return chunks


def is_animated(descriptor: int) -> bool:
    """Whether an open PNG announces more than one frame (11.3.5, acTL)."""
    return int.from_bytes(chunks_before_pixels(descriptor).get(b"acTL", b"")[:4]) > 1


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk as it lies in a file."""
    return len(content).to_bytes(4) + kind + content + zlib.crc32(kind + content).to_bytes(4)
