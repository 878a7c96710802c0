"""Lays a finished cut-out out as a program asks: its size, part, place and ground; and writes it as one file."""

import math
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from daemon.arrays import Rgb
from daemon.errors import BadPhoto, Said
from daemon.pictures import icc, vips
from daemon.pictures.framing import shown_box
from daemon.pictures.photo import Photo
from daemon.pictures.pyramid import filled
from daemon.pictures.reading import open_photo, open_small
from daemon.pictures.thumbs import Mask

_MOST_MARGIN_PIXELS = 500
_MOST_MARGIN_SHARE = 0.5
_WHITE = (255, 255, 255, 255)
_JPEG = "[Q=92,keep=none]"
_OPTIONS = {"png": ".png[compression=3,keep=none]", "jpg": f".jpg{_JPEG}", "webp": ".webp[Q=90,alpha_q=100,keep=none]"}
_MOST_WEBP_PIXELS = 16383  # a side: 14 bits in its header

OutputKind = Literal["auto", "png", "jpg", "webp", "zip"]
Box = tuple[int, int, int, int]
"""Left, top, right and bottom in pixels; the last two exclusive."""


@dataclass(frozen=True, slots=True)
class Length:
    """A length in pixels, or in shares (1.0 = all) of what it is measured on."""

    value: float
    is_share: bool = False

    def of(self, whole: int) -> float:
        """In pixels."""
        return self.value * whole if self.is_share else self.value


ALL = (Length(0.0, True), Length(0.0, True), Length(1.0, True), Length(1.0, True))


@dataclass(frozen=True, slots=True)
class Layout:
    """How a cut-out is laid out.

    most_megapixels: it is made smaller first, if it is larger. shape: width and height of the whole, as far as they are
    known: then less has to be read. roi: left, top, right, bottom; what is outside is
    transparent. crop: whether only the subject is kept, with margin: top, right, bottom, left, shares of the subject.
    scale: how much of the picture the subject fills, 0..1; None = as it is. position: of the subject's middle between
    the edges, 0..1 across and down; None = as it is. With crop, scale and position change nothing.
    ground: red, green, blue, alpha, 0..255, behind it. picture: a file that covers the ground.
    """

    kind: OutputKind = "auto"
    alpha_only: bool = False
    most_megapixels: float = math.inf
    shape: tuple[int, int] | None = None
    roi: tuple[Length, Length, Length, Length] = ALL
    crop: bool = False
    margin: tuple[Length, Length, Length, Length] = (Length(0.0),) * 4
    scale: float | None = None
    position: tuple[float, float] | None = None
    ground: tuple[int, int, int, int] | None = None
    picture: Path | None = None


@dataclass(frozen=True, slots=True)
class LaidOut:
    """What was written: its kind, its size in pixels, and where its subject is in it."""

    kind: OutputKind
    size: tuple[int, int]
    subject: Box


def lay_out(path: Path, layout: Layout, target: Path, max_megapixels: float) -> LaidOut:
    """Write a cut-out as `target`. path: a result with an alpha.

    Raises BadPhoto if it shows no subject or the format cannot hold it; what `open_photo` raises; OSError.
    """
    rgb, alpha = _scaled_down(path, layout, max_megapixels)
    alpha = _within(alpha, layout)
    box = shown_box(alpha)
    if box is None:
        raise BadPhoto(Said("no_foreground"))
    rgb, alpha, box = _cropped(rgb, alpha, box, layout) if layout.crop else _placed(rgb, alpha, box, layout)
    kind = _write(rgb, alpha, layout, target, max_megapixels)
    return LaidOut(kind, (alpha.shape[1], alpha.shape[0]), box)


def size_within(width: int, height: int, most_megapixels: float) -> tuple[int, int]:
    """A size of the same shape that has at most so many megapixels."""
    scale = min(1.0, math.sqrt(most_megapixels * 1e6 / (width * height)))  # infinity is 1.0
    return max(1, math.floor(width * scale)), max(1, math.floor(height * scale))


def _scaled_down(path: Path, layout: Layout, max_megapixels: float) -> tuple[Rgb, Mask]:
    if layout.shape and not math.isinf(layout.most_megapixels):
        longest = max(size_within(*layout.shape, layout.most_megapixels)) + 2
        rgb, alpha = _channels(open_small(path, longest, max_megapixels))
    else:
        rgb, alpha = _channels(open_photo(path, max_megapixels))
    height, width = alpha.shape
    size = size_within(width, height, layout.most_megapixels)
    if size == (width, height):
        return rgb, alpha
    return _resized(rgb, alpha, size[0] / width, size[1] / height)


def _channels(photo: Photo) -> tuple[Rgb, Mask]:
    """Colours in sRGB, and the alpha, of 8 bit each."""
    own = photo.own_alpha
    if own is None:
        raise BadPhoto(Said("no_alpha_to_lay_out"))
    return icc.to_srgb(np.ascontiguousarray(photo.pixels), photo.icc), np.asarray(
        own // (photo.full_scale // 255), np.uint8
    )


def _within(alpha: Mask, layout: Layout) -> Mask:
    if layout.roi == ALL:
        return alpha
    height, width = alpha.shape
    left, right = sorted(round(min(max(edge.of(width), 0), width)) for edge in layout.roi[::2])
    top, bottom = sorted(round(min(max(edge.of(height), 0), height)) for edge in layout.roi[1::2])
    kept = np.zeros_like(alpha)
    kept[top:bottom, left:right] = alpha[top:bottom, left:right]
    return kept


