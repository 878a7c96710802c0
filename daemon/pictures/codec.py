"""Small pictures, alphas and colours, between arrays and encoded bytes or other profiles."""

import numpy as np

from daemon.arrays import Alpha, Rgb
from daemon.pictures import icc, vips
from daemon.pictures.codec_errors import fault
from daemon.pictures.values import Samples

_FASTEST = 1  # zlib level of pictures that are read back once and thrown away
_JPEG = {"Q": 95, "subsample_mode": "off"}  # edges of colour stay where they are
_SPACES = {1: "b-w", 3: "srgb", 4: "cmyk"}


def encode_proxy(rgb: Rgb) -> bytes:
    """A JPEG of quality 95 with full colour resolution (4:4:4), so that edges of colour stay where they are.

    rgb: (H, W, 3) uint8, sRGB.
    """
    return bytes(vips.image_of(rgb).jpegsave_buffer(**_JPEG, keep="none"))


def encode_jpeg(rgb: Rgb, quality: int) -> bytes:
    """A small JPEG without metadata, for looking at. rgb: (H, W, 3) uint8, sRGB. quality: 1..100."""
    return bytes(vips.image_of(rgb).jpegsave_buffer(Q=quality, optimize_coding=True, keep="none"))


def encode_png(rgb: Rgb) -> bytes:
    """A PNG without metadata. rgb: (H, W, 3) uint8, sRGB."""
    return bytes(vips.image_of(rgb).pngsave_buffer(compression=6, keep="none"))


def decode_alpha(data: bytes) -> Alpha:
    """The alpha in a PNG: grey, or RGB with three equal channels (the red one is taken); a fourth channel is ignored.

    Returns (H, W) float32, 0..1. Raises ValueError where `data` is not a whole PNG.
    """
    try:
        image = vips.Image.pngload_buffer(data, fail_on="truncated")
        full_scale = 65535.0 if image.format == "ushort" else 255.0
        grey = vips.array_of(image.extract_band(0))
    except vips.Error as error:
        raise ValueError(f"not a whole PNG: {fault(str(error.detail))}") from error
    alpha: Alpha = grey[..., 0].astype(np.float32) / np.float32(full_scale)
    return alpha


def encode_alpha(alpha: Alpha) -> bytes:
    """An 8-bit grey PNG, quick to write. alpha: (H, W) float32, 0..1; rounded to the nearest of 256 steps."""
    steps = np.rint(np.clip(alpha, 0.0, 1.0) * np.float32(255.0)).astype(np.uint8)
    return bytes(vips.image_of(steps).pngsave_buffer(compression=_FASTEST, filter="sub", keep="none"))


def usable(profile: bytes, colours: int) -> bool:
    """Whether an ICC profile belongs to pixels of 1 (grey), 3 (RGB) or 4 (CMYK) channels, and can be computed with."""
    if icc.colours_of(profile) != colours:
        return False
    probe = vips.Image.black(1, 1, bands=colours).copy(interpretation=_SPACES[colours])
    try:
        vips.with_blob(probe, "icc", profile).icc_transform("srgb", embedded=True, **vips.RELATIVE).avg()
    except vips.Error:
        return False
    return True


def to_srgb(pixels: Samples, profile: bytes | None) -> Rgb:
    """(H, W, 3) of either depth, with its ICC profile or None for sRGB, as 8-bit sRGB (relative colorimetric)."""
    if profile is None and pixels.dtype == np.uint8:
        return pixels.astype(np.uint8, copy=False)
    image = vips.image_of(pixels)
    if profile is not None:
        image = vips.with_blob(image, "icc", profile).icc_transform("srgb", embedded=True, depth=8, **vips.RELATIVE)
    result: Rgb = vips.array_of(image.colourspace("srgb")).astype(np.uint8, copy=False)
    return result


def in_profile(srgb: tuple[int, int, int], profile: bytes | None, full_scale: int) -> list[float]:
    """A colour of 8-bit sRGB in the values of pixels with `profile` (None for sRGB) and full scale 255 or 65535."""
    if profile is None:
        return [value * full_scale / 255 for value in srgb]
    image = vips.Image.black(1, 1, bands=3) + list(srgb)
    image = image.cast("uchar").copy(interpretation="srgb").icc_import(input_profile="srgb", **vips.RELATIVE)
    image = vips.with_blob(image, "icc", profile).icc_export(depth=16 if full_scale > 255 else 8, **vips.RELATIVE)
    values: list[float] = image.getpoint(0, 0)
    return values
