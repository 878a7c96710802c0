"""Takes the old background's colour out of half-transparent rims.

Blur-fusion (M. Forte, "Approximate Fast Foreground Colour Estimation", ICIP 2021): foreground and background near a
pixel are alpha-weighted means of the colours around it, first of a wide area, then of a narrow one. What the mixture of
both does not explain goes to the foreground. We compute the smooth means on a small picture, and the last step on the
original's own pixels.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon.pictures.tiles import Floats

SIDE = 512  # pixels; the published radii, 90 and 6, are for about 1,000, and half of everything gives the same colours
_WIDE, _NARROW = 45, 3
_TINY = 1e-5


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Smooth estimates around each pixel of a small picture: (3, h, w) float32 each, 0..1."""

    foreground: Floats
    background: Floats


def sample_size(width: int, height: int) -> tuple[int, int]:
    """The size, (width, height), at which `surroundings` looks at a picture."""
    scale = min(1.0, SIDE / max(height, width))
    return max(1, round(width * scale)), max(1, round(height * scale))


def surroundings(small: Floats, alpha: Floats) -> Surroundings:
    """The colours of subject and background around each pixel. small: (h, w, 3) 0..1. alpha: (h, w) 0..1."""
    cover = _three(alpha)
    shares = _three(_mean(alpha, _WIDE))
    of_subject = _mean(small * cover, _WIDE)
    foreground = of_subject / (shares + _TINY)
    background = (_mean(small, _WIDE) - of_subject) / (1 - shares + _TINY)
    sharp = unmixed(small, cover, foreground, background)
    shares = _three(_mean(alpha, _NARROW))
    foreground = _mean(sharp * cover, _NARROW) / (shares + _TINY)
    background = _mean(background * (1 - cover), _NARROW) / (1 - shares + _TINY)
    return Surroundings(np.stack(cv2.split(foreground)), np.stack(cv2.split(background)))


def unmixed(colour: Floats, alpha: Floats, foreground: Floats, background: Floats) -> Floats:
    """The subject's colour in a mixed pixel, 0..1: the estimate, and what the mixture of both leaves unexplained."""
    unexplained = colour - background - alpha * (foreground - background)
    result: Floats = foreground + alpha * unexplained
    return np.clip(result, 0.0, 1.0, out=result)


def cleaned(colour: Floats, alpha: Floats, foreground: Floats, background: Floats) -> Floats:
    """Rim colours without the background in them, where cleaning helps: (3, N) 0..1.

    colour, foreground, background: (3, N) 0..1. alpha: (N,) 0..1.

    A halo shows by how far a colour is from the subject's colour around it. If cleaning does not bring it nearer, the
    estimates do not fit the pixel (a wrong alpha, a highlight, a subject of many colours), and it stays as it was.
    """
    clean = unmixed(colour, alpha, foreground, background)
    return np.where(_distance(clean, foreground) < _distance(colour, foreground), clean, colour)


def _distance(one: Floats, other: Floats) -> Floats:
    """How far colours are apart, summed over red, green and blue. (3, N) each; returns (N,)."""
    red, green, blue = np.abs(one - other)
    apart: Floats = red + (green + blue)
    return apart


def _three(values: Floats) -> Floats:
    """(h, w) repeated for each of three colours."""
    return np.asarray(cv2.merge([values, values, values]), np.float32)


def _mean(values: NDArray[np.float32], radius: int) -> Floats:
    side = 2 * radius + 1
    return np.asarray(cv2.blur(values, (side, side), borderType=cv2.BORDER_REPLICATE), np.float32)
