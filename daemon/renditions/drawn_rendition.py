"""Draws a rendition: ground, shadow and subject, one on the other, in linear light."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon.pictures import icc
from daemon.renditions.grounds import Original, drawn_ground
from daemon.renditions.layout import RenditionLayout
from daemon.renditions.light_source import LightSource
from daemon.renditions.linear_light import FULL, Floats, Steps, as_floats, codes_of, codes_of_steps, light_of
from daemon.renditions.shadows import ShadowLayer, drawn_shadow
from daemon.renditions.sharpened import sharpened
from daemon.renditions.wanted import Remark, Rendition

_BAND = 64  # rows composed at once; what they need stays in the cache
_FAINT = FULL // 255 // 2  # steps: half of the least alpha of 8 bit


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
    subject = source.light(layout)
    ground = drawn_ground(rendition, layout, source.photo, subject, original)
    if ground is not None and kept is not None:
        ground = icc.out_of_srgb(np.ascontiguousarray(ground), kept)
    shadow, remarks = drawn_shadow(subject, layout, rendition.shadow)
    if rendition.encoding.sharpen > 0:
        subject = sharpened(subject, rendition.encoding.sharpen)
    cover = np.zeros((height, width), np.uint8)
    cover[top:bottom, left:right] = cv2.convertScaleAbs(cv2.extractChannel(subject, 3), alpha=255 / FULL)
    touched = cover > 0
    if shadow is not None:
        touched |= shadow.cover > 0
    # In rows, whatever the ground was made of: one of a single colour has no order of its own to be kept.
    pixels = np.zeros((height, width, 4), np.uint8) if ground is None else np.array(ground, order="C")
    canvas = _Canvas(pixels, subject, layout, shadow)
    for start in range(0, height, _BAND):
        canvas.compose(slice(start, min(start + _BAND, height)), touched)
    return Drawn(pixels, cover, touched, layout, layout.remarks + remarks)


@dataclass(frozen=True, slots=True, eq=False)
class _Canvas:
    """What is composed. pixels: the ground, which is drawn over; all 0 if it is transparent."""

    pixels: NDArray[np.uint8]
    subject: Steps
    layout: RenditionLayout
    shadow: ShadowLayer | None

    def compose(self, rows: slice, touched: NDArray[np.bool_]) -> None:
        """Draw what is touched in some rows: the subject's own codes where it is solid; light on light elsewhere."""
        here = touched[rows]
        columns = np.flatnonzero(here.any(axis=0))
        if not len(columns):
            return
        across = slice(int(columns[0]), int(columns[-1]) + 1)
        subject, target = self._of_subject(rows, across), self.pixels[rows, across]
        solid = np.asarray(cv2.inRange(cv2.extractChannel(subject, 3), FULL, FULL))
        seen = subject if target.shape[2] == 4 else np.asarray(cv2.cvtColor(subject, cv2.COLOR_BGRA2BGR), np.uint16)
        cv2.copyTo(codes_of_steps(seen), solid, target)
        y, x = np.nonzero(here[:, across] & (solid == 0))
        if not len(y):
            return
        light = as_floats(subject[y, x])
        behind = 1 - light[:, 3:]
        if self.shadow is not None:
            dark = self.shadow.cover[rows, across][y, x, None]
            if self.shadow.light is not None:
                light[:, :3] += self.shadow.light[rows, across][y, x] * behind
            light[:, 3:] += dark * behind
            behind = behind * (1 - dark)
        target[y, x] = _straight(light) if target.shape[2] == 4 else _on_ground(light, behind, target[y, x])

    def _of_subject(self, rows: slice, across: slice) -> Steps:
        """The subject in a part of the canvas, (h, w, 4)."""
        left, top, right, bottom = self.layout.place
        light: Steps = np.zeros((rows.stop - rows.start, across.stop - across.start, 4), np.uint16)
        first, last = max(rows.start, top), min(rows.stop, bottom)
        start, end = max(across.start, left), min(across.stop, right)
        if first < last and start < end:
            light[first - rows.start : last - rows.start, start - across.start : end - across.start] = self.subject[
                first - top : last - top, start - left : end - left
            ]
        return _settled(light)


def _settled(subject: Steps) -> Steps:
    """The subject, its alpha exactly 0 or 1 where 8 bit would say so: there, nothing shines through."""
    pixels = subject.reshape(-1, 4)
    alpha: Steps = np.asarray(cv2.extractChannel(subject, 3), np.uint16)
    pixels[np.flatnonzero((alpha > 0) & (alpha <= _FAINT))] = 0  # where it is 0, there is no light either
    nearly = np.flatnonzero((alpha >= FULL - _FAINT) & (alpha < FULL))
    full = pixels[nearly] * (FULL / pixels[nearly, 3:])
    pixels[nearly] = np.minimum(np.rint(full), FULL)
    return subject


def _straight(light: Floats) -> NDArray[np.uint8]:
    """Colours and alpha, (n, 4), as a transparent file has them. light: (n, 4), times alpha, and alpha."""
    alpha = light[:, 3:]
    colours = np.asarray(light[:, :3] / np.maximum(alpha, np.float32(1e-6)), np.float32)
    codes = np.concatenate([codes_of(colours), np.rint(alpha * 255).astype(np.uint8)], axis=1)
    codes[codes[:, 3] == 0] = 0
    return codes


def _on_ground(light: Floats, behind: Floats, ground: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Codes, (n, 3). behind: (n, 1), how much of the ground is seen; where it is all, its codes come back."""
    seen = light_of(ground)
    seen *= behind
    seen += light[:, :3]
    return codes_of(seen)
