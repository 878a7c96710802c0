"""An alpha at full size that takes little memory while nobody needs it: most of its rows are empty or full."""

import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from daemon.pictures.values import Samples

_ROWS = 256  # packed at once, so that packing and unpacking take little memory themselves
_FAST = 1  # zlib's level; a higher one takes longer and gains little on areas of one value


@dataclass(frozen=True, slots=True)
class PackedAlpha:
    """shape: (height, width)."""

    strips: tuple[bytes, ...]
    shape: tuple[int, int]
    dtype: np.dtype[Any]

    @classmethod
    def of(cls, alpha: Samples) -> "PackedAlpha":
        """Pack an alpha, (H, W)."""
        height, width = alpha.shape
        rows = (np.ascontiguousarray(alpha[top : top + _ROWS]) for top in range(0, height, _ROWS))
        return cls(tuple(zlib.compress(each.data, _FAST) for each in rows), (height, width), alpha.dtype)

    def unpacked(self) -> Samples:
        """The alpha, to the last bit."""
        alpha: Samples = np.empty(self.shape, self.dtype)
        for number, strip in enumerate(self.strips):
            rows = np.frombuffer(zlib.decompress(strip), self.dtype).reshape(-1, self.shape[1])
            alpha[number * _ROWS : number * _ROWS + len(rows)] = rows
        return alpha
