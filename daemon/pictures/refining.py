"""An alpha at full size, its border led by the original's own pixels.

The guided filter (K. He, J. Sun, X. Tang, "Guided Image Filtering", TPAMI 2013) in its fast form (K. He, J. Sun, "Fast
Guided Filter", 2015): how alpha follows colour is learned at proxy size and applied to the full-size pixels. It is
applied here to what interpolation loses and to nothing else,

    full = up(alpha) + up(slope) · (colour − up(small colour)),

so that a border which the picture knows nothing of stays exactly as interpolation gives it.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon.arrays import Alpha
from daemon.pictures.bands import Floats, brought_up, tiles_of
from daemon.pictures.codec import Samples
from daemon.pictures.proxy import shrunk
from daemon.pictures.reading import Photo

_WINDOW = (3, 3)  # pixels of the proxy: a border is one or two of them wide there
_NOISE = 1e-5  # variance of colour, 0..1 squared, that counts as none: about one step of 8 bit
_BORDER = cv2.BORDER_REFLECT_101


def full_size_alpha(photo: Photo, alpha: Alpha) -> Samples:
    """`alpha`, (h, w) float32 0..1 of the whole photo, at the photo's size and depth; its own alpha multiplied in.

    Returns (H, W) of the photo's dtype, full scale 255 or 65535. What is 0 or 1 away from borders is exactly that.
    """
    alpha = np.asarray(np.nan_to_num(np.clip(alpha, 0.0, 1.0), nan=0.0), np.float32)
    height, width = photo.height, photo.width
    if alpha.shape[0] >= height or alpha.shape[1] >= width:
        # The alpha knows as much as the photo, or more: nothing to learn from the pixels.
        full = _steps(np.asarray(cv2.resize(alpha, (width, height), interpolation=cv2.INTER_AREA), np.float32), photo)
    else:
        full = _guided(photo, alpha)
    own = photo.own_alpha
    return full if own is None else _multiplied(full, own, photo.full_scale)


def _guided(photo: Photo, alpha: Alpha) -> Samples:
    height, width = photo.height, photo.width
    small = shrunk(photo.rgba, (alpha.shape[1], alpha.shape[0]))[..., :3].astype(np.float32) / np.float32(
        photo.full_scale
    )
    band = _band(alpha)
    field = _slopes(small, alpha, band)
    field[:3] /= photo.full_scale  # to be multiplied with pixels as they are
    full = cv2.resize(_steps(np.rint(alpha), photo), (width, height), interpolation=cv2.INTER_NEAREST)
    for tiles in tiles_of(band, height, width):
        up = brought_up(field, tiles, height, width)
        colour = photo.rgba[tiles.where]
        led = up[:, 3]
        for channel in range(3):
            led += up[:, channel] * colour[..., channel]
        full[tiles.where] = _steps(np.clip(led, 0.0, 1.0), photo)
    return np.asarray(full, photo.rgba.dtype)


def _band(alpha: Alpha) -> NDArray[np.bool_]:
    """Where interpolation gives anything but 0 or 1: what is half transparent, and where 0 and 1 meet."""
    kernel = np.ones((3, 3), np.uint8)
    band: NDArray[np.bool_] = (cv2.dilate(alpha, kernel) > 0) & (cv2.erode(alpha, kernel) < 1)
    return band


def _slopes(small: Floats, alpha: Alpha, band: NDArray[np.bool_]) -> Floats:
    """How alpha follows colour around each pixel of the proxy: (4, h, w), three slopes and the value at colour 0.

    The slopes are least squares over the window, (Σ + εE)⁻¹ cov(colour, alpha), solved in closed form in the band;
    elsewhere alpha is constant and they are zero.
    """
    at = np.nonzero(band)
    mean = _means(small)[at]
    covariance = (_means(small * alpha[..., None])[at] - mean * _means(alpha)[at][:, None]).T
    pairs = (
        _means(np.stack([small[..., i] * small[..., j] for i, j in _PAIRS[:3]], -1)),
        _means(np.stack([small[..., i] * small[..., j] for i, j in _PAIRS[3:]], -1)),
    )
    products = np.concatenate([pairs[0][at], pairs[1][at]], -1).astype(np.float64).T
    spread = [products[k] - mean[:, i].astype(np.float64) * mean[:, j] for k, (i, j) in enumerate(_PAIRS)]
    slopes = _solved(spread, covariance)
    field = np.zeros((4, *alpha.shape), np.float32)
    field[3] = alpha
    for channel in range(3):
        field[channel][at] = slopes[channel]
        field[3][at] -= slopes[channel] * small[..., channel][at]
    return field


_PAIRS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))


def _means(values: Floats) -> Floats:
    return np.asarray(cv2.blur(values, _WINDOW, borderType=_BORDER), np.float32)


def _solved(spread: list[NDArray[np.float64]], right: Floats) -> list[Floats]:
    """The solutions of many symmetric 3 x 3 systems by Cramer's rule."""
    a, b, c = (diagonal + _NOISE for diagonal in spread[:3])
    d, e, f = spread[3:]
    minors = [[b * c - f * f, e * f - c * d, d * f - b * e],
              [e * f - c * d, a * c - e * e, d * e - a * f],
              [d * f - b * e, d * e - a * f, a * b - d * d]]  # fmt: skip
    determinant = a * minors[0][0] + d * minors[0][1] + e * minors[0][2]
    return [
        ((row[0] * right[0] + row[1] * right[1] + row[2] * right[2]) / determinant).astype(np.float32) for row in minors
    ]


def _steps(alpha: Floats, photo: Photo) -> Samples:
    """0..1 in the photo's whole numbers."""
    steps: Samples = np.rint(alpha * np.float32(photo.full_scale)).astype(photo.rgba.dtype)
    return steps


def _multiplied(alpha: Samples, own: Samples, full_scale: int) -> Samples:
    return np.asarray(cv2.multiply(alpha, np.ascontiguousarray(own), scale=1 / full_scale), alpha.dtype)
