"""What a rendition is to be and what came of it: plain values, which may travel to another process.

A rendition is a picture for a shop, a feed or a page that is made from a finished result. What it is to be comes from a
preset (`config/renditions.toml`) and from what settings or an order say beside it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from daemon.jobs import Grade
from daemon.settings.rendition_words import rendition_label

RenditionFormat = Literal["jpeg", "png", "webp", "tiff"]
Pictures = Literal["all", "first", "further"]
Side = Literal["top", "right", "bottom", "left"]
Sides = tuple[float, float, float, float]
"""Shares for top, right, bottom and left, 0..1."""
Colour = tuple[int, int, int]
"""Red, green and blue, 0..255, sRGB."""

Remark = Literal[
    "enlarged", "smaller_than_asked", "spans", "cut_edge_inside", "outside_clipped",
    "no_shadow_cut", "no_shadow_own", "reflection_hovers",
]  # fmt: skip
"""What people should know of a rendition: see `RenditionLayout` and `drawn_shadow`; the words are in daemon/words."""
WHITE: Colour = (255, 255, 255)
ALL_GRADES = (Grade.SEHR_GUT, Grade.GUT, Grade.UNGENUEGEND)


@dataclass(frozen=True, slots=True)
class Canvas:
    """The size of a rendition.

    ratio: width over height; None = the shape of the subject with its margins. longest: the longest side in pixels.
    grows: the canvas is only as large as the subject needs at its own pixels, up to `longest`; else it is always
    exactly that large.
    """

    ratio: float | None
    longest: int
    grows: bool = False


@dataclass(frozen=True, slots=True)
class Placing:
    """Where the subject stands.

    fill: its share of the canvas, 0..1. fill_by: "side": the box's width or height over that of the canvas, whichever
    is larger; "area": the box over the canvas. at: "centre" of its box; "bottom": the box's lower edge on `line`, a
    share of the canvas's height from the top; "optical": half-way between the centre of its box and its centre of
    gravity. margins: kept free on each side, shares of the canvas's height (top, bottom) and width (right, left).
    enlarge: whether the subject may be made larger than it is in the photo.
    """

    fill: float = 0.85
    fill_by: Literal["side", "area"] = "side"
    at: Literal["centre", "bottom", "optical"] = "centre"
    line: float = 0.925
    margins: Sides = (0.0, 0.0, 0.0, 0.0)
    enlarge: bool = False


@dataclass(frozen=True, slots=True)
class Ground:
    """What is behind the subject.

    kind: "colour"; "gradient": from `colour` at the top to `to` at the bottom; "picture": a file, cut to the canvas;
    "blurred": the photo itself, blurred by `blur`, a share of the canvas's longest side; "original": the photo itself;
    "transparent": nothing.
    """

    kind: Literal["colour", "gradient", "picture", "blurred", "original", "transparent"] = "colour"
    colour: Colour = WHITE
    to: Colour = WHITE
    picture: Path | None = None
    blur: float = 0.03


@dataclass(frozen=True, slots=True)
class Shadow:
    """The shadow under the subject, drawn from its alpha. strength: 0..1."""

    kind: Literal["none", "contact", "drop", "reflection"] = "none"
    strength: float = 0.5


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a rendition is written.

    quality: 1..100, of JPEG and WebP, which loses nothing at 100; as far down to least_quality as most_bytes asks, and
    as far up as an exact background beside the subject needs. 0 bytes = any size.
    colours: "srgb", or "kept": in the photo's own profile. sharpen: how much after resizing, 0 (not) ..1.
    """

    format: RenditionFormat = "jpeg"
    quality: int = 92
    least_quality: int = 70
    most_bytes: int = 0
    colours: Literal["srgb", "kept"] = "srgb"
    sharpen: float = 0.0


@dataclass(frozen=True, slots=True)
class ShopRules:
    """What a finished rendition is held against. A zero, None or empty value asks nothing.

    least_longest, least_width, least_height, most_longest: in pixels. most_pixels: width times height. ratio: width
    over height. least_share, most_share: of the subject, by `Placing.fill_by`. exact_ground: the colour that all is
    that the subject and its shadow do not touch. opaque: no transparency. uncut: nothing of the subject is cut off by
    the photo's edge. free_frame: nothing but the background touches the frame. formats: that may be written.
    most_bytes: of the file. names: how its name must be built.
    """

    least_longest: int = 0
    least_width: int = 0
    least_height: int = 0
    most_longest: int = 0
    most_pixels: int = 0
    ratio: float | None = None
    least_share: float = 0.0
    most_share: float = 0.0
    exact_ground: Colour | None = None
    opaque: bool = False
    uncut: bool = False
    free_frame: bool = False
    formats: tuple[RenditionFormat, ...] = ()
    most_bytes: int = 0
    names: Literal["", "amazon", "gtin"] = ""


@dataclass(frozen=True, slots=True)
class Rendition:
    """A picture to make of each result.

    name: as settings or an order call it. preset: what it was made from, "" = nothing. grades: of results that
    it is made for. template, folder: its name and folder in an export; the variant is filled in. variant: its own name
    among several of that name, which differ in nothing but their background; "" = it is the only one. pictures: which
    ones of a product are exported: "further" = all but the first.
    """

    name: str
    preset: str
    canvas: Canvas
    placing: Placing = Placing()
    ground: Ground = Ground()
    shadow: Shadow = Shadow()
    encoding: Encoding = Encoding()
    rules: ShopRules = ShopRules()
    grades: tuple[Grade, ...] = ALL_GRADES
    template: str = "{stem}"
    folder: str = ""
    pictures: Pictures = "all"
    variant: str = ""

    @property
    def label(self) -> str:
        """What the file beside the result is called after, and how people are told of it; no other one has it."""
        return rendition_label(self.name, self.variant)


@dataclass(frozen=True, slots=True)
class Proved:
    """What became of one rule. rule: its short name. found, wanted: as figures for people, e.g. "0.87" and "≥ 0.85"."""

    rule: str
    holds: bool
    found: str
    wanted: str


@dataclass(frozen=True, slots=True)
class MadeRendition:
    """A rendition that was written, and what proof says.

    size: width and height in pixels. share: of the subject, by side and by area, 0..1. scale: of the subject against
    the photo; over 1, it was enlarged. quality: of its encoding; 0 = without loss. remarks: short names of what
    people should know. A file that breaks a rule is not kept.
    """

    rendition: Rendition
    size: tuple[int, int]
    bytes: int
    share: tuple[float, float]
    scale: float
    quality: int
    proofs: tuple[Proved, ...]
    remarks: tuple[Remark, ...] = ()

    @classmethod
    def not_made(cls, rendition: Rendition, why: str) -> "MadeRendition":
        """One of which there is no file, because it breaks the rule "made"."""
        return cls(rendition, (0, 0), 0, (0.0, 0.0), 0.0, 0, (Proved("made", False, why, "-"),))

    @property
    def broken(self) -> tuple[Proved, ...]:
        """The rules that it breaks."""
        return tuple(proof for proof in self.proofs if not proof.holds)
