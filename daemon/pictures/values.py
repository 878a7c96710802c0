"""Values that the modules for pictures hand to each other."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.uint8 | np.uint16]
"""uint8 or uint16, full scale 255 or 65535."""

Container = Literal["png", "tiff", "webp", "jpeg"]
"""The formats that can be written."""

METRES_PER_INCH = 0.0254
_SENSIBLE_DPI = (1.0, 100_000.0)
_SAME_DPI = 0.005  # relative


def is_sensible(dpi: float) -> bool:
    """Whether a resolution that a file tells, in pixels per inch, can be meant."""
    return _SENSIBLE_DPI[0] <= dpi <= _SENSIBLE_DPI[1]


def across_and_down(across: float | None, down: float | None) -> tuple[float | None, float | None]:
    """A resolution as `Metadata` has it: that from top to bottom only if it differs by more than writers round."""
    differ = across and down and abs(across / down - 1) > _SAME_DPI
    return across, down if differ else None


@dataclass(frozen=True, slots=True)
class Metadata:
    """What travels with the pixels, as it lay in the file: an ICC profile, an EXIF block, an XMP packet, IPTC records.

    dpi: pixels per inch; None if the file says nothing sensible. dpi_down: from top to bottom, if that differs, as in
    faxes.
    """

    icc: bytes | None = None
    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    dpi: float | None = None
    dpi_down: float | None = None

    @property
    def resolution(self) -> tuple[float, float] | None:
        """Pixels per inch, across and down; None if the file says nothing sensible."""
        return (self.dpi, self.dpi_down or self.dpi) if self.dpi else None


@dataclass(frozen=True, slots=True)
class Header:
    """What a file says of itself before any pixel is decoded.

    channels: with an alpha, if any. colours: channels without it, 1 (grey), 3 or 4 (CMYK); 0 if they make no picture.
    sample: libvips' name of the type of one value. orientation: EXIF's 1..8. in_passes: whether no row is whole before
    the end, as in a progressive JPEG or an interlaced PNG. tile: width and height of a TIFF's tiles; 0 if it has none.
    is_lab: whether its colours are lightness and two differences, in floats.
    """

    width: int
    height: int
    channels: int
    colours: int
    sample: str
    pages: int
    orientation: int
    metadata: Metadata = field(default_factory=Metadata)
    in_passes: bool = False
    tile: tuple[int, int] = (0, 0)
    is_lab: bool = False


@dataclass(frozen=True, slots=True)
class Decodable:
    """A picture of a kind that libvips cannot decode: what its header says, and how to get its pixels.

    pixels: decodes to (H, W) or (H, W, 1..4); raises Undecodable. prove: reads enough to show that all is there.
    """

    header: Header
    pixels: Callable[[], Samples]
    prove: Callable[[], object]


@dataclass(frozen=True, slots=True)
class Page:
    """One picture of a file.

    index: its place in the file, from 0. number: 1, 2, … of the `of` pictures of the file that are worked on. left_out:
    how many more are not worked on.
    """

    index: int = 0
    number: int = 1
    of: int = 1
    left_out: int = 0

    @property
    def suffix(self) -> str:
        """The page suffix in the names of its results: "-p1", or nothing if it is the only page."""
        return f"-p{self.number:0{len(str(self.of))}}" if self.of > 1 else ""


ONLY_PAGE = Page()


@dataclass(frozen=True, slots=True)
class Frame:
    """The part of a picture that is written, in its pixels, and the size it gets.

    left and top may be negative, and left + width larger than the picture: what lies beyond is transparent.
    size: (width, height) of the result.
    """

    left: int
    top: int
    width: int
    height: int
    size: tuple[int, int]
