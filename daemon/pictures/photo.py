"""A decoded photo, and what others need to know of it without its pixels."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from daemon.pictures.tiles import Tiles
from daemon.pictures.values import Metadata, Samples


@dataclass(frozen=True, slots=True)
class Seen:
    """What is known of a photo that was read. bits: of one channel. remarks: what was put right, in words."""

    width: int
    height: int
    format: str
    bits: int
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Coverage:
    """What an alpha at full size leaves of a photo: nothing (is_empty), all of it (is_full), or a part."""

    is_empty: bool
    is_full: bool


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """A decoded original.

    rgba: (H, W, 4), upright, uint8 or uint16, the original's own values; the fourth channel is its own alpha, or full.
    metadata: as it lay in the file; but the ICC profile is that of the pixels now, and the orientation that EXIF names
    is applied. format: "jpeg", "png", … remarks: what was wrong with the file and was put right, for the report.
    """

    rgba: Samples
    has_alpha: bool
    metadata: Metadata
    format: str
    remarks: tuple[str, ...] = ()

    @property
    def pixels(self) -> Samples:
        """(H, W, 3): the colours, without a copy."""
        return self.rgba[..., :3]

    @property
    def own_alpha(self) -> Samples | None:
        """(H, W), at the photo's depth: the alpha that was in the file; None if it had none."""
        return self.rgba[..., 3] if self.has_alpha else None

    @property
    def width(self) -> int:
        """Pixels from left to right."""
        return int(self.rgba.shape[1])

    @property
    def height(self) -> int:
        """Pixels from top to bottom."""
        return int(self.rgba.shape[0])

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8 or uint16."""
        return self.rgba.dtype

    def before(self, _: tuple[int, int]) -> Samples:
        """What shrinking the whole photo to a size, (width, height), begins with."""
        return self.rgba

    def part(self, left: int, top: int, right: int, bottom: int) -> Samples:
        """(bottom - top, right - left, 4): a part of it, as it is."""
        return self.rgba[top:bottom, left:right]

    def tiles(self, batches: Iterable[Tiles]) -> Iterator[tuple[Tiles, Samples]]:
        """Tiles with their pixels, (N, TILE, TILE, 4)."""
        for tiles in batches:
            yield tiles, tiles.taken_from(self.rgba)

    @property
    def full_scale(self) -> int:
        """The value of full light and full alpha: 255 or 65535."""
        return int(np.iinfo(self.rgba.dtype).max)

    @property
    def icc(self) -> bytes | None:
        """The ICC profile of the pixels; None stands for sRGB."""
        return self.metadata.icc

    @property
    def seen(self) -> Seen:
        """What is known of it, without its pixels."""
        return Seen(self.width, self.height, self.format, self.full_scale.bit_length(), self.remarks)
