"""Whoever waits for a tile gets it while the pyramid is built, which takes long on a busy machine."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.pictures.opened_picture import OpenedPicture
from daemon.pictures.pyramid import Layer
from daemon.work import picture_in_process
from tests.drawing import drawn_photo, save_photo
from tests.work.test_processes import Workshop

LAYERS: tuple[Layer, ...] = ("colour",)


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> Iterator[Workshop]:
    monkeypatch.setattr(picture_in_process, "_LOOK_SECONDS", 0.0)
    shop = Workshop()
    yield shop
    shop.processes.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return save_photo(tmp_path / "a.png", drawn_photo(2400, 1800))


def test_a_tile_comes_while_a_layer_is_built(shop: Workshop, path: Path, tmp_path: Path) -> None:
    wanted = OpenedPicture(path, LAYERS, 100).tile("colour", 0, 1, 1)
    seen: list[tuple[bytes | None, bool]] = []
    with shop.processes.picture(path, LAYERS) as picture:

        def look() -> None:
            tile = picture.tile("colour", 0, 1, 1)
            seen.append((tile, (tmp_path / "tiles").exists()))

        picture.build("colour", tmp_path, look)

    assert seen
    assert {tile for tile, _ in seen} == {wanted}
    assert (tmp_path / "tiles").exists()
    assert (tmp_path / "fit").exists()


def test_an_error_of_the_build_reaches_who_asked_for_it(shop: Workshop, path: Path, tmp_path: Path) -> None:
    with shop.processes.picture(path, LAYERS) as picture, pytest.raises(OSError, match="gone"):
        picture.build("colour", tmp_path / "gone")


def test_an_error_meanwhile_is_told_once_the_build_is_over(shop: Workshop, path: Path, tmp_path: Path) -> None:
    def fail() -> None:
        raise RuntimeError("while it was built")

    with shop.processes.picture(path, LAYERS) as picture:
        with pytest.raises(RuntimeError, match="while it was built"):
            picture.build("colour", tmp_path, fail)

        assert (tmp_path / "tiles").exists()
        assert picture.tile("colour", 0, 0, 0)
