"""The door to libvips: its settings, and arrays in and out.

libvips is thread-safe and releases the GIL, so several photos are worked on at once.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pyvips

from daemon.pictures.codec_errors import error_of
from daemon.pictures.values import Samples

# libvips caches results by their arguments. We never run an operation twice with the same ones, so a cache would only
# keep pictures in memory.
pyvips.cache_set_max(0)
# Whole photos are worked on side by side; threads within one would only add up to more threads than cores.
pyvips.concurrency_set(1)
# SVG, CSV, raw dumps and the like are marked untrusted by libvips itself; none of them is a photo.
pyvips.block_untrusted_set(True)
# Its warnings ("read gave 1 warnings") name no file; what matters comes back as the reason of an error.
logging.getLogger("pyvips").setLevel(logging.ERROR)

Image, Error, GValue = pyvips.Image, pyvips.Error, pyvips.GValue
Source, SourceCustom = pyvips.Source, pyvips.SourceCustom
Target, TargetCustom = pyvips.Target, pyvips.TargetCustom

BLOBS = {"icc": "icc-profile-data", "exif": "exif-data", "xmp": "xmp-data", "iptc": "iptc-data"}
"""What libvips calls each part of `Metadata`."""
RELATIVE = {"intent": "relative", "black_point_compensation": True}
"""How colours are converted from one profile to another."""
MM_PER_INCH = 25.4


@contextmanager
def own_errors() -> Iterator[None]:
    """Turns an error of libvips into the one that says whose fault it is: OSError, Unsupported or Undecodable."""
    try:
        yield
    except Error as error:
        raise error_of(str(error.detail)) from error
    except UnicodeDecodeError as error:  # pyvips expects UTF-8, but a reason may hold bytes of the file
        # libvips keeps its reasons until they are read, so this one would come back with each later error.
        pyvips.vips_lib.vips_error_clear()
        raise error_of(bytes(error.object).decode("utf-8", "replace")) from error


def image_of(array: Samples) -> Any:
    """A libvips image over `array`, (H, W) or (H, W, bands), without a copy if it is contiguous."""
    height, width = array.shape[:2]
    bands = 1 if array.ndim == 2 else array.shape[2]
    deep = array.dtype == np.uint16
    flat = np.ascontiguousarray(array).reshape(-1)
    image = pyvips.Image.new_from_memory(flat.data, width, height, bands, "ushort" if deep else "uchar")
    if bands < 3:
        return image.copy(interpretation="grey16" if deep else "b-w")
    return image.copy(interpretation="rgb16" if deep else "srgb")


def array_of(image: Any) -> Samples:
    """The pixels of `image`, (H, W, bands), computed now. uint8 or uint16, writable."""
    dtype: type[np.uint8 | np.uint16] = np.uint16 if image.format == "ushort" else np.uint8
    samples: Samples = np.frombuffer(image.write_to_memory(), dtype)
    return samples.reshape(image.height, image.width, image.bands)


def strips_of(image: Any, rows: int, every: int = 1) -> Iterator[Samples]:
    """The pixels of `image` from the first row to the last, each strip computed when its turn has come.

    rows: of a strip; what is left at the end goes into the last one. every: 8 for the first of each eight rows only.
    """
    dtype: type[np.uint8 | np.uint16] = np.uint16 if image.format == "ushort" else np.uint8
    region = pyvips.Region.new(image)
    for top in range(0, max(1, image.height - rows + 1), rows):
        bottom = top + rows if top + 2 * rows <= image.height else image.height
        pieces = [(top, bottom - top)] if every == 1 else [(row, 1) for row in range(top, bottom, every)]
        content = [region.fetch(0, row, image.width, high) for row, high in pieces]
        samples: Samples = np.frombuffer(content[0] if len(content) == 1 else b"".join(content), dtype)
        yield samples.reshape(-1, image.width, image.bands)


def with_blob(image: Any, name: str, blob: bytes) -> Any:
    """A copy of `image` with a part of its metadata set; name: as in `Metadata`."""
    image = image.copy()
    image.set_type(pyvips.GValue.blob_type, BLOBS[name], blob)
    return image


def srgb_profile() -> bytes:
    """The ICC profile of sRGB that libvips brings along: 480 bytes."""
    return bytes(Image.profile_load("srgb"))


def has(operation: str) -> bool:
    """Whether libvips was built with an operation, as "jxlload_buffer"."""
    return bool(pyvips.type_find("VipsOperation", operation))


def allow(operations: str) -> None:
    """Allow operations that libvips calls untrusted, by the name of their class."""
    pyvips.operation_block_set(operations, False)


def field_of(image: Any, name: str) -> Any:
    """A field of `image`'s metadata; None if it has none of that name."""
    return image.get(name) if image.get_typeof(name) else None
