"""Draws the shadow of a subject from its alpha: under its feet, behind it, or mirrored below it.

The figures are those of people who composite by hand: starting points, not measured.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from daemon.renditions.layout import RenditionLayout
from daemon.renditions.linear_light import Floats, Steps, as_floats
from daemon.renditions.subject_box import Box
from daemon.renditions.wanted import Remark, Shadow

_WORK = 800  # pixels of the longest side that a blurred shadow is drawn at; more would show nothing more
_LEAST = 0.5 / 255  # of light taken away; less is nothing, so that the background there is exactly itself
_FRAME = 0.02  # of the canvas: free of shadow on all sides
_FRAME_PIXELS = 24  # and so many pixels, so that no block of a JPEG at the frame holds any of it
_FADE = 0.04  # of the canvas, further in: the shadow comes to its full strength


@dataclass(frozen=True, slots=True, eq=False)
class ShadowLayer:
    """What lies between ground and subject.

    cover: (H, W) float32, 0..1. light: (H, W, 3) float32, premultiplied; None = black.
    """

    cover: Floats
    light: Floats | None = None


def drawn_shadow(
    subject: Steps, layout: RenditionLayout, shadow: Shadow
) -> tuple[ShadowLayer | None, tuple[Remark, ...]]:
    """The shadow of a subject on its canvas; None if it has none; and remarks.

    subject: (h, w, 4), as `LightSource.light`, which lies at `layout.place`. Remarks: "no_shadow_cut": what is cut off
    at the bottom stands on nothing; "no_shadow_own": its own shadow is in the matte already; "reflection_hovers":
    most of its lower edge is above the ground, as of what is seen from above: a mirrored picture does not meet it.
    """
    if shadow.kind == "none" or shadow.strength <= 0:
        return None, ()
    if shadow.kind != "drop" and "bottom" in layout.cut:
        return None, ("no_shadow_cut",)
    if _has_its_own(subject, layout):
        return None, ("no_shadow_own",)
    alpha = as_floats(subject[..., 3])
    if shadow.kind == "reflection":
        remarks: tuple[Remark, ...] = () if _stands_broadly(alpha) else ("reflection_hovers",)
        return _reflection(subject, layout, shadow.strength), remarks
    work = min(1.0, _WORK / max(layout.size))
    small = _on_canvas(alpha, layout, work)
    box = tuple(round(edge * work) for edge in layout.box)
    dark = (_contact if shadow.kind == "contact" else _drop)(small, (box[0], box[1], box[2], box[3]))
    cover = np.asarray(cv2.resize(dark, layout.size, interpolation=cv2.INTER_LINEAR), np.float32)
    return ShadowLayer(_ended(cover * np.float32(shadow.strength))), ()


def _on_canvas(alpha: Floats, layout: RenditionLayout, work: float) -> Floats:
    """The subject's alpha on a smaller canvas."""
    size = max(1, round(layout.size[0] * work)), max(1, round(layout.size[1] * work))
    left, top, right, bottom = (round(edge * work) for edge in layout.place)
    canvas: Floats = np.zeros(size[::-1], np.float32)
    part = cv2.resize(alpha, (max(1, right - left), max(1, bottom - top)), interpolation=cv2.INTER_AREA)
    room = canvas[top : top + part.shape[0], left : left + part.shape[1]]
    room[...] = part[: room.shape[0], : room.shape[1]]
    return canvas


def _drop(alpha: Floats, box: Box) -> Floats:
    """Of a lamp above, a little to the left: the subject's own shape, shifted and blurred."""
    longest = max(box[2] - box[0], box[3] - box[1])
    shift = np.array([[1, 0, 0.012 * longest], [0, 1, 0.025 * longest]], np.float32)
    moved = cv2.warpAffine(alpha, shift, alpha.shape[::-1])
    return _blurred(np.asarray(moved, np.float32), 0.02 * longest, 0.02 * longest)


def _contact(alpha: Floats, box: Box) -> Floats:
    """Of light from everywhere: dark and thin where it stands, wide and weak around."""
    wide, high = box[2] - box[0], box[3] - box[1]
    size = max(high, 0.4 * wide)  # of something flat, the height says too little
    feet, rows = _feet(alpha, box, 0.05 * size)
    line = _banded(alpha.shape, feet, rows + np.float32(0.004 * size), 0.008 * size)
    near = _stretched(_blurred(line, 0.012 * wide, 0.007 * size))
    around = _banded(alpha.shape, feet, rows + np.float32(0.01 * size), 0.02 * size)
    far = _stretched(_blurred(around, 0.05 * wide, 0.028 * size))
    return np.asarray(1 - (1 - near) * (1 - np.float32(0.6) * far), np.float32)


