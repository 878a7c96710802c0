"""Encodes a picture in memory as the bytes of a whole file, so that its size is known before anything is written."""

from collections.abc import Callable, Mapping
from typing import Any

from daemon.pictures import saving, vips
from daemon.pictures.placed_metadata import with_placed
from daemon.pictures.values import Container, Metadata, Samples

_FULL_COLOUR_FROM = 90  # quality from which libvips, too, keeps colour at full size ("auto")
_PNG = {"compression": 2, "filter": "up"}  # as results have it
_PNG_SMALLEST = {"compression": 9, "filter": "all"}
WITHOUT_LOSS = 100
"""The quality from which a WebP is written without loss."""


@vips.own_errors()
def encoded(
    pixels: Samples,
    container: Container,
    metadata: Metadata,
    quality: int,
    full_colour: bool = False,
    smallest: bool = False,
) -> bytes:
    """A whole file.

    pixels: (H, W, 3 or 4) uint8; a JPEG has three channels. quality: 1..100, of JPEG and WebP. full_colour: a JPEG
    keeps its colour at full size (4:4:4) even below quality 90, and flat colour beside an edge cleaner. smallest: a
    JPEG or PNG becomes 5 to 10 % smaller with the same pixels, in two to five times the time. Raises Undecodable if
    the format cannot hold the picture.
    """
    image = saving.with_metadata(vips.image_of(pixels), saving.for_libvips(metadata, container))
    content = _ENCODERS[container](image, quality, full_colour, smallest)
    return content if container == "tiff" else with_placed(content, metadata, container, (image.width, image.height))


@vips.own_errors()
def after_jpeg(pixels: Samples, quality: int) -> Samples:
    """What becomes of blocks of 8 x 8 pixels in a JPEG that `encoded` makes with full colour, wherever they lie in it.

    pixels: (H, W, 3) uint8, and so is the result.
    """
    jpeg = _jpeg(vips.image_of(pixels), quality, True, False)
    return vips.array_of(vips.Image.jpegload_buffer(jpeg))


def _jpeg(image: Any, quality: int, full_colour: bool, smallest: bool) -> bytes:
    full = full_colour or quality >= _FULL_COLOUR_FROM
    # White that lies in one block with an edge is meant whiter than white before it is rounded, if libvips has mozjpeg:
    # no larger, and a ninth of the pixels that are no longer white; but it costs as much again as all other encoding.
    return bytes(
        image.jpegsave_buffer(
            Q=quality,
            subsample_mode="off" if full else "on",
            optimize_coding=smallest,
            overshoot_deringing=full_colour,
            keep=saving.KEPT,
        )
    )


def _png(image: Any, _: int, __: bool, smallest: bool) -> bytes:
    return bytes(image.pngsave_buffer(keep=saving.KEPT, **(_PNG_SMALLEST if smallest else _PNG)))


def _webp(image: Any, quality: int, _: bool, __: bool) -> bytes:
    if quality >= WITHOUT_LOSS:
        return bytes(image.webpsave_buffer(lossless=True, effort=0, Q=0, keep=saving.KEPT))
    return bytes(image.webpsave_buffer(Q=quality, keep=saving.KEPT))


def _tiff(image: Any, _: int, __: bool, ___: bool) -> bytes:
    return bytes(image.tiffsave_buffer(compression="lzw", predictor="horizontal"))


_ENCODERS: Mapping[Container, Callable[[Any, int, bool, bool], bytes]] = {
    "jpeg": _jpeg,
    "png": _png,
    "webp": _webp,
    "tiff": _tiff,
}
