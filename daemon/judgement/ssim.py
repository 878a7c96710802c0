"""Measures how similar two alphas look."""

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon.arrays import Alpha

WINDOW = 11  # pixels, the side of the window in the paper
SIGMA = 1.5  # pixels, its Gaussian weights
C1, C2 = 0.01**2, 0.03**2  # keep the quotient calm where both alphas are even; values range from 0 to 1


def ssim(one: Alpha, other: Alpha) -> float:
    """Mean structural similarity of two alphas, (H, W) float32 0..1 of one size: 1 = equal, near 0 = nothing in common.

    Wang, Bovik, Sheikh and Simoncelli 2004, with the Gaussian window of that paper. The mean leaves out the border
    where the window does not fit. Raises ValueError if the alphas are smaller than the window.
    """
    height, width = one.shape
    if min(height, width) < WINDOW:
        raise ValueError(f"{width} x {height} pixels are too few to compare two alphas")
    x, y = one.astype(np.float64), other.astype(np.float64)
    mean_x, mean_y = _weighted(x), _weighted(y)
    variances = _weighted(x * x) - mean_x**2 + _weighted(y * y) - mean_y**2
    covariance = _weighted(x * y) - mean_x * mean_y
    similar = (2 * mean_x * mean_y + C1) * (2 * covariance + C2) / ((mean_x**2 + mean_y**2 + C1) * (variances + C2))
    inner = WINDOW // 2
    return float(np.mean(similar[inner : height - inner, inner : width - inner]))


def _weighted(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mean of each pixel's window."""
    return np.asarray(cv2.GaussianBlur(values, (WINDOW, WINDOW), SIGMA), np.float64)
