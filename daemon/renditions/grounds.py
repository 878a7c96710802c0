"""Draws what is behind a subject."""

import math
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from daemon.arrays import Rgb
from daemon.errors import BadPhoto, RootAway, Said
from daemon.pictures import icc, reading
from daemon.renditions.cannot_draw import CannotDraw
from daemon.renditions.free_room import Pair
from daemon.renditions.layout import RenditionLayout
from daemon.renditions.linear_light import FULL, Floats, Steps, codes_of, light_of, shrunk_picture
from daemon.renditions.wanted import Ground, Rendition

Original = Callable[[int], Rgb]
"""Gives the whole photo, upright, (h, w, 3), 8-bit sRGB, its longest side no longer than so many pixels."""

_MOST_MEGAPIXELS = 200.0  # of a background picture
_LARGER = 1.5  # than the canvas: what a picture of 3:2 needs to cover a square
_BEYOND = 0.03  # of the longest side: the blur beyond the photo's edges
_STEPS_OF_BLUR = 6.0  # pixels that a blur is wide where it is drawn; fewer would show, more would only take longer


def drawn_ground(
    rendition: Rendition, layout: RenditionLayout, photo: Pair, subject: Steps, original: Original | None
) -> Rgb | None:
    """The ground of a whole canvas, (H, W, 3); None if it is transparent. It may be read-only.

    photo: its width and height. subject: (h, w, 4), as `LightSource.light`. original: for grounds that show
    the photo. Raises CannotDraw if a picture cannot be used, or if the photo is asked for and is not there.
    """
    ground, (width, height) = rendition.ground, layout.size
    if ground.kind == "transparent":
        return None
    if ground.kind == "colour":
        return np.broadcast_to(np.full((width, 3), ground.colour, np.uint8), (height, width, 3))
    if ground.kind == "gradient":
        return _gradient(ground, width, height)
    if ground.kind == "picture":
        return covering(_picture(rendition, max(width, height)), (width, height))
    if original is None:
        raise CannotDraw(Said("rendition_without_original", name=rendition.label))
    if ground.kind == "blurred":
        return _blurred(original, ground.blur, layout, photo, subject)
    return _in_place(original, layout, photo)


def original_at(path: Path, max_megapixels: float, page: int | None = None) -> Original:
    """The photo in a file, read when it is asked for. That raises BadPhoto and RootAway as `reading.open_photo`."""

    def read(longest: int) -> Rgb:
        photo = reading.open_small(path, longest, max_megapixels, page)
        return icc.to_srgb(np.ascontiguousarray(photo.pixels), photo.icc)

    return read


def covering(picture: Rgb, size: tuple[int, int]) -> Rgb:
    """A picture as large as it must be to cover a size (width, height), and what is too much cut off evenly."""
    high, wide = picture.shape[:2]
    scale = max(size[0] / wide, size[1] / high)
    part_wide, part_high = min(wide, max(1, round(size[0] / scale))), min(high, max(1, round(size[1] / scale)))
    left, top = (wide - part_wide) // 2, (high - part_high) // 2
    return shrunk_picture(np.ascontiguousarray(picture[top : top + part_high, left : left + part_wide]), size)


def _gradient(ground: Ground, width: int, height: int) -> Rgb:
    """From the first colour to the second in even steps for the eye: of codes, not of light."""
    share = np.linspace(0, 1, height)[:, None] if height > 1 else np.zeros((1, 1))
    rows = np.rint(np.array(ground.colour) * (1 - share) + np.array(ground.to) * share).astype(np.uint8)
    return np.broadcast_to(rows[:, None], (height, width, 3))


def _picture(rendition: Rendition, longest: int) -> Rgb:
    path = rendition.ground.picture
    if path is None:
        raise CannotDraw(Said("rendition_names_no_picture", name=rendition.label))
    try:
        photo = reading.open_small(path, math.ceil(_LARGER * longest), _MOST_MEGAPIXELS)
    except (BadPhoto, RootAway) as error:
        raise CannotDraw(Said("rendition_picture_broken", name=rendition.label, detail=error)) from error
    rgb = icc.to_srgb(np.ascontiguousarray(photo.pixels), photo.icc)
    own = photo.own_alpha
    if own is None:
        return rgb
    share = (own.astype(np.float32) / photo.full_scale)[..., None]  # where it is transparent, people expect white
    return codes_of(np.asarray(light_of(rgb) * share + (1 - share), np.float32))


