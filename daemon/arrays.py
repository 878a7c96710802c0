"""The array types that are handed from room to room."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Rgb: TypeAlias = NDArray[np.uint8]
"""(H, W, 3) uint8, upright, sRGB: what an engine and the judgement see."""

Alpha: TypeAlias = NDArray[np.float32]
"""(H, W) float32, 0 (background) .. 1 (subject), straight, not premultiplied."""
