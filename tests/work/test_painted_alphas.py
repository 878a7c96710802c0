"""An alpha that a person touched up is as large as the photo: it is never in memory as numbers of four bytes."""

import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import pytest

from daemon.jobs import TOUCH_UP, Attempt, Recipe
from daemon.pictures.reading import open_photo
from daemon.settings import Settings
from daemon.settings.pixel_settings import PixelSettings
from daemon.work.open_file import OpenFile
from daemon.work.photo_in_work import PhotoInWork
from tests.drawing import drawn_photo, save_photo

WIDTH, HEIGHT = 2000, 1500
RECIPE = Recipe(TOUCH_UP)
PIXELS = PixelSettings.of(Settings(root="/nowhere"))


def painted(width: int = WIDTH, height: int = HEIGHT) -> bytes:
    alpha = np.zeros((height, width), np.uint8)
    alpha[height // 4 : -height // 4, width // 4 : -width // 4] = 255
    return cv2.imencode(".png", cv2.blur(alpha, (9, 9)))[1].tobytes()


@pytest.fixture
def file(tmp_path: Path) -> OpenFile:
    file = OpenFile(save_photo(tmp_path / "a.png", drawn_photo(WIDTH, HEIGHT)), PIXELS)
    file.decode(file.pages()[0])
    return file


def test_the_alpha_of_a_result_is_made_of_it_with_little_more_memory_than_itself(tmp_path: Path) -> None:
    path = save_photo(tmp_path / "a.png", drawn_photo(WIDTH, HEIGHT))
    photo, png = PhotoInWork.of(open_photo(path, 100), PIXELS), painted()
    tracemalloc.start()
    try:
        assert photo.add_kept(1, RECIPE, png, None)
        full = photo.full_alpha(Attempt(1, RECIPE))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert most < 3 * full.nbytes


def test_the_result_has_it_value_for_value(file: OpenFile, tmp_path: Path) -> None:
    png = painted()
    file.add_kept(1, RECIPE, png, None)
    file.compose(Attempt(1, RECIPE))
    file.write(tmp_path / "result.png", "png", "job")

    wanted = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    result = open_photo(tmp_path / "result.png", 100).own_alpha
    assert result is not None
    assert wanted is not None
    assert np.array_equal(result, wanted)


def test_one_that_is_not_whole_cannot_be_read(file: OpenFile) -> None:
    png = painted()

    assert not file.add_kept(1, RECIPE, png[: len(png) // 2], None)
    assert not file.add_kept(1, RECIPE, b"no picture", None)


def test_one_of_another_size_is_brought_to_the_photo_s(file: OpenFile) -> None:
    assert file.add_kept(1, RECIPE, painted(400, 300), None)

    assert not file.compose(Attempt(1, RECIPE)).is_empty