def _in_place(original: Original, layout: RenditionLayout, photo: Pair) -> Rgb:
    """The photo just where the subject was cut out of it; beyond its edges, their colours go on, blurred."""
    (left, top, right, bottom), place = layout.source, layout.place
    across, down = (place[2] - place[0]) / (right - left), (place[3] - place[1]) / (bottom - top)
    start = place[0] - left * across, place[1] - top * down
    end = start[0] + photo[0] * across, start[1] + photo[1] * down
    picture = original(math.ceil(max(photo) * max(across, down)))
    x_scale, y_scale = picture.shape[1] / (end[0] - start[0]), picture.shape[0] / (end[1] - start[1])
    there = np.array(
        [[x_scale, 0, (0.5 - start[0]) * x_scale - 0.5], [0, y_scale, (0.5 - start[1]) * y_scale - 0.5]], np.float64
    )
    drawn = np.asarray(
        cv2.warpAffine(
            picture, there, layout.size, flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE
        ),
        np.uint8,
    )
    inner = max(0, round(start[0])), max(0, round(start[1])), round(end[0]), round(end[1])
    if inner[:2] == (0, 0) and inner[2] >= layout.size[0] and inner[3] >= layout.size[1]:
        return drawn
    around = _softened(drawn)
    around[inner[1] : inner[3], inner[0] : inner[2]] = drawn[inner[1] : inner[3], inner[0] : inner[2]]
    return around


def _softened(picture: Rgb) -> Rgb:
    """A picture, much blurred; so its edges, which are repeated beyond it, go on without streaks."""
    high, wide = picture.shape[:2]
    work = min(1.0, _STEPS_OF_BLUR / (_BEYOND * max(wide, high)))
    small = shrunk_picture(picture, (max(1, round(wide * work)), max(1, round(high * work))))
    soft = codes_of(np.asarray(cv2.GaussianBlur(light_of(small), (0, 0), _STEPS_OF_BLUR), np.float32))
    return np.asarray(cv2.resize(soft, (wide, high), interpolation=cv2.INTER_CUBIC), np.uint8)


def _blurred(original: Original, blur: float, layout: RenditionLayout, photo: Pair, subject: Steps) -> Rgb:
    """The photo, blurred, over the whole canvas; what was behind the subject is filled from around it.

    Else the subject's own colours would shine around it.
    """
    width, height = layout.size
    work = min(1.0, _STEPS_OF_BLUR / max(blur * max(width, height), 1e-3))
    size = max(1, round(width * work)), max(1, round(height * work))
    picture = original(round(_LARGER * max(size)) + 1)
    clear = _clear(picture.shape[1::-1], layout, photo, subject)
    light = light_of(covering(picture, size))
    shares = light_of(covering(np.repeat(clear[..., None], 3, axis=2), size))[..., 0]
    codes = codes_of(_spread(light, shares, max(0.3, blur * max(size))))
    return np.asarray(cv2.resize(codes, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def _clear(size: tuple[int, ...], layout: RenditionLayout, photo: Pair, subject: Steps) -> Rgb:
    """(h, w) of the photo at a size (width, height): 255 where the subject is not, 0 where it is or was nearly."""
    wide, high = size[0], size[1]
    clear: Rgb = np.full((high, wide), 255, np.uint8)
    left, right = (round(edge * wide / photo[0]) for edge in layout.source[::2])
    top, bottom = (round(edge * high / photo[1]) for edge in layout.source[1::2])
    left, top = max(0, left), max(0, top)
    right, bottom = min(wide, max(right, left + 1)), min(high, max(bottom, top + 1))
    alpha = cv2.resize(cv2.extractChannel(subject, 3), (right - left, bottom - top), interpolation=cv2.INTER_AREA)
    clear[top:bottom, left:right] = np.where(alpha > 0.02 * FULL, 0, 255)
    return np.asarray(cv2.erode(clear, np.ones((3, 3), np.uint8)), np.uint8)


def _spread(light: Floats, shares: Floats, sigma: float) -> Floats:
    """Blurred light of the pixels that count; where none is near, of those farther away."""
    filled: Floats = np.zeros_like(light)
    missing: Floats = np.ones(light.shape[:2], np.float32)
    shares = shares + np.float32(1e-6)  # if no pixel counts, all count
    while sigma < 4 * max(light.shape):
        weight = np.asarray(cv2.GaussianBlur(shares, (0, 0), sigma), np.float32)
        blurred = cv2.GaussianBlur(light * shares[..., None], (0, 0), sigma) / weight[..., None]
        trust = np.clip(weight * 2, 0, 1) * missing
        filled += blurred * trust[..., None]
        missing = missing - trust
        if missing.max() < 0.01:
            break
        sigma *= 2
    return np.asarray(filled + blurred * missing[..., None], np.float32)
