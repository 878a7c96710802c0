"""What programs in Python hand over as a photo: a path, what a file holds, or pixels; here each becomes a file."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from daemon.errors import BadPhoto
from daemon.pictures import saving
from daemon.pictures.values import Metadata, Samples

PhotoSource: TypeAlias = "str | os.PathLike[str] | bytes | NDArray[Any]"
"""A path, what a file holds, or pixels: (H, W), (H, W, 3) or (H, W, 4) uint8 or uint16, red first, sRGB, upright."""


@contextmanager
def as_file(source: PhotoSource, name: str) -> Iterator[Path]:
    """A path of what is to be read. name: what errors call it if it has no name of its own. Raises BadPhoto."""
    if isinstance(source, str | os.PathLike):
        yield _named(source, name)
        return
    with tempfile.TemporaryDirectory(prefix="freisteller-") as folder:
        path = Path(folder) / name
        if isinstance(source, bytes):
            path.write_bytes(source)
        else:
            saving.save(path, saving.meant(_samples(source, name), "png", None, None, saving.JPEG_QUALITY), Metadata())
        yield path


def _named(source: "str | os.PathLike[str]", name: str) -> Path:
    """The path. Raises BadPhoto if no file can have it."""
    path = os.fspath(source)
    if not path or "\0" in path:
        raise BadPhoto(f"{name}: {path!r} is no path. Give one of a file.")
    return Path(path)


def _samples(pixels: object, name: str) -> Samples:
    """Pixels as files have them. Raises BadPhoto if they are none."""
    if not isinstance(pixels, np.ndarray):
        kind = type(pixels).__name__
        raise BadPhoto(f"{name}: {kind} is no picture. Give a path, the bytes of a file, or a numpy array.")
    is_mask = pixels.ndim == 2 and name == "cutout"
    if is_mask and pixels.dtype == np.bool_:
        return np.where(pixels, np.uint8(255), np.uint8(0))
    if is_mask and pixels.dtype.kind == "f":
        steps: Samples = np.rint(np.clip(np.nan_to_num(pixels), 0, 1) * 65535).astype(np.uint16)
        return steps
    fits = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] in (3, 4))
    if not fits or 0 in pixels.shape or pixels.dtype not in (np.uint8, np.uint16):
        raise BadPhoto(
            f"{name} is an array of {pixels.shape} {pixels.dtype}. Give (height, width), (height, width, 3) or "
            "(height, width, 4) of uint8 or uint16, red first."
        )
    samples: Samples = np.ascontiguousarray(pixels)
    return samples
