"""The door to libvips: files and encoded bytes to arrays and back.

libvips is thread-safe and lets go of the GIL, so several photos are worked on at once. A picture is always read
through a file descriptor, never mapped: a writer that shortens a mapped file would kill the process with SIGBUS.
"""

import logging
import os
from collections.abc import Callable
from dataclasses import replace
from html import escape
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

from daemon.arrays import Alpha, Rgb
from daemon.pictures import bitmaps, heif, iptc, making, profiles, raw
from daemon.pictures.faults import Unsupported, fault
from daemon.pictures.values import Container, Decodable, Frame, Header, Metadata, Samples

# libvips remembers results by arguments. No operation here runs twice with the same ones, so a cache would only keep
# pictures in memory that nobody asks for again.
pyvips.cache_set_max(0)
# Whole photos are worked on side by side; threads within one would only add up to more than there are cores.
pyvips.concurrency_set(1)
# SVG, CSV, raw dumps and the like are marked untrusted by libvips itself; none of them is a photo.
pyvips.block_untrusted_set(True)
# Its warnings ("read gave 1 warnings") name no file; what matters comes back as an error's reason.
logging.getLogger("pyvips").setLevel(logging.ERROR)

_FASTEST = 1  # zlib level of pictures that are read back once and thrown away
_PNG = {"compression": 2, "filter": "up"}  # of all levels and filters the smallest below one second for 24 MP
_TIFF = {"compression": "lzw", "predictor": "horizontal"}  # deflate is no smaller on photos and half as fast to read
_WEBP = {"lossless": True, "effort": 0, "Q": 0}  # more effort: seven times the time for two per cent
_JPEG = {"Q": 95, "subsample_mode": "off"}  # edges of colour stay where they are
_TIFF_MAX_BYTES = 2**32 - 2**24  # of pixels; beyond, offsets need 8 bytes (BigTIFF)

# How strictly a decoder takes damage: anything it calls an error stops it, mere warnings (stray bytes between
# segments, which some cameras write) do not. What libjpeg only warns of and is damage all the same: coded data that
# ends before the picture does.
_STRICT = "error"
_DAMAGE_IN_WARNINGS = ("premature end", "bad Huffman code")

_BLOBS = {"icc": "icc-profile-data", "exif": "exif-data", "xmp": "xmp-data", "iptc": "iptc-data"}
_COLOURS = {"b-w": 1, "grey16": 1, "srgb": 3, "rgb16": 3, "scrgb": 3, "lab": 3, "labs": 3, "cmyk": 4}
_SAMPLES = ("uchar", "ushort", "uint", "float", "double")
_SPACES = {1: "b-w", 3: "srgb", 4: "cmyk"}
_RELATIVE = {"intent": "relative", "black_point_compensation": True}

_MM_PER_INCH = 25.4
_UNSAID_DPI = 72.0  # what is written where nothing was said; every format but WebP must say something
_SENSIBLE_DPI = (1.0, 100_000.0)

_TRIAL_BYTES = 1 << 16  # more than is left on a disk that was just found full

_OPENERS: dict[str, Callable[[bytes], Decodable]] = {"bmp": bitmaps.opened, "heic": heif.opened, "raw": raw.opened}


def encode_proxy(rgb: Rgb) -> bytes:
    """A JPEG of quality 95 with full colour resolution (4:4:4), so that edges of colour stay where they are.

    rgb: (H, W, 3) uint8, sRGB.
    """
    return bytes(_image(rgb).jpegsave_buffer(**_JPEG, keep="none"))


def encode_jpeg(rgb: Rgb, quality: int) -> bytes:
    """A small JPEG without metadata, for looking at. rgb: (H, W, 3) uint8, sRGB. quality: 1..100."""
    return bytes(_image(rgb).jpegsave_buffer(Q=quality, optimize_coding=True, keep="none"))


def encode_png(rgb: Rgb) -> bytes:
    """A PNG without metadata. rgb: (H, W, 3) uint8, sRGB."""
    return bytes(_image(rgb).pngsave_buffer(compression=6, keep="none"))


