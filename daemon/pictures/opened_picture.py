"""A decoded file that is shown to people: single tiles of it at once, and then its whole pyramid."""

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np

from daemon.arrays import Rgb
from daemon.pictures import icc, vips
from daemon.pictures.photo import Photo
from daemon.pictures.pyramid import (
    FIT,
    TILE,
    Layer,
    eight_bits,
    encoded,
    few_points,
    fill_hidden,
    levels_of,
    on_white,
    surroundings,
    write_layer,
)
from daemon.pictures.reading import open_photo, pages_of
from daemon.pictures.thumbs import Mask

_FULL_8 = 255

Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels; the last two are outside."""


def nothing() -> None:
    """What is done meanwhile if there is nothing to do."""


class PictureToShow(Protocol):
    """A file that was decoded to be shown; in this process, or in another."""

    def tile(self, layer: str, level: int, column: int, row: int) -> bytes | None:
        """One tile as a file of its layer's format, as `pyramid.tile_of` would give it; None if there is none."""

    def fit(self, layer: str) -> bytes | None:
        """The picture that fits a screen, as a file of its layer's format; None if there is no such layer."""

    def build(self, layer: str, folder: Path, meanwhile: Callable[[], None] = nothing) -> None:
        """Write the files of a layer into a folder, at low priority. Raises OSError if the disk does not take them.

        meanwhile: is called again and again until then, if another process does it, and may ask for tiles.
        """


class OpenedPicture:
    """It is a `PictureToShow`. What a tile needs is converted for that tile alone, until the whole is needed.

    Another thread may ask for tiles while one builds.
    """

    def __init__(self, path: Path, layers: Collection[Layer], max_megapixels: float, page: int = 0) -> None:
        """layers: what will be shown. page: from 1, among those that are photos; 0 = the file has only one.

        A file without an alpha has a full one. Of a layer "colour" alone, what is transparent is shown on white.
        Raises BadPhoto and RootAway as `open_photo` does.
        """
        found = pages_of(path) if page else ()
        index = found[min(page, len(found)) - 1] if page else None
        self._photo: Photo | None = open_photo(path, max_megapixels, index)
        self._filled = "alpha" in layers
        self.width, self.height = self._photo.width, self._photo.height
        self._around: Rgb | None = None
        self._whole: tuple[Rgb, Mask | None] | None = None  # colours as they are shown, and the alpha if there is one

    def tile(self, layer: str, level: int, column: int, row: int) -> bytes | None:
        """One tile; None if there is none."""
        box = _box_of(self.width, self.height, level, column, row)
        if box is None:
            return None
        return _tile(self._part(layer, box), _kind(layer), level)

    def fit(self, layer: str) -> bytes:
        """The picture that fits a screen."""
        return fit_of(self._part(layer, (0, 0, self.width, self.height)), _kind(layer))

    def build(self, layer: str, folder: Path, meanwhile: Callable[[], None] = nothing) -> None:
        """Write the files of a layer into a folder."""
        del meanwhile
        all_of_it, photo = (0, 0, self.width, self.height), self._photo
        if photo is not None:
            self._whole = self._colours(photo, all_of_it), self._alpha(photo, all_of_it)
            self._photo = None  # its pixels would be in memory twice
        write_layer(_kind(layer), self._part(layer, all_of_it), folder)

    def _part(self, layer: str, box: Box) -> Rgb | Mask:
        left, top, right, bottom = box
        photo, whole = self._photo, self._whole  # in this order: `build` gives the first up once there is the second
        if whole is not None:
            found = whole[layer == "alpha"]
            part = None if found is None else np.ascontiguousarray(found[top:bottom, left:right])
        else:
            assert photo is not None
            part = self._alpha(photo, box) if layer == "alpha" else self._colours(photo, box)
        return np.full((bottom - top, right - left), _FULL_8, np.uint8) if part is None else part

    def _alpha(self, photo: Photo, box: Box) -> Mask | None:
        alpha, (left, top, right, bottom) = photo.own_alpha, box
        if alpha is None:
            return None
        return eight_bits(np.ascontiguousarray(alpha[top:bottom, left:right]))

    def _colours(self, photo: Photo, box: Box) -> Rgb:
        """The colours within a box, in sRGB, with what is shown where they are transparent."""
        left, top, right, bottom = box
        pixels = np.ascontiguousarray(photo.pixels[top:bottom, left:right])
        rgb, alpha = icc.to_srgb(pixels, photo.icc), self._alpha(photo, box)
        if alpha is None:
            return rgb
        if not self._filled:
            return on_white(rgb, alpha)
        if self._around is None:
            size = few_points(self.width, self.height)
            few = cv2.resize(photo.rgba, size, interpolation=cv2.INTER_NEAREST).reshape(size[1], size[0], 4)
            seen = icc.to_srgb(np.ascontiguousarray(few[..., :3]), photo.icc)
            self._around = surroundings(seen, np.asarray(few[..., 3] > 0, np.uint8))
        return fill_hidden(rgb, alpha, self._around, box, (self.width, self.height))


def tile_of(pixels: Rgb | Mask, kind: Layer, level: int, column: int, row: int) -> bytes | None:
    """One tile of a whole picture as a file, as `pyramid.tile_of` would give it; None if there is none."""
    box = _box_of(pixels.shape[1], pixels.shape[0], level, column, row)
    if box is None:
        return None
    left, top, right, bottom = box
    return _tile(np.ascontiguousarray(pixels[top:bottom, left:right]), kind, level)


def fit_of(pixels: Rgb | Mask, kind: Layer) -> bytes:
    """A whole picture as the file that fits a screen."""
    with vips.own_errors():
        image = vips.image_of(pixels)
        scale = FIT / max(image.width, image.height)
        return encoded(image.resize(scale) if scale < 1 else image, kind)


def _kind(layer: str) -> Layer:
    return "alpha" if layer == "alpha" else "colour"


def _box_of(width: int, height: int, level: int, column: int, row: int) -> Box | None:
    """What a tile shows of a picture of that size."""
    side = TILE << level
    left, top = column * side, row * side
    if level >= levels_of(width, height) or left >= width or top >= height:
        return None
    return left, top, min(left + side, width), min(top + side, height)


def _tile(pixels: Rgb | Mask, kind: Layer, level: int) -> bytes:
    with vips.own_errors():
        image = vips.image_of(pixels)
        return encoded(image.shrink(1 << level, 1 << level, ceil=True) if level else image, kind)


def build_pyramid(path: Path, layers: Mapping[Layer, Path], max_megapixels: float, page: int = 0) -> None:
    """Write all files of these layers, each into its folder. Raises what `OpenedPicture` and its `build` raise."""
    picture = OpenedPicture(path, layers, max_megapixels, page)
    for layer, folder in layers.items():
        picture.build(layer, folder)
