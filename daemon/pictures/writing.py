"""From a cut-out to a file that is on the disk and known to be right."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from daemon.errors import BadPhoto
from daemon.pictures import codec, decoding, exif, iptc, saving, xmp
from daemon.pictures.codec_errors import Undecodable
from daemon.pictures.reading import Photo
from daemon.pictures.signatures import HEAD_BYTES, kind_of
from daemon.pictures.values import Container, Frame, Samples
from daemon.settings import OutputFormat


@dataclass(frozen=True, slots=True)
class _Kind:
    """An output format. eight_bit: it has no more. on_colour: it has no transparency."""

    suffix: str
    container: Container
    channels: int = 4
    eight_bit: bool = False
    on_colour: bool = False


_KINDS: dict[OutputFormat, _Kind] = {
    "png": _Kind(".png", "png"),
    "tiff": _Kind(".tif", "tiff"),
    "webp": _Kind(".webp", "webp", eight_bit=True),
    "mask": _Kind("_mask.png", "png", channels=1),
    "jpeg": _Kind(".jpg", "jpeg", channels=3, eight_bit=True, on_colour=True),
    "tiff_on_colour": _Kind("_flat.tif", "tiff", channels=3, on_colour=True),
}
_MOST_PIXELS: dict[Container, int] = {"webp": 16383, "jpeg": 65535}  # a side: 14 and 16 bits in their headers


def write(
    path: Path,
    rgba: Samples,
    photo: Photo,
    output_format: OutputFormat,
    identity: str,
    frame: Frame | None = None,
    ground: tuple[int, int, int] = (255, 255, 255),
    jpeg_quality: int = saving.JPEG_QUALITY,
) -> None:
    """Write a cut-out to `path`, which must not exist, and bring it to the disk.

    rgba: (H, W, 4), uint8 or uint16; the depth is kept but in WebP and JPEG, which have 8 bit. frame: what part of it,
    at what size. ground: the sRGB colour behind it where the format has no transparency. jpeg_quality: 1..100. The
    photo's ICC profile, EXIF (upright now), XMP, IPTC (not in WebP) and resolution go along; `identity` is put into the
    XMP, and a copyright notice from EXIF or IPTC as well. Raises OSError where the disk does not take it, BadPhoto
    where the format cannot hold it.
    """
    kind = _KINDS[output_format]
    width, height = frame.size if frame else (rgba.shape[1], rgba.shape[0])
    most = _MOST_PIXELS.get(kind.container)
    if most and max(height, width) > most:
        raise BadPhoto(
            f"A {kind.container} has at most {most} pixels a side, and this result has {width} x {height}. "
            'Choose "png" or "tiff" in outputs.formats, or set outputs.max_side.'
        )
    metadata = replace(
        photo.metadata,
        exif=photo.exif and exif.without_preview(photo.exif),
        # Not every program looks for EXIF and IPTC in every format, and WebP has no place for IPTC; all look for XMP.
        xmp=xmp.tagged(photo.xmp, identity, exif.copyright_in(photo.exif) or iptc.copyright_in(photo.iptc)),
    )
    pixels, below = rgba, None
    if output_format == "mask":
        # A mask has no colours, and a profile of colours does not belong to it.
        pixels, metadata = rgba[..., 3], replace(metadata, icc=None)
    elif kind.on_colour:
        below = codec.in_profile(ground, photo.icc, photo.full_scale)
    saving.save(path, pixels, metadata, kind.container, frame, below, jpeg_quality)


def verify(path: Path, rgba: Samples, output_format: OutputFormat, frame: Frame | None = None) -> None:
    """Read a file back to its last line and compare it with the cut-out. Raises ValueError with what differs."""
    kind = _KINDS[output_format]
    with path.open("rb") as file:
        try:
            header = decoding.read_header(file.fileno(), kind.container)
            lowest, highest = decoding.extremes(file.fileno(), kind.container)
        except Undecodable as error:
            raise ValueError(f"{path.name} does not read back: {error}") from error
    width, height = frame.size if frame else (rgba.shape[1], rgba.shape[0])
    if (header.width, header.height) != (width, height):
        raise ValueError(f"{path.name} is {header.width} x {header.height} instead of {width} x {height}")
    if header.channels != kind.channels:
        raise ValueError(f"{path.name} has {header.channels} channels instead of {kind.channels}")
    depth = "ushort" if rgba.dtype == np.uint16 and not kind.eight_bit else "uchar"
    if header.sample != depth:
        raise ValueError(f"{path.name} has samples of {header.sample} instead of {depth}")
    resized = frame is not None and frame.size != (frame.width, frame.height)
    if kind.on_colour or resized or (kind.eight_bit and rgba.dtype == np.uint16):
        return  # its last channel is no alpha, or not the very one
    if highest != rgba[..., 3].max() or (frame is None and lowest != rgba[..., 3].min()):
        raise ValueError(f"{path.name} has another alpha than was written")


def size_of(path: Path) -> tuple[int, int]:
    """Width and height, in pixels, of a file that `write` wrote."""
    with path.open("rb") as file:
        header = decoding.read_header(file.fileno(), kind_of(file.read(HEAD_BYTES)) or "png")
    return header.width, header.height


def identity_of(path: Path) -> str | None:
    """The identity that `write` put into a file; None where it has none or is no picture. Raises OSError."""
    with path.open("rb") as file:
        kind = kind_of(file.read(HEAD_BYTES))
        if kind is None or kind not in {known.container for known in _KINDS.values()}:
            return None
        try:
            return xmp.job_in(decoding.read_header(file.fileno(), kind).metadata.xmp)
        except Undecodable:
            return None


def suffix_of(output_format: OutputFormat) -> str:
    """What a result's name ends with."""
    return _KINDS[output_format].suffix
