"""Widens proxies that are one pixel wide or high, because nodes and networks take such a side for something else.

BEN2's node squeezes it away and takes the three colours for a width: it then allocates up to 17 GB.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from daemon.arrays import Rgb

S = TypeVar("S", bound=np.generic)

LEAST_SIDE = 2  # pixels


def widened(proxy: Rgb) -> Rgb:
    """The proxy, (H, W, 3) uint8, with its last row or column repeated where it has only one."""
    missing = [(0, max(0, LEAST_SIDE - side)) for side in proxy.shape[:2]]
    return proxy if missing == [(0, 0), (0, 0)] else np.pad(proxy, [*missing, (0, 0)], mode="edge")


def narrowed(alpha: NDArray[S], proxy: Rgb) -> NDArray[S]:
    """The part of an alpha, (H, W), of the widened proxy that belongs to the proxy itself."""
    return alpha[: proxy.shape[0], : proxy.shape[1]]
