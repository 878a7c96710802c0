"""A photo that is too large for memory gives the same files as one in memory, byte for byte."""

from pathlib import Path

import numpy as np
import pytest
import pyvips

from daemon.arrays import Alpha
from daemon.errors import BadPhoto
from daemon.jobs import View
from daemon.pictures import comparing, compositing, fitting, memory_need, proxy, reading, refining, writing
from daemon.pictures.large_photo import LargePhoto
from daemon.pictures.photo import Photo
from daemon.pictures.values import Frame, Header
from daemon.settings import OutputFormat

LIMIT = 500.0
WIDTH, HEIGHT = 501, 700  # the last strip has fewer rows, and half the width is no whole number
FORMATS: tuple[OutputFormat, ...] = ("png", "tiff", "webp", "mask", "jpeg", "tiff_on_colour")


@pytest.fixture(autouse=True)
def _every_photo_is_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory_need, "_LARGE_BYTES", 0)


def file_of(folder: Path, suffix: str, height: int = HEIGHT, deep: bool = False) -> Path:
    """A photo of noise over a slope of colours."""
    random = np.random.default_rng(3)
    down, across = np.mgrid[:height, :WIDTH]
    noise = random.normal(0, 9, (height, WIDTH, 3))
    rgb = np.clip(np.stack([down / 3, across / 2, 128 + 0 * down], axis=2) + noise, 0, 255)
    pixels = (rgb * 257).astype(np.uint16) if deep else rgb.astype(np.uint8)
    image = pyvips.Image.new_from_array(np.ascontiguousarray(pixels), interpretation="rgb16" if deep else "srgb")
    path = folder / f"photo{suffix}"
    image.write_to_file(str(path))
    return path


def matte(width: int = 100) -> Alpha:
    y, x = np.mgrid[: round(width * HEIGHT / WIDTH), :width]
    distance = np.hypot(y - 65, x - 50)
    blob: Alpha = np.clip((40 - distance) / 6 + 0.5, 0, 1).astype(np.float32)
    return blob


def opened(path: Path) -> tuple[Photo, LargePhoto]:
    large = reading.open_for_work(path, LIMIT)
    assert isinstance(large, LargePhoto)
    return reading.open_photo(path, LIMIT), large


KINDS = pytest.mark.parametrize(("suffix", "deep"), [(".tif", True), (".tif", False), (".jpg", False), (".png", True)])


@KINDS
def test_engines_see_the_same_of_it(tmp_path: Path, suffix: str, deep: bool) -> None:
    photo, large = opened(file_of(tmp_path, suffix, deep=deep))

    assert large.seen == photo.seen
    assert large.metadata == photo.metadata
    for view in (View(), View(mirrored=True), View(0.13, 0.21, 0.77, 0.83)):
        assert np.array_equal(proxy.make_proxy(large, view, 90), proxy.make_proxy(photo, view, 90))


@KINDS
def test_its_files_are_the_same(tmp_path: Path, suffix: str, deep: bool) -> None:
    photo, large = opened(file_of(tmp_path, suffix, deep=deep))
    alpha = refining.full_size_alpha(photo, matte())
    whole = compositing.cut_out(photo, alpha, clean_rims=True)

    assert np.array_equal(refining.full_size_alpha(large, matte()), alpha)
    strips = compositing.cut_out_in_strips(large, alpha, clean_rims=True)
    for number, output_format in enumerate(FORMATS):
        one, other = tmp_path / f"{number}.whole", tmp_path / f"{number}.strips"
        writing.write(one, whole, photo, output_format, "job")
        meant = writing.write(other, strips, large, output_format, "job")
        comparing.verify(other, meant)
        assert other.read_bytes() == one.read_bytes(), output_format


@pytest.mark.parametrize("size", [(200, 300), (600, 900)])
def test_a_frame_around_it_is_the_same(tmp_path: Path, size: tuple[int, int]) -> None:
    photo, large = opened(file_of(tmp_path, ".tif", deep=True))
    frame = Frame(-20, 10, 600, 900, size)
    alpha = refining.full_size_alpha(photo, matte())
    strips = compositing.cut_out_in_strips(large, alpha, clean_rims=False)
    whole = compositing.cut_out(photo, alpha, clean_rims=False)

    writing.write(tmp_path / "whole", whole, photo, "png", "job", frame)
    comparing.verify(tmp_path / "strips", writing.write(tmp_path / "strips", strips, large, "png", "job", frame))

    assert (tmp_path / "strips").read_bytes() == (tmp_path / "whole").read_bytes()


def test_what_a_screen_shows_of_it_is_the_same(tmp_path: Path) -> None:
    path = tmp_path / "photo.tif"
    pyvips.Image.gaussnoise(4000, 3000, mean=128, sigma=40).cast("uchar").bandjoin([90, 20]).copy(
        interpretation="srgb"
    ).write_to_file(str(path))
    photo, large = opened(path)
    for name, each in (("whole", photo), ("strips", large)):
        (tmp_path / name).mkdir()
        fitting.show_original(each, tmp_path / name)

    shown = [[file.read_bytes() for file in sorted((tmp_path / name).iterdir())] for name in ("whole", "strips")]
    assert shown[0] == shown[1]


def test_a_damaged_result_does_not_read_back(tmp_path: Path) -> None:
    _, large = opened(file_of(tmp_path, ".tif"))
    strips = compositing.cut_out_in_strips(large, refining.full_size_alpha(large, matte()), clean_rims=True)
    meant = writing.write(tmp_path / "result", strips, large, "tiff", "job")
    other = pyvips.Image.new_from_file(str(tmp_path / "result"))
    changed = other.draw_rect([1, 2, 3, 255], 300, 690, 1, 1)
    changed.tiffsave(str(tmp_path / "changed"), compression="lzw")

    with pytest.raises(ValueError, match=r"colours|alpha"):
        comparing.verify(tmp_path / "changed", meant)


def test_an_original_that_goes_away_meanwhile_is_named(tmp_path: Path) -> None:
    path = file_of(tmp_path, ".tif")
    _, large = opened(path)
    strips = compositing.cut_out_in_strips(large, refining.full_size_alpha(large, matte()), clean_rims=True)
    path.unlink()

    with pytest.raises(BadPhoto, match=r"photo\.tif is not there"):
        writing.write(tmp_path / "result", strips, large, "png", "job")


@pytest.mark.parametrize("what", ["odd", "turned", "own alpha", "progressive"])
def test_what_comes_in_no_rows_is_in_memory(tmp_path: Path, what: str) -> None:
    path = file_of(tmp_path, ".png", HEIGHT - (what == "odd"))
    image = pyvips.Image.new_from_file(str(path))
    if what == "turned":
        image = image.copy()
        image.set_type(pyvips.GValue.gint_type, "orientation", 6)
    if what == "own alpha":
        image = image.bandjoin(100)
    target = tmp_path / ("other.jpg" if what in ("turned", "progressive") else "other.png")
    image.write_to_file(str(target), **({"interlace": True} if what == "progressive" else {}))

    assert isinstance(reading.open_for_work(target, LIMIT), Photo)


def test_a_hundred_megapixels_of_16_bit_promise_less_than_900_mb(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    header = Header(12240, 8172, channels=3, colours=3, sample="ushort", pages=1, orientation=1)

    need = memory_need.need_of("tiff", header, 600_000_000, None)

    assert need.work_bytes < 900e6 < 1.4e9 < need.whole_bytes