def _cropped(rgb: Rgb, alpha: Mask, box: Box, layout: Layout) -> tuple[Rgb, Mask, Box]:
    left, top, right, bottom = box
    wide, high = right - left, bottom - top
    above, after, below, before = (
        round(min(margin.of(side), _MOST_MARGIN_PIXELS, side * _MOST_MARGIN_SHARE))
        for margin, side in zip(layout.margin, (high, wide, high, wide), strict=True)
    )
    size = before + wide + after, above + high + below
    rgb, alpha = _on_canvas(rgb[top:bottom, left:right], alpha[top:bottom, left:right], (before, above), size)
    return rgb, alpha, (before, above, before + wide, above + high)


def _placed(rgb: Rgb, alpha: Mask, box: Box, layout: Layout) -> tuple[Rgb, Mask, Box]:
    position = layout.position or ((0.5, 0.5) if layout.scale else None)
    if position is None:
        return rgb, alpha, box
    left, top, right, bottom = box
    height, width = alpha.shape
    rgb, alpha = rgb[top:bottom, left:right], alpha[top:bottom, left:right]
    if layout.scale:
        factor = layout.scale * min(width / (right - left), height / (bottom - top))
        rgb, alpha = (channels[:height, :width] for channels in _resized(rgb, alpha, factor, factor))
    high, wide = alpha.shape
    x, y = round((width - wide) * position[0]), round((height - high) * position[1])
    rgb, alpha = _on_canvas(rgb, alpha, (x, y), (width, height))
    return rgb, alpha, (x, y, x + wide, y + high)


def _resized(rgb: Rgb, alpha: Mask, across: float, down: float) -> tuple[Rgb, Mask]:
    """A colour counts as much as it is seen."""
    image = _rgba(rgb, alpha).premultiply().resize(across, vscale=down).unpremultiply()
    pixels = np.asarray(vips.array_of(image.rint().cast("uchar")), np.uint8)
    return np.ascontiguousarray(pixels[..., :3]), np.ascontiguousarray(pixels[..., 3])


def _on_canvas(rgb: Rgb, alpha: Mask, at: tuple[int, int], size: tuple[int, int]) -> tuple[Rgb, Mask]:
    canvas, cover = np.zeros((size[1], size[0], 3), np.uint8), np.zeros((size[1], size[0]), np.uint8)
    rows, columns = slice(at[1], at[1] + alpha.shape[0]), slice(at[0], at[0] + alpha.shape[1])
    canvas[rows, columns], cover[rows, columns] = rgb, alpha
    return canvas, cover


def _write(rgb: Rgb, alpha: Mask, layout: Layout, target: Path, max_megapixels: float) -> OutputKind:
    kind = layout.kind
    if kind == "zip":
        with zipfile.ZipFile(target, "x", zipfile.ZIP_STORED) as file:
            file.writestr("color.jpg", _encoded(vips.image_of(filled(rgb, alpha)), f".jpg{_JPEG}"))
            file.writestr("alpha.png", _encoded(vips.image_of(alpha), _OPTIONS["png"]))
        return kind
    image = vips.image_of(alpha) if layout.alpha_only else _on_ground(rgb, alpha, layout, max_megapixels)
    if kind == "auto":
        kind = "png" if layout.alpha_only or image.bands == 4 else "jpg"
    if kind == "webp" and max(image.width, image.height) > _MOST_WEBP_PIXELS:
        raise BadPhoto(Said("too_large_for_webp", most=_MOST_WEBP_PIXELS))
    if kind == "jpg" and image.bands == 4:
        image = image.flatten(background=_WHITE[:3])
    with target.open("xb") as file:
        file.write(_encoded(image, _OPTIONS[kind]))
    return kind


def _on_ground(rgb: Rgb, alpha: Mask, layout: Layout, max_megapixels: float) -> Any:
    """The picture on its ground; without an alpha if the ground hides all behind it."""
    image = _rgba(rgb, alpha)
    if layout.picture is not None:
        ground = _covering(layout.picture, image.width, image.height, max_megapixels)
        return ground.composite2(image, "over").flatten(background=_WHITE[:3]).rint().cast("uchar")
    if layout.ground is None:
        return image
    if layout.ground[3] == 255:
        return image.flatten(background=list(layout.ground[:3])).rint().cast("uchar")
    ground = vips.image_of(np.broadcast_to(np.array(layout.ground, np.uint8), (*alpha.shape, 4)))
    return ground.composite2(image, "over").rint().cast("uchar")


def _covering(path: Path, width: int, height: int, max_megapixels: float) -> Any:
    """A picture that covers so many pixels, its middle in the middle, on white where it is transparent."""
    photo = open_small(path, 2 * max(width, height), max_megapixels)
    own = photo.own_alpha
    image = vips.image_of(icc.to_srgb(np.ascontiguousarray(photo.pixels), photo.icc))
    if own is not None:
        cover = vips.image_of(np.asarray(own // (photo.full_scale // 255), np.uint8))
        image = image.bandjoin(cover).flatten(background=_WHITE[:3])
    scale = max(width / image.width, height / image.height)
    image = image.resize(scale, vscale=max(scale, height / image.height)).rint().cast("uchar")
    left, top = max(0, (image.width - width) // 2), max(0, (image.height - height) // 2)
    image = image.crop(left, top, min(width, image.width), min(height, image.height))
    return image.embed(0, 0, width, height, extend="copy").copy(interpretation="srgb")


def _rgba(rgb: Rgb, alpha: Mask) -> Any:
    return vips.image_of(np.dstack([rgb, alpha]))


def _encoded(image: Any, how: str) -> bytes:
    with vips.own_errors():
        encoded: bytes = image.write_to_buffer(how)
    return encoded
