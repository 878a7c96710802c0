import cv2
import numpy as np
import pytest

from daemon.judgement.scene import shrunk
from tests.judgement.pictures import photo_and_truth


@pytest.mark.parametrize(
    ("height", "width", "wanted"),
    [(768, 1024, 512), (683, 1024, 512), (683, 1024, 320), (1024, 683, 256), (400, 300, 256), (90, 1500, 256)],
)
def test_a_shrunk_photo_is_what_averaging_gives(height: int, width: int, wanted: int) -> None:
    rgb, _ = photo_and_truth(height, width)
    scale = wanted / max(height, width)
    rows, columns = round(height * scale), round(width * scale)
    averaged = cv2.resize(rgb, (columns, rows), interpolation=cv2.INTER_AREA).astype(np.float32)
    small = shrunk(rgb, rows, columns)
    assert small.shape == (rows, columns, 3)
    assert small.dtype == np.uint8
    assert np.abs(small - averaged).mean() < 2
    assert abs(float(small.mean() - averaged.mean())) < 0.5
