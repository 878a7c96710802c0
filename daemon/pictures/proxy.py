"""Makes the proxy of a photo, the small picture that an engine sees."""

import cv2
import numpy as np

from daemon.arrays import Rgb
from daemon.jobs import View
from daemon.pictures import icc
from daemon.pictures.large_photo import LargePhoto
from daemon.pictures.photo import Photo
from daemon.pictures.values import Samples


def make_proxy(photo: Photo | LargePhoto, view: View, max_side: int) -> Rgb:
    """`view` of the photo as 8-bit sRGB, its longer side at most `max_side` pixels; never enlarged.

    The photo is shrunk first and its colours are converted then: few pixels cost nothing, and every viewer averages in
    the photo's own colour space as well. A photo with an alpha of its own is laid on white, which people see around a
    cut-out and engines know best; colour that is hidden under alpha 0 must not decide anything.
    """
    left, right = _span(view.left, view.right, photo.width)
    top, bottom = _span(view.top, view.bottom, photo.height)
    width, height = right - left, bottom - top
    scale = min(1.0, max_side / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    is_whole = (width, height) == (photo.width, photo.height)
    crop = photo.before(size) if is_whole else photo.part(left, top, right, bottom)
    if photo.has_alpha:
        rgb = shrunk(_on_white(crop, photo.full_scale), size)
    else:
        rgb = np.asarray(cv2.cvtColor(shrunk(crop, size), cv2.COLOR_RGBA2RGB), crop.dtype)
    small = icc.to_srgb(rgb, photo.icc)
    return np.ascontiguousarray(small[:, ::-1]) if view.mirrored else small


def shrunk(pixels: Samples, size: tuple[int, int]) -> Samples:
    """`pixels` at `size` (width, height), which is no larger; each new pixel is about the mean of the area it covers.

    Halved as often as possible, since the mean of two by two pixels is quick, then interpolated: to twice the size and
    halved once more, or to the size itself if that is near. The exact mean over areas takes three to five times as
    long, and differs by a tenth of one of 255 steps, or by two tenths if there was nothing to halve.
    """
    wide, high = size
    while pixels.shape[1] >= 4 * wide and pixels.shape[0] >= 4 * high:
        pixels = _interpolated(pixels, (pixels.shape[1] // 2, pixels.shape[0] // 2))
    if pixels.shape[1] >= 2 * wide and pixels.shape[0] >= 2 * high:
        pixels = _interpolated(pixels, (2 * wide, 2 * high))
    return _interpolated(pixels, size)


def _interpolated(pixels: Samples, size: tuple[int, int]) -> Samples:
    """`pixels` at `size`, bilinearly; at half the size, that is the mean of two by two."""
    if pixels.shape[1::-1] == size:
        return pixels
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_LINEAR), pixels.dtype)


def _on_white(rgba: Samples, full_scale: int) -> Samples:
    rgba = np.ascontiguousarray(rgba)
    alpha = cv2.cvtColor(cv2.extractChannel(rgba, 3), cv2.COLOR_GRAY2RGB)
    rgb = cv2.multiply(cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB), alpha, scale=1 / full_scale)
    return np.asarray(cv2.add(rgb, full_scale - alpha), rgba.dtype)


def _span(low: float, high: float, pixels: int) -> tuple[int, int]:
    """What is in view of so many pixels: whole ones, at least one."""
    start = min(max(round(low * pixels), 0), pixels - 1)
    return start, max(start + 1, min(round(high * pixels), pixels))
