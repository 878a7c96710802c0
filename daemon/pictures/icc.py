"""ICC profiles: which can be used, and colours from one to another."""

from functools import lru_cache
from typing import Literal

import numpy as np

from daemon.arrays import Rgb
from daemon.pictures import vips
from daemon.pictures.codec_errors import Undecodable
from daemon.pictures.values import Header, Samples

_COLOURS = {b"GRAY": 1, b"RGB ": 3, b"CMYK": 4}
_SPACES = {1: "b-w", 3: "srgb", 4: "cmyk"}  # as libvips calls them

LEFT_OUT = "its ICC profile is broken or of another colour space, and left out"
"""What the report says of a profile that cannot be used."""
_NO_WAY_BACK = {
    "none": "its ICC profile, as of a scanner, cannot be written with; its result is in sRGB",
    "poor": "its ICC profile does not lead back to the same colours; its result is in sRGB",
}
_POOR_WAY = 5.0  # what anybody sees of two colours side by side; printers' profiles stay below 2
_RGB, _CMYK = 3, 4  # channels
_HEAD_BYTES = 128
_REMEMBERED = 4  # profiles, of up to some megabytes; a trial takes 3 to 30 ms, and photos of one series have the same


def trimmed(profile: bytes) -> bytes:
    """The profile without what lies behind the size that it gives, as some cameras leave; PNG takes no such profile.

    A profile of version 4 ends at a whole 4 bytes (ICC.1:2022, 7.2.2), which PNG insists on: zeros are added.
    """
    size = int.from_bytes(profile[:4])
    profile = profile[:size] if 0 < size < len(profile) else profile
    missing = -len(profile) % 4
    if missing and size == len(profile) > _HEAD_BYTES and profile[8] > 3:
        profile = (size + missing).to_bytes(4) + profile[4:84] + bytes(16) + profile[100:] + bytes(missing)
    return profile


def usable_profile(header: Header) -> tuple[bytes | None, tuple[str, ...]]:
    """The file's ICC profile if it can be used, and what the report says of the file's colours."""
    profile, remarks = header.metadata.icc, []
    if profile is not None:
        profile = trimmed(profile)
        if header.is_lab or not usable(profile, header.colours):
            profile = None
            remarks.append(LEFT_OUT)
        elif header.colours == _RGB and (way := way_back(profile)) != "good":
            remarks.append(_NO_WAY_BACK[way])
    if header.colours == _CMYK:
        assumed = " without a profile that fits; a usual one of print was assumed" if profile is None else ""
        remarks.append(f"it is in CMYK{assumed}; its result is in sRGB")
    if header.is_lab:
        remarks.append("its colours are Lab; its result is in sRGB")
    elif header.sample in ("float", "double"):
        remarks.append("its values are floating-point: taken as linear light, and as black what is no number")
    return profile, tuple(remarks)


@lru_cache(maxsize=_REMEMBERED)
def usable(profile: bytes, colours: int) -> bool:
    """Whether an ICC profile belongs to pixels of 1 (grey), 3 (RGB) or 4 (CMYK) channels, and can be computed with."""
    if _colours_of(profile) != colours:
        return False
    probe = vips.Image.black(1, 1, bands=colours).copy(interpretation=_SPACES[colours])
    try:
        with vips.own_errors():
            vips.with_blob(probe, "icc", profile).icc_transform("srgb", embedded=True, **vips.RELATIVE).avg()
    except (Undecodable, OSError):
        return False
    return True


@lru_cache(maxsize=_REMEMBERED)
def way_back(profile: bytes) -> Literal["good", "poor", "none"]:
    """How well colours can be put into a profile of RGB that is usable.

    "none": many of scanners only lead from pixels to colours. "poor": the colours of 216 pixels come back as others,
    by more than `_POOR_WAY` on average (CIE 1976).
    """
    steps = np.arange(0, 256, 51, dtype=np.uint8)
    pixels = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(len(steps), -1, 3)
    try:
        with vips.own_errors():
            there = vips.with_blob(vips.image_of(pixels), "icc", profile).icc_import(embedded=True, **vips.RELATIVE)
            back = there.icc_export(depth=8, **vips.RELATIVE)
            again = back.icc_import(embedded=True, **vips.RELATIVE)
            return "good" if there.dE76(again).avg() <= _POOR_WAY else "poor"
    except (Undecodable, OSError):
        return "none"


