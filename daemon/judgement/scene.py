"""Reduces a photo once, and works out its colours and edges once, to judge many alphas of it."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon.arrays import Alpha, Rgb

SCENE_PIXELS = 256  # longest side for signs of regions and colours
RIM_PIXELS = 512  # longest side for signs of the border
STRONG_EDGE = 80  # percentile of the gradients: from there on a gradient is an edge
SOBEL = 8  # what Sobel's filter makes of a slope of one unit a pixel
BINS = (12, 16, 16)  # of the Lab histogram: lightness says less than hue about what belongs together


@dataclass(frozen=True, slots=True)
class Scene:
    """A photo, reduced once to judge many alphas of it.

    rgb: the photo itself, (h, w, 3) uint8 sRGB at any size. height, width: for regions and colours. rim_height,
    rim_width: finer, for the border. In pixels. lab: (H, W, 3) float32, CIE Lab as 8-bit OpenCV scales it. edgeless:
    (H, W), where no strong edge is near. detail: (H, W) float32, the slope of the colours in Lab units a pixel. colour:
    (H, W), each pixel's bin in the colour histogram. crowd: the number of pixels in each bin.
    """

    rgb: Rgb
    height: int
    width: int
    rim_height: int
    rim_width: int
    lab: NDArray[np.float32]
    edgeless: NDArray[np.bool_]
    detail: NDArray[np.float32]
    colour: NDArray[np.intp]
    crowd: NDArray[np.float64]

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
    red, green, blue = (lab8[..., channel].astype(np.intp) * BINS[channel] >> 8 for channel in range(3))
    colour = (red * BINS[1] + green) * BINS[2] + blue
    crowd = np.bincount(colour.ravel(), minlength=BINS[0] * BINS[1] * BINS[2]).astype(np.float64)
    edges = _edges(lab)
    edgeless = cv2.dilate(edges, np.ones((3, 3), np.uint8)) <= np.percentile(edges, STRONG_EDGE)
    detail = np.asarray(cv2.sqrt(edges) / SOBEL, dtype=np.float32)
    return Scene(rgb, rows, columns, rim_height, rim_width, lab, np.asarray(edgeless), detail, colour, crowd)


def _edges(lab: NDArray[np.float32]) -> NDArray[np.float32]:
    """The squared length of Sobel's gradient, (H, W)."""
    across, down = cv2.Sobel(lab, cv2.CV_32F, 1, 0), cv2.Sobel(lab, cv2.CV_32F, 0, 1)
    return np.asarray(cv2.transform(across * across + down * down, np.ones((1, 3), np.float32)), dtype=np.float32)


def _reduced_size(height: int, width: int, longest: int) -> tuple[int, int]:
    scale = min(1.0, longest / max(height, width))
    return max(8, round(height * scale)), max(8, round(width * scale))


def resized(alpha: Alpha, height: int, width: int) -> Alpha:
    """An alpha, (H, W) float32 0..1 of any size, at another size; the same array if it has that size already."""
    if alpha.shape == (height, width):
        return alpha
    shrinks = alpha.shape[0] * alpha.shape[1] > height * width
    fitted = cv2.resize(alpha, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(np.clip(fitted, 0.0, 1.0), dtype=np.float32)


def shrunk(picture: NDArray[Any], height: int, width: int) -> NDArray[Any]:  # Any: uint8 or float32, stays as it is
    """A picture, (H, W) or (H, W, 3), at a smaller size; each pixel is about the mean of what it covers.

    OpenCV's INTER_AREA takes ten times as long as INTER_LINEAR if the sizes do not divide. Where a side becomes half as
    long, INTER_LINEAR gives the same mean of two by two pixels; so we go to twice the size, and then to half of that.
    The signs would notice the difference, so what they are read from is not shrunk like this.
    """
    ratio = picture.shape[1] / width
    if not 1.95 < ratio < 4.1:
        return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA))
    if ratio > 2.05:
        picture = np.asarray(cv2.resize(picture, (2 * width, 2 * height), interpolation=cv2.INTER_LINEAR))
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_LINEAR))
