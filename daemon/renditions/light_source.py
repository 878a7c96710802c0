"""Reads a cut-out once, in strips, and shrinks it on the way for all renditions that are made of it."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from daemon.pictures import icc
from daemon.pictures.strip_picture import StripPicture
from daemon.pictures.values import Samples
from daemon.renditions.layout import RenditionLayout
from daemon.renditions.linear_light import Steps, premultiplied, shrunk_light
from daemon.renditions.subject_box import Box

_STRIP = 64  # rows; their light stays in the cache
_NO_ROW = 1 << 40
_ENOUGH = 2.0  # times as large: what is shrunk from that looks as if shrunk from the photo

Target = tuple[Box, tuple[int, int]]
"""A part of the photo, and the (width, height) that it is to have."""


@dataclass(frozen=True, slots=True, eq=False)
class LightSource:
    """What `Drawn` renditions get their subject from.

    photo: its width and height. levels: the light of parts of the photo, shrunk, premultiplied, (h, w, 4); in 16 bit,
    so that a dozen of them take not much more memory than the photo.
    """

    photo: tuple[int, int]
    levels: dict[Target, Steps]

    @classmethod
    def of(
        cls, rgba: Samples | StripPicture, profile: bytes | None, layouts: Iterable[RenditionLayout]
    ) -> "LightSource":
        """Read a cut-out for these layouts, once.

        rgba: (H, W, 4), straight colours, uint8 or uint16. profile: its ICC profile; None = sRGB, or colours that are
        to stay in their own profile. Raises what decoding of a StripPicture raises.
        """
        photo = rgba.shape[1], rgba.shape[0]
        targets = _needed(sorted({_target(each) for each in layouts}, key=_scale_of, reverse=True))
        levels = [_Level.of(target, photo) for target in targets]
        if levels:
            _read(levels, rgba, None if profile is None or icc.is_srgb(profile) else profile)
        return cls(photo, {target: level.light for target, level in zip(targets, levels, strict=True)})

    def light(self, layout: RenditionLayout) -> Steps:
        """The subject as it is drawn at `layout.place`: (h, w, 4), light times alpha, and alpha.

        It is not to be written to: another rendition may be made of it.
        """
        target = _target(layout)
        level = self.levels.get(target)
        light = self._derived(target) if level is None else level
        left, top, right, bottom = layout.place
        return shrunk_light(light, (right - left, bottom - top))

    def _derived(self, target: Target) -> Steps:
        larger = min((each for each in self.levels if _serves(each, target)), key=_scale_of)
        (left, top, right, bottom), size = target
        (from_left, from_top, from_right, from_bottom), (wide, high) = larger
        x_scale, y_scale = wide / (from_right - from_left), high / (from_bottom - from_top)
        # Inwards, so that the subject does not become smaller than its share.
        x, y = math.ceil((left - from_left) * x_scale), math.ceil((top - from_top) * y_scale)
        x_end, y_end = math.floor((right - from_left) * x_scale), math.floor((bottom - from_top) * y_scale)
        part = self.levels[larger][max(0, y) : y_end, max(0, x) : x_end]
        beyond = max(0, -y), max(0, y_end - high), max(0, -x), max(0, x_end - wide)
        if any(beyond):
            part = np.asarray(cv2.copyMakeBorder(part, *beyond, cv2.BORDER_CONSTANT), np.uint16)
        return shrunk_light(part, size)


def _target(layout: RenditionLayout) -> Target:
    """What of the photo is needed; no larger than it is."""
    left, top, right, bottom = layout.source
    wide, high = layout.place[2] - layout.place[0], layout.place[3] - layout.place[1]
    return layout.source, (min(wide, right - left), min(high, bottom - top))


def _scale_of(target: Target) -> float:
    (left, top, right, bottom), (wide, high) = target
    return min(wide / (right - left), high / (bottom - top))


def _needed(targets: list[Target]) -> list[Target]:
    """Those that are not derived from a larger one. targets: the largest first."""
    kept: list[Target] = []
    for target in targets:
        if not any(_serves(larger, target) for larger in kept):
            kept.append(target)
    return kept


def _serves(larger: Target, target: Target) -> bool:
    """Whether one can be derived from another: that is large enough, and has all that is to be seen."""
    if _scale_of(larger) < _ENOUGH * _scale_of(target):
        return False
    # Rounding takes in pixels that show nothing: up to one of the smaller picture's.
    slack = 1 / _scale_of(target)
    (left, top, right, bottom), (outer_left, outer_top, outer_right, outer_bottom) = target[0], larger[0]
    beyond = outer_left - left, outer_top - top, right - outer_right, bottom - outer_bottom
    return max(beyond) <= slack


def _strips(rgba: Samples | StripPicture) -> Iterator[Samples]:
    if isinstance(rgba, StripPicture):
        yield from rgba.strips()
    else:
        yield from (rgba[top : top + _STRIP] for top in range(0, len(rgba), _STRIP))


def _read(levels: list["_Level"], rgba: Samples | StripPicture, profile: bytes | None) -> None:
    """Give all rows of a cut-out to all levels. Between two strips, the rows of blocks that are not whole are held."""
    left = min(level.columns[0] for level in levels)
    right = max(level.columns[1] for level in levels)
    held: Steps = np.zeros((0, right - left, 4), np.uint16)
    top = 0
    for strip in _strips(rgba):
        part = strip[:, left:right]
        bottom = top + len(held) + len(strip)
        begin = min(level.next_row for level in levels)
        if begin < bottom:
            light = _light(part, profile) if part[..., 3].any() else np.zeros(part.shape, np.uint16)
            held = np.concatenate([held, light]) if len(held) else light
            for level in levels:
                level.take(held, (left, top), bottom)
            keep = min(max(top, min(level.next_row for level in levels)), bottom)
        else:
            keep = bottom
        held, top = held[keep - top :], keep


def _light(strip: Samples, profile: bytes | None) -> Steps:
    if profile is not None:
        colours = icc.in_srgb(np.ascontiguousarray(strip[..., :3]), profile)
        strip = np.concatenate([colours, strip[..., 3:]], axis=2)
    return premultiplied(strip)


@dataclass(slots=True, eq=False)
class _Level:
    """A part of the photo that becomes smaller while its rows come in: means over areas, block by block.

    Blocks begin at whole rows of the photo, so their scales differ a little.

    source: the part, which may reach beyond the photo. rows, columns: what of the photo is in it, from and to.
    at: how many rows of the result are there.
    """

    source: Box
    rows: tuple[int, int]
    columns: tuple[int, int]
    light: Steps
    at: int = 0

    @classmethod
    def of(cls, target: Target, photo: tuple[int, int]) -> "_Level":
        """photo: its width and height."""
        (left, top, right, bottom), (wide, high) = target
        rows, columns = (max(0, top), min(photo[1], bottom)), (max(0, left), min(photo[0], right))
        return cls(target[0], rows, columns, np.zeros((high, wide, 4), np.uint16))

    @property
    def next_row(self) -> int:
        """The first row of the photo that is still needed; one beyond all if none is."""
        return max(0, self._row(self.at)) if self.at < len(self.light) else _NO_ROW

    def take(self, held: Steps, at: tuple[int, int], bottom: int) -> None:
        """Shrink all blocks that are whole. held: rows of the photo up to `bottom`; at: its left and top there."""
        while self.at < len(self.light):
            end = self._end_of_block()
            start_row, end_row = self._row(self.at), self._row(end)
            if min(end_row, self.rows[1]) > bottom:
                return
            self._shrink(held, at, (start_row, end_row), end)
            self.at = end

    @property
    def _scale(self) -> float:
        return len(self.light) / (self.source[3] - self.source[1])

    def _end_of_block(self) -> int:
        """Where the next block ends: after one strip or less, where its end is nearest to a whole row of the photo."""
        most = max(1, round(_STRIP * self._scale))
        if self.at + most >= len(self.light):
            return len(self.light)
        ends = np.arange(self.at + most, self.at + most // 2, -1)
        rows = ends / self._scale
        return int(ends[np.argmin(np.abs(np.rint(rows) - rows))])

    def _row(self, at: int) -> int:
        """Where in the photo a row of the result begins."""
        return self.source[1] + round(at / self._scale)

    def _shrink(self, held: Steps, at: tuple[int, int], rows: tuple[int, int], end: int) -> None:
        left, top = at
        start, stop = max(rows[0], self.rows[0]), min(rows[1], self.rows[1])
        if start >= stop:
            return
        part = held[start - top : stop - top, self.columns[0] - left : self.columns[1] - left]
        beyond = (
            start - rows[0], rows[1] - stop, self.columns[0] - self.source[0], self.source[2] - self.columns[1],
        )  # fmt: skip
        if any(beyond):
            part = np.asarray(cv2.copyMakeBorder(part, *beyond, cv2.BORDER_CONSTANT), np.uint16)
        into = self.light[self.at : end]
        shrunk = shrunk_light(part, (self.light.shape[1], end - self.at), into)
        if shrunk is not into:
            into[:] = shrunk
