"""Metadata of an open file as its header has them: what libvips reads, what it does not, and no resolution made up."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from daemon.pictures import jpeg_metadata, png_metadata, vips
from daemon.pictures.exif import resolution_in
from daemon.pictures.values import Header, Metadata, across_and_down, is_sensible

_COMPLETED: dict[str, Callable[[Header, int], Header]] = {
    "png": png_metadata.completed,
    "jpeg": jpeg_metadata.completed,
}
"""What adds the metadata that libvips does not read."""
_TELL_RESOLUTION: dict[str, Callable[[int], bool]] = {
    "png": png_metadata.tells_resolution,
    "jpeg": jpeg_metadata.tells_resolution,
    "webp": lambda _: False,
    "avif": lambda _: False,
    "jxl": lambda _: False,
}
"""Whether a file tells its resolution elsewhere than in EXIF; libvips says 72 dpi of one that tells none."""


def completed(header: Header, image: Any, kind: str, descriptor: int) -> Header:
    """The header of an open file with its metadata. image: as libvips opened it."""
    header = replace(header, metadata=_metadata(image))
    if kind in _COMPLETED:
        header = _COMPLETED[kind](header, descriptor)
    if kind in _TELL_RESOLUTION and not _TELL_RESOLUTION[kind](descriptor):
        return replace(header, metadata=told_by_exif(header.metadata))
    return header


def told_by_exif(metadata: Metadata) -> Metadata:
    """Metadata of a file that has no other place for its resolution than EXIF, or does not use it."""
    found = resolution_in(metadata.exif)
    across, down = across_and_down(*map(_dpi, found)) if found else (None, None)
    return replace(metadata, dpi=across, dpi_down=down)


def _metadata(image: Any) -> Metadata:
    blobs = {name: vips.field_of(image, blob) for name, blob in vips.BLOBS.items()}
    across, down = across_and_down(_dpi(image.xres), _dpi(image.yres))
    parts = {name: bytes(blob) if blob else None for name, blob in blobs.items()}
    return Metadata(**parts, dpi=across, dpi_down=down)


def _dpi(per_mm: float) -> float | None:
    dpi = per_mm * vips.MM_PER_INCH
    return dpi if per_mm != 1.0 and is_sensible(dpi) else None  # 1.0 is libvips' "unknown"
