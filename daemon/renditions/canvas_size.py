"""The size of a rendition, and of the subject in it."""

import math

from daemon.errors import Said
from daemon.renditions.cannot_draw import CannotDraw
from daemon.renditions.free_room import FreeRoom, Pair
from daemon.renditions.subject_box import SubjectBox
from daemon.renditions.wanted import Remark, Rendition

_ALMOST = 1e-9  # what sums of floating-point numbers are off


def canvas_size(box: SubjectBox, room: FreeRoom, rendition: Rendition) -> Pair:
    """Width and height of the canvas. Raises CannotDraw as `scale_for`."""
    canvas = rendition.canvas
    ratio = _own_ratio(box, room, rendition) if canvas.ratio is None else canvas.ratio
    longest = canvas.longest
    size = _sized(ratio, longest)
    if canvas.grows and (scale := scale_for(box, room, size, rendition)[0]) > 1:
        longest = max(1, math.ceil(longest / scale))
        while scale_for(box, room, (size := _sized(ratio, longest)), rendition)[0] > 1 + _ALMOST and longest > 1:
            longest -= 1
    return size


def scale_for(box: SubjectBox, room: FreeRoom, size: Pair, rendition: Rendition) -> tuple[float, tuple[Remark, ...]]:
    """The scale that gives the subject its share of a canvas of a size, and remarks as in `RenditionLayout`.

    It may be over 1. Raises CannotDraw, with a figure, if the share is one of the area and cannot be met.
    """
    fill = rendition.placing.fill
    width, height = size
    most = min(room.width * width / box.width, room.height * height / box.height)
    spanning = [length / own for length, own, spans in _axes(box, room, size) if spans]
    if spanning:
        scale = min(spanning)
        return (scale, ("spans",)) if scale <= most + _ALMOST else (most, ())
    if rendition.placing.fill_by == "side":
        scale = min(fill * width / box.width, fill * height / box.height)
        return (scale, ()) if scale <= most + _ALMOST else (most, ("smaller_than_asked",))
    share = box.width * box.height / (width * height)
    scale = math.sqrt(fill / share)
    if scale > most + _ALMOST:
        met = math.floor(1000 * most * most * share) / 10
        wanted, allowed = f"{100 * fill:.4g} %", f"{met:.4g} %"
        raise CannotDraw(Said("rendition_area_too_large", name=rendition.label, wanted=wanted, most=allowed))
    return scale, ()


def rounded_up(pixels: float) -> int:
    """Whole pixels, never fewer, at least one."""
    return max(1, math.ceil(pixels - _ALMOST * max(1.0, pixels)))


def _own_ratio(box: SubjectBox, room: FreeRoom, rendition: Rendition) -> float:
    """The ratio of a canvas in which the subject has its share both across and down."""
    fill = rendition.placing.fill
    share = fill if rendition.placing.fill_by == "side" or any(room.spans) else math.sqrt(fill)
    across = 1.0 if room.spans[0] else min(share, room.width)
    down = 1.0 if room.spans[1] else min(share, room.height)
    return (box.width / across) / (box.height / down)


def _axes(box: SubjectBox, room: FreeRoom, size: Pair) -> tuple[tuple[int, int, bool], tuple[int, int, bool]]:
    """Across and down: the length of the canvas, that of the subject, and whether it spans the canvas."""
    return (size[0], box.width, room.spans[0]), (size[1], box.height, room.spans[1])


def _sized(ratio: float, longest: int) -> Pair:
    """Width and height of a ratio whose longer side is so long."""
    if ratio >= 1:
        return longest, max(1, round(longest / ratio))
    return max(1, round(longest * ratio)), longest
