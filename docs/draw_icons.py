"""Draws the icons of the web pages, for phones that install them: python docs/draw_icons.py"""

from pathlib import Path

import numpy as np
import pyvips

FOLDER = Path(__file__).parent.parent / "daemon" / "web" / "pages" / "static"
LIGHT, DARK = (255, 255, 255), (185, 188, 194)  # the chequerboard
RED, BLACK = (216, 67, 59), (43, 45, 49)  # the two halves of the subject
FINER = 4  # each pixel is the mean of FINER x FINER: smooth borders


def icon(size: int) -> np.ndarray:  # type: ignore[type-arg]
    """(size, size, 3) uint8: a disc, half of it cut out, on a chequerboard.

    All of it lies in the safe zone of a maskable icon.
    """
    many = size * FINER
    y, x = (np.mgrid[:many, :many] + 0.5) / many
    squares = (np.floor(x * 8) + np.floor(y * 8)) % 2 == 0
    drawn = np.where(squares[..., None], DARK, LIGHT).astype(np.float32)
    disc = np.hypot(x - 0.5, y - 0.5) <= 0.3125
    drawn[disc & (x < 0.5)] = RED
    drawn[disc & (x >= 0.5)] = BLACK
    return np.asarray(drawn.reshape(size, FINER, size, FINER, 3).mean(axis=(1, 3)).round().astype(np.uint8))


def main() -> None:
    """Write all sizes."""
    for size in (192, 512):
        picture = pyvips.Image.new_from_array(icon(size), interpretation="srgb")
        picture.write_to_file(str(FOLDER / f"icon-{size}.png"), compression=9, strip=True)


if __name__ == "__main__":
    main()
