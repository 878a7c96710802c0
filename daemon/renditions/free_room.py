"""The part of a canvas that a subject may take, and its place there."""

from dataclasses import dataclass

from daemon.errors import Said
from daemon.renditions.cannot_draw import CannotDraw
from daemon.renditions.subject_box import SubjectBox
from daemon.renditions.wanted import Placing, Rendition, Sides

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class FreeRoom:
    """What margins leave of a canvas, as shares of its width and height.

    margins: top, right, bottom, left; none where the photo's edge cuts the subject off, which then lies on the edge of
    the canvas. width, height: what is left. spans: whether the subject is cut off on both sides, so that it must reach
    from one edge to the other: across, down.
    """

    margins: Sides
    width: float
    height: float
    spans: tuple[bool, bool]

    @classmethod
    def of(cls, box: SubjectBox, rendition: Rendition) -> "FreeRoom":
        """The room for a subject. Raises CannotDraw if there is none."""
        placing = rendition.placing
        top, right, bottom, left = (
            0.0 if side in box.cut else margin
            for side, margin in zip(("top", "right", "bottom", "left"), placing.margins, strict=True)
        )
        if placing.at == "bottom" and "bottom" not in box.cut:
            bottom = max(bottom, 1 - placing.line)
        width, height = 1 - left - right, 1 - top - bottom
        if min(width, height) <= 0:
            raise CannotDraw(Said("rendition_no_room", name=rendition.label))
        spans = {"left", "right"} <= set(box.cut), {"top", "bottom"} <= set(box.cut)
        return cls((top, right, bottom, left), width, height, spans)

    def place(self, box: SubjectBox, canvas: Pair, size: Pair, placing: Placing) -> Pair:
        """Left and top of a subject that is drawn in a size (width, height)."""
        top, right, bottom, left = self.margins
        across = _Axis(left * canvas[0], canvas[0] * (1 - right), size[0])
        down = _Axis(top * canvas[1], canvas[1] * (1 - bottom), size[1])
        pull_across = (box.gravity[0] - box.left) / box.width
        pull_down = (box.gravity[1] - box.top) / box.height
        x, y = across.middle(), down.middle()
        if placing.at == "optical":
            x, y = across.balanced(pull_across), down.balanced(pull_down)
        elif placing.at == "bottom":
            y = round(placing.line * canvas[1]) - size[1]
        x, y = across.within(x), down.within(y)
        if not self.spans[0]:
            x = 0 if "left" in box.cut else canvas[0] - size[0] if "right" in box.cut else x
        y = canvas[1] - size[1] if "bottom" in box.cut else 0 if "top" in box.cut else y
        return min(max(x, 0), canvas[0] - size[0]), min(max(y, 0), canvas[1] - size[1])


@dataclass(frozen=True, slots=True)
class _Axis:
    """Room from `low` to `high` for something of `length`."""

    low: float
    high: float
    length: int

    def middle(self) -> int:
        return round((self.low + self.high - self.length) / 2)

    def balanced(self, gravity: float) -> int:
        """Half-way between its middle and its centre of gravity, a share of its length, in the middle of the room."""
        return round((self.low + self.high) / 2 - self.length * (0.5 + gravity) / 2)

    def within(self, at: int) -> int:
        """As near to a place as the room allows."""
        return round(max(self.low, min(at, self.high - self.length)))
