"""Makes the pictures that fit a screen while a photo is in work, when its pixels are in memory anyway."""

from pathlib import Path

import cv2
import numpy as np

from daemon.arrays import Rgb
from daemon.pictures import icc
from daemon.pictures.large_photo import LargePhoto
from daemon.pictures.photo import Photo
from daemon.pictures.pyramid import FIT, eight_bits, filled, write_layer
from daemon.pictures.values import Samples


def show_original(photo: Photo | LargePhoto, folder: Path) -> None:
    """Write what fits a screen of a photo into `folder`, before its colours are cleared. Raises OSError.

    An original that is partly transparent is left for `OpenedPicture`.
    """
    if photo.own_alpha is None:
        size = _fitted_size(photo.width, photo.height)
        small = _shrunk(photo.before(size), size)
        write_layer("colour", icc.to_srgb(np.ascontiguousarray(small[..., :3]), photo.icc), folder, whole=False)


def show_result(rgba: Samples, profile: bytes | None, colour: Path, alpha: Path) -> None:
    """Write what fits a screen of a cut-out into these two folders. Raises OSError.

    rgba: (H, W, 4), black where it is transparent. profile: the ICC profile of its colours; None = sRGB.
    """
    size = _fitted_size(rgba.shape[1], rgba.shape[0])
    small = _shrunk(rgba, size)
    write_layer("alpha", eight_bits(np.ascontiguousarray(small[..., 3])), alpha, whole=False)
    write_layer("colour", _colours(rgba, small, profile), colour, whole=False)


def _colours(rgba: Samples, small: Samples, profile: bytes | None) -> Rgb:
    """The colours of a cut-out at the size of `small`, without the black around them."""
    height, width = small.shape[:2]
    full = np.float32(np.iinfo(small.dtype).max)
    seen = cv2.threshold(cv2.extractChannel(rgba, 3), 0, float(full), cv2.THRESH_BINARY)[1]
    share = _shrunk(np.asarray(seen, rgba.dtype), (width, height)) / full
    straight = small[..., :3] / np.maximum(share, 1 / full)[..., None]
    rgb = icc.to_srgb(np.ascontiguousarray(np.clip(np.rint(straight), 0, full), small.dtype), profile)
    return filled(rgb, np.asarray(share > 0, np.uint8))


def _shrunk(pixels: Samples, size: tuple[int, int]) -> Samples:
    """pixels at a smaller (width, height). Halving them first is four times as fast as one step to an odd scale."""
    while pixels.shape[0] >= 2 * size[1] and pixels.shape[1] >= 2 * size[0]:
        even = pixels[: pixels.shape[0] // 2 * 2, : pixels.shape[1] // 2 * 2]
        half = (even.shape[1] // 2, even.shape[0] // 2)
        pixels = np.asarray(cv2.resize(even, half, interpolation=cv2.INTER_AREA), pixels.dtype)
    shrunk = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), pixels.dtype)
    return shrunk.reshape(size[1], size[0], *pixels.shape[2:])


def _fitted_size(width: int, height: int) -> tuple[int, int]:
    """(width, height) of a picture that fits a screen."""
    scale = min(1.0, FIT / max(height, width))
    return max(1, round(width * scale)), max(1, round(height * scale))
