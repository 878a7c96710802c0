"""The door to libvips: files and encoded bytes to arrays and back.

libvips is thread-safe and lets go of the GIL, so several photos are worked on at once. A picture is always read
through a file descriptor, never mapped: a writer that shortens a mapped file would kill the process with SIGBUS.
"""

import errno
import logging
import os
from html import escape
from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

from daemon.arrays import Alpha, Rgb
from daemon.pictures import bitmaps, profiles
from daemon.pictures.values import Container, Header, Metadata, Samples

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

# Faults of the disk or the share, not of the picture; libvips tells them in the system's own words only.
_OF_THE_DISK = (
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT,
    errno.EHOSTDOWN,
)  # fmt: skip


class Undecodable(ValueError):
    """libvips cannot read or write this; the message is its own reason."""


def encode_proxy(rgb: Rgb) -> bytes:
    """A JPEG of quality 95 with full colour resolution (4:4:4), so that edges of colour stay where they are.

    rgb: (H, W, 3) uint8, sRGB.
    """
    return bytes(_image(rgb).jpegsave_buffer(Q=95, subsample_mode="off", keep="none"))


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
        raise ValueError(f"not a whole PNG: {_reason(error)}") from error
    alpha: Alpha = grey[..., 0].astype(np.float32) / np.float32(full_scale)
    return alpha


def encode_alpha(alpha: Alpha) -> bytes:
    """An 8-bit grey PNG, quick to write. alpha: (H, W) float32, 0..1; rounded to the nearest of 256 steps."""
    steps = np.rint(np.clip(alpha, 0.0, 1.0) * np.float32(255.0)).astype(np.uint8)
    return bytes(_image(steps).pngsave_buffer(compression=_FASTEST, filter="sub", keep="none"))


def read_header(descriptor: int, kind: str) -> Header:
    """The header of an open file of `kind` ("jpeg", "png", "tiff", "webp", "avif", "bmp"). Raises Undecodable."""
    try:
        image = _open(descriptor, kind)
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
        raise _fault(error) from error


def decode(
    descriptor: int, kind: str, profile: bytes | None, extra_is_alpha: bool = True, longest: int | None = None
) -> tuple[Samples, bool, bytes | None]:
    """Decode to (H, W, 4) RGBA as it lies in the file, not yet upright.

    profile: the file's ICC profile where it is usable. RGB keeps its values and its profile; grey without a profile
    has its value in all three channels; everything else (grey with a profile, CMYK, Lab, float) becomes sRGB.
    extra_is_alpha: whether a channel beside the colours is an alpha, or something else that is left out.
    longest: no side of the result is longer, in pixels; the picture is then never in memory at its full size.
    Returns the pixels, whether the file has an alpha of its own (the fourth channel is full otherwise), and the
    profile that the pixels now have. Raises Undecodable.
    """
    try:
        image = _whole_numbers(_lines_of(descriptor, kind, longest))
        colours = _COLOURS.get(image.interpretation, 0)
        has_alpha = extra_is_alpha and image.bands > colours
        full = 65535 if image.format == "ushort" else 255
        rgb, profile = _rgb(image.extract_band(0, n=colours), profile)
        rgba = rgb.bandjoin(image.extract_band(colours) if has_alpha else full)
        return _array(_fitted(rgba, longest, has_alpha)), has_alpha, profile
    except pyvips.Error as error:
        raise _fault(error) from error


def prove(descriptor: int, kind: str) -> None:
    """Decode to the last line and keep nothing. Raises Undecodable."""
    try:
        if kind != "jpeg":
            _open(descriptor, kind, access="sequential", fail_on=_STRICT).avg()
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
        raise _fault(error) from error


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


def save(path: os.PathLike[str], pixels: Samples, metadata: Metadata, container: Container) -> None:
    """Write a new file and bring it to the disk (fsync). pixels: (H, W, 4), or (H, W) for a mask; WebP: uint8 only.

    Raises Undecodable where the format cannot hold it, OSError where the file system does not take it.
    """
    image = _with_metadata(_image(pixels), metadata)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        target = pyvips.Target.new_to_descriptor(descriptor)
        if container == "tiff":
            image.tiffsave_target(target, bigtiff=pixels.nbytes > _TIFF_MAX_BYTES, **_TIFF)
        elif container == "webp":
            image.webpsave_target(target, **_WEBP)
        else:
            image.pngsave_target(target, **_PNG)
        os.fsync(descriptor)
    except pyvips.Error as error:
        _ask_the_disk(descriptor)
        raise _fault(error) from error
    finally:
        os.close(descriptor)


def _open(descriptor: int, kind: str, **options: Any) -> Any:
    """A libvips image over an open file; nothing is decoded before somebody asks for pixels."""
    os.lseek(descriptor, 0, os.SEEK_SET)
    if kind in ("webp", "avif", "bmp"):  # the loaders of the first two map a file; bytes they need not map
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read()
        if kind == "bmp":
            return _bitmap(data)
        loader = pyvips.Image.webpload_buffer if kind == "webp" else pyvips.Image.heifload_buffer
        return loader(data, **options)
    source = pyvips.Source.new_from_descriptor(descriptor)
    if kind == "jpeg":
        return pyvips.Image.jpegload_source(source, **options)
    if kind == "png":
        return pyvips.Image.pngload_source(source, **options)
    # "unlimited" lifts a limit on the size of one strip, which a scanner's single-strip files break; how large the
    # whole picture is has been checked by then.
    return pyvips.Image.tiffload_source(source, unlimited=True, **options)


def _lines_of(descriptor: int, kind: str, longest: int | None) -> Any:
    """A picture that is read once, from its first line to its last; a JPEG no larger than twice `longest` needs."""
    image = _open(descriptor, kind, access="sequential", fail_on=_STRICT)
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


def _bitmap(data: bytes) -> Any:
    try:
        return _image(bitmaps.decoded(data))
    except ValueError as error:
        raise Undecodable(f"BMP: {error}") from error


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
    raise Undecodable(f"its samples are of a kind ({image.format}) that no photo has")  # the header was not asked


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


def _metadata(image: Any) -> Metadata:
    blobs = {name: _field(image, blob) for name, blob in _BLOBS.items()}
    dpi = image.xres * _MM_PER_INCH
    said = image.xres != 1.0 and _SENSIBLE_DPI[0] <= dpi <= _SENSIBLE_DPI[1]  # 1.0 is libvips' "unknown"
    return Metadata(**{name: bytes(blob) if blob else None for name, blob in blobs.items()}, dpi=dpi if said else None)


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


def _reason(error: Any) -> str:
    """What libvips said, as one line of bearable length: each thing once, the first and the last of many."""
    lines = list(dict.fromkeys(line.strip() for line in str(error.detail).splitlines() if line.strip()))
    said = lines if len(lines) <= 2 else [lines[0], lines[-1]]
    return "; ".join(said) or str(error.message)


def _ask_the_disk(descriptor: int) -> None:
    """Raise the OSError that a failed write met: libvips has it in words only, which another thread may have taken."""
    os.lseek(descriptor, 0, os.SEEK_END)
    left = _TRIAL_BYTES
    while left:
        left -= os.write(descriptor, bytes(left))


def _fault(error: Any) -> Exception:
    """Whose fault it is: OSError for the disk's, Undecodable for the picture's."""
    number = next((number for number in _OF_THE_DISK if os.strerror(number) in str(error.detail)), None)
    return Undecodable(_reason(error)) if number is None else OSError(number, os.strerror(number))
