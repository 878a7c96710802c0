"""Writes a cut-out as a file."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from daemon.errors import BadPage, BadPhoto, Said
from daemon.pictures import decoding, icc, saving
from daemon.pictures.codec_errors import Undecodable
from daemon.pictures.large_photo import LargePhoto
from daemon.pictures.photo import Photo
from daemon.pictures.saving import Meant
from daemon.pictures.signatures import HEAD_BYTES, kind_of
from daemon.pictures.strip_picture import StripPicture
from daemon.pictures.values import Container, Frame, Metadata, Samples
from daemon.pictures.written_metadata import AS_USUAL, Private, for_result, remarks_on
from daemon.settings.output_formats import OutputFormat


@dataclass(frozen=True, slots=True)
class _Kind:
    """What an output format is. on_colour: it has no transparency."""

    suffix: str
    container: Container
    on_colour: bool = False


_KINDS: dict[OutputFormat, _Kind] = {
    "png": _Kind(".png", "png"),
    "tiff": _Kind(".tif", "tiff"),
    "webp": _Kind(".webp", "webp"),
    "mask": _Kind("_mask.png", "png"),
    "jpeg": _Kind(".jpg", "jpeg", on_colour=True),
    "tiff_on_colour": _Kind("_flat.tif", "tiff", on_colour=True),
}
_MOST_PIXELS: dict[Container, int] = {"webp": 16383, "jpeg": 65535}  # a side: 14 and 16 bits in their headers


def write(
    path: Path,
    rgba: Samples | StripPicture,
    photo: Photo | LargePhoto,
    output_format: OutputFormat,
    job_tag: str,
    frame: Frame | None = None,
    ground: tuple[int, int, int] = (255, 255, 255),
    jpeg_quality: int = saving.JPEG_QUALITY,
    private: Private = AS_USUAL,
) -> Meant:
    """Write a cut-out to `path`, which must not exist, and bring it to the disk. Returns what the file is to hold.

    rgba: (H, W, 4), uint8 or uint16; WebP and JPEG get 8 bit, other formats keep the depth. frame: which part, at what
    size. ground: the sRGB colour behind it if the format has no transparency. jpeg_quality: 1..100. The photo's ICC
    profile, EXIF (upright now), XMP, IPTC (not in WebP) and resolution go along, as `written_metadata` has them and
    `private` says. Raises OSError if the disk does not take the file, BadPhoto if the format cannot hold it.
    """
    kind = _KINDS[output_format]
    refuse_too_large(output_format, frame.size if frame else (rgba.shape[1], rgba.shape[0]))
    metadata = for_result(photo.metadata, kind.container, job_tag, private).metadata
    if output_format == "mask":
        metadata = replace(metadata, icc=None)  # a profile of colours does not belong to a mask
    try:
        whole = meant(rgba, output_format, frame, ground, jpeg_quality, photo.icc)
        saving.save(path, whole, metadata)
    except Undecodable as error:
        raise BadPhoto(Said("cannot_encode", what=output_format, detail=error)) from error
    return whole


def refuse_too_large(output_format: OutputFormat, size: tuple[int, int]) -> None:
    """Raise BadPage if a format cannot hold a result of this width and height."""
    container = _KINDS[output_format].container
    most = _MOST_PIXELS.get(container)
    if most and max(size) > most:
        raise BadPage(Said("too_large_for_format", what=container, most=most, width=size[0], height=size[1]))


def meant(
    rgba: Samples | StripPicture,
    output_format: OutputFormat,
    frame: Frame | None = None,
    ground: tuple[int, int, int] = (255, 255, 255),
    jpeg_quality: int = saving.JPEG_QUALITY,
    profile: bytes | None = None,
) -> Meant:
    """What `write` writes. profile: the ICC profile of the pixels, None for sRGB."""
    kind = _KINDS[output_format]
    values = icc.in_profile(ground, profile, int(np.iinfo(rgba.dtype).max)) if kind.on_colour else None
    if output_format == "mask":
        rgba = rgba.alpha if isinstance(rgba, StripPicture) else rgba[..., 3]
    return saving.meant(rgba, kind.container, frame, values, jpeg_quality)


def left_out_of(metadata: Metadata, formats: Iterable[OutputFormat], private: Private = AS_USUAL) -> tuple[str, ...]:
    """What of a photo's metadata these formats cannot hold, in words."""
    return remarks_on(metadata, (_KINDS[each].container for each in formats), private)


def size_of(path: Path) -> tuple[int, int]:
    """Width and height, in pixels, of a file that `write` wrote."""
    with path.open("rb") as file:
        header = decoding.read_header(file.fileno(), kind_of(file.read(HEAD_BYTES)) or "png")
    return header.width, header.height


def suffix_of(output_format: OutputFormat) -> str:
    """What a result's name ends with."""
    return _KINDS[output_format].suffix
