"""Draws a subject on a canvas, as the drawing of renditions gives it."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from daemon.pictures.credits import for_shops
from daemon.pictures.values import Metadata
from daemon.renditions.ground_proof import Mask

GREY, RED, CREAM = (60, 60, 60), (200, 20, 30), (245, 235, 215)
METADATA = for_shops(Metadata(), "job 7", None, 300)


@dataclass(frozen=True, slots=True, eq=False)
class Drawing:
    """pixels: (H, W, 3) uint8. cover: (H, W) uint8. touched: (H, W) bool."""

    pixels: NDArray[np.uint8]
    cover: NDArray[np.uint8]
    touched: Mask


def ellipse(
    colour: tuple[int, int, int] = GREY,
    size: tuple[int, int] = (300, 300),
    ground: tuple[int, int, int] = (255, 255, 255),
    at: tuple[float, float] = (0.5, 0.5),
) -> Drawing:
    """A soft-edged ellipse with some grain, that fills 80 % of a canvas of width and height. at: its centre."""
    width, height = size
    y, x = np.mgrid[:height, :width]
    away = np.hypot((x - at[0] * width) / (0.4 * width), (y - at[1] * height) / (0.4 * height))
    alpha = np.rint(np.clip((1 - away) * min(size) / 2 + 0.5, 0, 1) * 255)
    grain = np.random.default_rng(1).normal(0, 12, (height, width, 1)) + 20 * np.sin(x / 7)[..., None]
    subject = np.clip(np.array(colour) + grain, 0, 255)
    part = alpha[..., None] / 255
    pixels = np.rint(np.array(ground) * (1 - part) + subject * part).astype(np.uint8)
    pixels[alpha == 0] = ground
    return Drawing(pixels, alpha.astype(np.uint8), alpha > 0)