def written(text: str, points: float, width: int, bold: bool = False) -> NDArray[np.uint8]:
    """Text as a mask, (H, W) uint8, 255 = ink, in this machine's own sans serif; (0, 0) where it has no fonts.

    width: where lines are broken, in pixels.
    """
    plain = "".join(letter if letter.isprintable() else " " for letter in text).encode("utf-8", "replace").decode()
    style = " bold" if bold else ""
    try:
        image = pyvips.Image.text(
            escape(plain, quote=False), font=f"sans{style} {points}", width=width, wrap="word-char"
        )
        ink: NDArray[np.uint8] = _array(image)[..., 0].astype(np.uint8, copy=False)
    except pyvips.Error:
        return np.zeros((0, 0), np.uint8)
    return ink


def decode_alpha(data: bytes) -> Alpha:
    """The alpha in a PNG: grey, or RGB with three equal channels (the red one is taken); a fourth channel is ignored.

    Returns (H, W) float32, 0..1. Raises ValueError where `data` is not a whole PNG.
    """
    try:
        image = pyvips.Image.pngload_buffer(data, fail_on="truncated")
        full_scale = 65535.0 if image.format == "ushort" else 255.0
        grey = _array(image.extract_band(0))
    except pyvips.Error as error:
        raise ValueError(f"not a whole PNG: {fault(str(error.detail))}") from error
    alpha: Alpha = grey[..., 0].astype(np.float32) / np.float32(full_scale)
    return alpha


def encode_alpha(alpha: Alpha) -> bytes:
    """An 8-bit grey PNG, quick to write. alpha: (H, W) float32, 0..1; rounded to the nearest of 256 steps."""
    steps = np.rint(np.clip(alpha, 0.0, 1.0) * np.float32(255.0)).astype(np.uint8)
    return bytes(_image(steps).pngsave_buffer(compression=_FASTEST, filter="sub", keep="none"))


def read_header(descriptor: int, kind: str, page: int = 0) -> Header:
    """The header of an open file of `kind`, as `signatures` names kinds. Raises Undecodable."""
    if kind in _OPENERS:
        return _OPENERS[kind](_content(descriptor)).header
    try:
        image = _open(descriptor, kind, page)
        colours = _COLOURS.get(image.interpretation, 0)
        return Header(
            width=image.width,
            height=image.height,
            channels=image.bands,
            colours=colours if image.bands >= colours and image.format in _SAMPLES else 0,
            sample=image.format,
            pages=_field(image, "n-pages") or 1,
            orientation=_field(image, "orientation") or 1,
            metadata=_metadata(image),
        )
    except pyvips.Error as error:
        raise fault(str(error.detail)) from error


def decode(
    descriptor: int,
    kind: str,
    profile: bytes | None,
    alpha_extra: int | None = 0,
    page: int = 0,
    longest: int | None = None,
) -> tuple[Samples, bool, bytes | None]:
    """Decode to (H, W, 4) RGBA as it lies in the file, not yet upright.

    profile: the file's ICC profile where it is usable. RGB keeps its values and its profile; grey without a profile
    has its value in all three channels; everything else (grey with a profile, CMYK, Lab, float) becomes sRGB.
    alpha_extra: which of the channels beside the colours is the alpha, from 0; None where none of them is.
    longest: no side of the result is longer, in pixels; the picture is then never in memory at its full size.
    Returns the pixels, whether the file has an alpha of its own (the fourth channel is full otherwise), and the
    profile that the pixels now have. Raises Undecodable.
    """
    try:
        image = _whole_numbers(_lines_of(descriptor, kind, page, longest))
        colours = _COLOURS.get(image.interpretation, 0)
        alpha_band = None if alpha_extra is None or image.bands <= colours + alpha_extra else colours + alpha_extra
        full = 65535 if image.format == "ushort" else 255
        rgb, profile = _rgb(image.extract_band(0, n=colours), profile)
        rgba = rgb.bandjoin(full if alpha_band is None else image.extract_band(alpha_band))
        return _array(_fitted(rgba, longest, alpha_band is not None)), alpha_band is not None, profile
    except pyvips.Error as error:
        raise fault(str(error.detail)) from error


def extremes(descriptor: int, kind: str) -> tuple[float, float]:
    """Decode to the last line; the lowest and the highest value in the last channel. Raises Undecodable."""
    try:
        return _extremes(_open(descriptor, kind, access="sequential", fail_on=_STRICT))
    except pyvips.Error as error:
        raise fault(str(error.detail)) from error


