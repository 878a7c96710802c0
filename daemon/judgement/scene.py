"""Reduces a photo once, and works out its colours and edges once, to judge many alphas of it."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon.arrays import Alpha, Rgb

SCENE_PIXELS = 256  # longest side for signs of regions and colours
RIM_PIXELS = 512  # longest side for signs of the border
BINS = (12, 16, 16)  # of the Lab histogram: lightness says less than hue about what belongs together


@dataclass(frozen=True, slots=True)
class Scene:
    """A reduced photo. height, width: for regions and colours. rim_height, rim_width: finer, for the border. In pixels.

    lab: (H, W, 3) float32, CIE Lab as 8-bit OpenCV scales it. edges: (H, W) float32, gradient magnitude of Lab.
    colour: (H, W) int32, each pixel's bin in the colour histogram.
    """

    height: int
    width: int
    rim_height: int
    rim_width: int
    lab: NDArray[np.float32]
    edges: NDArray[np.float32]
    colour: NDArray[np.int32]

    @property
    def longest(self) -> int:
        """The longer side in pixels."""
        return max(self.height, self.width)

    def reduced(self, alpha: Alpha) -> Alpha:
        """An alpha of any size, resized to height x width."""
        return resized(alpha, self.height, self.width)

    def rim(self, alpha: Alpha) -> Alpha:
        """An alpha of any size, resized to rim_height x rim_width."""
        return resized(alpha, self.rim_height, self.rim_width)


def look_at(rgb: Rgb) -> Scene:
    """Reduce a photo, (H, W, 3) uint8 sRGB of any size, and prepare what its alphas are compared with."""
    height, width = rgb.shape[:2]
    rim_height, rim_width = _reduced_size(height, width, RIM_PIXELS)
    rows, columns = _reduced_size(height, width, SCENE_PIXELS)
    small = cv2.resize(rgb, (columns, rows), interpolation=cv2.INTER_AREA)
    lab8 = cv2.cvtColor(small, cv2.COLOR_RGB2LAB)
    lab = lab8.astype(np.float32)
    across = cv2.Sobel(lab, cv2.CV_32F, 1, 0)
    down = cv2.Sobel(lab, cv2.CV_32F, 0, 1)
    edges = np.sqrt(np.square(across).sum(axis=2) + np.square(down).sum(axis=2))
    bins = [(lab8[..., channel].astype(np.int32) * BINS[channel]) >> 8 for channel in range(3)]
    colour = (bins[0] * BINS[1] + bins[1]) * BINS[2] + bins[2]
    return Scene(rows, columns, rim_height, rim_width, lab, edges.astype(np.float32), colour)


def _reduced_size(height: int, width: int, longest: int) -> tuple[int, int]:
    scale = min(1.0, longest / max(height, width))
    return max(8, round(height * scale)), max(8, round(width * scale))


def resized(alpha: Alpha, height: int, width: int) -> Alpha:
    """An alpha, (H, W) float32 0..1 of any size, at another size; the same array if it has that size already."""
    if alpha.shape == (height, width):
        return alpha
    shrinks = alpha.shape[0] * alpha.shape[1] > height * width
    fitted = cv2.resize(alpha, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.clip(fitted, 0.0, 1.0).astype(np.float32)
