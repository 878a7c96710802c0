"""Makes a cut-out of a photo and its alpha."""

import cv2
import numpy as np

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
    whole_pixels = rgba.view(np.uint32 if rgba.dtype == np.uint8 else np.uint64)[..., 0]
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
    around = rim_colours.surroundings(small, small_alpha)
    field = np.concatenate([around.foreground, around.background])
    for tiles in tiles_of((soft > 0) & (soft < full), height, width):
        cover = alpha[tiles.where]
        at = np.nonzero((cover > 0) & (cover < photo.full_scale))
        rows, columns = tiles.rows[at[0], at[1]], tiles.columns[at[0], at[2]]
        colour = photo.rgba[rows, columns, :3].astype(np.float32) / full
        up = enlarged(field, tiles, height, width).transpose(0, 2, 3, 1)[at]
        share = cover[at][:, None].astype(np.float32) / full
        photo.rgba[rows, columns, :3] = np.rint(rim_colours.cleaned(colour, share, up[:, :3], up[:, 3:]) * full)
