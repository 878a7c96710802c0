"""Makes small pictures for people to look at: a photo, a cut-out on a chequerboard, an alpha."""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon.arrays import Rgb
from daemon.errors import BadPhoto, Said
from daemon.pictures import icc
from daemon.pictures.reading import open_small, pages_of

SQUARE = 8  # pixels of a chequerboard square
LIGHT, DARK = 255, 214

Mask = NDArray[np.uint8]
"""(H, W) uint8, 255 = subject."""


@dataclass(frozen=True, slots=True, eq=False)
class Thumb:
    """A small picture: (H, W, 3) uint8 sRGB, straight colours, and its own alpha, (H, W) uint8, if it has one."""

    rgb: Rgb
    alpha: Mask | None


def thumb(path: Path, longest: int, max_megapixels: float, page: int | None = None) -> Thumb:
    """A file as a picture with no side longer than `longest` pixels. page: as for `open_photo`.

    Raises BadPhoto and RootAway as `open_photo` does.
    """
    photo = open_small(path, longest, max_megapixels, page)
    rgb = icc.to_srgb(np.ascontiguousarray(photo.pixels), photo.icc)
    own = photo.own_alpha
    return Thumb(rgb, None if own is None else np.asarray(own // (photo.full_scale // 255), np.uint8))


def thumb_of_page(path: Path, longest: int, max_megapixels: float, page: int) -> Thumb:
    """As `thumb`, but pages are counted from 1 among those that are photos; 0 = the file has only one.

    Raises BadPhoto if there is no such page, too.
    """
    found = pages_of(path) if page else ()
    if page > len(found):
        raise BadPhoto(Said("no_such_page", name=path.name, n=page))
    return thumb(path, longest, max_megapixels, found[page - 1] if page else None)


def fitted(pixels: NDArray[np.uint8], longest: int) -> NDArray[np.uint8]:
    """A picture or a mask with no side longer than `longest` pixels."""
    height, width = pixels.shape[:2]
    scale = min(1.0, longest / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def on_chequerboard(rgb: Rgb, alpha: Mask) -> Rgb:
    """A cut-out on the squares that usually show transparency. rgb, alpha: of any sizes; the result has alpha's."""
    height, width = alpha.shape
    fitted = rgb if rgb.shape[:2] == alpha.shape else cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA)
    rows, columns = np.indices(alpha.shape) // SQUARE
    ground = np.where((rows + columns) % 2, LIGHT, DARK).astype(np.float32)[..., None]
    cover = (alpha.astype(np.float32) / np.float32(255))[..., None]
    shown: Rgb = np.rint(fitted.astype(np.float32) * cover + ground * (1 - cover)).astype(np.uint8)
    return shown


def grey(alpha: Mask) -> Rgb:
    """An alpha as a picture."""
    return np.repeat(alpha[..., None], 3, axis=2)
