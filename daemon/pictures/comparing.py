"""Reads a written file back, and compares what it holds with what it is to hold."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from daemon.pictures import decoding, vips
from daemon.pictures.codec_errors import Undecodable
from daemon.pictures.saving import Meant
from daemon.pictures.strip_picture import in_strips_of
from daemon.pictures.values import Samples

_ROWS = 64  # compared at once
_CELL = 16  # pixels across: the widest block that a JPEG codes as one
_JPEG_BLOCK = 8  # rows; no fault is smaller, so one row of each shows it
_FULL_COLOUR_QUALITY = 90  # from here on, libvips keeps the colours of a JPEG at full resolution


def verify(path: Path, meant: Meant) -> tuple[int, int]:
    """Decode a file to its last row and compare each strip with what was meant; a JPEG within its quality.

    Returns width and height. Raises ValueError that says what differs.
    """
    with path.open("rb") as file, meant.read() as image:
        try:
            header = decoding.read_header(file.fileno(), meant.container)
            if (header.width, header.height) != (image.width, image.height):
                size, wanted = f"{header.width} x {header.height}", f"{image.width} x {image.height}"
                raise ValueError(f"{path.name} is {size} instead of {wanted}")
            if header.channels != image.bands:
                raise ValueError(f"{path.name} has {header.channels} channels instead of {image.bands}")
            if header.sample != image.format:
                raise ValueError(f"{path.name} has samples of {header.sample} instead of {image.format}")
            _compare(path.name, file.fileno(), meant, image)
            return header.width, header.height
        except Undecodable as error:
            raise ValueError(f"{path.name} does not read back: {error}") from error


def _compare(name: str, descriptor: int, meant: Meant, image: Any) -> None:
    is_jpeg = meant.container == "jpeg"
    every = _JPEG_BLOCK if is_jpeg and meant.jpeg_quality >= _FULL_COLOUR_QUALITY else 1
    if meant.in_strips:  # libvips would keep some hundred rows more of it
        wanted = in_strips_of(meant.in_strips.strips(), _ROWS)
    elif meant.pixels is not None:
        wanted = _cut(meant.pixels)
    else:
        wanted = vips.strips_of(image, _ROWS, every)
    found = decoding.strips(descriptor, meant.container, _ROWS)
    for number, (strip, there) in enumerate(zip(wanted, found, strict=True)):
        same = _alike(there[::every], strip, meant.jpeg_quality) if is_jpeg else np.array_equal(there, strip)
        if not same and not (meant.container == "webp" and _same_where_seen(there, strip)):
            same_alpha = strip.shape[2] == 3 or np.array_equal(there[..., -1], strip[..., -1])
            what = "other colours than were" if same_alpha else "another alpha than was"
            raise ValueError(f"{name} has {what} written, in the rows from {number * _ROWS} on")


def _cut(pixels: Samples) -> Iterator[Samples]:
    """Strips of a picture in memory, as `vips.strips_of` cuts them, without a copy."""
    tops = range(0, max(1, len(pixels) - _ROWS + 1), _ROWS)
    for top in tops:
        yield pixels[top:] if top == tops[-1] else pixels[top : top + _ROWS]


def _same_where_seen(there: Samples, strip: Samples) -> bool:
    """Whether two strips differ only in colours under an alpha of 0, which WebP does not keep."""
    differ = (there != strip).any(axis=2)
    return not differ[(strip[..., 3] > 0) | (there[..., 3] > 0)].any()


def _alike(there: Samples, strip: Samples, quality: int) -> bool:
    """Whether a strip may have come out of a JPEG of this quality.

    Measured on photos and on the worst patterns (noise, dots and stripes of full colours), in steps of 255: from
    quality 90 on, the mean difference of a strip was up to 0.6 for each step of quality below 100, that of a cell's
    mean colour 0.4. Below, colours lie at half the resolution: single pixels may differ by anything, and cells by 30.
    """
    full_colour = quality >= _FULL_COLOUR_QUALITY
    most = 3 + 0.8 * (100 - quality) if full_colour else 28 + 0.25 * (100 - quality)
    there = np.ascontiguousarray(there)
    if full_colour and cv2.norm(there, strip, cv2.NORM_L1) > most * strip.size:
        return False
    means = np.asarray(cv2.reduce(cv2.subtract(there, strip, dtype=cv2.CV_16S), 0, cv2.REDUCE_AVG, dtype=cv2.CV_32F))
    starts = np.arange(0, max(1, strip.shape[1] - _CELL + 1), _CELL)  # what is left goes into the last cell
    widths = np.diff(starts, append=strip.shape[1])
    cells = np.add.reduceat(means[0], starts, axis=0) / widths[:, None]
    return bool(np.abs(cells).max() <= most)
