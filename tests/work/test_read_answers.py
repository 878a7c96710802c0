"""What a server answers, read where the photo is held: the same alpha as if an engine had given it as numbers."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from daemon.arrays import Rgb
from daemon.engines.least_size import narrowed
from daemon.errors import EngineAway, FreistellerError, WorkerLost
from daemon.jobs import Attempt, Recipe, View
from daemon.pictures import codec
from daemon.settings import Settings
from daemon.settings.pixel_settings import PixelSettings
from daemon.work.engine_questions import _NotRead, _read
from daemon.work.open_file import OpenFile
from tests.drawing import drawn_photo, save_photo

PIXELS = PixelSettings.of(Settings(root="/nowhere"))
RECIPE = Recipe("m")


def opened(path: Path, width: int = 60, height: int = 40) -> OpenFile:
    file = OpenFile(save_photo(path / "a.png", drawn_photo(width, height)), PIXELS)
    file.decode(file.pages()[0])
    return file


def png_of(values: np.ndarray) -> bytes:
    return cv2.imencode(".png", values)[1].tobytes()


def ramp(height: int, width: int, full: int) -> np.ndarray:
    across = np.linspace(0, full, width * height).reshape(height, width)
    return across.astype(np.uint8 if full == 255 else np.uint16)


def as_numbers(png: bytes, channel: int, like: Rgb) -> bytes:
    """What is kept of the same answer if the engine gives it as numbers."""
    return codec.encode_alpha(narrowed(codec.decode_alpha(png, channel), like))


@pytest.mark.parametrize("full", [255, 65535])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_the_same_is_kept_of_it(tmp_path: Path, full: int, channels: int) -> None:
    file, channel = opened(tmp_path), 3 if channels == 4 else 0
    sent = file.encoded_proxy(View())
    values = ramp(sent.height, sent.width, full)
    png = png_of(values if channels == 1 else np.stack([values] * channels, axis=-1))

    kept = file.read_answer(1, RECIPE, None, png, channel, (sent.height, sent.width))

    assert kept == as_numbers(png, channel, np.zeros((40, 60, 3), np.uint8))


def test_the_verdict_is_that_of_the_kept_alpha(tmp_path: Path) -> None:
    file, again = opened(tmp_path), opened(tmp_path)
    sent = file.encoded_proxy(View())
    png = png_of(ramp(sent.height, sent.width, 65535))

    kept = file.read_answer(1, RECIPE, None, png, 0, (sent.height, sent.width))
    assert again.add_kept(1, RECIPE, kept, None)

    assert file.judge(Attempt(1, RECIPE)) == again.judge(Attempt(1, RECIPE))


def test_of_a_picture_that_was_widened_only_its_own_part_is_kept(tmp_path: Path) -> None:
    file = opened(tmp_path, width=1)
    sent = file.encoded_proxy(View())
    png = png_of(ramp(sent.height, sent.width, 255))

    kept = file.read_answer(1, RECIPE, None, png, 0, (sent.height, sent.width))

    assert (sent.height, sent.width) == (40, 2)
    assert codec.decode_alpha(kept).shape == (40, 1)
    assert kept == as_numbers(png, 0, np.zeros((40, 1, 3), np.uint8))


@pytest.mark.parametrize("spoilt", [b"no picture", png_of(ramp(40, 60, 255))[:-200], png_of(ramp(30, 60, 255))])
def test_what_is_no_whole_alpha_of_that_size_is_refused(tmp_path: Path, spoilt: bytes) -> None:
    file = opened(tmp_path)
    file.encoded_proxy(View())

    with pytest.raises(ValueError, match=r"PNG|pixels"):
        file.read_answer(1, RECIPE, None, spoilt, 0, (40, 60))


@pytest.mark.parametrize("error", [WorkerLost("it died"), EngineAway("we stop")])
def test_what_befalls_the_worker_while_it_reads_is_hidden_from_engines(error: FreistellerError) -> None:
    def read(_: bytes, __: int, ___: tuple[int, int]) -> bytes:
        raise error

    with pytest.raises(_NotRead) as raised:
        _read(read, b"", 0, (1, 1))

    assert raised.value.error is error
    assert not isinstance(raised.value, FreistellerError)