def prove(descriptor: int, kind: str) -> None:
    """Decode to the last line and keep nothing. Raises Undecodable."""
    if kind in _OPENERS:
        _OPENERS[kind](_content(descriptor)).prove()
        return
    try:
        if kind != "jpeg":
            _extremes(_open(descriptor, kind, access="sequential", fail_on=_STRICT))
            return
        # A JPEG at an eighth still decodes every bit of its coded data, and skips most of the arithmetic after it.
        # libvips looks at warnings before each eight rows it reads, so those of the last eight (64 at full size) pass.
        try:
            _open(descriptor, kind, access="sequential", fail_on="warning", shrink=8).avg()
        except pyvips.Error as error:
            if any(word in str(error.detail) for word in _DAMAGE_IN_WARNINGS):
                raise
            _open(descriptor, kind, access="sequential", fail_on=_STRICT, shrink=8).avg()
    except pyvips.Error as error:
        raise fault(str(error.detail)) from error


def usable(profile: bytes, colours: int) -> bool:
    """Whether an ICC profile belongs to pixels of 1 (grey), 3 (RGB) or 4 (CMYK) channels, and can be computed with."""
    if profiles.colours_of(profile) != colours:
        return False
    probe = pyvips.Image.black(1, 1, bands=colours).copy(interpretation=_SPACES[colours])
    try:
        _with_blob(probe, "icc", profile).icc_transform("srgb", embedded=True, **_RELATIVE).avg()
    except pyvips.Error:
        return False
    return True


def to_srgb(pixels: Samples, profile: bytes | None) -> Rgb:
    """(H, W, 3) of either depth, with its ICC profile or None for sRGB, as 8-bit sRGB (relative colorimetric)."""
    if profile is None and pixels.dtype == np.uint8:
        return pixels.astype(np.uint8, copy=False)
    image = _image(pixels)
    if profile is not None:
        image = _with_blob(image, "icc", profile).icc_transform("srgb", embedded=True, depth=8, **_RELATIVE)
    result: Rgb = _array(image.colourspace("srgb")).astype(np.uint8, copy=False)
    return result


def in_profile(srgb: tuple[int, int, int], profile: bytes | None, full_scale: int) -> list[float]:
    """A colour of 8-bit sRGB in the values of pixels with `profile` (None for sRGB) and full scale 255 or 65535."""
    if profile is None:
        return [value * full_scale / 255 for value in srgb]
    image = pyvips.Image.black(1, 1, bands=3) + list(srgb)
    image = image.cast("uchar").copy(interpretation="srgb").icc_import(input_profile="srgb", **_RELATIVE)
    image = _with_blob(image, "icc", profile).icc_export(depth=16 if full_scale > 255 else 8, **_RELATIVE)
    values: list[float] = image.getpoint(0, 0)
    return values


def save(
    path: os.PathLike[str],
    pixels: Samples,
    metadata: Metadata,
    container: Container,
    frame: Frame | None = None,
    ground: list[float] | None = None,
) -> None:
    """Write a new file and bring it to the disk (fsync).

    pixels: (H, W, 4), or (H, W) for a mask; WebP and JPEG get the nearest of 8 bit. frame: what part is written, at
    what size; None for all as it is. ground: a colour in the pixels' own values to lay them on; then no alpha is left.
    All is computed while it is written, so that nothing is in memory twice.
    Raises Undecodable where the format cannot hold it, OSError where the file system does not take it.
    """
    image = _image(pixels)
    if frame is not None:
        image = _framed(image, frame)
    if ground is not None:
        image = image.flatten(background=ground)
    if container in ("webp", "jpeg") and image.format == "ushort":
        image = image.linear(1 / 257, 0.5).cast("uchar").copy(interpretation="srgb")  # 65535 / 255 = 257
    image = _with_metadata(image, _as_held(metadata, container))
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        target = pyvips.Target.new_to_descriptor(descriptor)
        if container == "tiff":
            large = image.width * image.height * image.bands * pixels.itemsize > _TIFF_MAX_BYTES
            image.tiffsave_target(target, bigtiff=large, **_TIFF)
            making.put_into_tiff(descriptor, metadata.exif, metadata.iptc, (image.width, image.height))
        elif container == "jpeg":
            image.jpegsave_target(target, **_JPEG)
        elif container == "webp":
            image.webpsave_target(target, **_WEBP)
        else:
            image.pngsave_target(target, **_PNG)
            if metadata.iptc:
                iptc.put_into_png(descriptor, metadata.iptc)
        os.fsync(descriptor)
    except pyvips.Error as error:
        _ask_the_disk(descriptor)
        raise fault(str(error.detail)) from error
    finally:
        os.close(descriptor)


