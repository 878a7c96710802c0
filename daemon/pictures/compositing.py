"""Makes a cut-out of a photo and its alpha."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon.pictures import rim_colours
from daemon.pictures.large_photo import LargePhoto, by_row
from daemon.pictures.photo import Photo
from daemon.pictures.proxy import shrunk
from daemon.pictures.strip_picture import StripPicture
from daemon.pictures.tiles import Floats, Tiles, enlarged, tiles_of
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
        size = rim_colours.sample_size(photo.width, photo.height)
        # Single pixels, not means: a mixed pixel's colour and its alpha belong together, and few are quickly read.
        sample = np.asarray(cv2.resize(rgba, size, interpolation=cv2.INTER_NEAREST), rgba.dtype)[..., :3]
        rims = _Rims.of(sample, alpha)
        for tiles in rims.tiles():
            rims.clean(rgba, tiles)
    for top in range(0, len(alpha), _STRIP):  # all of it at once would take as much memory again
        _lay_alpha(rgba[top : top + _STRIP], alpha[top : top + _STRIP])
    rgba.flags.writeable = False
    return rgba


def cut_out_in_strips(photo: LargePhoto, alpha: Samples, clean_rims: bool) -> StripPicture:
    """The same picture as `cut_out` makes, of a photo that is not in memory: it is made anew whenever it is read."""
    rims = _Rims.of(photo.sample, alpha) if clean_rims else None
    return StripPicture(photo.width, photo.height, alpha, partial(_strips, photo, alpha, rims))


def _strips(photo: LargePhoto, alpha: Samples, rims: "_Rims | None") -> Iterator[Samples]:
    rows = groupby(by_row(rims.tiles() if rims else ()), key=lambda tiles: int(tiles.rows[0, 0]))
    at, here = next(rows, (-1, iter(())))
    top = 0
    for strip in photo.strips():
        pixels: Samples = np.array(strip)
        if rims and at == top:
            for tiles in here:
                rims.clean(pixels, tiles, top)
            at, here = next(rows, (-1, iter(())))
        _lay_alpha(pixels, alpha[top : top + len(pixels)])
        yield pixels
        top += len(pixels)


def _lay_alpha(rgba: Samples, alpha: Samples) -> None:
    """Make `alpha` the fourth channel of some rows, and clear the colours where it is 0."""
    cv2.insertChannel(alpha, rgba, 3)
    whole_pixels = _whole_pixels(rgba)
    np.multiply(whole_pixels, alpha != 0, out=whole_pixels)


@dataclass(frozen=True, slots=True, eq=False)
class _Rims:
    """Takes the old background's colour out of rims.

    alpha: (H, W), of the whole picture. soft: the alpha, smaller. field: (6, h, w) 0..1, the colours around each pixel.
    """

    alpha: Samples
    soft: Samples
    field: Floats

    @classmethod
    def of(cls, sample: Samples, alpha: Samples) -> "_Rims":
        """sample: single pixels of the picture, (h, w, 3)."""
        full = np.float32(np.iinfo(alpha.dtype).max)
        size = sample.shape[1], sample.shape[0]
        small_alpha = cv2.resize(alpha, size, interpolation=cv2.INTER_NEAREST).astype(np.float32) / full
        around = rim_colours.surroundings(sample.astype(np.float32) / full, small_alpha)
        return cls(alpha, shrunk(alpha, size), np.concatenate([around.foreground, around.background]))

    def tiles(self) -> Iterator[Tiles]:
        """The tiles that have rims."""
        full = np.iinfo(self.alpha.dtype).max
        return tiles_of((self.soft > 0) & (self.soft < full), *self.alpha.shape)

    def clean(self, rgba: Samples, tiles: Tiles, top: int = 0) -> None:
        """Clean the rims of some tiles. rgba: rows of the picture from `top` on, as many as the tiles need."""
        full = np.float32(np.iinfo(self.alpha.dtype).max)
        pixels = _whole_pixels(rgba)
        cover = tiles.taken_from(self.alpha).reshape(-1)
        at = np.flatnonzero((cover > 0) & (cover < full))
        rows, columns = tiles.positions(at)
        mixed = pixels[where := (rows - top, columns)]
        colour = mixed.view(rgba.dtype).reshape(-1, 4).T  # the same memory
        around = tiles.points(enlarged(self.field, tiles, *self.alpha.shape), at)
        share = cover[at].astype(np.float32) / full
        clean = rim_colours.cleaned(colour[:3].astype(np.float32) / full, share, around[:3], around[3:])
        colour[:3] = np.rint(clean * full)
        pixels[where] = mixed


def _whole_pixels(rgba: Samples) -> NDArray[Any]:  # Any: uint32 or uint64
    """(H, W, 4) as (H, W) of four times as wide numbers, without a copy: one step moves a whole pixel."""
    return rgba.view(np.uint32 if rgba.dtype == np.uint8 else np.uint64)[..., 0]
