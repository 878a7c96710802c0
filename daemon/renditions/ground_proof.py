"""How exactly the background of a rendition has its colour: everywhere, at the frame, and beside the subject."""

from dataclasses import dataclass

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
    difference = np.zeros(touched.shape, np.uint8)
    for channel, value in enumerate(colour):
        off = np.abs(pixels[..., channel].astype(np.int16) - value).astype(np.uint8)
        np.maximum(difference, off, out=difference)
    free = ~touched
    strict = free & ~touched_blocks(touched, block) if block else free
    beside = free & ~strict
    frame = frame_of(touched.shape)
    # Only what itself stands on the frame, cut off there by the photo's edge, makes the frame beside it unclean.
    strict_frame = frame & (strict if (touched & frame).any() else free)
    return GroundFigures(
        int(strict.sum()),
        int((difference[strict] > 0).sum()),
        int(strict_frame.sum()),
        int((difference[strict_frame] > 0).sum()),
        int(beside.sum()),
        int(difference[beside].max(initial=0)),
    )


def touched_blocks(touched: Mask, block: int) -> Mask:
    """(H, W): the pixels of all blocks of a JPEG in which anything is touched.

    block: BLOCK, or BLOCK_OF_COLOUR; then a pixel around them counts, too, as decoders blend colours with that.
    """
    blocks = _by_block(touched, block).any((1, 3))
    spread = blocks.repeat(block, 0).repeat(block, 1)[: touched.shape[0], : touched.shape[1]]
    return _grown(spread) if block == BLOCK_OF_COLOUR else spread


def mixed_blocks(pixels: Samples, touched: Mask) -> tuple[Samples, Mask]:
    """All blocks of 8 x 8 that have both background and touched pixels, side by side: (8, 8 n, 3) and (8, 8 n).

    As a JPEG has them: where the picture ends in a block, its last row and column go on.
    """
    down, across = np.nonzero(_by_block(touched, BLOCK).any((1, 3)) & ~_by_block(touched, BLOCK, True).all((1, 3)))
    edge = [(0, -length % BLOCK) for length in touched.shape]
    whole = np.pad(pixels, (*edge, (0, 0)), mode="edge")
    by_block = whole.reshape(whole.shape[0] // BLOCK, BLOCK, whole.shape[1] // BLOCK, BLOCK, pixels.shape[2])
    found = by_block[down, :, across].transpose(1, 0, 2, 3).reshape(BLOCK, -1, pixels.shape[2])
    # What lies beyond the picture is nobody's background.
    covered = _by_block(touched, BLOCK, True)[down, :, across].transpose(1, 0, 2).reshape(BLOCK, -1)
    return found, covered


def _by_block(touched: Mask, side: int, beyond: bool = False) -> Mask:
    padded = np.pad(touched, [(0, -length % side) for length in touched.shape], constant_values=beyond)
    return padded.reshape(padded.shape[0] // side, side, padded.shape[1] // side, side)


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