def _open(descriptor: int, kind: str, page: int = 0, **options: Any) -> Any:
    """A libvips image over an open file; nothing is decoded before somebody asks for pixels."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    if kind in _OPENERS:
        return _image(_OPENERS[kind](_content(descriptor)).pixels())
    if kind in ("webp", "avif"):  # their loaders map a file; bytes they need not map
        loader = pyvips.Image.webpload_buffer if kind == "webp" else pyvips.Image.heifload_buffer
        return _all_bits(loader(_content(descriptor), **options))
    source = pyvips.Source.new_from_descriptor(descriptor)
    if kind == "jpeg":
        return pyvips.Image.jpegload_source(source, **options)
    if kind == "png":
        return pyvips.Image.pngload_source(source, **options)
    # "unlimited" lifts a limit on the size of one strip, which a scanner's single-strip files break; how large the
    # whole picture is has been checked by then.
    return pyvips.Image.tiffload_source(source, unlimited=True, page=page, **options)


def _lines_of(descriptor: int, kind: str, page: int, longest: int | None) -> Any:
    """A picture that is read once, from its first line to its last; a JPEG no larger than twice `longest` needs."""
    image = _open(descriptor, kind, page, access="sequential", fail_on=_STRICT)
    if kind != "jpeg" or longest is None:
        return image
    spare = max(image.width, image.height) // (2 * longest)
    shrink = next((factor for factor in (8, 4, 2) if factor <= spare), 1)
    return _open(descriptor, kind, access="sequential", fail_on=_STRICT, shrink=shrink)


def _fitted(rgba: Any, longest: int | None, has_alpha: bool) -> Any:
    """The same picture with no side longer than `longest`; colours under an alpha of 0 count for nothing."""
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


def _all_bits(image: Any) -> Any:
    """Full light as all ones: libvips leaves the lower bits of an AVIF of 10 or 12 bit empty."""
    bits = _field(image, "bits-per-sample")
    return image | (image >> bits) if image.format == "ushort" and bits in (10, 12) else image


def _extremes(image: Any) -> tuple[float, float]:
    """Decode all of a picture; the lowest and the highest value of its last channel."""
    if image.format in ("float", "double"):
        image = image == image  # a NaN is no number that libvips would hand over
    statistics = image.extract_band(image.bands - 1).stats()
    return statistics(0, 0)[0], statistics(1, 0)[0]


def _whole_numbers(image: Any) -> Any:
    """The same picture in 8 or 16 bit. Floats are taken as linear light, 0..1, as Photoshop's 32-bit TIFFs are."""
    if image.format in ("uchar", "ushort"):
        return image
    if image.format == "uint":
        deep = "grey16" if image.bands < 3 else "rgb16"
        return (image >> 16).cast("ushort").copy(interpretation=deep)
    if image.format in ("float", "double"):
        image = (image == image).ifthenelse(image, 0.0)  # NaN, which some renderers leave, is the one unlike itself
        if image.bands < 3:
            grey = image.extract_band(0)
            image = grey.bandjoin([grey, grey, *([image.extract_band(1)] if image.bands == 2 else [])])
        return image.copy(interpretation="scrgb").colourspace("rgb16")
    raise Unsupported(f"its samples are of a kind ({image.format}) that no photo has")  # the header was not asked


def _rgb(image: Any, profile: bytes | None) -> tuple[Any, bytes | None]:
    """Three channels, and the profile they have."""
    depth = 16 if image.format == "ushort" else 8
    space = image.interpretation
    if space in ("srgb", "rgb16"):
        return image, profile
    if space in ("b-w", "grey16") and profile is None:
        return image.bandjoin([image, image]), None
    if space == "cmyk" or profile is not None:
        transformed = image.icc_transform(
            "srgb", embedded=profile is not None, input_profile="cmyk" if space == "cmyk" else "srgb",
            depth=depth, **_RELATIVE,
        )  # fmt: skip
        return transformed, bytes(transformed.get(_BLOBS["icc"]))
    return image.colourspace("rgb16" if depth == 16 else "srgb"), None


