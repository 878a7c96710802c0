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
from daemon.pictures import vips
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


def write_layer(layer: Layer, pixels: Rgb | Mask, folder: Path, *, whole: bool = True) -> None:
    """Write the files of one layer. pixels: (H, W, 3) sRGB colours, or (H, W) alpha. Raises OSError."""
    image = vips.image_of(pixels)
    suffix, options = _SUFFIXES[layer], _OPTIONS[layer]
    try:
        scale = FIT / max(image.width, image.height)
        fitting = image.resize(scale) if scale < 1 else image
        (folder / "fit").write_bytes(encoded(fitting, layer))
        if whole:
            image.dzsave(
                str(folder / "tiles"), container="zip", compression=0, layout="dz", depth="onetile", tile_size=TILE,
                overlap=0, suffix=suffix + options,
            )  # fmt: skip
    except vips.Error as error:  # the pixels are in memory, so it can only be the disk
        raise OSError(f"the pictures cannot be written: {str(error.detail).strip()}") from error


def encoded(image: vips.Image, layer: Layer) -> bytes:
    """A picture as a file of its layer's format."""
    return bytes(image.write_to_buffer(_SUFFIXES[layer] + _OPTIONS[layer]))


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
    height, width = alpha.shape
    size = few_points(width, height)
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_NEAREST).reshape(size[1], size[0], 3)
    seen = cv2.resize(alpha, size, interpolation=cv2.INTER_NEAREST).reshape(size[1], size[0])
    around = surroundings(np.asarray(small, np.uint8), np.asarray(seen, np.uint8))
    return fill_hidden(rgb, alpha, around, (0, 0, width, height), (width, height))


def few_points(width: int, height: int) -> tuple[int, int]:
    """(width, height) of as few of a picture's pixels as are enough for `surroundings`."""
    return max(1, width // _TEST_POINTS), max(1, height // _TEST_POINTS)


def surroundings(rgb: Rgb, alpha: Mask) -> Rgb:
    """Colours for everywhere, of the same size: those that are seen, and where none are, those around."""
    seen = np.asarray(alpha > 0, np.float32)
    spread = _spread(rgb.astype(np.float32) * seen[..., None], seen)
    return np.clip(np.rint(spread), 0, _FULL_8).astype(np.uint8)


def fill_hidden(rgb: Rgb, alpha: Mask, around: Rgb, box: tuple[int, int, int, int], size: tuple[int, int]) -> Rgb:
    """The colours within a box, with those of `around` where they are transparent.

    rgb, alpha: what is within the box: left, top, right, bottom, in pixels of the picture. around: colours of the whole
    picture, at any size. size: (width, height) of the picture.
    """
    hidden = np.asarray(alpha == 0, np.uint8)
    if not hidden.any() or (hidden.all() and not around.any()):
        return rgb
    left, top, right, bottom = box
    if (right - left, bottom - top) == size:
        result = np.asarray(cv2.resize(around, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    else:
        height, width = around.shape[:2]
        across = ((np.arange(left, right, dtype=np.float32) + 0.5) * (width / size[0]) - 0.5).astype(np.float32)
        down = ((np.arange(top, bottom, dtype=np.float32) + 0.5) * (height / size[1]) - 0.5).astype(np.float32)
        xs, ys = np.meshgrid(across, down)
        remapped = cv2.remap(around, xs, ys, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        result = np.asarray(remapped, np.uint8)
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


def on_white(rgb: Rgb, alpha: Mask) -> Rgb:
    """Colours as they look on white."""
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
