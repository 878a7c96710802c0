"""Makes a cut-out of a photo and its alpha."""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon.pictures import rim_colours
from daemon.pictures.photo import Photo
from daemon.pictures.proxy import shrunk
from daemon.pictures.tiles import enlarged, tiles_of
from daemon.pictures.values import Samples

_STRIP = 64  # rows


def cut_out(photo: Photo, alpha: Samples, clean_rims: bool) -> Samples:
    """The photo with `alpha`, (H, W) of the photo's dtype, as its fourth channel: (H, W, 4) of the same dtype.

    Where alpha is full, the colours are the original's own, bit for bit. Where alpha is 0, they are cleared: they would
    show the background to whoever opens the file, and take up two thirds of it. In between, `clean_rims` takes the old
    background's colour out.

    The result *is* the photo's own memory, so that a 100 megapixel TIFF of 16 bit is not in memory twice: afterwards
    only the photo's metadata may be used. Raises ValueError if it was cut out before, or if the sizes differ.
    """
    rgba = photo.rgba
    if not rgba.flags.writeable:
        raise ValueError("this photo was cut out before; open it again")
    if alpha.shape != rgba.shape[:2] or alpha.dtype != rgba.dtype:
        raise ValueError(f"an alpha of {alpha.shape} {alpha.dtype} does not fit a photo of {rgba.shape} {rgba.dtype}")
    if clean_rims:
        _clean_rims(photo, alpha)
    cv2.insertChannel(alpha, rgba, 3)
    whole_pixels = _whole_pixels(rgba)
    for top in range(0, len(alpha), _STRIP):  # all of `alpha != 0` at once would be large, and slow
        strip = whole_pixels[top : top + _STRIP]
        np.multiply(strip, alpha[top : top + _STRIP] != 0, out=strip)
    rgba.flags.writeable = False
    return rgba


def _clean_rims(photo: Photo, alpha: Samples) -> None:
    height, width = alpha.shape
    scale = min(1.0, rim_colours.SIDE / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    full = np.float32(photo.full_scale)
    # Single pixels, not means: the colour of a mixed pixel and its alpha belong together, and few are quickly read.
    small = cv2.resize(photo.rgba, size, interpolation=cv2.INTER_NEAREST)[..., :3].astype(np.float32) / full
    small_alpha = cv2.resize(alpha, size, interpolation=cv2.INTER_NEAREST).astype(np.float32) / full
    soft = shrunk(alpha, size)
    means = rim_colours.surroundings(small, small_alpha)
    field = np.concatenate([means.foreground, means.background])
    pixels = _whole_pixels(photo.rgba)
    for tiles in tiles_of((soft > 0) & (soft < full), height, width):
        cover = tiles.taken_from(alpha).reshape(-1)
        at = np.flatnonzero((cover > 0) & (cover < photo.full_scale))
        mixed = pixels[where := tiles.positions(at)]
        colour = mixed.view(photo.rgba.dtype).reshape(-1, 4).T  # the same memory
        around = tiles.points(enlarged(field, tiles, height, width), at)
        share = cover[at].astype(np.float32) / full
        clean = rim_colours.cleaned(colour[:3].astype(np.float32) / full, share, around[:3], around[3:])
        colour[:3] = np.rint(clean * full)
        pixels[where] = mixed


def _whole_pixels(rgba: Samples) -> NDArray[Any]:  # Any: uint32 or uint64
    """(H, W, 4) as (H, W) of four times as wide numbers, without a copy: one step moves a whole pixel."""
    return rgba.view(np.uint32 if rgba.dtype == np.uint8 else np.uint64)[..., 0]
