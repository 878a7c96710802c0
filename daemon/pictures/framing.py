"""Chooses the part of a cut-out that is written, and its size."""

import numpy as np

from daemon.pictures.values import Frame, Samples

_UNSEEN = 50  # nobody sees an alpha below a fiftieth; without this limit, one stray speck would prevent any trim


def frame_of(alpha: Samples, *, trim: bool = False, margin: float = 0.0, max_side: int = 0) -> Frame | None:
    """The frame around what `alpha`, (H, W) at full size, shows; None for all as it is.

    trim: leave out what is empty around it. max_side: the longest side of the result in pixels; 0 = as it is.
    margin: a share of the longer side of what is shown. It may reach beyond the photo, except where the photo's
    own edge cuts the subject off: a straight cut in mid-air would look like a mistake.
    """
    height, width = alpha.shape
    left, top, right, bottom = 0, 0, width, height
    if trim and (box := shown_box(alpha)):
        around = round(margin * max(box[2] - box[0], box[3] - box[1]))
        left, top = (start - around if start > 0 else 0 for start in box[:2])
        right, bottom = (
            end + around if end < most else most for end, most in zip(box[2:], (width, height), strict=True)
        )
    wide, high = right - left, bottom - top
    frame = Frame(left, top, wide, high, fitted_size(wide, high, max_side))
    return None if frame == Frame(0, 0, width, height, (width, height)) else frame


def fitted_size(width: int, height: int, max_side: int) -> tuple[int, int]:
    """Width and height of a result, in pixels; max_side as for `frame_of`."""
    scale = min(1.0, max_side / max(width, height)) if max_side else 1.0
    return max(1, round(width * scale)), max(1, round(height * scale))


def shown_box(alpha: Samples) -> tuple[int, int, int, int] | None:
    """Left, top, right and bottom of what is seen, the last two exclusive; None if nothing is seen."""
    seen = alpha >= np.iinfo(alpha.dtype).max // _UNSEEN
    columns, rows = np.flatnonzero(seen.any(axis=0)), np.flatnonzero(seen.any(axis=1))
    if not len(rows):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
