"""Builds what a browser shows of a picture: one that fits a screen, and tiles at full size, half of it, a quarter …

Colours and alpha are apart, so that any ground can be laid behind a cut-out in the browser. Colours are 8-bit sRGB in
JPEG, without the alpha; alphas are grey 8-bit PNG.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, TypeAlias
from zipfile import BadZipFile, ZipFile

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon.arrays import Rgb
from daemon.pictures import icc, vips
from daemon.pictures.reading import open_photo, pages_of
from daemon.pictures.thumbs import Mask
from daemon.pictures.values import Samples

TILE = 512
"""The side of a tile, in pixels; those at the right and at the bottom may be smaller."""
FIT = 1600
"""No side of the picture that fits a screen is longer, in pixels."""

Layer = Literal["colour", "alpha"]
"""What a pyramid shows of a picture."""
Part = Literal["fit", "tiles"]
"""A file of a pyramid: the picture that fits a screen, or all tiles."""

MEDIA_TYPES: Mapping[Layer, str] = {"colour": "image/jpeg", "alpha": "image/png"}

_SUFFIXES: Mapping[Layer, str] = {"colour": ".jpg", "alpha": ".png"}
_OPTIONS: Mapping[Layer, str] = {"colour": "[Q=90,keep=none]", "alpha": "[compression=3,keep=none]"}
_TEST_POINTS = 8  # of the picture's pixels in a row, one is looked at for the colours that fill what is not seen
_FULL_8, _FULL_16 = 255, 65535

_Floats: TypeAlias = NDArray[np.float32]


def levels_of(width: int, height: int) -> int:
    """How many sizes of tiles a picture has: each half as large as the one before, rounded up; the last is one tile."""
    levels = 1
    while max(width, height) > TILE:
        width, height, levels = (width + 1) // 2, (height + 1) // 2, levels + 1
    return levels


def build_pyramid(
    path: Path, layers: Mapping[Layer, Path], max_megapixels: float, page: int = 0, *, whole: bool = True
) -> None:
    """Show a file. layers: the folder for each layer's files, which are named as `Part` names them.

    page: from 1, among those that are photos; 0 = the file has only one. whole: False for the fitting picture alone.
    A file without an alpha has a full one. Of a layer "colour" alone, what is transparent is shown on white.

    Raises BadPhoto and RootAway as `open_photo` does, and OSError if the disk does not take the pyramid.
    """
    found = pages_of(path) if page else (0,)
    photo = open_photo(path, max_megapixels, found[min(page, len(found)) - 1] if page else 0)
    alpha = None if photo.own_alpha is None else eight_bits(photo.own_alpha)
    colours, profile = np.ascontiguousarray(photo.pixels), photo.icc
    height, width = colours.shape[:2]
    del photo  # its pixels would be in memory twice
    rgb = icc.to_srgb(colours, profile)
    del colours
    if alpha is not None:
        rgb = filled(rgb, alpha) if "alpha" in layers else _on_white(rgb, alpha)
    if "alpha" in layers:
        opaque = np.full((height, width), _FULL_8, np.uint8) if alpha is None else alpha
        write_layer("alpha", opaque, layers["alpha"], whole=whole)
    write_layer("colour", rgb, layers["colour"], whole=whole)


def write_layer(layer: Layer, pixels: Rgb | Mask, folder: Path, *, whole: bool = True) -> None:
    """Write the files of one layer. pixels: (H, W, 3) sRGB colours, or (H, W) alpha. Raises OSError."""
    image = vips.image_of(pixels)
    suffix, options = _SUFFIXES[layer], _OPTIONS[layer]
    try:
        scale = FIT / max(image.width, image.height)
        fitting = image.resize(scale) if scale < 1 else image
        (folder / "fit").write_bytes(fitting.write_to_buffer(suffix + options))
        if whole:
            image.dzsave(
                str(folder / "tiles"), container="zip", compression=0, layout="dz", depth="onetile", tile_size=TILE,
                overlap=0, suffix=suffix + options,
            )  # fmt: skip
    except vips.Error as error:  # the pixels are in memory, so it can only be the disk
        raise OSError(f"the pictures cannot be written: {str(error.detail).strip()}") from error


def tile_of(path: Path, level: int, column: int, row: int) -> bytes | None:
    """One tile as a file of its layer's format; None if there is none. path: the file "tiles" of a layer.

    level: 0 = full size, 1 = half of it … Raises FileNotFoundError, and OSError if the file is damaged.
    """
    try:
        with ZipFile(path) as file:
            names = {tuple(way): name for way, name in _ways(file)}
            levels = 1 + max(deep for deep, _, _ in names)
            name = names.get((levels - 1 - level, column, row))
            return None if name is None else file.read(name)
    except (BadZipFile, ValueError) as error:
        raise OSError(f"{path.name} is damaged: {error}") from error


def filled(rgb: Rgb, alpha: Mask) -> Rgb:
    """The colours of a cut-out, with what is around the subject's colours where it is transparent.

    Our results are black there. That black would show at the subject's border as soon as the picture is made smaller.
    """
    hidden = np.asarray(alpha == 0, np.uint8)
    if not hidden.any() or hidden.all():
        return rgb
    height, width = alpha.shape
    size = max(1, width // _TEST_POINTS), max(1, height // _TEST_POINTS)
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_NEAREST).reshape(size[1], size[0], 3).astype(np.float32)
    seen = (cv2.resize(alpha, size, interpolation=cv2.INTER_NEAREST) > 0).reshape(size[1], size[0]).astype(np.float32)
    around = np.clip(np.rint(_spread(small * seen[..., None], seen)), 0, _FULL_8).astype(np.uint8)
    result: Rgb = np.asarray(cv2.resize(around, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
    cv2.copyTo(rgb, 1 - hidden, result)
    return result


def _spread(colour: _Floats, weight: _Floats) -> _Floats:
    """Colours times their weight, as colours everywhere: where nothing weighs, those of the nearest that do."""
    height, width = weight.shape
    if max(height, width) <= 1:
        return np.asarray(colour / max(float(weight.sum()), 1e-6), np.float32)
    half = (max(1, width // 2), max(1, height // 2))
    coarse = _spread(_resized(colour, half), _resized(weight, half))
    below = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR).reshape(height, width, 3)
    return np.asarray(colour + below * (1 - weight[..., None]), np.float32)


def _resized(values: _Floats, size: tuple[int, int]) -> _Floats:
    """size: (width, height). OpenCV drops sides of one pixel, which come back here."""
    resized = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    return np.asarray(resized, np.float32).reshape(size[1], size[0], *values.shape[2:])


def eight_bits(alpha: Samples) -> Mask:
    """An alpha of either depth with 8 bits."""
    if alpha.dtype == np.uint8:
        return np.ascontiguousarray(alpha)
    return np.asarray(cv2.convertScaleAbs(alpha, alpha=_FULL_8 / _FULL_16), np.uint8)


def _on_white(rgb: Rgb, alpha: Mask) -> Rgb:
    with vips.own_errors():
        image = vips.image_of(np.dstack([rgb, alpha])).flatten(background=[_FULL_8] * 3)
        return np.asarray(vips.array_of(image), np.uint8)


def _ways(file: ZipFile) -> Iterator[tuple[tuple[int, int, int], str]]:
    """Level (0 = the smallest), column and row of each tile of a Deep Zoom picture, with its name in the file."""
    for name in file.namelist():
        folder, _, last = name.rpartition("/")
        level, stem = folder.rpartition("/")[2], last.partition(".")[0]
        column, _, row = stem.partition("_")
        if level.isdigit() and column.isdigit() and row.isdigit():
            yield (int(level), int(column), int(row)), name
