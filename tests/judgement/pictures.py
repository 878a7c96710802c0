"""Draws pictures for these tests: a subject on a background, and its perfect alpha."""

import cv2
import numpy as np

from daemon.arrays import Alpha, Rgb


def photo_and_truth(height: int = 240, width: int = 320, seed: int = 1) -> tuple[Rgb, Alpha]:
    """A patterned orange disc with a bar on a noisy blue-green background, and its alpha with a one-pixel border."""
    rng = np.random.default_rng(seed)
    shape = np.zeros((height * 4, width * 4), np.uint8)
    cv2.circle(shape, (width * 2, height * 2), height, (255,), -1)
    cv2.rectangle(shape, (width * 2, int(height * 1.8)), (int(width * 3.3), int(height * 2.2)), (255,), -1)
    small = cv2.resize(shape, (width, height), interpolation=cv2.INTER_AREA)
    truth = np.asarray(small, dtype=np.float32) / np.float32(255)
    ground = np.array([60, 120, 130], np.float32) + rng.normal(0, 8, (height, width, 1))
    stripes = 12 * np.sin(np.arange(width) / 5)[None, :, None]
    subject = np.array([220, 140, 50], np.float32) + stripes + rng.normal(0, 8, (height, width, 1))
    mixed = subject * truth[..., None] + ground * (1 - truth[..., None])
    return np.clip(mixed, 0, 255).astype(np.uint8), truth


def blurred(alpha: Alpha, sigma: float) -> Alpha:
    """The alpha with a soft border about four sigma wide."""
    return np.asarray(cv2.GaussianBlur(alpha, (0, 0), sigma), dtype=np.float32)


def with_disc(alpha: Alpha, centre: tuple[float, float], radius: float, value: float) -> Alpha:
    """The alpha with a disc of one value; its centre (x, y) and radius are fractions of width and height."""
    height, width = alpha.shape
    out = alpha.copy()
    cv2.circle(out, (round(centre[0] * width), round(centre[1] * height)), round(radius * height), (value,), -1)
    return out
