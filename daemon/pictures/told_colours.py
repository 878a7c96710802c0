"""Finds out which colours a file means if no ICC profile says so: by its chunks, boxes or EXIF."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from daemon.pictures import icc
from daemon.pictures.exif import colour_space_in
from daemon.pictures.heif_boxes import heif_colours
from daemon.pictures.high_range import Curve, in_ordinary_light
from daemon.pictures.made_profile import Point, Primaries, matching_profile
from daemon.pictures.png_chunks import chunks_before_pixels
from daemon.pictures.values import Header, Samples

_RGB = 3
_TOLD_OF = (1, _RGB)  # channels
_KINDS = ("jpeg", "png", "tiff", "webp", "avif", "heic")  # a RAW is developed to sRGB, whatever its camera says
_SAMPLES = ("uchar", "ushort", "uint")  # floats are taken as light
_CICP_BYTES, _GAMA_BYTES, _CHRM_BYTES = 4, 4, 32
_D65: Point = (0.3127, 0.3290)
_SRGB = Primaries((0.64, 0.33), (0.30, 0.60), (0.15, 0.06), _D65)
_SMPTE = Primaries((0.630, 0.340), (0.310, 0.595), (0.155, 0.070), _D65)
_ADOBE = Primaries((0.64, 0.33), (0.21, 0.71), (0.15, 0.06), _D65)
_PRIMARIES: Mapping[int, tuple[str, Primaries]] = {
    1: ("sRGB", _SRGB),
    5: ("BT.601", Primaries((0.64, 0.33), (0.29, 0.60), (0.15, 0.06), _D65)),
    6: ("BT.601", _SMPTE),
    7: ("SMPTE 240M", _SMPTE),
    9: ("BT.2020", Primaries((0.708, 0.292), (0.170, 0.797), (0.131, 0.046), _D65)),
    11: ("DCI-P3", Primaries((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), (0.314, 0.351))),
    12: ("Display P3", Primaries((0.680, 0.320), (0.265, 0.690), (0.150, 0.060), _D65)),
}
"""Names and colours by their numbers in ITU-T H.273, table 2."""
_UNSAID = 2  # of primaries and of transfer
_GAMMAS: Mapping[int, float | None] = {
    1: 2.4, 4: 2.2, 5: 2.8, 6: 2.4, 8: 1.0, 13: None, 14: 2.4, 15: 2.4
}  # fmt: skip
"""Screens' curves by the transfer's numbers in H.273, table 3; films are shown with 2.4 (ITU-R BT.1886). None: sRGB."""
_SRGB_TRANSFER, _AS_SRGB = 13, (1, 6, 13, 14, 15)  # which with sRGB's primaries every viewer shows alike
_CURVES: Mapping[int, Curve] = {16: "pq", 18: "hlg"}
_ADOBE_GAMMA = 2.19921875
_NEAR = 0.003  # of x and y: they are told in few digits
_SRGB_GAMMAS = (2.1, 2.3)  # that programs write of sRGB
_GAIN_MAPS_IN_XMP = (b"http://ns.adobe.com/hdr-gain-map/", b"http://ns.apple.com/HDRGainMap/")
_GAIN_MAP = "it has a gain map, which makes it brighter on HDR screens; its result is of the ordinary picture"


@dataclass(frozen=True, slots=True)
class Told:
    """Which colours a file means.

    profile: of the pixels, once `applied`; None stands for sRGB. remarks: what the report says. counts: whether it
    counts more than an ICC profile in the file. curve: how its values stand for light, if it is of high dynamic range.
    luminance: how much red, green and blue count in brightness. is_unknown: whether the file tells what nobody here
    understands.
    """

    profile: bytes | None = None
    remarks: tuple[str, ...] = ()
    counts: bool = False
    curve: Curve | None = None
    luminance: tuple[float, float, float] = (0.2126, 0.7152, 0.0722)
    is_unknown: bool = False

    def applied(self, rgba: Samples) -> Samples:
        """(H, W, 4) as decoded with `profile`, in the light that ordinary screens show; in place if it can be."""
        if self.curve is None:
            return rgba
        return in_ordinary_light(rgba, self.curve, np.array(self.luminance))


_NOTHING = Told()


def told_colours(descriptor: int, kind: str, header: Header) -> Told:
    """Which colours an open file of `kind` means beside an ICC profile; an empty `Told` if it says nothing of them."""
    has_profile, found, has_gain_map = header.metadata.icc is not None, None, False
    if kind not in _KINDS or header.colours not in _TOLD_OF or header.sample not in _SAMPLES or header.is_lab:
        return _NOTHING
    if kind == "png":
        found = _told_by_chunks(chunks_before_pixels(descriptor), header.colours, has_profile)
    elif kind in ("heic", "avif"):
        boxes = heif_colours(descriptor)
        has_gain_map = boxes.has_gain_map
        if not has_profile:
            found = _told_by_numbers(boxes.primaries, boxes.transfer, "nclx box", header.colours)
    if found is None:
        found = _NOTHING if has_profile or header.colours == 1 else _told_by_exif(header.metadata.exif)
    has_gain_map |= kind == "jpeg" and any(name in (header.metadata.xmp or b"") for name in _GAIN_MAPS_IN_XMP)
    return replace(found, remarks=(*found.remarks, _GAIN_MAP)) if has_gain_map else found


def _told_by_chunks(chunks: Mapping[bytes, bytes], colours: int, has_profile: bool) -> Told | None:
    """PNG, third edition, 4.3: which chunk counts if there are several."""
    by_numbers = chunks.get(b"cICP", b"")
    if len(by_numbers) >= _CICP_BYTES:
        told = _told_by_numbers(by_numbers[0], by_numbers[1], "cICP chunk", colours)
        if told is None or not (told.is_unknown and has_profile):
            return told and replace(told, counts=True)
        return Told(remarks=("its cICP chunk names colours that are not known here; its ICC profile counts",))
    if b"iCCP" in chunks and not has_profile:  # the library has dropped it
        return Told(remarks=(icc.LEFT_OUT,))
    gamma, points = chunks.get(b"gAMA", b""), chunks.get(b"cHRM", b"")
    if has_profile or b"sRGB" in chunks or len(gamma) != _GAMA_BYTES:
        return None
    primaries, where = _SRGB, "gAMA chunk"
    if len(points) == _CHRM_BYTES:
        x_and_y = [value / 100_000 for value in struct.unpack(">8I", points)]
        white, red, green, blue = zip(x_and_y[::2], x_and_y[1::2], strict=True)
        primaries, where = Primaries(red, green, blue, white), "gAMA and cHRM chunks"
    value = int.from_bytes(gamma) / 100_000
    power = 1 / value if value else 0.0
    is_srgb = _SRGB_GAMMAS[0] <= power <= _SRGB_GAMMAS[1]
    if is_srgb and (colours == 1 or _near(primaries, _SRGB)):
        return None
    return _with_profile("colours of its own", primaries, power, where, colours)


def _told_by_numbers(primaries: int, transfer: int, where: str, colours: int) -> Told | None:
    """By numbers of H.273; None if they say nothing."""
    if primaries == transfer == _UNSAID:
        return None
    name, points = _PRIMARIES.get(1 if primaries == _UNSAID else primaries, ("", _SRGB))
    transfer = _SRGB_TRANSFER if transfer == _UNSAID else transfer
    if not name or transfer not in _GAMMAS.keys() | _CURVES.keys():
        return _unknown(where)
    curve = _CURVES.get(transfer)
    if curve is not None:
        return _of_high_range(name, points, curve, where, colours)
    if points == _SRGB and transfer in _AS_SRGB:
        return _NOTHING
    return _with_profile(name, points, _GAMMAS[transfer], where, colours)


def _told_by_exif(exif: bytes | None) -> Told:
    """Cameras say so that a photo is in Adobe RGB (CIPA DC-010, 4.4; DC-008, 4.6.6)."""
    said = colour_space_in(exif)
    if said == "adobe_rgb":
        return _with_profile("Adobe RGB", _ADOBE, _ADOBE_GAMMA, "EXIF", _RGB)
    if said == "uncalibrated":
        return Told(remarks=("its EXIF says that its colours are not sRGB, but not which they are; taken for sRGB",))
    return _NOTHING


def _with_profile(name: str, primaries: Primaries, gamma: float | None, where: str, colours: int) -> Told:
    title = f"{name} by its {where}"
    try:
        profile = matching_profile(title, primaries, gamma, colours)
    except ValueError:
        return _unknown(where)
    what = "its result is in sRGB" if colours == 1 else "a matching ICC profile was attached"
    return Told(profile, (f"it is in {title}: {what}",))


def _of_high_range(name: str, primaries: Primaries, curve: Curve, where: str, colours: int) -> Told:
    """Grey needs no profile: it is in sRGB once it is in ordinary light."""
    profile = None if colours == 1 or primaries == _SRGB else matching_profile(name, primaries, None, colours)
    red, green, blue = (float(weight) for weight in primaries.to_xyz()[1])
    now = "sRGB" if profile is None else name
    remark = (
        f"it is HDR ({curve.upper()}) by its {where}: brought to the light of ordinary screens, with what is brighter "
        f"than white paper pressed together; its result is in {now}"
    )
    return Told(profile, (remark,), curve=curve, luminance=(red, green, blue))


def _unknown(where: str) -> Told:
    return Told(remarks=(f"its {where} names colours that are not known here; taken for sRGB",), is_unknown=True)


def _near(primaries: Primaries, others: Primaries) -> bool:
    return bool(np.abs(np.array(primaries) - np.array(others)).max() <= _NEAR)
