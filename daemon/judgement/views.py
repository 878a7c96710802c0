"""Views of a photo: crops one for an engine, puts its alpha back, and chooses the zoom."""

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon.arrays import Alpha
from daemon.jobs import View
from daemon.judgement.scene import resized

Kind = TypeVar("Kind", bound=np.generic)

SEARCH_PIXELS = 256  # longest side at which the subject's box is found; a box needs no more
SPECK_SHARE = 0.02  # parts smaller than this share of the biggest part do not stretch the subject's box
MARGIN = 0.03  # of the box's own size, added on each side for the border's soft pixels
CONTEXT = 0.15  # of the subject's size, added on each side: a network needs to see some background
LEAST_GAIN = 1.25  # linear magnification below which a zoom shows the engine nothing new
LEAST_PART = 0.05  # of the photo's side: a smaller view has too few pixels
SOFT_BORDER = 0.04  # of the crop's longest side: width of the transition from the crop's alpha to the base


def crop(rgb: NDArray[Kind], view: View) -> NDArray[Kind]:
    """The part of a picture that `view` shows, mirrored left to right if it says so.

    rgb: (H, W) or (H, W, C), any dtype. Returns a view of it, not a copy, of at least one pixel.
    """
    left, top, right, bottom = _box(view, rgb.shape[0], rgb.shape[1])
    part = rgb[top:bottom, left:right]
    return part[:, ::-1] if view.mirrored else part


def place(alpha: Alpha, view: View, size: tuple[int, int], base: Alpha | None) -> Alpha:
    """An alpha of `view`, put into the frame of the whole photo.

    alpha: (h, w), any size, of what `crop` showed. size: (height, width) of the result. base: the alpha outside of the
    view, any size; None = nothing. Where the crop's border runs through the photo, the two are blended over
    SOFT_BORDER, so that no seam is visible.
    """
    height, width = size
    left, top, right, bottom = _box(view, height, width)
    upright = alpha[:, ::-1] if view.mirrored else alpha
    part = resized(np.ascontiguousarray(upright, dtype=np.float32), bottom - top, right - left)
    if base is None:
        whole = np.zeros((height, width), np.float32)
        whole[top:bottom, left:right] = part
        return whole
    whole = resized(base, height, width).copy()
    weight = _inner_weight(part.shape, (left > 0, top > 0, right < width, bottom < height))
    under = whole[top:bottom, left:right]
    whole[top:bottom, left:right] = under + (part - under) * weight
    return whole


def subject_of(alpha: Alpha) -> View | None:
    """The box around what the alpha shows, with a small margin; None if it shows nothing.

    alpha: (H, W) float32, 0..1, of the whole photo. Parts far smaller than the biggest one are ignored.
    """
    height, width = alpha.shape
    scale = min(1.0, SEARCH_PIXELS / max(height, width))
    small = cv2.resize(alpha, _pixels(width * scale, height * scale), interpolation=cv2.INTER_AREA)
    solid = (small >= 0.5).astype(np.uint8)
    _, _, stats, _ = cv2.connectedComponentsWithStats(solid, connectivity=8)
    parts = stats[1:]
    if not len(parts):
        return None
    parts = parts[parts[:, cv2.CC_STAT_AREA] >= SPECK_SHARE * parts[:, cv2.CC_STAT_AREA].max()]
    rows, columns = small.shape
    lefts, tops = parts[:, cv2.CC_STAT_LEFT], parts[:, cv2.CC_STAT_TOP]
    box = View(
        float(lefts.min()) / columns,
        float(tops.min()) / rows,
        float((lefts + parts[:, cv2.CC_STAT_WIDTH]).max()) / columns,
        float((tops + parts[:, cv2.CC_STAT_HEIGHT]).max()) / rows,
    )
    return _grown(box, MARGIN)


def zoom_on(subject: View) -> View | None:
    """The view that shows the subject with a little context; None if it would be hardly larger than before."""
    zoom = _grown(subject, CONTEXT)
    across, down = zoom.right - zoom.left, zoom.bottom - zoom.top
    longest = max(across, down)
    if longest * LEAST_GAIN > 1.0 or min(across, down) < LEAST_PART:
        return None
    return zoom


def _grown(view: View, share: float) -> View:
    across, down = (view.right - view.left) * share, (view.bottom - view.top) * share
    return View(
        round(max(0.0, view.left - across), 4),
        round(max(0.0, view.top - down), 4),
        round(min(1.0, view.right + across), 4),
        round(min(1.0, view.bottom + down), 4),
        view.mirrored,
    )


def _box(view: View, height: int, width: int) -> tuple[int, int, int, int]:
    """left, top, right, bottom in whole pixels, rounded outwards, inside the picture, at least one pixel."""
    left = min(max(int(np.floor(view.left * width + 1e-6)), 0), width - 1)
    top = min(max(int(np.floor(view.top * height + 1e-6)), 0), height - 1)
    right = min(max(int(np.ceil(view.right * width - 1e-6)), left + 1), width)
    bottom = min(max(int(np.ceil(view.bottom * height - 1e-6)), top + 1), height)
    return left, top, right, bottom


def _inner_weight(shape: tuple[int, int], inside: tuple[bool, bool, bool, bool]) -> Alpha:
    """1 in the middle, falling to 0 at the sides (left, top, right, bottom) that lie inside the photo."""
    height, width = shape
    reach = max(1.0, SOFT_BORDER * max(height, width))
    across, down = np.arange(width) + 0.5, np.arange(height) + 0.5
    columns, rows = np.ones(width), np.ones(height)
    if inside[0]:
        columns = np.minimum(columns, across / reach)
    if inside[2]:
        columns = np.minimum(columns, (width - across) / reach)
    if inside[1]:
        rows = np.minimum(rows, down / reach)
    if inside[3]:
        rows = np.minimum(rows, (height - down) / reach)
    return np.outer(rows, columns).astype(np.float32)


def _pixels(width: float, height: float) -> tuple[int, int]:
    return max(1, round(width)), max(1, round(height))
