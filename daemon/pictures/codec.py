"""Small pictures and alphas as encoded bytes, and back."""

import numpy as np

from daemon.arrays import Alpha, Rgb
from daemon.pictures import vips
from daemon.pictures.codec_errors import error_of

_FASTEST = 1  # zlib level of pictures that are read back once and thrown away


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


def decode_alpha(data: bytes, channel: int = 0) -> Alpha:
    """The alpha in a PNG: one of its channels. 0 = grey, or the red of a picture whose channels are equal.

    Returns (H, W) float32, 0..1. Raises ValueError if `data` is not a whole PNG, or has no such channel.
    """
    try:
        image = vips.Image.pngload_buffer(data, fail_on="truncated")
        full_scale = 65535.0 if image.format == "ushort" else 255.0
        grey = vips.array_of(image.extract_band(channel))
    except vips.Error as error:
        raise ValueError(f"not a whole PNG: {error_of(str(error.detail))}") from error
    alpha: Alpha = grey[..., 0].astype(np.float32)
    alpha /= np.float32(full_scale)  # in place: of 100 megapixels it takes 400 MB
    return alpha


def encode_alpha(alpha: Alpha) -> bytes:
    """An 8-bit grey PNG, quick to write. alpha: (H, W) float32, 0..1; rounded to the nearest of 256 steps."""
    steps = np.rint(np.clip(alpha, 0.0, 1.0) * np.float32(255.0)).astype(np.uint8)
    return bytes(vips.image_of(steps).pngsave_buffer(compression=_FASTEST, filter="sub", keep="none"))
