"""What the chunks before the pixels of a PNG say, and libvips does not (PNG, third edition, 11)."""

import os

_SIGNATURE_BYTES = 8
_MOST_CHUNKS = 256  # far more than any program writes before the pixels
_MOST_BYTES = 64  # of a chunk that is read; longer ones are profiles and texts


def chunks_before_pixels(descriptor: int) -> dict[bytes, bytes]:
    """The first bytes of each chunk before the pixels of an open PNG, by kind; of several of a kind those of the first.

    As far as the file can be followed.
    """
    chunks: dict[bytes, bytes] = {}
    position = _SIGNATURE_BYTES
    for _ in range(_MOST_CHUNKS):
        head = os.pread(descriptor, 8, position)
        length, kind = int.from_bytes(head[:4]), head[4:]
        if len(head) < 8 or kind in (b"IDAT", b"IEND"):
            break
        chunks.setdefault(kind, os.pread(descriptor, min(length, _MOST_BYTES), position + 8))
        position += 12 + length
    return chunks


def is_animated(descriptor: int) -> bool:
    """Whether an open PNG announces more than one frame (11.3.5, acTL)."""
    return int.from_bytes(chunks_before_pixels(descriptor).get(b"acTL", b"")[:4]) > 1
