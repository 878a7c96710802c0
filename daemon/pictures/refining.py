"""Brings an alpha to the photo's full size; the photo's own pixels lead its border.

The guided filter (K. He, J. Sun, X. Tang, "Guided Image Filtering", TPAMI 2013) in its fast form (K. He, J. Sun, "Fast
Guided Filter", 2015): we learn at proxy size how alpha follows colour, and apply that to the full-size pixels. Three
things are different here:

- We apply it only to what interpolation loses: full = up(alpha) + up(slope) · (colour − up(small colour)). A border
  that the picture does not show stays where interpolation puts it.
- Nine pixels are a small sample, and three slopes find something in any noise. Slopes count only as far as they explain
  alpha better than chance does: by the adjusted coefficient of determination.
- Enlarging by interpolation and shrinking by area blurs by a fixed kernel. We add beforehand what that loses, so that
  the full-size alpha averages to the given one.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon.arrays import Alpha
from daemon.pictures import codec
from daemon.pictures.large_photo import LargePhoto
from daemon.pictures.photo import Photo
from daemon.pictures.proxy import shrunk
from daemon.pictures.tiles import Floats, enlarged, tiles_of
from daemon.pictures.values import Samples

_AROUND = np.array([(down, across) for down in (-1, 0, 1) for across in (-1, 0, 1)])  # a border is 1-2 pixels wide
_CENTRE = 4
_SAMPLE, _REGRESSORS = 9, 3
_NOISE = 1e-4  # a variance of colour (0..1 squared) that counts as none: grain of two or three steps of 8 bit
_ROUND_TRIP = (np.outer([1, 6, 1], [1, 6, 1]) / 64).astype(np.float32).ravel()  # bilinear up, area down
_POINTS = 1 << 14  # computed at once, so that they stay in the cache
_TINY = 1e-9
_FULL_8 = 255


def full_size_alpha(photo: Photo | LargePhoto, alpha: Alpha) -> Samples:
    """`alpha`, (h, w) float32 0..1 of the whole photo, at the photo's size and depth, times the photo's own alpha.

    Returns (H, W) of the photo's dtype, full scale 255 or 65535. Away from borders, 0 and 1 stay exactly that.
    """
    alpha = np.asarray(np.nan_to_num(np.clip(alpha, 0.0, 1.0), nan=0.0), np.float32)
    height, width = photo.height, photo.width
    if alpha.shape[0] >= height or alpha.shape[1] >= width:
        # The alpha is as fine as the photo, or finer: there is nothing to learn from the pixels.
        full = _steps(np.asarray(cv2.resize(alpha, (width, height), interpolation=cv2.INTER_AREA), np.float32), photo)
    else:
        full = _guided(photo, alpha)
    own = photo.own_alpha
    return full if own is None else _multiplied(full, own, photo.full_scale)


def painted_alpha(photo: Photo | LargePhoto, png: bytes) -> Samples:
    """The alpha in a grey PNG of 8 bit that is as large as the photo: what `full_size_alpha` would make of it.

    It is decoded in strips, so only the answer is in memory. Raises ValueError if it is not whole, or of another size.
    """
    full: Samples = np.empty((photo.height, photo.width), photo.dtype)
    top, step = 0, photo.full_scale // _FULL_8
    for strip in codec.alpha_strips(png):
        np.multiply(strip, step, out=full[top : top + len(strip)], dtype=photo.dtype)
        top += len(strip)
    own = photo.own_alpha
    return full if own is None else _multiplied(full, own, photo.full_scale)


def _guided(photo: Photo | LargePhoto, alpha: Alpha) -> Samples:
    height, width = photo.height, photo.width
    size = alpha.shape[1], alpha.shape[0]
    small = shrunk(photo.before(size), size)
    band = _band(alpha)
    field = _field(small, photo.full_scale, alpha, band)
    field[:3] /= photo.full_scale  # since the pixels are not divided
    empty_or_full = _steps(np.rint(alpha), photo)
    nearest = cv2.resize(empty_or_full, (width, height), interpolation=cv2.INTER_NEAREST)
    full: Samples = np.asarray(nearest, photo.dtype)
    for tiles, colour in photo.tiles(tiles_of(band, height, width)):
        up = enlarged(field, tiles, height, width)
        led = up[:, 3]
        for channel in range(3):
            led += up[:, channel] * colour[..., channel]
        tiles.put_into(full, _steps(np.clip(led, 0.0, 1.0), photo))
    return full


def _band(alpha: Alpha) -> NDArray[np.bool_]:
    """Where interpolation gives values between 0 and 1: what is half transparent, and where 0 and 1 meet."""
    kernel = np.ones((3, 3), np.uint8)
    band: NDArray[np.bool_] = (cv2.dilate(alpha, kernel) > 0) & (cv2.erode(alpha, kernel) < 1)
    return band


def _field(small: Samples, full_scale: int, alpha: Alpha, band: NDArray[np.bool_]) -> Floats:
    """What is enlarged: (4, h, w), the slopes of alpha over the three colours, and the alpha at colour 0."""
    at = np.nonzero(band)
    field = np.zeros((4, *alpha.shape), np.float32)
    field[3] = alpha
    for start in range(0, len(at[0]), _POINTS):
        points = at[0][start : start + _POINTS], at[1][start : start + _POINTS]
        rows = np.clip(points[0] + _AROUND[:, :1], 0, alpha.shape[0] - 1)
        columns = np.clip(points[1] + _AROUND[:, 1:], 0, alpha.shape[1] - 1)
        where = rows * alpha.shape[1] + columns
        colours = small.reshape(-1, small.shape[2]).take(where, axis=0)[..., :3].transpose(2, 0, 1)
        colours = np.ascontiguousarray(colours, np.float32) / np.float32(full_scale)
        covers = alpha.reshape(-1).take(where)
        slopes = _slopes(colours, covers)
        # What enlarging and shrinking again loses is added beforehand; the picture's own part of it is in the slopes.
        lost = covers[_CENTRE] - _ROUND_TRIP @ covers
        lost_colours = colours[:, _CENTRE] - (_ROUND_TRIP @ colours)
        field[3][points] += lost - (slopes * (lost_colours + colours[:, _CENTRE])).sum(axis=0)
        for channel in range(3):
            field[channel][points] = slopes[channel]
    return field


def _slopes(colours: Floats, covers: Floats) -> Floats:
    """How alpha follows colour in windows of nine pixels: (Σ + εE)⁻¹ cov(colour, alpha), as far as that explains alpha.

    colours: (3, 9, N) 0..1. covers: (9, N), the alphas. Returns (3, N).
    """
    colours = colours - colours.mean(axis=1, keepdims=True)
    covers = covers - covers.mean(axis=0)
    covariance = (colours * covers).mean(axis=1)
    squares = (colours * colours).mean(axis=1)
    products = np.stack([(colours[one] * colours[other]).mean(axis=0) for one, other in ((1, 2), (0, 2), (0, 1))])
    slopes = _solved(squares + np.float32(_NOISE), products, covariance)
    spread = (slopes * slopes * squares).sum(0) + 2 * (slopes[[1, 0, 0]] * slopes[[2, 2, 1]] * products).sum(0)
    explained = 2 * (slopes * covariance).sum(0) - spread
    total = np.maximum((covers * covers).mean(axis=0), _TINY)
    unexplained = 1 - np.clip(explained / total, 0, 1)
    trust = np.clip(1 - unexplained * (_SAMPLE - 1) / (_SAMPLE - 1 - _REGRESSORS), 0, 1)
    return np.asarray(slopes * trust, np.float32)


def _solved(diagonal: Floats, off: Floats, right: Floats) -> Floats:
    """The solutions, (3, N), of symmetric 3 x 3 systems by Cramer's rule.

    diagonal: entries 00, 11, 22. off: entries 12, 02, 01. right: the right-hand sides.
    """
    minors = diagonal[[1, 0, 0]] * diagonal[[2, 2, 1]] - off * off  # of 00, 11, 22
    mixed = off[[1, 0, 0]] * off[[2, 2, 1]] - diagonal * off  # of 12, 02, 01
    determinant = diagonal[0] * minors[0] + off[2] * mixed[2] + off[1] * mixed[1]
    solution = minors * right
    solution[0] += mixed[2] * right[1] + mixed[1] * right[2]
    solution[1] += mixed[2] * right[0] + mixed[0] * right[2]
    solution[2] += mixed[1] * right[0] + mixed[0] * right[1]
    return np.asarray(solution / determinant, np.float32)


def _steps(alpha: Floats, photo: Photo | LargePhoto) -> Samples:
    """An alpha of 0..1 in the photo's whole numbers."""
    steps: Samples = np.rint(alpha * np.float32(photo.full_scale)).astype(photo.dtype)
    return steps


def _multiplied(alpha: Samples, own: Samples, full_scale: int) -> Samples:
    return np.asarray(cv2.multiply(alpha, np.ascontiguousarray(own), scale=1 / full_scale), alpha.dtype)
