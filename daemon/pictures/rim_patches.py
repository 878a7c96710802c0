"""Cuts windows along the border of a full-size alpha out of the photo, evenly and not more than a fixed number."""

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon.arrays import Alpha
from daemon.judgement.rim_points import SIDE, below_each_other
from daemon.judgement.rim_signs import STANDARD, RimPatches
from daemon.pictures import icc
from daemon.pictures.large_photo import LargePhoto
from daemon.pictures.photo import Photo
from daemon.pictures.values import Samples

MOST = 240  # windows; 400 move a promise by 0.003 on average, rank results no better, and cost twice as much
_APART = 14  # border points: nearer windows show the same again, since a window judges 20 px of the border
_BLOCK = 32  # px: border points are ordered by blocks of this side, so that every n-th of them lie evenly

Places = NDArray[np.intp]
Floats = NDArray[np.floating[Any]]


def rim_patches(
    photo: Photo | LargePhoto, alpha: Samples, resolved: int, raw: Alpha | None = None
) -> RimPatches | None:
    """Windows along the border of `alpha`, (H, W) of the photo's size and depth; None if there is no border to judge.

    resolved: the longest side in px at which the engine saw the whole photo; 0 = not known. raw: what the alpha was
    finished from, (h, w) float32 0..1 of the whole photo at any size; None = not known. What the photo's own alpha
    limits is no border of ours. A photo over STANDARD px is reduced by whole numbers within the windows.
    """
    longest = max(photo.height, photo.width)
    factor = max(1, longest // STANDARD)
    side = SIDE * factor
    if min(photo.height, photo.width) < side:
        return None
    rows, columns = _points(photo, alpha, factor)
    if not len(rows):
        return None
    tops = np.clip(rows - side // 2, 0, photo.height - side)
    lefts = np.clip(columns - side // 2, 0, photo.width - side)
    colours = _colours(photo, tops, lefts, factor)
    covers = np.stack([
        _reduced(alpha[top : top + side, left : left + side], factor)
        for top, left in zip(tops.tolist(), lefts.tolist(), strict=True)
    ])  # fmt: skip
    middles = np.stack([(lefts + side / 2) / photo.width, (tops + side / 2) / photo.height], axis=1)
    patches = RimPatches(
        colours, (covers / np.float32(photo.full_scale)).astype(np.float32), middles.astype(np.float32),
        longest, resolved, factor,
    )  # fmt: skip
    if raw is None:
        return patches
    greys = _greys(raw)
    windows = _raw_windows(raw, tops * (raw.shape[0] / photo.height), lefts * (raw.shape[1] / photo.width), (
        side * raw.shape[0] / photo.height, side * raw.shape[1] / photo.width))  # fmt: skip
    return replace(patches, raw=windows, greys=greys, greys_wide=greys * longest / max(raw.shape))


def _greys(raw: Alpha) -> float:
    """a (1 - a) of the whole answer for each pixel of its border."""
    sure = np.asarray(raw >= 0.5, np.uint8)
    border = cv2.countNonZero(cv2.subtract(sure, cv2.erode(sure, np.ones((3, 3), np.uint8))))
    return float(cv2.sumElems(raw - raw * raw)[0]) / (border + 1)


def _raw_windows(raw: Alpha, tops: Floats, lefts: Floats, size: tuple[float, float]) -> Floats:
    """(N, SIDE, SIDE): windows of the raw answer, interpolated. tops, lefts, size (height, width): in its pixels."""
    middle = (np.arange(SIDE, dtype=np.float32) + 0.5) / SIDE
    x = (lefts[:, None] + middle * size[1] - 0.5).astype(np.float32)
    y = (tops[:, None] + middle * size[0] - 0.5).astype(np.float32)
    shape = len(tops), SIDE, SIDE
    across, down = np.broadcast_to(x[:, None], shape), np.broadcast_to(y[:, :, None], shape)
    found = cv2.remap(
        raw, below_each_other(across), below_each_other(down), cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(found, np.float32).reshape(shape)


def _points(photo: Photo | LargePhoto, alpha: Samples, factor: int) -> tuple[Places, Places]:
    """Rows and columns of points evenly along the border, in the photo's pixels, row by row.

    They are at most MOST, and on average at least _APART border points from each other.
    """
    thinned = np.asarray(alpha[::factor, ::factor] > photo.full_scale // 2, np.uint8)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    border = cv2.subtract(thinned, cv2.erode(thinned, cross))
    if photo.own_alpha is not None:
        own = np.ascontiguousarray(photo.own_alpha[::factor, ::factor] == photo.full_scale).astype(np.uint8)
        border = cv2.min(border, cv2.erode(own, np.ones((3, 3), np.uint8)))
    rows, columns = np.nonzero(border)
    blocks = (rows // _BLOCK) * (border.shape[1] // _BLOCK + 1) + columns // _BLOCK
    order = np.argsort(blocks, kind="stable")
    chosen = order[np.linspace(0, len(order) - 1, min(MOST, -(-len(order) // _APART))).astype(np.intp)]
    chosen = chosen[np.argsort(rows[chosen], kind="stable")]
    return rows[chosen] * factor, columns[chosen] * factor


def _colours(photo: Photo | LargePhoto, tops: Places, lefts: Places, factor: int) -> NDArray[np.uint8]:
    """(N, SIDE, SIDE, 3) uint8 sRGB: the photo's windows. A large photo is decoded once for all of them."""
    side = SIDE * factor
    if isinstance(photo, Photo):
        places = zip(tops.tolist(), lefts.tolist(), strict=True)
        # OpenCV reduces whole pixels in a quarter of the time that it takes for three of their four channels.
        small = np.stack([
            _reduced(photo.rgba[top : top + side, left : left + side], factor)[..., :3] for top, left in places
        ])  # fmt: skip
    else:
        small = _colours_of_strips(photo, tops, lefts, factor)
    return icc.to_srgb(small.reshape(-1, SIDE, 3), photo.icc).reshape(-1, SIDE, SIDE, 3)


def _colours_of_strips(photo: LargePhoto, tops: Places, lefts: Places, factor: int) -> Samples:
    """(N, SIDE, SIDE, 3), reduced while the strips pass: whole windows of a photo of 100 megapixels take 200 MB."""
    side, start = SIDE * factor, 0
    sums = np.zeros((len(tops), SIDE, SIDE, 3), np.uint32)
    for strip in photo.strips():
        end = start + len(strip)
        for number in np.flatnonzero((tops < end) & (tops + side > start)).tolist():
            top, left = int(tops[number]), int(lefts[number])
            first, last = max(top, start), min(top + side, end)
            part = strip[first - start : last - start, left : left + side, :3]
            across = part.reshape(len(part), SIDE, factor, 3).sum(axis=2, dtype=np.uint32)
            np.add.at(sums[number], np.arange(first - top, last - top) // factor, across)
        start = end
    return np.asarray(np.rint(sums / np.float32(factor * factor)), photo.dtype)


def _reduced(window: Samples, factor: int) -> Samples:
    if factor == 1:
        return window
    return np.asarray(cv2.resize(window, (SIDE, SIDE), interpolation=cv2.INTER_AREA), window.dtype)
