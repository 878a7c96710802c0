"""Shrinks cut-outs in linear light, premultiplied, so that neither fine patterns nor rims get darker.

Formula: IEC 61966-2-1 (sRGB). Light of pixels is averaged, not their codes, and no colour without its alpha.
"""

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon.arrays import Rgb
from daemon.pictures.values import Samples

Floats = NDArray[np.float32]
Steps = NDArray[np.uint16]
"""Light or alpha in steps of 1 / FULL."""
FULL = 65535
"""Steps of full light: twenty for the first of 255 codes, where they are closest. Half the memory of numbers in
floating point, and half the time."""


def light_of(colours: Samples) -> Floats:
    """Codes of sRGB, uint8 or uint16 of any shape, as light, 0..1."""
    table = _light(int(np.iinfo(colours.dtype).max))
    if colours.dtype == np.uint8 and colours.ndim == 3 and colours.flags.c_contiguous:
        return np.asarray(cv2.LUT(colours, table), np.float32)
    return table[colours]


def codes_of(light: Floats) -> NDArray[np.uint8]:
    """Light, of any shape, as 8-bit codes of sRGB; clamped to 0..1. It is `light_of` turned round, for each code."""
    steps = np.clip(light, 0, 1)
    steps *= np.float32(FULL)
    steps += np.float32(0.5)
    return codes_of_steps(steps.astype(np.uint16))


def codes_of_steps(light: Steps) -> NDArray[np.uint8]:
    """Light in steps, of any shape, as 8-bit codes of sRGB."""
    return np.take(_codes(), light)


def as_floats(steps: Steps) -> Floats:
    """Light or alpha in steps, of any shape, as 0..1."""
    light: Floats = steps.astype(np.float32)
    light *= np.float32(1 / FULL)
    return light


def premultiplied(rgba: Samples) -> Steps:
    """Straight colours of sRGB with their alpha, (H, W, 4), as light times alpha, and alpha."""
    deep = rgba.dtype == np.uint16
    rgba = np.ascontiguousarray(rgba)
    light: Steps = _steps(FULL)[rgba] if deep else np.asarray(cv2.LUT(rgba, _steps(255)), np.uint16)
    alpha: Steps = np.asarray(cv2.extractChannel(rgba, 3), np.uint16)
    if not deep:
        alpha *= np.uint16(FULL // 255)
    cv2.insertChannel(np.full_like(alpha, FULL), light, 3)
    if int(alpha.min(initial=FULL)) == FULL:
        return light
    return np.asarray(cv2.multiply(light, cv2.merge((alpha,) * 4), dst=light, scale=1 / FULL), np.uint16)


def shrunk_light(light: Steps, size: tuple[int, int], into: Steps | None = None) -> Steps:
    """Light (H, W, …) at a size (width, height): means over areas where it shrinks; cubic, and clamped, where it grows.

    A kernel with negative lobes would take light below 0 and alpha over 1, which steps cannot be; and no colour is
    lighter than its alpha. The light itself if it has that size. into: where means over areas are written, of that
    size and contiguous; they are what is returned then.
    """
    if light.shape[1::-1] == size:
        return light
    if size[0] <= light.shape[1] and size[1] <= light.shape[0]:
        return np.asarray(cv2.resize(light, size, dst=into, interpolation=cv2.INTER_AREA), np.uint16)
    grown = np.asarray(cv2.resize(light, size, interpolation=cv2.INTER_CUBIC), np.uint16)
    if grown.ndim == 3 and grown.shape[2] == 4:
        np.minimum(grown[..., :3], grown[..., 3:], out=grown[..., :3])
    return grown


def shrunk_picture(rgb: Rgb, size: tuple[int, int]) -> Rgb:
    """A picture of 8-bit sRGB at another size (width, height), by its light."""
    if rgb.shape[1::-1] == size:
        return rgb
    return codes_of_steps(shrunk_light(_steps(255)[rgb], size))


@lru_cache(maxsize=2)
def _steps(full: int) -> Steps:
    """The light of each code, in steps."""
    return np.asarray(np.rint(_light(full) * FULL), np.uint16)


@lru_cache(maxsize=2)
def _light(full: int) -> Floats:
    codes = np.arange(full + 1) / full
    table: Floats = np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4).astype(np.float32)
    return table


@lru_cache(maxsize=1)
def _codes() -> NDArray[np.uint8]:
    light = np.arange(FULL + 1) / FULL
    codes = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.asarray(np.rint(codes * 255), np.uint8)
