"""Brings a libvips image of any photo to four channels of 8 or 16 bit."""

from typing import Any

from daemon.errors import Said
from daemon.pictures import icc, vips
from daemon.pictures.codec_errors import Unsupported
from daemon.pictures.heif_boxes import HeifColours, full_range

COLOURS = {"b-w": 1, "grey16": 1, "srgb": 3, "rgb16": 3, "scrgb": 3, "lab": 3, "labs": 3, "cmyk": 4}
"""The channels of what libvips calls an interpretation, without an alpha."""


def all_bits(image: Any, said: HeifColours) -> Any:
    """An AVIF with black as 0 and full light as all ones.

    libvips leaves the lower bits of 10 and 12 bit empty, and grey whose black is 16 of 255 as it is.
    """
    bits = vips.field_of(image, "bits-per-sample")
    image = image | (image >> bits) if image.format == "ushort" and bits in (10, 12) else image
    if not said.is_grey or said.is_full_range:
        return image
    colours = COLOURS[image.interpretation]
    black, scale = full_range(bits or 8, 65535 if image.format == "ushort" else 255)
    wide = ((image.extract_band(0, n=colours) - black) * scale).rint().cast(image.format)
    wide = wide.bandjoin(image.extract_band(colours, n=image.bands - colours)) if image.bands > colours else wide
    return wide.copy(interpretation=image.interpretation)


def four_channels(image: Any, profile: bytes | None, alpha_extra: int | None) -> tuple[Any, bool, bytes | None]:
    """The picture in four channels, whether it has an alpha of its own, and its profile now."""
    image = _whole_numbers(image)
    colours = COLOURS.get(image.interpretation, 0)
    alpha_band = None if alpha_extra is None or image.bands <= colours + alpha_extra else colours + alpha_extra
    full = 65535 if image.format == "ushort" else 255
    rgb, profile = _rgb(image.extract_band(0, n=colours), profile)
    rgba = rgb.bandjoin(full if alpha_band is None else image.extract_band(alpha_band))
    return rgba, alpha_band is not None, profile


def _whole_numbers(image: Any) -> Any:
    """The same picture in 8 or 16 bit. Floats are taken as linear light, 0..1, as Photoshop's 32-bit TIFFs are."""
    if image.format in ("uchar", "ushort"):
        return image
    if image.format == "uint":
        deep = "grey16" if image.bands < 3 else "rgb16"
        return (image >> 16).cast("ushort").copy(interpretation=deep)
    if image.interpretation == "lab":
        return image.colourspace("rgb16")
    if image.format in ("float", "double"):
        image = (image == image).ifthenelse(image, 0.0)  # some renderers leave NaN, the only value unlike itself
        if image.bands < 3:
            grey = image.extract_band(0)
            image = grey.bandjoin([grey, grey, *([image.extract_band(1)] if image.bands == 2 else [])])
        return image.copy(interpretation="scrgb").colourspace("rgb16")
    raise Unsupported(Said("odd_samples", kind=image.format))  # nobody looked at the header


def _rgb(image: Any, profile: bytes | None) -> tuple[Any, bytes | None]:
    """Three channels, and their profile."""
    depth = 16 if image.format == "ushort" else 8
    space = image.interpretation
    if space in ("srgb", "rgb16") and (profile is None or icc.way_back(profile) == "good"):
        return image, profile
    if space in ("b-w", "grey16") and profile is None:
        return image.bandjoin([image, image]), None
    if space == "cmyk" or profile is not None:
        if profile is not None:
            image = vips.with_blob(image, "icc", profile)
        transformed = image.icc_transform(
            "srgb", embedded=profile is not None, input_profile="cmyk" if space == "cmyk" else "srgb",
            depth=depth, **vips.RELATIVE,
        )  # fmt: skip
        return transformed, bytes(transformed.get(vips.BLOBS["icc"]))
    return image.colourspace("rgb16" if depth == 16 else "srgb"), None
