"""A photo too large to be in memory: its file is decoded, row by row, as often as its pixels are needed."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from daemon.pictures.photo import Seen
from daemon.pictures.rim_colours import sample_size
from daemon.pictures.tiles import TILE, Tiles
from daemon.pictures.values import Metadata, Samples

Strips = Callable[[], Iterator[Samples]]
"""Gives a picture from its first row to its last, TILE rows at a time, the last time fewer: (rows, W, 4)."""


@dataclass(slots=True, eq=False)
class LargePhoto:
    """What a `Photo` is, without an alpha of its own; but only pictures of it that are smaller are in memory.

    strips: decodes it anew, and raises what `reading.open_photo` raises. half: (H / 2, W / 2, 4), means of two by two
    pixels. sample: (h, w, 3), single pixels of it, for `rim_colours`.
    """

    height: int
    strips: Strips
    half: Samples
    sample: Samples
    metadata: Metadata
    format: str
    width: int = 0
    remarks: tuple[str, ...] = ()
    has_alpha: bool = False
    own_alpha: None = None

    @classmethod
    def of(cls, strips: Strips, size: tuple[int, int], **known: Any) -> "LargePhoto":
        """Decode it once. size: (width, height); the height is even. known: metadata, format, remarks."""
        width, height = size
        rows, columns = _sampled_lines(width, height)
        half: Samples | None = None
        sampled, top = [], 0
        for strip in strips():
            smaller = cv2.resize(strip, (width // 2, len(strip) // 2), interpolation=cv2.INTER_LINEAR)
            if half is None:
                half = np.empty((height // 2, *smaller.shape[1:]), strip.dtype)
            half[top // 2 : top // 2 + len(smaller)] = smaller
            here = rows[(rows >= top) & (rows < top + len(strip))]
            sampled.append(strip[here - top][:, columns, :3])
            top += len(strip)
        assert half is not None
        return cls(height, strips, half, np.concatenate(sampled), width=width, **known)

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8 or uint16."""
        return self.half.dtype

    @property
    def full_scale(self) -> int:
        """The value of full light and full alpha: 255 or 65535."""
        return int(np.iinfo(self.half.dtype).max)

    @property
    def icc(self) -> bytes | None:
        """The ICC profile of the pixels; None stands for sRGB."""
        return self.metadata.icc

    @property
    def seen(self) -> Seen:
        """What is known of it, without its pixels."""
        return Seen(self.width, self.height, self.format, self.full_scale.bit_length(), self.remarks)

    def forget_half(self) -> None:
        """Give up the smaller picture once nobody looks at the whole photo any more: the rest is read in strips."""
        self.half = self.half[:1, :1].copy()

    def before(self, size: tuple[int, int]) -> Samples:
        """What shrinking the whole photo to `size`, (width, height), begins or goes on with."""
        is_enough = self.width >= 4 * size[0] and self.height >= 4 * size[1]
        if is_enough and self.half.shape[0] > 1:
            return self.half
        return self.part(0, 0, self.width, self.height)

    def part(self, left: int, top: int, right: int, bottom: int) -> Samples:
        """(bottom - top, right - left, 4): a part of it, as it is."""
        taken: Samples = np.empty((bottom - top, right - left, 4), self.dtype)
        first = -top
        for strip in self.strips():
            start, end = max(first, 0), min(first + len(strip), bottom - top)
            if start < end:
                taken[start:end] = strip[start - first : end - first, left:right]
            first += len(strip)
        return taken

    def tiles(self, batches: Iterable[Tiles]) -> Iterator[tuple[Tiles, Samples]]:
        """Tiles with their pixels, (N, TILE, TILE, 4), those of one row of tiles at a time. batches: row by row."""
        top, strips = -TILE, self.strips()
        strip: Samples = np.empty(0, self.dtype)
        for tiles in by_row(batches):
            while top < tiles.rows[0, 0]:
                strip, top = next(strips), top + TILE
            yield tiles, Tiles(tiles.rows - top, tiles.columns).taken_from(strip)


def by_row(batches: Iterable[Tiles]) -> Iterator[Tiles]:
    """The same tiles, in the same order, but never of two rows at once."""
    for batch in batches:
        tops = batch.rows[:, 0]
        for top in np.unique(tops):
            yield Tiles(batch.rows[tops == top], batch.columns[tops == top])


def _sampled_lines(width: int, height: int) -> tuple[Any, Any]:
    """The rows and columns that are left if a picture is brought to `sample_size` by taking single pixels."""
    size = sample_size(width, height)
    rows = cv2.resize(np.arange(height, dtype=np.float32)[:, None], (1, size[1]), interpolation=cv2.INTER_NEAREST)
    columns = cv2.resize(np.arange(width, dtype=np.float32)[None, :], (size[0], 1), interpolation=cv2.INTER_NEAREST)
    return rows.ravel().astype(np.intp), columns.ravel().astype(np.intp)
