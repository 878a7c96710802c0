"""Measures how similar two alphas look. The only importer of scikit-image (the extra `audit`)."""

from collections.abc import Callable
from typing import Any

from skimage.metrics import structural_similarity

from daemon.arrays import Alpha

_ssim: Callable[..., Any] = structural_similarity  # scikit-image has no types


def ssim(one: Alpha, other: Alpha) -> float:
    """Mean structural similarity of two alphas, (H, W) float32 0..1 of one size: 1 = equal, near 0 = nothing in common.

    Wang, Bovik, Sheikh and Simoncelli 2004, with the Gaussian window of that paper (sigma 1.5).
    """
    height, width = one.shape
    if min(height, width) < 11:  # the window's side
        raise ValueError(f"{width} x {height} pixels are too few to compare two alphas")
    how: Any = {"data_range": 1.0, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return float(_ssim(one, other, **how))
