"""Says where everything lies in a rendition, before a pixel is drawn."""

import math
from dataclasses import dataclass

from daemon.errors import Said
from daemon.renditions.cannot_draw import CannotDraw
from daemon.renditions.canvas_size import canvas_size, rounded_up, scale_for
from daemon.renditions.free_room import FreeRoom
from daemon.renditions.subject_box import Box, SubjectBox
from daemon.renditions.wanted import Remark, Rendition, Side

_DIGITS = 9  # of shares: 0.85 shall not become 0.8499999999999999


@dataclass(frozen=True, slots=True)
class RenditionLayout:
    """Where things lie in a rendition, in its own pixels unless said otherwise; right and bottom are exclusive.

    size: width and height of the canvas. box: of the subject. source: the pixels of the photo that are drawn, in the
    photo's; it may reach a little beyond it, where there is nothing. place: where they are drawn. scale: of the
    subject against the photo. share: of the box by side and by area, 0..1. cut: the sides where the photo's edge cuts
    the subject off. outside: the share of the subject's weight that is outside of its box (hairs, specks), 0..1.
    remarks: short names of what people should know: "enlarged", "smaller_than_asked" (its own pixels, or margins, leave
    it smaller), "spans" (cut off on both sides, so it fills the canvas from one to the other), "cut_edge_inside" (it is
    cut off where the canvas goes on), "outside_clipped" (hairs or specks reach beyond the canvas).
    """

    size: tuple[int, int]
    box: Box
    source: Box
    place: Box
    scale: float
    share: tuple[float, float]
    cut: tuple[Side, ...]
    outside: float
    remarks: tuple[Remark, ...]

    @property
    def enlarged(self) -> bool:
        """Whether the subject is larger than in the photo."""
        return self.scale > 1


def laid_out(box: SubjectBox | None, rendition: Rendition) -> RenditionLayout:
    """Lay a rendition out.

    The share of the subject is never below what is asked, as far as its own pixels and the margins allow.
    Raises CannotDraw if the canvas cannot hold the subject as asked, or if there is none (box is None).
    """
    if box is None:
        raise CannotDraw(Said("rendition_nothing_to_show", name=rendition.label))
    room = FreeRoom.of(box, rendition)
    width, height = canvas_size(box, room, rendition)
    scale, remarks = scale_for(box, room, (width, height), rendition)
    if not rendition.placing.enlarge and scale > 1:
        scale = 1.0
        remarks = ("smaller_than_asked",)
    wide = min(width, rounded_up(scale * box.width))
    high = min(height, rounded_up(scale * box.height))
    left, top = room.place(box, (width, height), (wide, high), rendition.placing)
    across = _drawn((box.left, box.right), (box.shown[0], box.shown[2]), (left, wide), width)
    down = _drawn((box.top, box.bottom), (box.shown[1], box.shown[3]), (top, high), height)
    return _layout(box, (width, height), (across, down), remarks + _notes(box, across, down, (width, height)))


@dataclass(frozen=True, slots=True)
class _Drawn:
    """One axis: what of the photo is drawn where. start, end: in the photo; first, last: on the canvas."""

    start: int
    end: int
    first: int
    last: int
    clipped: bool

    @property
    def scale(self) -> float:
        return (self.last - self.first) / (self.end - self.start)

    def of(self, at: float) -> float:
        """Where a place of the photo lies on the canvas."""
        return self.first + (at - self.start) * self.scale


def _drawn(box: tuple[int, int], shown: tuple[int, int], on: tuple[int, int], canvas: int) -> _Drawn:
    """Extend a box that is drawn `on` a place (from, how long) by what is shown around it, as the canvas has room."""
    scale = on[1] / (box[1] - box[0])
    before, start = _around(box[0] - shown[0], scale, on[0])
    after, end = _around(shown[1] - box[1], scale, canvas - on[0] - on[1])
    clipped = (box[0] - shown[0]) * scale > on[0] + 1 or (shown[1] - box[1]) * scale > canvas - on[0] - on[1] + 1
    return _Drawn(box[0] - start, box[1] + end, on[0] - before, on[0] + on[1] + after, clipped)


def _around(pixels: int, scale: float, room: int) -> tuple[int, int]:
    """How many pixels of the canvas show so many pixels of the photo beside a box, and how many those exactly are.

    Both are whole, so the scale is not quite that of the box; it is never smaller, or the share would be too.
    """
    if scale <= 1:
        shown = min(room, math.ceil(pixels * scale))
        return shown, math.floor(shown / scale)
    taken = min(pixels, math.floor(room / scale))
    return min(room, math.ceil(taken * scale)), taken


def _layout(
    box: SubjectBox, size: tuple[int, int], drawn: tuple[_Drawn, _Drawn], remarks: tuple[Remark, ...]
) -> RenditionLayout:
    across, down = drawn
    wide, high = box.width * across.scale, box.height * down.scale
    placed = across.of(box.left), down.of(box.top), across.of(box.right), down.of(box.bottom)
    left, top, right, bottom = (round(edge) for edge in placed)
    scale = max(across.scale, down.scale)
    return RenditionLayout(
        size,
        (left, top, max(right, left + 1), max(bottom, top + 1)),
        (across.start, down.start, across.end, down.end),
        (across.first, down.first, across.last, down.last),
        scale,
        (round(max(wide / size[0], high / size[1]), _DIGITS), round(wide * high / (size[0] * size[1]), _DIGITS)),
        box.cut,
        box.outside,
        ("enlarged", *remarks) if scale > 1 else remarks,
    )


def _notes(box: SubjectBox, across: _Drawn, down: _Drawn, size: tuple[int, int]) -> tuple[Remark, ...]:
    at_edge = {
        "top": down.of(box.top) < 1, "bottom": down.of(box.bottom) > size[1] - 1,
        "left": across.of(box.left) < 1, "right": across.of(box.right) > size[0] - 1,
    }  # fmt: skip
    notes: tuple[Remark, ...] = ("cut_edge_inside",) if not all(at_edge[side] for side in box.cut) else ()
    return (*notes, "outside_clipped") if across.clipped or down.clipped else notes
