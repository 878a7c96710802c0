"""Turns and mirrors a photo while it is decoded, so that it is never in memory twice."""

from collections.abc import Iterable

import cv2
import numpy as np

from daemon.pictures.values import Samples

QUARTER_TURNS = (5, 6, 7, 8)
"""The orientations that swap width and height, of EXIF's 1..8 (CIPA DC-008, 4.6.5)."""

_FLIPS = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}
"""How OpenCV names the mirroring of each orientation, after the quarter turn: 0 = up and down, 1 = left and right."""


def is_turned(orientation: int) -> bool:
    """Whether a picture of that orientation has to be changed; values beyond 1..8 ask for nothing."""
    return orientation in (2, 3, 4, *QUARTER_TURNS)


def upright(strips: Iterable[Samples], shape: tuple[int, int, int], dtype: str, orientation: int) -> Samples:
    """Put strips of rows together, from the first to the last, as EXIF's orientation asks.

    shape: of the whole picture, (H, W, channels), as it lies in the file. Returns (W, H, channels) for a quarter turn.
    """
    height, width, channels = shape
    turns, flip = orientation in QUARTER_TURNS, _FLIPS.get(orientation)
    photo: Samples = np.empty((width, height, channels) if turns else shape, dtype)
    lines = photo.swapaxes(0, 1) if turns else photo  # one for each row of the file
    last_comes_first = flip in ((-1, 1) if turns else (-1, 0))
    top = 0
    for strip in strips:
        rows = len(strip)
        turned = cv2.transpose(strip) if turns else strip
        if flip is not None:
            turned = cv2.flip(turned, flip)
        turned = np.asarray(turned).reshape((width, rows, channels) if turns else (rows, width, channels))
        first = height - top - rows if last_comes_first else top
        lines[first : first + rows] = turned.swapaxes(0, 1) if turns else turned
        top += rows
    return photo
