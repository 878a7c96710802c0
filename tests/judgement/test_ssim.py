"""The similarity of two alphas is that of the paper; the figures were computed with scikit-image 0.26."""

import numpy as np
import pytest

from daemon.arrays import Alpha
from daemon.judgement.ssim import ssim


def disc(height: int, width: int, radius: float, softness: float = 2.0) -> Alpha:
    y, x = np.mgrid[:height, :width]
    return np.asarray(np.clip((radius - np.hypot(y - height / 2, x - width / 2)) / softness, 0, 1), np.float32)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (disc(90, 120, 30), disc(90, 120, 30), 1.0),
        (disc(90, 120, 30), disc(90, 120, 33), 0.747979),
        (disc(90, 120, 30), disc(90, 120, 30, softness=9.0), 0.785772),
        (disc(90, 120, 30), np.zeros((90, 120), np.float32), 0.59769),
        (disc(90, 120, 30), 1 - disc(90, 120, 30), -0.059331),
        (disc(11, 11, 4), disc(11, 11, 3), 0.75873),
    ],
    ids=["equal", "larger", "softer", "empty", "inverted", "as small as the window"],
)
def test_alphas_are_as_similar_as_the_paper_says(one: Alpha, other: Alpha, expected: float) -> None:
    assert ssim(one, other) == pytest.approx(expected, abs=1e-5)


def test_alphas_smaller_than_the_window_are_refused() -> None:
    with pytest.raises(ValueError, match="10 x 40 pixels are too few"):
        ssim(np.zeros((40, 10), np.float32), np.zeros((40, 10), np.float32))
