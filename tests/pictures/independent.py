"""Reads pictures and their metadata with libraries that Freisteller does not read them with.

Pillow, tifffile and OpenCV.
"""

import io
import struct
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps

from daemon.pictures.values import Samples

_CAMERA, _ACROSS, _UNIT, _XMP, _IPTC = 0x0110, 0x011A, 0x0128, 700, 33723
_MOST_PAGES = 3
_RELATIVE = ImageCms.Intent.RELATIVE_COLORIMETRIC
_WHITE_IS_0, _BLACK_IS_0, _RGB = 0, 1, 2  # of PhotometricInterpretation
_CM = 3  # of ResolutionUnit
_IPTC_RESOURCE = 0x0404
_DPI_OF_NOTHING = (0, 1, 72)  # what files say that must say something
_RAW_IPTC = "Raw profile type iptc"
_BGRA_TO_RGB: dict[int, Callable[[NDArray[Any]], NDArray[Any]]] = {
    1: lambda values: np.repeat(values.reshape(*values.shape[:2], 1), 3, -1),
    2: lambda values: np.repeat(values[..., :1], 3, -1),
    3: lambda values: values[..., ::-1],
    4: lambda values: values[..., 2::-1],
}


def colours_of(content: bytes) -> Samples | None:
    """(H, W, 3), upright: a file's own values of red, green and blue, or of grey; None if it cannot be told."""
    is_tiff = content[:2] in (b"II", b"MM")
    read = (_by_tifffile, _by_opencv) if is_tiff else (_by_opencv,) if _is_deep_png(content) else ()
    for each in (*read, _by_pillow, _by_opencv):
        try:
            found = each(content)
        except (ValueError, OSError, SyntaxError, TypeError, KeyError, cv2.error, tifffile.TiffFileError):
            continue
        if found is not None and found.dtype in (np.uint8, np.uint16):
            return np.ascontiguousarray(found)
    return None


def srgb_of(content: bytes) -> NDArray[np.uint8]:
    """(H, W, 3): a JPEG or TIFF of RGB as a viewer shows it on a screen of sRGB, by LittleCMS."""
    values = colours_of(content)
    assert values is not None
    shown = Image.fromarray(values if values.dtype == np.uint8 else np.rint(values / 257).astype(np.uint8))
    icc = told_by(content).icc
    if icc:
        profile = ImageCms.ImageCmsProfile(io.BytesIO(icc))
        moved = ImageCms.profileToProfile(shown, profile, ImageCms.createProfile("sRGB"), _RELATIVE, "RGB")
        assert moved is not None
        shown = moved
    return np.asarray(shown)


def _is_deep_png(content: bytes) -> bool:
    return content.startswith(b"\x89PNG") and content[24] == 16


def _by_pillow(content: bytes) -> NDArray[Any] | None:
    with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(content)) as image:
        if image.mode in ("CMYK", "LAB", "YCbCr", "F", "I"):
            return None
        upright = ImageOps.exif_transpose(image)
        return np.asarray(upright.convert("RGBA").convert("RGB") if upright.mode != "RGB" else upright)


def _by_opencv(content: bytes) -> NDArray[Any] | None:
    values = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.dtype not in (np.uint8, np.uint16):
        return None
    return _BGRA_TO_RGB[values.shape[2] if values.ndim == 3 else 1](values)


def _by_tifffile(content: bytes) -> NDArray[Any] | None:
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        pages = [_page(file, at) for at in range(min(_MOST_PAGES, len(file.pages)))]
        page = max(pages, key=lambda each: each.imagelength * each.imagewidth)
        photometric, values = int(page.photometric), page.asarray()
        if photometric not in (_RGB, _BLACK_IS_0, _WHITE_IS_0) or values.dtype not in (np.uint8, np.uint16):
            return None
        if int(page.planarconfig) == 2 and values.ndim == 3:
            values = np.moveaxis(values, 0, -1)
        if photometric == _WHITE_IS_0:
            values = np.iinfo(values.dtype).max - values
        grey = photometric != _RGB
        values = np.repeat(values.reshape(*values.shape[:2], -1)[..., :1], 3, -1) if grey else values[..., :3]
        tag = page.tags.get(274)
        return _upright(values, int(tag.value) if tag else 1)


def _page(file: tifffile.TiffFile, number: int) -> tifffile.TiffPage:
    page = file.pages[number]
    assert isinstance(page, tifffile.TiffPage)
    return page


def _upright(values: NDArray[Any], orientation: int) -> NDArray[Any]:
    mirrored = {2, 4, 5, 7}
    turns = {1: 0, 2: 0, 3: 2, 4: 2, 5: 1, 6: 3, 7: 3, 8: 1}  # by 90 degrees, against the clock
    if orientation in mirrored:
        values = values[:, ::-1]
    return np.rot90(values, turns.get(orientation, 0))


@dataclass(frozen=True, slots=True)
class Told:
    """What a file says beside its pixels. dpi: None if it says nothing, or what writers say that know nothing."""

    icc: bytes | None
    camera: str | None
    has_exif: bool
    xmp: str
    iptc: bytes
    dpi: float | None


def told_by(content: bytes) -> Told:
    """The metadata of a PNG, TIFF, WebP or JPEG, as Pillow finds them."""
    with warnings.catch_warnings(action="ignore"), Image.open(io.BytesIO(content)) as image:
        image.load()  # of a PNG, also what lies behind the pixels
        info, exif, is_tiff = image.info, image.getexif(), image.format == "TIFF"
    tags = _tags(content) if is_tiff else {}
    xmp = tags.get(_XMP) or info.get("xmp") or info.get("XML:com.adobe.xmp") or b""
    return Told(
        icc=info.get("icc_profile"),
        camera=_text(exif.get(_CAMERA) or tags.get(_CAMERA)),
        has_exif=bool(info.get("exif")),
        xmp=xmp if isinstance(xmp, str) else xmp.decode("utf-8", "replace"),
        iptc=_iptc(info, tags),
        dpi=_dpi(info, exif),
    )


def _tags(content: bytes) -> dict[int, Any]:
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        return {tag.code: tag.value for tag in _page(file, 0).tags}


def _text(value: Any) -> str | None:
    return value.decode() if isinstance(value, bytes) else value


def _iptc(info: dict[Any, Any], tags: dict[int, Any]) -> bytes:
    if _RAW_IPTC in info:
        return bytes.fromhex("".join(str(info[_RAW_IPTC]).split("\n")[3:]))
    found = tags.get(_IPTC) or info.get("photoshop", {}).get(_IPTC_RESOURCE) or b""
    return found if isinstance(found, bytes) else struct.pack(f"<{len(found)}I", *found)


def _dpi(info: dict[Any, Any], exif: Image.Exif) -> float | None:
    said = info.get("dpi") or (exif.get(_ACROSS, 0) * (2.54 if exif.get(_UNIT) == _CM else 1),)
    return None if round(float(said[0])) in _DPI_OF_NOTHING else float(said[0])