@vips.own_errors()
def to_srgb(pixels: Samples, profile: bytes | None) -> Rgb:
    """(H, W, 3) of either depth, with its ICC profile or None for sRGB, as 8-bit sRGB (relative colorimetric)."""
    if profile is None and pixels.dtype == np.uint8:
        return pixels.astype(np.uint8, copy=False)
    image = vips.image_of(pixels)
    if profile is not None:
        image = vips.with_blob(image, "icc", profile).icc_transform("srgb", embedded=True, depth=8, **vips.RELATIVE)
    result: Rgb = vips.array_of(image.colourspace("srgb")).astype(np.uint8, copy=False)
    return result


@vips.own_errors()
def in_srgb(pixels: Samples, profile: bytes) -> Samples:
    """(H, W, 3) with its ICC profile as sRGB of the same depth (relative colorimetric)."""
    depth = 16 if pixels.dtype == np.uint16 else 8
    image = vips.with_blob(vips.image_of(pixels), "icc", profile)
    return vips.array_of(image.icc_transform("srgb", embedded=True, depth=depth, **vips.RELATIVE))


@vips.own_errors()
def out_of_srgb(rgb: Rgb, profile: bytes) -> Rgb:
    """(H, W, 3) of 8-bit sRGB in the values of an ICC profile (relative colorimetric)."""
    image = vips.image_of(rgb).icc_import(input_profile="srgb", **vips.RELATIVE)
    result: Rgb = vips.array_of(vips.with_blob(image, "icc", profile).icc_export(depth=8, **vips.RELATIVE)).astype(
        np.uint8, copy=False
    )
    return result


@lru_cache(maxsize=_REMEMBERED)
def is_srgb(profile: bytes) -> bool:
    """Whether a profile that is usable says the same of all colours as sRGB, up to one of 255 steps."""
    steps = np.arange(0, 256, 17, dtype=np.uint8)
    colours = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(len(steps), -1, 3)
    return bool(np.abs(in_srgb(colours, profile).astype(int) - colours).max() <= 1)


@vips.own_errors()
def in_profile(srgb: tuple[int, int, int], profile: bytes | None, full_scale: int) -> list[float]:
    """A colour of 8-bit sRGB in the values of pixels with `profile` (None for sRGB) and full scale 255 or 65535."""
    if profile is None:
        return [value * full_scale / 255 for value in srgb]
    image = vips.Image.black(1, 1, bands=3) + list(srgb)
    image = image.cast("uchar").copy(interpretation="srgb").icc_import(input_profile="srgb", **vips.RELATIVE)
    image = vips.with_blob(image, "icc", profile).icc_export(depth=16 if full_scale > 255 else 8, **vips.RELATIVE)
    values: list[float] = image.getpoint(0, 0)
    return values


def _colours_of(profile: bytes) -> int | None:
    """The channels of the pixels that a profile is for: 1, 3 or 4; None for other spaces and broken profiles.

    libvips silently computes with sRGB if a profile is broken, so we check that it has the size that it gives, and that
    all its tags lie inside it (ICC.1:2022, 7.2, the header, and 7.3, the tag table).
    """
    number = int.from_bytes(profile[128:132])
    table = profile[132 : 132 + 12 * number]
    if profile[36:40] != b"acsp" or number == 0 or len(table) < 12 * number:
        return None
    ends = [
        int.from_bytes(table[at + 4 : at + 8]) + int.from_bytes(table[at + 8 : at + 12])
        for at in range(0, len(table), 12)
    ]
    whole = max(ends) <= len(profile) == int.from_bytes(profile[:4])
    return _COLOURS.get(profile[16:20]) if whole else None
