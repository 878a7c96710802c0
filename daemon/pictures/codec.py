"""Small pictures and alphas as encoded bytes, and back."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from daemon.arrays import Alpha, Rgb
from daemon.pictures import vips
from daemon.pictures.codec_errors import error_of
from daemon.pictures.values import Samples

_FASTEST = 1  # zlib level of pictures that are read back once and thrown away
_STRIP = 64  # rows


def encode_proxy(rgb: Rgb) -> bytes:
    """A JPEG of quality 95 with full colour resolution (4:4:4), so that edges of colour stay where they are.

    A PNG costs three times as much to encode, send and decode, and changes an alpha by a quarter of a step of 255
    (`benchmarks/upload_form.py`).

    rgb: (H, W, 3) uint8, sRGB.
    """
    return bytes(vips.image_of(rgb).jpegsave_buffer(Q=95, subsample_mode="off", keep="none"))


def encode_jpeg(rgb: Rgb, quality: int) -> bytes:
    """A small JPEG without metadata, for looking at. rgb: (H, W, 3) uint8, sRGB. quality: 1..100."""
    return bytes(vips.image_of(rgb).jpegsave_buffer(Q=quality, optimize_coding=True, keep="none"))


def encode_png(rgb: Rgb) -> bytes:
    """A PNG without metadata. rgb: (H, W, 3) uint8, sRGB."""
    return bytes(vips.image_of(rgb).pngsave_buffer(compression=6, keep="none"))


def decode_alpha(data: bytes, channel: int = 0, size: tuple[int, int] | None = None) -> Alpha:
    """The alpha in a PNG: one of its channels. 0 = grey, or the red of a picture whose channels are equal.

    size: the height and width that it must have, None for any. Returns (H, W) float32, 0..1. Raises ValueError if
    `data` is not a whole PNG, or has no such channel, or another size.
    """
    return alpha_of(decode_steps(data, channel, size))


def decode_steps(data: bytes, channel: int = 0, size: tuple[int, int] | None = None) -> Samples:
    """The same as whole numbers, (H, W) uint8 or uint16. Raises ValueError like `decode_alpha`."""
    try:
        image = vips.Image.pngload_buffer(data, fail_on="truncated")
        if size not in (None, (image.height, image.width)):
            raise ValueError(f"it has {image.width} x {image.height} pixels")
        steps: Samples = vips.array_of(image.extract_band(channel))[..., 0]
    except vips.Error as error:
        raise ValueError(f"not a whole PNG: {error_of(str(error.detail))}") from error
    return steps


def alpha_of(steps: Samples) -> Alpha:
    """Whole numbers, (H, W) uint8 or uint16, as an alpha, (H, W) float32, 0..1."""
    alpha: Alpha = steps.astype(np.float32)
    alpha /= np.float32(np.iinfo(steps.dtype).max)  # in place: of 100 megapixels it takes 400 MB
    return alpha


def alpha_size(data: bytes) -> tuple[int, int]:
    """(width, height) of the alpha in a PNG, by its header. Raises ValueError if it is no PNG."""
    try:
        image = vips.Image.pngload_buffer(data)
    except vips.Error as error:
        raise ValueError(f"no PNG: {error_of(str(error.detail))}") from error
    return image.width, image.height


def small_alpha(data: bytes, size: tuple[int, int]) -> Alpha:
    """The alpha in a grey PNG, at `size` (width, height), which is smaller; the whole is never in memory.

    Returns (h, w) float32, 0..1. Raises ValueError if `data` is not a whole PNG.
    """
    try:
        image = vips.Image.pngload_buffer(data, access="sequential", fail_on="truncated").extract_band(0)
        grey = vips.array_of(image.thumbnail_image(size[0], height=size[1], size="force"))
    except vips.Error as error:
        raise ValueError(f"not a whole PNG: {error_of(str(error.detail))}") from error
    return np.asarray(grey[..., 0] / np.float32(255.0), np.float32)


def alpha_strips(data: bytes) -> Iterator[NDArray[np.uint8]]:
    """The alpha in a grey PNG of 8 bit from its first row to its last, (rows, W), some rows at a time.

    Raises ValueError if `data` is not a whole PNG.
    """
    try:
        image = vips.Image.pngload_buffer(data, access="sequential", fail_on="truncated").extract_band(0)
        for strip in vips.strips_of(image, _STRIP):
            yield np.asarray(strip[..., 0], np.uint8)
    except vips.Error as error:
        raise ValueError(f"not a whole PNG: {error_of(str(error.detail))}") from error


def steps_of(alpha: Alpha) -> Samples:
    """An alpha, (H, W) float32, 0..1, rounded to the nearest of 256 steps: (H, W) uint8."""
    steps: Samples = np.rint(np.clip(alpha, 0.0, 1.0) * np.float32(255.0)).astype(np.uint8)
    return steps


def encode_steps(steps: Samples) -> bytes:
    """A grey PNG, quick to write. steps: (H, W) uint8."""
    return bytes(vips.image_of(steps).pngsave_buffer(compression=_FASTEST, filter="sub", keep="none"))


def encode_alpha(alpha: Alpha) -> bytes:
    """The same of an alpha, (H, W) float32, 0..1."""
    return encode_steps(steps_of(alpha))
