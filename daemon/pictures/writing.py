"""From a cut-out to a file that is on the disk and known to be right."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from daemon.errors import BadPhoto
from daemon.pictures import codec, marks
from daemon.pictures.codec import Undecodable
from daemon.pictures.exif import without_preview
from daemon.pictures.reading import Photo
from daemon.pictures.rights import copyright_of
from daemon.pictures.signatures import HEAD_BYTES, kind_of
from daemon.pictures.values import Container, Samples
from daemon.settings import OutputFormat

_SUFFIXES: dict[OutputFormat, str] = {"png": ".png", "tiff": ".tif", "webp": ".webp", "mask": "_mask.png"}
_CONTAINERS: dict[OutputFormat, Container] = {"png": "png", "tiff": "tiff", "webp": "webp", "mask": "png"}
_WEBP_MOST_PIXELS = 16383  # a side; 14 bits in the format's header


def write(path: Path, rgba: Samples, photo: Photo, output_format: OutputFormat, identity: str) -> None:
    """Write a cut-out to `path`, which must not exist, and bring it to the disk.

    rgba: (H, W, 4), uint8 or uint16; kept in PNG, TIFF and mask, brought to 8 bit in WebP. The photo's ICC profile,
    EXIF (upright now; not in TIFF), XMP and resolution go along; `identity` is put into the XMP, and a copyright notice
    from EXIF or IPTC as well. Raises OSError where the disk does not take it, BadPhoto where the format
    cannot hold it.
    """
    height, width = rgba.shape[:2]
    exif = photo.exif and without_preview(photo.exif)
    xmp = marks.marked(photo.xmp, identity, copyright_of(photo.exif, photo.iptc))
    metadata = replace(photo.metadata, exif=exif, xmp=xmp, iptc=None)
    pixels = rgba
    if output_format == "mask":
        # A mask has no colours, and a profile of colours does not belong to it.
        pixels, metadata = rgba[..., 3], replace(metadata, icc=None)
    elif output_format == "webp":
        if max(height, width) > _WEBP_MOST_PIXELS:
            raise BadPhoto(
                f"A WebP has at most {_WEBP_MOST_PIXELS} pixels a side, and this photo is {width} x {height}. "
                'Choose "png" or "tiff" in outputs.formats.'
            )
        pixels = _eight_bit(rgba)
    codec.save(path, pixels, metadata, _CONTAINERS[output_format])


def verify(path: Path, width: int, height: int, output_format: OutputFormat) -> None:
    """Read a written file back to its last line. Raises ValueError with what is wrong."""
    with path.open("rb") as file:
        try:
            header = codec.read_header(file.fileno(), _CONTAINERS[output_format])
            codec.prove(file.fileno(), _CONTAINERS[output_format])
        except Undecodable as error:
            raise ValueError(f"{path.name} does not read back: {error}") from error
    if (header.width, header.height) != (width, height):
        raise ValueError(f"{path.name} is {header.width} x {header.height} instead of {width} x {height}")
    channels = 1 if output_format == "mask" else 4
    if header.channels != channels:
        raise ValueError(f"{path.name} has {header.channels} channels instead of {channels}")


def identity_of(path: Path) -> str | None:
    """The identity that `write` put into a file; None where it has none or is no picture. Raises OSError."""
    with path.open("rb") as file:
        kind = kind_of(file.read(HEAD_BYTES))
        if kind is None or kind not in _CONTAINERS.values():
            return None
        try:
            return marks.job_in(codec.read_header(file.fileno(), kind).metadata.xmp)
        except Undecodable:
            return None


def suffix_of(output_format: OutputFormat) -> str:
    """What a result's name ends with."""
    return _SUFFIXES[output_format]


def _eight_bit(samples: Samples) -> Samples:
    """16 bit to the nearest of 8 bit (65535 / 255 = 257)."""
    if samples.dtype == np.uint8:
        return samples
    return ((samples.astype(np.uint32) + 128) // 257).astype(np.uint8)
