"""Finds the points of a border within windows, and reads along its normals: photo and alpha side by side."""

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 48  # px, of a window
REACH = 12  # px, how far along the normal we look, to each side
_CENTRE = 10  # px around a window's middle in which border points are taken: their profiles stay within the window
_POINTS = 8_000  # at most: the cost is bounded, whatever the border's length
_TINY = 1e-6

Floats = NDArray[np.float32]
Indices = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class BorderPoints:
    """Points where alpha is 0.5. window: which window each is in. x, y: where in it, px. across, down: the normal; it
    points out of the subject."""

    window: Indices
    x: Floats
    y: Floats
    across: Floats
    down: Floats

    def along(self, values: Floats) -> Floats:
        """(points, 2 REACH + 1, channels): `values`, (windows, SIDE, SIDE, channels), px by px from inside out."""
        steps = np.arange(-REACH, REACH + 1, dtype=np.float32)
        x = np.clip(self.x[:, None] + self.across[:, None] * steps, 0, SIDE - 1.001)
        y = np.clip(self.y[:, None] + self.down[:, None] * steps, 0, SIDE - 1.001)
        left, top = x.astype(np.intp), y.astype(np.intp)
        x, y = (x - left)[..., None], (y - top)[..., None]
        flat = values.reshape(-1, values.shape[-1])
        at = (self.window[:, None] * SIDE + top) * SIDE + left
        upper = flat[at] * (1 - x) + flat[at + 1] * x
        lower = flat[at + SIDE] * (1 - x) + flat[at + SIDE + 1] * x
        return np.asarray(upper * (1 - y) + lower * y, np.float32)

    def mean(self, values: Floats, windows: int) -> Floats:
        """(windows,): the mean of a value of each point, 0 where a window has no point."""
        count = np.maximum(np.bincount(self.window, minlength=windows), 1)
        return np.asarray(np.bincount(self.window, values, windows) / count, np.float32)


def border_points(alpha: Floats, wide: Floats) -> BorderPoints:
    """The border's points in the middle of windows, (windows, SIDE, SIDE). wide: the same, smoother, for directions."""
    low, high = SIDE // 2 - _CENTRE, SIDE // 2 + _CENTRE
    inside = alpha[:, low - 1 : high + 1, low - 1 : high + 1] >= 0.5
    core = inside[:, 1:-1, 1:-1]
    whole = inside[:, :-2, 1:-1] & inside[:, 2:, 1:-1] & inside[:, 1:-1, :-2] & inside[:, 1:-1, 2:]
    window, rows, columns = np.nonzero(core & ~whole)
    stride = -(-len(window) // _POINTS) or 1
    window, rows, columns = window[::stride], rows[::stride] + low, columns[::stride] + low
    across, down = _slope(wide, window, rows, columns)
    length = np.asarray(np.hypot(across, down) + _TINY, np.float32)
    across, down = across / length, down / length
    steep = np.hypot(*_slope(alpha, window, rows, columns))
    beyond = np.clip((alpha[window, rows, columns] - 0.5) / (steep / 2 + 0.05), 0, 1)
    x, y = np.asarray(columns + beyond * across, np.float32), np.asarray(rows + beyond * down, np.float32)
    return BorderPoints(window, x, y, across, down)


def smoothed(windows: Iterable[Floats], sigma: float) -> Floats:
    """Each window smoothed by a Gaussian, sigma in px."""
    return np.asarray([cv2.GaussianBlur(each, (0, 0), sigma) for each in windows], np.float32)


def crumbs(alpha: Floats, wide: Floats) -> Floats:
    """(windows,): the length of the border over that of the smoother one, minus one; 0 if it is not longer."""
    mine, smooth = _length(alpha >= 0.5), _length(wide >= 0.5)
    return np.asarray(np.maximum(0, mine / np.maximum(smooth, SIDE / 2) - 1), np.float32)


def _slope(alpha: Floats, window: Indices, rows: Indices, columns: Indices) -> tuple[Floats, Floats]:
    """By how much alpha falls across and down, over two px."""
    across = alpha[window, rows, columns - 1] - alpha[window, rows, columns + 1]
    return across, alpha[window, rows - 1, columns] - alpha[window, rows + 1, columns]


def _length(inside: NDArray[np.bool_]) -> Floats:
    """(windows,): between how many pairs of pixels the border lies."""
    across, down = inside[:, :, 1:] != inside[:, :, :-1], inside[:, 1:] != inside[:, :-1]
    return np.asarray(across.sum(axis=(1, 2)) + down.sum(axis=(1, 2)), np.float32)
