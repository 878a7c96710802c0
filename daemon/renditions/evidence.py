"""What a written rendition is held against, and what is found in it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daemon.pictures.as_written import AsWritten
from daemon.renditions.ground_proof import BLOCK, BLOCK_OF_COLOUR, GroundFigures, Mask, ground_figures
from daemon.renditions.wanted import Rendition, ShopRules, Side


@dataclass(frozen=True, slots=True, eq=False)
class ToProve:
    """What a file is held against.

    cover: (H, W) uint8, the subject's alpha on the canvas. touched: (H, W) bool, where the subject or its shadow is.
    share: of the subject by side and by area, 0..1. cut: the sides where the photo's edge cuts it off. export_name: the
    name that the file gets in an export; "" = it is not known.
    """

    rendition: Rendition
    cover: NDArray[np.uint8]
    touched: Mask
    share: tuple[float, float]
    cut: tuple[Side, ...] = ()
    export_name: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class FileEvidence:
    """A file and what it is held against. ground: None if no colour is asked, or it cannot be looked for."""

    name: str
    file: AsWritten
    asked: ToProve
    ground: GroundFigures | None

    @property
    def rules(self) -> ShopRules:
        """The rules of the rendition."""
        return self.asked.rendition.rules


def evidence_of(name: str, file: AsWritten, asked: ToProve) -> FileEvidence:
    """What the rules need to know of a file that is called `name`."""
    colour = asked.rendition.rules.exact_ground
    pixels, touched = file.pixels, asked.touched | (asked.cover > 0)
    if colour is None or pixels.dtype != np.uint8 or pixels.shape[2] < 3 or pixels.shape[:2] != touched.shape:
        return FileEvidence(name, file, asked, None)
    block = 0 if file.format != "jpeg" else BLOCK_OF_COLOUR if file.subsampled else BLOCK
    return FileEvidence(name, file, asked, ground_figures(pixels, touched, colour, block))
