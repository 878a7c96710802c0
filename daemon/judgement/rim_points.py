"""Finds the points of a border within windows, and reads along its normals: photo and alpha side by side."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

SIDE = 48  # px, of a window
REACH = 12  # px, how far along the normal we look, to each side
_CENTRE = 10  # px around a window's middle in which border points are taken: their profiles stay within the window
STEPS = range(-REACH, REACH + 1)  # px, where a border point's profile is read; it starts within the subject
_POINTS = 6_000  # at most: the cost is bounded, whatever the border's length
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

    def along(self, tall: Floats, steps: Sequence[int] = STEPS) -> Floats:
        """(steps, points[, channels]): `tall`, see `below_each_other`, read at these px outwards from each point."""
        reach = np.asarray(steps, np.float32)[:, None]
        x = np.clip(self.x + self.across * reach, 0, SIDE - 1.001)
        y = np.clip(self.y + self.down * reach, 0, SIDE - 1.001) + self.window.astype(np.float32) * SIDE
        return np.asarray(cv2.remap(tall, x, y, cv2.INTER_LINEAR), np.float32)

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


def below_each_other(windows: NDArray[Any]) -> NDArray[Any]:
    """(N SIDE, SIDE[, channels]): all of (N, SIDE, SIDE[, channels]) as one picture, which one call can work on."""
    return windows.reshape(-1, *windows.shape[2:])


def smoothed(windows: Floats, sigma: float) -> Floats:
    """Each window, (N, SIDE, SIDE[, channels]), smoothed by itself by a Gaussian, sigma in px."""
    around = round(4 * sigma)
    before, after = windows[:, around:0:-1], windows[:, -2 : -2 - around : -1]
    padded = np.concatenate((before, windows, after), axis=1)
    smooth = np.asarray(cv2.GaussianBlur(below_each_other(padded), (2 * around + 1,) * 2, sigma), np.float32)
    return smooth.reshape(padded.shape)[:, around : around + SIDE]


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
