"""What a browser shows of a picture."""

import errno
from pathlib import Path

import cv2
import numpy as np
import pytest

from daemon.errors import BadPhoto
from daemon.pictures import pyramid
from daemon.pictures.opened_picture import OpenedPicture, build_pyramid
from daemon.pictures.pyramid import FIT, TILE, Layer, levels_of, tile_of
from tests.drawing import drawn_photo, save_pages, save_photo


def built(path: Path, *layers: Layer, page: int = 0) -> dict[Layer, Path]:
    folders: dict[Layer, Path] = {layer: path.parent / f"{path.name}-{layer}" for layer in layers}
    for folder in folders.values():
        folder.mkdir()
    build_pyramid(path, folders, 200, page)
    return folders


def decoded(content: bytes) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    picture = np.asarray(cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED))
    return np.asarray(picture if picture.ndim == 2 else picture[..., ::-1], np.uint8)


def tile(folder: Path, level: int, column: int = 0, row: int = 0) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    content = tile_of(folder / "tiles", level, column, row)
    assert content is not None
    return decoded(content)


@pytest.mark.parametrize("size", [(1, 1), (512, 512), (513, 1), (1025, 700), (1300, 900), (700, 2049)])
def test_a_pyramid_has_the_sizes_that_are_promised(tmp_path: Path, size: tuple[int, int]) -> None:
    width, height = size
    path = save_photo(tmp_path / "a.png", drawn_photo(width, height))

    folders = built(path, "colour")

    for level in range(levels_of(width, height)):
        columns, rows = -(-width // TILE), -(-height // TILE)
        last = tile(folders["colour"], level, columns - 1, rows - 1)
        assert last.shape[:2] == (height - TILE * (rows - 1), width - TILE * (columns - 1))
        assert tile_of(folders["colour"] / "tiles", level, columns, 0) is None
        width, height = (width + 1) // 2, (height + 1) // 2
    assert (columns, rows) == (1, 1)
    assert tile_of(folders["colour"] / "tiles", levels_of(*size), 0, 0) is None


def cut_out(path: Path, *, deep: bool = False) -> Path:
    """A white subject; what is not seen is black, as in our results."""
    across = np.broadcast_to(np.arange(1200) - 600.5, (800, 1200))
    alpha = np.clip((350 - np.abs(across)) * 40 + 128, 0, 255).astype(np.uint8)
    rgba = np.dstack([np.where(alpha[..., None] > 0, 240, 0).repeat(3, 2), alpha])
    cv2.imwrite(str(path), np.asarray(rgba * 257, np.uint16) if deep else np.asarray(rgba, np.uint8))
    return path


@pytest.mark.parametrize("deep", [False, True])
def test_no_dark_rim_comes_in_when_a_cut_out_is_made_smaller(tmp_path: Path, deep: bool) -> None:
    folders = built(cut_out(tmp_path / "a.png", deep=deep), "colour", "alpha")

    for level in range(levels_of(1200, 800)):
        colour, alpha = tile(folders["colour"], level), tile(folders["alpha"], level)
        assert colour[alpha > 0].min() > 225, level


@pytest.mark.parametrize("deep", [False, True])
def test_the_alpha_of_a_result_comes_through_exactly(tmp_path: Path, deep: bool) -> None:
    path = cut_out(tmp_path / "a.png", deep=deep)
    alpha = np.asarray(cv2.imread(str(path), cv2.IMREAD_UNCHANGED))[..., 3]

    shown = tile(built(path, "colour", "alpha")["alpha"], 0)

    assert np.array_equal(shown, (alpha // 257 if deep else alpha)[:TILE, :TILE])


@pytest.mark.parametrize("deep", [False, True])
def test_a_tile_that_is_cut_at_once_shows_what_the_pyramid_shows_later(tmp_path: Path, deep: bool) -> None:
    path = cut_out(tmp_path / "a.png", deep=deep)
    folders, picture = built(path, "colour", "alpha"), OpenedPicture(path, ("colour", "alpha"), 200)

    for layer in folders:
        for level, column, row in [(0, 0, 0), (0, 2, 1), (1, 0, 0), (1, 1, 0), (2, 0, 0)]:
            content = picture.tile(layer, level, column, row)
            assert content is not None
            at_once = decoded(content)
            later = tile(folders[layer], level, column, row)
            assert at_once.shape == later.shape
            assert np.abs(at_once.astype(int) - later).mean() < 1
    assert [picture.tile("alpha", *way) for way in [(0, 3, 0), (0, 0, 2), (3, 0, 0)]] == [None] * 3


def test_tiles_are_there_while_the_pyramid_is_built(tmp_path: Path) -> None:
    picture = OpenedPicture(cut_out(tmp_path / "a.png"), ("colour", "alpha"), 200)
    before = picture.tile("alpha", 0, 0, 0)
    (tmp_path / "built").mkdir()
    picture.build("alpha", tmp_path / "built")

    assert picture.tile("alpha", 0, 0, 0) == before
    assert picture.tile("colour", 0, 0, 0) is not None
    assert picture.fit("colour")[:3] == b"\xff\xd8\xff"


def test_a_file_without_an_alpha_is_opaque(tmp_path: Path) -> None:
    assert tile(built(save_photo(tmp_path / "a.jpg"), "colour", "alpha")["alpha"], 0).min() == 255


def test_an_original_that_is_transparent_is_shown_on_white(tmp_path: Path) -> None:
    assert tile(built(cut_out(tmp_path / "a.png"), "colour")["colour"], 0)[:, :100].min() > 250


def test_a_page_of_a_file_is_shown(tmp_path: Path) -> None:
    path = save_pages(tmp_path / "a.tif", 3)

    assert tile(built(path, "colour", page=2)["colour"], 0).shape == (72, 104, 3)


def test_the_fitting_picture_is_no_longer_than_it_may_be(tmp_path: Path) -> None:
    folders = built(save_photo(tmp_path / "a.png", drawn_photo(300, 3000)), "colour")

    fit = np.asarray(cv2.imread(str(folders["colour"] / "fit")))
    assert fit.shape[:2] == (FIT, 160)


def test_a_damaged_file_is_a_bad_photo(tmp_path: Path) -> None:
    path = save_photo(tmp_path / "a.jpg", drawn_photo(600, 400))
    path.write_bytes(path.read_bytes()[:3000])

    with pytest.raises(BadPhoto):
        built(path, "colour")


def test_a_disk_that_takes_no_pyramid_is_an_error_of_the_disk(tmp_path: Path) -> None:
    (tmp_path / "tiles").symlink_to("/dev/full")

    with pytest.raises(OSError, match="cannot be written"):
        pyramid.write_layer("colour", drawn_photo(1200, 900), tmp_path)


def test_a_damaged_pyramid_is_an_error_of_the_disk(tmp_path: Path) -> None:
    (tmp_path / "tiles").write_bytes(b"PK\5\6" + bytes(5))

    with pytest.raises(OSError, match="damaged") as caught:
        tile_of(tmp_path / "tiles", 0, 0, 0)
    assert caught.value.errno != errno.ENOENT
