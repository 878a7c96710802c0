"""Saves pixels as files of every format; computes them while it writes."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from daemon.pictures import exif_in_tiff, iptc, vips
from daemon.pictures.codec_errors import Undecodable, error_of
from daemon.pictures.placed_metadata import DEFAULT_DPI, PlacingTarget, placed_at_beginning, put_into_webp
from daemon.pictures.strip_picture import StripPicture, StripReading
from daemon.pictures.values import Container, Frame, Metadata, Samples

_PNG = {"compression": 2, "filter": "up"}  # of all levels and filters the smallest below one second for 24 MP
_TIFF = {"compression": "lzw", "predictor": "horizontal"}  # deflate is no smaller on photos and half as fast to read
_WEBP = {"lossless": True, "effort": 0, "Q": 0}  # more effort: seven times the time for two per cent
_JPEG = {"subsample_mode": "auto"}  # from quality 90 on, edges of colour stay where they are
JPEG_QUALITY = 95
_TIFF_MAX_BYTES = 2**32 - 2**24  # of pixels; beyond, offsets need 8 bytes (BigTIFF)

KEPT = "icc:xmp:iptc"
"""What libvips writes of an image's metadata; it would make EXIF up."""
_TRIAL_BYTES = 1 << 16  # more than is left on a disk that was just found full


@dataclass(frozen=True, slots=True, eq=False)
class Meant:
    """A picture as a file is to hold it.

    made: gives a libvips image of it, and what it reads if it can be read only once; pixels are computed when somebody
    asks for them, except that a resized picture is in memory. jpeg_quality: 1..100. in_strips, pixels: the picture, if
    the file is to hold it as it is: one in strips, or one in memory, (H, W, bands).
    """

    made: Callable[[], tuple[Any, StripReading | None]]
    container: Container
    jpeg_quality: int = JPEG_QUALITY
    in_strips: StripPicture | None = None
    pixels: Samples | None = None

    @contextmanager
    def read(self) -> Iterator[Any]:
        """A libvips image to read from its first row to its last. What fails while it is made is raised here."""
        image, reading = self.made()
        try:
            yield image
        except (vips.Error, Undecodable):
            if reading and reading.fault:
                raise reading.fault from None
            raise


def meant(
    pixels: Samples | StripPicture,
    container: Container,
    frame: Frame | None,
    ground: list[float] | None,
    jpeg_quality: int,
) -> Meant:
    """What `save` is to write.

    pixels: (H, W, 4), or (H, W) for a mask; WebP and JPEG get the nearest values of 8 bit. frame: which part is
    written, at what size; None for all as it is. ground: a colour in the pixels' own values to lay them on; then no
    alpha is left. Raises Undecodable if there can be no such picture.
    """

    def of(image: Any) -> Any:
        with vips.own_errors():
            if frame is not None:
                image = _framed(image, frame)
            if ground is not None:
                image = image.flatten(background=ground)
            if container in ("webp", "jpeg") and image.format == "ushort":
                image = image.linear(1 / 257, 0.5).cast("uchar").copy(interpretation="srgb")  # 65535 / 255 = 257
            return image

    def anew(picture: StripPicture) -> tuple[Any, StripReading]:
        reading = StripReading(picture)
        return of(reading.image), reading

    as_it_is = container in ("png", "tiff") and frame is None and ground is None
    if isinstance(pixels, StripPicture):
        return Meant(partial(anew, pixels), container, jpeg_quality, pixels if as_it_is else None)
    image = of(vips.image_of(pixels))
    plain = pixels.reshape(*pixels.shape[:2], -1) if as_it_is else None
    return Meant(lambda: (image, None), container, jpeg_quality, pixels=plain)


def save(path: os.PathLike[str], meant: Meant, metadata: Metadata) -> None:
    """Write a new file and bring it to the disk (fsync).

    Raises Undecodable if the format cannot hold the picture, OSError if the file system does not take the file.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with meant.read() as pixels:
            _write(descriptor, pixels, meant, metadata)
        os.fsync(descriptor)
    except vips.Error as error:
        _raise_disk_error(descriptor)
        raise error_of(str(error.detail)) from error
    finally:
        os.close(descriptor)


def _write(descriptor: int, pixels: Any, meant: Meant, metadata: Metadata) -> None:
    container = meant.container
    image = with_metadata(pixels, for_libvips(metadata, container))
    size = image.width, image.height
    target = vips.Target.new_to_descriptor(descriptor)
    if container == "tiff":
        bytes_each = 2 if image.format == "ushort" else 1
        large = image.width * image.height * image.bands * bytes_each > _TIFF_MAX_BYTES
        image.tiffsave_target(target, bigtiff=large, **_TIFF)
        exif_in_tiff.put_into_tiff(descriptor, metadata.exif, metadata.iptc, size)
    elif container == "webp":
        image.webpsave_target(target, keep=KEPT, **_WEBP)
        put_into_webp(descriptor, metadata, size)
    else:
        placing = PlacingTarget(descriptor, container, placed_at_beginning(metadata, container, size))
        if container == "jpeg":
            image.jpegsave_target(placing.target, Q=meant.jpeg_quality, keep=KEPT, **_JPEG)
        else:
            image.pngsave_target(placing.target, keep=KEPT, **_PNG)


def _framed(image: Any, frame: Frame) -> Any:
    """The part in the frame at the frame's size, transparent where the frame reaches beyond the picture."""
    full = 65535 if image.format == "ushort" else 255
    framed = image.embed(-frame.left, -frame.top, frame.width, frame.height)
    if (frame.width, frame.height) == frame.size:
        return framed
    scales = frame.size[0] / frame.width, frame.size[1] / frame.height
    has_alpha = image.bands == 4
    if has_alpha:  # a colour counts as much as it is seen
        framed = framed.premultiply(max_alpha=full)
    framed = framed.resize(scales[0], vscale=scales[1])
    if has_alpha:
        framed = framed.unpremultiply(max_alpha=full)
    framed = framed.rint().cast(image.format).copy(interpretation=image.interpretation)
    framed = (framed.extract_band(3) > 0).ifthenelse(framed, 0) if has_alpha else framed
    return framed.copy_memory()  # to compute it once more, for reading back, would take as long as writing it


def for_libvips(metadata: Metadata, container: Container) -> Metadata:
    """The metadata that libvips writes itself: no EXIF, and IPTC in JPEG only."""
    wrapped = iptc.wrapped(metadata.iptc) if metadata.iptc and container == "jpeg" else None
    return replace(metadata, iptc=wrapped, exif=None)


def with_metadata(image: Any, metadata: Metadata) -> Any:
    """A libvips image with what `for_libvips` gave."""
    across, down = metadata.resolution or (DEFAULT_DPI, DEFAULT_DPI)
    for name in vips.BLOBS:
        blob = getattr(metadata, name)
        if blob is not None:
            image = vips.with_blob(image, name, blob)
    image = image.copy(xres=across / vips.MM_PER_INCH, yres=down / vips.MM_PER_INCH)
    image.set_type(vips.GValue.gstr_type, "resolution-unit", "in")
    image.set_type(vips.GValue.gint_type, "orientation", 1)
    return image


def _raise_disk_error(descriptor: int) -> None:
    """Raise the OSError that a failed write met; libvips has it in words only, which another thread may have taken."""
    os.lseek(descriptor, 0, os.SEEK_END)
    left = _TRIAL_BYTES
    while left:
        left -= os.write(descriptor, bytes(left))