def _feet(alpha: Floats, box: Box, reach: float) -> tuple[Floats, Floats]:
    """For each column how near its lowest pixel is to the ground, 1 = on it, 0 = out of reach; and that pixel's row."""
    solid = alpha >= 0.5
    lowest = alpha.shape[0] - 1 - np.argmax(solid[::-1], axis=0)
    above = box[3] - 1 - lowest
    near = np.where(solid.any(axis=0), np.clip(1 - above / max(reach, 1.0), 0, 1), 0)
    return np.sqrt(near).astype(np.float32), lowest.astype(np.float32)


def _stands_broadly(alpha: Floats) -> bool:
    """Whether half of what can be seen, from left to right, stands on the ground or close above it."""
    seen = np.flatnonzero((alpha >= 0.5).any(axis=1))
    if not len(seen):
        return True
    high = int(seen[-1]) + 1 - int(seen[0])
    near, _ = _feet(alpha, (0, int(seen[0]), alpha.shape[1], int(seen[-1]) + 1), 0.05 * high)
    return int((near > 0).sum()) * 2 >= int((alpha >= 0.5).any(axis=0).sum())


def _banded(shape: tuple[int, ...], feet: Floats, rows: Floats, half: float) -> Floats:
    """A band about the lowest pixels of columns, so many pixels to both sides."""
    away = np.abs(np.arange(shape[0], dtype=np.float32)[:, None] - rows)
    return np.asarray(np.clip(max(half, 0.5) + 0.5 - away, 0, 1) * feet, np.float32)


def _reflection(subject: Steps, layout: RenditionLayout, strength: float) -> ShadowLayer:
    """Of a polished floor: the subject upside down below its lowest row, weaker and less sharp with each row."""
    width, height = layout.size
    left, top, right, _ = layout.place
    high = layout.box[3] - layout.box[1]
    fall = min(max(1, round(0.22 * high)), height - layout.box[3])
    cover: Floats = np.zeros((height, width), np.float32)
    light: Floats = np.zeros((height, width, 3), np.float32)
    layer = ShadowLayer(cover, light)
    if fall < 1:
        return layer
    foot = layout.box[3] - top
    mirrored = as_floats(np.ascontiguousarray(subject[max(0, foot - fall) : foot][::-1]))
    fall = len(mirrored)
    soft = _blurred(mirrored, 0.006 * high, 0.006 * high)
    down = (np.arange(fall, dtype=np.float32) / fall)[:, None, None]
    weights = np.float32(strength) * (1 - down)
    shown = (mirrored * (1 - down) + soft * down) * weights
    ends = _ramp(width, height)[layout.box[3] : layout.box[3] + fall, left:right, None]
    shown = shown * ends
    shown[shown[..., 3] < _LEAST] = 0
    cover[layout.box[3] : layout.box[3] + fall, left:right] = shown[..., 3]
    light[layout.box[3] : layout.box[3] + fall, left:right] = shown[..., :3]
    return layer


def _ended(cover: Floats) -> Floats:
    """A shadow that is over before the frame, and is nothing where nobody sees it."""
    cover = cover * _ramp(cover.shape[1], cover.shape[0])
    cover[cover < _LEAST] = 0
    return cover


def _ramp(width: int, height: int) -> Floats:
    """(height, width): 0 at the frame, 1 further in."""
    free = max(_FRAME * max(width, height), min(_FRAME_PIXELS, 0.05 * min(width, height)))
    fade = max(1.0, _FADE * max(width, height))
    across, down = (
        np.clip((np.minimum(np.arange(length), length - 1 - np.arange(length)) - free) / fade, 0, 1).astype(np.float32)
        for length in (width, height)
    )
    return np.asarray(np.minimum(across[None, :], down[:, None]), np.float32)


def _blurred(picture: Floats, across: float, down: float) -> Floats:
    return np.asarray(
        cv2.GaussianBlur(
            picture, (0, 0), sigmaX=max(across, 0.3), sigmaY=max(down, 0.3), borderType=cv2.BORDER_CONSTANT
        ),
        np.float32,
    )


def _stretched(picture: Floats) -> Floats:
    """Blurring made it weaker: its darkest place is 1 again."""
    darkest = float(picture.max())
    return picture / np.float32(darkest) if darkest > 0 else picture


def _has_its_own(subject: Steps, layout: RenditionLayout) -> bool:
    """Whether the matte holds a shadow: in its lowest part, a patch of dark grey half-transparent pixels."""
    high, wide = layout.box[3] - layout.box[1], layout.box[2] - layout.box[0]
    low = as_floats(subject[max(0, layout.box[3] - layout.place[1] - max(1, high // 4)) :])
    alpha = low[..., 3]
    brightest = low[..., :3].max(axis=2)
    soft = ((alpha > 0.04) & (alpha < 0.7) & (brightest < 0.15 * alpha)).astype(np.uint8)
    size = max(3, round(0.01 * max(high, wide)) | 1)
    patch = cv2.morphologyEx(soft, cv2.MORPH_OPEN, np.ones((size, size), np.uint8))
    return int(patch.sum()) > 0.01 * high * wide