def _framed(image: Any, frame: Frame) -> Any:
    """The part in the frame, transparent where the frame reaches beyond the picture, at the size it gets."""
    full = 65535 if image.format == "ushort" else 255
    framed = image.embed(-frame.left, -frame.top, frame.width, frame.height)
    if (frame.width, frame.height) == frame.size:
        return framed
    scales = frame.size[0] / frame.width, frame.size[1] / frame.height
    has_alpha = image.bands == 4
    if has_alpha:  # colours weigh as much as they are seen
        framed = framed.premultiply(max_alpha=full)
    framed = framed.resize(scales[0], vscale=scales[1])
    if has_alpha:
        framed = framed.unpremultiply(max_alpha=full)
    framed = framed.rint().cast(image.format).copy(interpretation=image.interpretation)
    return (framed.extract_band(3) > 0).ifthenelse(framed, 0) if has_alpha else framed


def _metadata(image: Any) -> Metadata:
    blobs = {name: _field(image, blob) for name, blob in _BLOBS.items()}
    dpi = image.xres * _MM_PER_INCH
    said = image.xres != 1.0 and _SENSIBLE_DPI[0] <= dpi <= _SENSIBLE_DPI[1]  # 1.0 is libvips' "unknown"
    return Metadata(**{name: bytes(blob) if blob else None for name, blob in blobs.items()}, dpi=dpi if said else None)


def _as_held(metadata: Metadata, container: Container) -> Metadata:
    """What libvips is to write of the metadata; IPTC in JPEG only, EXIF not in TIFF."""
    held = iptc.wrapped(metadata.iptc) if metadata.iptc and container == "jpeg" else None
    return replace(metadata, iptc=held, exif=None if container == "tiff" else metadata.exif)


def _with_metadata(image: Any, metadata: Metadata) -> Any:
    per_mm = (metadata.dpi or _UNSAID_DPI) / _MM_PER_INCH
    for name in _BLOBS:
        blob = getattr(metadata, name)
        if blob is not None:
            image = _with_blob(image, name, blob)
    # Last: libvips writes these over what an EXIF block says, but reads that block when it is set.
    image = image.copy(xres=per_mm, yres=per_mm)
    image.set_type(pyvips.GValue.gstr_type, "resolution-unit", "in")
    image.set_type(pyvips.GValue.gint_type, "orientation", 1)
    return image


def _with_blob(image: Any, name: str, blob: bytes) -> Any:
    image = image.copy()
    image.set_type(pyvips.GValue.blob_type, _BLOBS[name], blob)
    return image


def _field(image: Any, name: str) -> Any:
    return image.get(name) if image.get_typeof(name) else None


def _image(array: Samples) -> Any:
    """A libvips image over `array`, (H, W) or (H, W, bands), without a copy where it is contiguous."""
    height, width = array.shape[:2]
    bands = 1 if array.ndim == 2 else array.shape[2]
    deep = array.dtype == np.uint16
    flat = np.ascontiguousarray(array).reshape(-1)
    image = pyvips.Image.new_from_memory(flat.data, width, height, bands, "ushort" if deep else "uchar")
    if bands < 3:
        return image.copy(interpretation="grey16" if deep else "b-w")
    return image.copy(interpretation="rgb16" if deep else "srgb")


def _array(image: Any) -> Samples:
    """The pixels of `image`, (H, W, bands), computed now. uint8 or uint16, writable."""
    dtype: type[np.uint8 | np.uint16] = np.uint16 if image.format == "ushort" else np.uint8
    samples: Samples = np.frombuffer(image.write_to_memory(), dtype)
    return samples.reshape(image.height, image.width, image.bands)


def _ask_the_disk(descriptor: int) -> None:
    """Raise the OSError that a failed write met: libvips has it in words only, which another thread may have taken."""
    os.lseek(descriptor, 0, os.SEEK_END)
    left = _TRIAL_BYTES
    while left:
        left -= os.write(descriptor, bytes(left))
