"""How exactly the background of a rendition has its colour: everywhere, at the frame, and beside the subject."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon.pictures.values import Samples
from daemon.renditions.wanted import Colour

Mask = NDArray[np.bool_]

BLOCK = 8
"""Pixels that a JPEG rounds together, from the top left (ITU-T T.81, A.1)."""
BLOCK_OF_COLOUR = 16
"""The same where its colour is at half the size (4:2:0)."""
MOST_BESIDE = 5
"""Steps of 255 by which the background may be off in a JPEG's blocks that the subject touches."""


@dataclass(frozen=True, slots=True)
class GroundFigures:
    """What was found.

    pixels: of the background, except in blocks that the subject touches; wrong: how many of them have another colour.
    frame, frame_wrong: the same of the outermost rows and columns, also in such blocks if the subject itself ends
    before the frame. beside: pixels of the background in blocks that it touches; off: by how many steps of 255 one
    channel of them is off at most.
    """

    pixels: int
    wrong: int
    frame: int
    frame_wrong: int
    beside: int
    off: int


def ground_figures(pixels: Samples, touched: Mask, colour: Colour, block: int = 0) -> GroundFigures:
    """Hold the background against its colour.

    pixels: (H, W, 3 or more) uint8; an alpha is not looked at. touched: (H, W), where the subject or its shadow is.
    block: the side of the blocks in which the file's coding may change colours, BLOCK or BLOCK_OF_COLOUR; 0 = none.
    """
    other = np.asarray(cv2.inRange(np.ascontiguousarray(pixels[..., :3]), colour, colour)) == 0
    free = ~touched
    strict = free & ~touched_blocks(touched, block) if block else free
    beside = free & ~strict
    frame = frame_of(touched.shape)
    # Only what itself stands on the frame, cut off there by the photo's edge, makes the frame beside it unclean.
    strict_frame = frame & (strict if (touched & frame).any() else free)
    off = np.abs(pixels[beside & other][:, :3].astype(np.int16) - np.array(colour, np.int16))
    return GroundFigures(
        _count(strict),
        _count(strict & other),
        _count(strict_frame),
        _count(strict_frame & other),
        _count(beside),
        int(off.max(initial=0)),
    )


def touched_blocks(touched: Mask, block: int) -> Mask:
    """(H, W): the pixels of all blocks of a JPEG in which anything is touched.

    block: BLOCK, or BLOCK_OF_COLOUR; then a pixel around them counts, too, as decoders blend colours with that.
    """
    blocks = _with_any(touched, block)
    spread = blocks.repeat(block, 0).repeat(block, 1)[: touched.shape[0], : touched.shape[1]]
    return _grown(spread) if block == BLOCK_OF_COLOUR else spread


def mixed_blocks(pixels: Samples, touched: Mask) -> tuple[Samples, Mask]:
    """All blocks of 8 x 8 that have both background and touched pixels, side by side: (8, 8 n, 3) and (8, 8 n).

    As a JPEG has them: where the picture ends in a block, its last row and column go on.
    """
    down, across = np.nonzero(_with_any(touched, BLOCK) & _with_any(~touched, BLOCK))
    edge = [(0, -length % BLOCK) for length in touched.shape]
    found = _by_block(_padded(pixels, [*edge, (0, 0)], mode="edge"))[down, :, across].transpose(1, 0, 2, 3)
    # What lies beyond the picture is nobody's background.
    covered = _by_block(_padded(touched, edge, constant_values=True))[down, :, across].transpose(1, 0, 2)
    return found.reshape(BLOCK, -1, pixels.shape[2]), covered.reshape(BLOCK, -1)


def _by_block(picture: Any) -> Any:  # Any: an array of any kind
    """(H / 8, 8, W / 8, 8, ...) of a picture (H, W, ...) of whole blocks."""
    high, wide = (length // BLOCK for length in picture.shape[:2])
    return picture.reshape(high, BLOCK, wide, BLOCK, *picture.shape[2:])


def _with_any(mask: Mask, side: int) -> Mask:
    """Which blocks, of `side` x `side` pixels, have any pixel of a mask; side: BLOCK or a multiple."""
    whole = np.ascontiguousarray(_padded(mask, [(0, -length % side) for length in mask.shape]))
    eights = whole.view(np.uint64)  # eight pixels of a row at once: six times as fast
    parts = eights.reshape(whole.shape[0] // side, side, whole.shape[1] // side, side // BLOCK)
    found: Mask = np.bitwise_or.reduce(np.bitwise_or.reduce(parts, axis=1), axis=2) != 0
    return found


def _count(mask: Mask) -> int:
    return int(np.count_nonzero(mask))


def _padded(picture: Any, edges: Sequence[tuple[int, int]], **how: Any) -> Any:
    return np.pad(picture, edges, **how) if np.any(edges) else picture


def _grown(mask: Mask) -> Mask:
    """The mask and the pixels next to it."""
    wide = np.pad(mask, 1)
    tall = wide[:-2] | wide[1:-1] | wide[2:]
    return tall[:, :-2] | tall[:, 1:-1] | tall[:, 2:]


def frame_of(shape: tuple[int, ...]) -> Mask:
    """(H, W): the outermost rows and columns."""
    frame = np.ones(shape, bool)
    frame[1:-1, 1:-1] = False
    return frame
