"""Decodes open files: headers and pixels, by libvips or by the module that knows the kind.

A picture is always read through a file descriptor, never mapped: a writer that shortens a mapped file would kill the
process with SIGBUS.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

from daemon.pictures import bmp, camera_raw, gif, header_metadata, heic, jpeg_2000, jpeg_xl, psd, vips
from daemon.pictures.file_structure import jpeg_has_end
from daemon.pictures.four_channels import COLOURS, all_bits, four_channels
from daemon.pictures.heif_boxes import heif_colours
from daemon.pictures.jpeg_damage import prove_coded
from daemon.pictures.jpeg_end import EOI, with_end
from daemon.pictures.tiff_parts import prove_parts
from daemon.pictures.tiff_planes import picture_of_planes
from daemon.pictures.upright import is_turned, upright
from daemon.pictures.values import Decodable, Header, Samples

# Anything that a decoder calls an error stops it; warnings (of stray bytes between segments, which some cameras write)
# do not.
_STRICT = "error"
# A damaged tile is black for libvips 8.18, and no error, unless warnings count. Those of strips tell of strange fields.
_STRICT_WITH_TILES = "warning"

_SAMPLES = ("uchar", "ushort", "uint", "float", "double")
_CMYK = 4  # colours
_TURNED_ROWS = 64  # at once: few enough to stay in the processor's cache

_OPENERS: dict[str, Callable[[int], Decodable]] = {
    "bmp": bmp.opened,
    "gif": gif.opened,
    "heic": lambda descriptor: heic.opened(_content(descriptor)),
    "jp2": jpeg_2000.opened,
    "psd": psd.opened,
    "raw": lambda descriptor: camera_raw.opened(_content(descriptor)),
}
_TOLD_BY_EXIF = ("heic", "jp2")  # their resolution, if they have no other place for it, or do not use it
_MAPPING_LOADERS = {
    "jpeg": vips.Image.jpegload_buffer, "webp": vips.Image.webpload_buffer, "avif": vips.Image.heifload_buffer,
    "jxl": jpeg_xl.loaded,
}  # fmt: skip
"""The loaders of libvips that would map a file; we hand them its bytes."""


def read_header(descriptor: int, kind: str, page: int = 0) -> Header:
    """The header of an open file of `kind`, as `signatures` names kinds. Raises Undecodable."""
    if kind in _OPENERS:
        header = _OPENERS[kind](descriptor).header
        if kind in _TOLD_BY_EXIF and header.metadata.dpi is None:
            return replace(header, metadata=header_metadata.told_by_exif(header.metadata))
        return header
    with vips.own_errors():
        image = _open(descriptor, kind, page)
        colours = COLOURS.get(image.interpretation, 0)
        header = Header(
            width=image.width,
            height=image.height,
            channels=image.bands,
            colours=colours if image.bands >= colours and image.format in _SAMPLES else 0,
            sample=image.format,
            pages=vips.field_of(image, "n-pages") or 1,
            orientation=vips.field_of(image, "orientation") or 1,
            in_passes=bool(vips.field_of(image, "jpeg-multiscan") or vips.field_of(image, "interlaced")),
            is_lab=image.interpretation == "lab",
            tile=(vips.field_of(image, "tile-width") or 0, vips.field_of(image, "tile-height") or 0),
        )
        return header_metadata.completed(header, image, kind, descriptor)


def decode(
    descriptor: int,
    kind: str,
    profile: bytes | None,
    alpha_extra: int | None = 0,
    page: int = 0,
    longest: int | None = None,
    orientation: int = 1,
) -> tuple[Samples, bool, bytes | None]:
    """Decode to (H, W, 4) RGBA, upright.

    profile: the file's ICC profile if it is usable. RGB keeps its values and its profile; grey without a profile has
    its value in all three channels; everything else (grey with a profile, CMYK, Lab, float, RGB whose profile cannot be
    written with) becomes sRGB.
    alpha_extra: which of the channels beside the colours is the alpha, from 0; None if none of them is.
    longest: no side of the result is longer, in pixels; the picture is then never in memory at full size.
    orientation: how the picture lies in the file, in EXIF's numbers.
    Returns the pixels, whether the file has an alpha of its own (otherwise the fourth channel is full), and the
    profile that the pixels have now. Raises Undecodable.
    """
    if kind == "bmp":
        picture, has_alpha = bmp.rgba_of(descriptor, longest)
        with vips.own_errors():
            fitted = _fitted(vips.image_of(picture), longest, has_alpha)
            return picture if longest is None else vips.array_of(fitted), has_alpha, None
    if kind == "tiff" and longest is None:  # a small one is looked at, and never cut out
        prove_parts(descriptor, page)
    with vips.own_errors():
        rgba, has_alpha, profile = four_channels(_sequential(descriptor, kind, page, longest), profile, alpha_extra)
        fitted = _fitted(rgba, longest, has_alpha)
        if not is_turned(orientation):
            return vips.array_of(fitted), has_alpha, profile
        shape, dtype = (fitted.height, fitted.width, fitted.bands), "uint16" if fitted.format == "ushort" else "uint8"
        return upright(vips.strips_of(fitted, _TURNED_ROWS), shape, dtype, orientation), has_alpha, profile


def decode_in_strips(descriptor: int, kind: str, profile: bytes | None, page: int, rows: int) -> Iterator[Samples]:
    """What `decode` gives of a picture without an alpha that lies upright: `rows` at a time, the last time fewer."""
    with vips.own_errors():
        rgba, _, _ = four_channels(_sequential(descriptor, kind, page, None), profile, None)
        for strip in vips.strips_of(rgba, rows):
            yield from (strip[top : top + rows] for top in range(0, len(strip), rows))


def decoded_profile(descriptor: int, kind: str, profile: bytes | None, page: int) -> bytes | None:
    """The profile that pixels have after decoding; they are not decoded.

    Raises Undecodable, also for damage that would not show when they are.
    """
    if kind == "tiff":
        prove_parts(descriptor, page)
    with vips.own_errors():
        return four_channels(_sequential(descriptor, kind, page, None), profile, None)[2]


def strips(descriptor: int, kind: str, rows: int) -> Iterator[Samples]:
    """Decode from the first row to the last, `rows` at a time: (rows or fewer, W, channels). Raises Undecodable."""
    with vips.own_errors():
        yield from vips.strips_of(_open(descriptor, kind, access="sequential", fail_on=_STRICT), rows)


def prove(descriptor: int, kind: str, page: int = 0) -> None:
    """Decode a page to its last line and keep nothing. Raises Undecodable."""
    if kind in _OPENERS:
        _OPENERS[kind](descriptor).prove()
        return
    with vips.own_errors():
        if kind in ("jpeg", "webp"):
            _prove_shrunk(descriptor, kind)
            return
        if kind == "tiff":
            prove_parts(descriptor, page)
        image = _open(descriptor, kind, page, access="sequential", fail_on=_STRICT)
        if kind in ("png", "tiff") and not vips.field_of(image, "tile-width"):
            image = image.crop(0, 0, 1, image.height)  # rows are decoded whole, whatever is asked of them
        image.extract_band(0).stats()  # avg(), min() and max() fail on a NaN


def _prove_shrunk(descriptor: int, kind: str) -> None:
    """Decode at an eighth of the size: that reads every bit of the coded data, in less time and memory."""
    header = read_header(descriptor, kind)
    shrink = 8 if min(header.width, header.height) >= 8 else 1
    if kind == "webp":
        _open(descriptor, kind, access="sequential", fail_on=_STRICT, scale=1 / shrink).avg()
        return
    prove_coded(partial(_open, descriptor, kind, access="sequential", shrink=shrink))


def _open(descriptor: int, kind: str, page: int = 0, **options: Any) -> Any:
    """A libvips image over an open file; nothing is decoded until somebody asks for pixels."""
    if kind in _OPENERS:
        picture = _OPENERS[kind](descriptor)
        image = vips.image_of(picture.pixels())
        return image.copy(interpretation="cmyk") if picture.header.colours == _CMYK else image
    if kind in _MAPPING_LOADERS:
        content = _content(descriptor)
        if kind == "jpeg" and options and not content.endswith(EOI) and not jpeg_has_end(descriptor):
            content = with_end(content)  # without options, nothing but the header is read
        image = _MAPPING_LOADERS[kind](content, **options)
        return all_bits(image, heif_colours(descriptor)) if kind == "avif" else image
    if kind == "png":
        return vips.Image.pngload_source(_source(descriptor), **options)
    with_tiles = {**options, "fail_on": _STRICT_WITH_TILES} if "fail_on" in options else options
    planes = picture_of_planes(descriptor, page, **with_tiles)
    if planes is not None:
        return planes
    # "unlimited" lifts a limit to the size of one strip, which a scanner's files of a single strip exceed. The size of
    # the whole picture is checked before.
    image = vips.Image.tiffload_source(_source(descriptor), unlimited=True, page=page, **options)
    if with_tiles == options or not vips.field_of(image, "tile-width"):
        return image
    return vips.Image.tiffload_source(_source(descriptor), unlimited=True, page=page, **with_tiles)


def _source(descriptor: int) -> Any:
    os.lseek(descriptor, 0, os.SEEK_SET)
    return vips.Source.new_from_descriptor(descriptor)


def _sequential(descriptor: int, kind: str, page: int, longest: int | None) -> Any:
    """A picture that is read once, from its first line to its last; a JPEG no larger than twice `longest` needs."""
    image = _open(descriptor, kind, page, access="sequential", fail_on=_STRICT)
    if kind != "jpeg" or longest is None:
        return image
    spare = max(image.width, image.height) // (2 * longest)
    shrink = next((factor for factor in (8, 4, 2) if factor <= spare), 1)
    return _open(descriptor, kind, access="sequential", fail_on=_STRICT, shrink=shrink)


def _fitted(rgba: Any, longest: int | None, has_alpha: bool) -> Any:
    """The same picture with no side longer than `longest`; colours under an alpha of 0 do not count."""
    scale = 1.0 if longest is None else longest / max(rgba.width, rgba.height)
    if scale >= 1.0:
        return rgba
    if not has_alpha:
        return rgba.resize(scale)
    fitted = rgba.premultiply().resize(scale).unpremultiply().rint()
    return fitted.cast(rgba.format).copy(interpretation=rgba.interpretation)


def _content(descriptor: int) -> bytes:
    os.lseek(descriptor, 0, os.SEEK_SET)
    with open(descriptor, "rb", closefd=False) as file:
        return file.read()
