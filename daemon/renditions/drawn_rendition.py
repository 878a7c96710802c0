"""Draws a rendition: ground, shadow and subject, one on the other, in linear light."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daemon.arrays import Rgb
from daemon.pictures import icc
from daemon.renditions.grounds import Original, drawn_ground
from daemon.renditions.layout import RenditionLayout
from daemon.renditions.light_source import LightSource
from daemon.renditions.linear_light import Floats, codes_of, light_of
from daemon.renditions.shadows import ShadowLayer, drawn_shadow
from daemon.renditions.sharpened import sharpened
from daemon.renditions.wanted import Remark, Rendition

_BAND = 256  # rows composed at once, so that no canvas is in memory in floating-point numbers


@dataclass(frozen=True, slots=True, eq=False)
class Drawn:
    """A rendition, drawn. H and W are those of its canvas.

    pixels: (H, W, 3), uint8, sRGB; (H, W, 4), straight, if it is transparent. cover: (H, W), uint8, the subject's
    alpha. touched: (H, W), where subject or shadow are; everywhere else is the ground, bit for bit. remarks: of layout
    and shadow.
    """

    pixels: NDArray[np.uint8]
    cover: NDArray[np.uint8]
    touched: NDArray[np.bool_]
    layout: RenditionLayout
    remarks: tuple[Remark, ...]


def draw(
    source: LightSource,
    layout: RenditionLayout,
    rendition: Rendition,
    original: Original | None = None,
    kept: bytes | None = None,
) -> Drawn:
    """Draw a rendition as it was laid out. original: for grounds that show the photo.

    kept: the profile that the colours of the source stayed in (`LightSource.of` got none): the pixels are in it too,
    and the ground is brought there. None = all is sRGB.

    Raises CannotDraw if its ground cannot be drawn; what `original` raises.
    """
    width, height = layout.size
    left, top, right, bottom = layout.place
    subject = _settled(source.light(layout))
    ground = drawn_ground(rendition, layout, source.photo, subject, original)
    if ground is not None and kept is not None:
        ground = icc.out_of_srgb(np.ascontiguousarray(ground), kept)
    shadow, remarks = drawn_shadow(subject, layout, rendition.shadow)
    if rendition.encoding.sharpen > 0:
        subject = sharpened(subject, rendition.encoding.sharpen)
    cover = np.zeros((height, width), np.uint8)
    cover[top:bottom, left:right] = np.rint(subject[..., 3] * 255)
    touched = cover > 0
    if shadow is not None:
        touched |= shadow.cover > 0
    pixels: NDArray[np.uint8]
    if ground is None:
        pixels = np.zeros((height, width, 4), np.uint8)
    else:
        pixels = np.array(ground)
    canvas = _Canvas(pixels, subject, layout, shadow, ground)
    for start in range(0, height, _BAND):
        canvas.compose(slice(start, min(start + _BAND, height)), touched)
    return Drawn(pixels, cover, touched, layout, layout.remarks + remarks)


def _settled(subject: Floats) -> Floats:
    """The subject, its alpha exactly 0 or 1 where 8 bit would say so: there, nothing shines through."""
    pixels = subject.reshape(-1, 4)
    alpha = np.ascontiguousarray(pixels[:, 3])
    faint = np.flatnonzero((alpha < 0.5 / 255) & (alpha > 0))  # where it is 0, there is no light either
    pixels[faint] = 0
    nearly = np.flatnonzero((alpha > 254.5 / 255) & (alpha < 1))
    pixels[nearly] /= alpha[nearly][:, None]
    return subject


@dataclass(frozen=True, slots=True, eq=False)
class _Canvas:
    """What is composed. pixels: the ground, which is drawn over."""

    pixels: NDArray[np.uint8]
    subject: Floats
    layout: RenditionLayout
    shadow: ShadowLayer | None
    ground: Rgb | None

    def compose(self, rows: slice, touched: NDArray[np.bool_]) -> None:
        """Draw what is touched in some rows."""
        here = touched[rows]
        columns = np.flatnonzero(here.any(axis=0))
        if not len(columns):
            return
        across = slice(int(columns[0]), int(columns[-1]) + 1)
        light = self._of_subject(rows, across)
        behind = 1 - light[..., 3:]
        if self.shadow is not None:
            dark = self.shadow.cover[rows, across, None]
            if self.shadow.light is not None:
                light[..., :3] += self.shadow.light[rows, across] * behind
            light[..., 3:] += dark * behind
            behind = behind * (1 - dark)
        target = self.pixels[rows, across]
        if self.ground is None:
            alpha = light[..., 3:]
            colours = np.asarray(light[..., :3] / np.maximum(alpha, np.float32(1e-6)), np.float32)
            target[..., :3], target[..., 3:] = codes_of(colours), np.rint(alpha * 255)
            target[target[..., 3] == 0] = 0
        else:
            # Where nothing lies on it, its light gives back its own codes.
            seen = light_of(np.ascontiguousarray(target))
            seen *= behind
            seen += light[..., :3]
            target[...] = codes_of(seen)

    def _of_subject(self, rows: slice, across: slice) -> Floats:
        """The subject's light in a part of the canvas, (h, w, 4)."""
        left, top, right, bottom = self.layout.place
        light: Floats = np.zeros((rows.stop - rows.start, across.stop - across.start, 4), np.float32)
        first, last = max(rows.start, top), min(rows.stop, bottom)
        start, end = max(across.start, left), min(across.stop, right)
        if first < last and start < end:
            light[first - rows.start : last - rows.start, start - across.start : end - across.start] = self.subject[
                first - top : last - top, start - left : end - left
            ]
        return light
