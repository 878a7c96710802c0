"""Brings pictures of high dynamic range to what ordinary screens, engines and shops show.

Up to four fifths of the light of white paper everything stays as bright as it was meant; what is brighter, up to lamps
and gleams, is pressed together into the last fifth. All three channels of a pixel get the same share, so no hue
changes. Paper has 203 of the up to 1,000 candela per square metre that such pictures usually reach (ITU-R BT.2408, 3).
"""

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon.pictures.values import Samples

Curve = Literal["pq", "hlg"]
"""How values stand for light: perceptual quantization or hybrid log-gamma (ITU-R BT.2100)."""

_PAPER, _PEAK, _PQ_PEAK = 203.0, 1000.0, 10_000.0  # candela per square metre
_KNEE = 0.8  # of the light of paper
_HLG_GAMMA = 1.2  # of a screen of 1,000 candela per square metre
_ROWS = 64  # at once: floats of a whole photo would take gigabytes
_DARK = np.float32(1e-6)


def in_ordinary_light(rgba: Samples, curve: Curve, luminance: NDArray[np.float64]) -> Samples:
    """(H, W, 4) with the light of `curve` as (H, W, 4) of the same depth and primaries, with sRGB's curve.

    luminance: (3,), how much red, green and blue count in a pixel's brightness. The alpha stays. In place, if `rgba`
    can be written to: a copy of a large photo would not be in what it was said to need.
    """
    full = int(np.iinfo(rgba.dtype).max)
    table = _light(np.linspace(0, 1, full + 1), curve).astype(np.float32)
    weights = luminance.astype(np.float32)
    shown = rgba if rgba.flags.writeable else rgba.copy()
    for top in range(0, len(rgba), _ROWS):
        light = table[rgba[top : top + _ROWS, :, :3]]
        if curve == "hlg":  # its light is that of the scene; a screen's grows faster than that
            light *= np.maximum(light @ weights, _DARK)[..., None] ** np.float32(_HLG_GAMMA - 1)
            light *= np.float32(_PEAK / _PAPER)
        brightest = np.maximum(light.max(-1), _DARK)
        light *= (_pressed(brightest) / brightest)[..., None]
        shown[top : top + _ROWS, :, :3] = np.rint(_srgb_values(light) * np.float32(full))
    return shown


def _light(values: NDArray[np.float64], curve: Curve) -> NDArray[np.float64]:
    """The light of values: of PQ in shares of paper, of HLG in shares of the scene's most."""
    if curve == "pq":  # ITU-R BT.2100, table 4
        root = values ** (1 / 78.84375)
        return (np.maximum(root - 0.8359375, 0) / (18.8515625 - 18.6875 * root)) ** (1 / 0.1593017578125) * (
            _PQ_PEAK / _PAPER
        )
    a, b, c = 0.17883277, 0.28466892, 0.55991073  # table 5
    return np.where(values <= 0.5, values**2 / 3, (np.exp((values - c) / a) + b) / 12)


def _pressed(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """Light, 1 being paper's, in 0..1: as it is up to the knee, smoothly less beyond, and 1 from the peak on.

    After Reinhard et al., Photographic Tone Reproduction for Digital Images (2002), equation 4, from the knee on.
    """
    room = 1 - _KNEE
    most = (_PEAK / _PAPER - _KNEE) / room
    over = np.clip((light - np.float32(_KNEE)) / np.float32(room), 0, np.float32(most))
    pressed = over * (1 + over / np.float32(most**2)) / (1 + over)
    return np.asarray(np.minimum(light, _KNEE) + np.float32(room) * pressed, np.float32)


def _srgb_values(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """sRGB's values of light, both 0..1 (IEC 61966-2-1)."""
    bright = cv2.pow(light, 1 / 2.4) * np.float32(1.055) - np.float32(0.055)
    values = np.where(light <= 0.0031308, light * np.float32(12.92), bright)
    return np.asarray(np.clip(values, 0, 1), np.float32)
