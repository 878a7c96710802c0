"""Whole means the same to intake and readers: what `freisteller process` takes, the hot folder takes."""

from pathlib import Path

import pytest

from daemon.errors import BadPhoto
from daemon.pictures.reading import open_photo, prove_decodes
from tests.drawing import drawn_photo
from tests.intake.photos import World, photo, two_pages
from tests.pictures.drawing import coloured, encoded, heic, image_of


def decode(descriptor: int, name: str, max_megapixels: float) -> None:
    prove_decodes(Path(f"/proc/self/fd/{descriptor}"), max_megapixels, name)


@pytest.fixture
def world(tmp_path: Path) -> World:
    (tmp_path / "inbox").mkdir()
    return World(tmp_path / "inbox", decode, quiet_seconds=2.0, tiff_quiet_seconds=0.0, patience_seconds=60.0)


def tiny(format_: str, width: int, height: int) -> bytes:
    return encoded(image_of(coloured(64, 64)[:height, :width]), format_)


WHOLE = {
    "trailer.jpg": lambda: photo("jpg") + b"a trailer",
    "trailer.heic": lambda: heic(drawn_photo()[:80, :96]) + b"\1" * 60 + b"SEFT",
    "behind.webp": lambda: photo("webp") + b"\0",
    "seven.jpg": lambda: tiny("jpeg", 7, 7),
    "one.jpg": lambda: tiny("jpeg", 1, 1),
    "one.png": lambda: tiny("png", 1, 1),
    "thin.png": lambda: tiny("png", 1, 64),
    "flat.png": lambda: tiny("png", 64, 1),
}
WITHOUT_AN_END = {
    "no_end.jpg": lambda: photo("jpg")[:-2],
    "passes.jpg": lambda: photo("progressive.jpg")[:-2],
    "makers_trailer.jpg": lambda: photo("jpg")[:-2] + bytes(range(1, 60)) + bytes(24) + b"SEFT",
    "two_bytes.heic": lambda: heic(drawn_photo()[:80, :96]) + b"\1\2",
    "tool.avif": lambda: photo("avif") + b" trailing bytes of a tool",
    "no_link.tif": lambda: two_pages(photo("tif"))[:-4],
}
CUT = {
    f"cut_{share}.{kind}": (kind, share)
    for kind in ("jpg", "progressive.jpg", "png", "tif", "webp", "bmp", "avif", "heic")
    for share in (0.4, 0.97)
}


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_that_ends_oddly_is_taken_once_it_is_quiet(world: World, name: str) -> None:
    path = world.drop(name, WHOLE[name]())
    world.look()

    assert world.names(world.look(after=2.0)) == [name]
    assert open_photo(path, 500.0).rgba.size


@pytest.mark.parametrize("name", WITHOUT_AN_END)
def test_a_file_whose_end_is_missing_is_taken_when_patience_ends(world: World, name: str) -> None:
    path = world.drop(name, WITHOUT_AN_END[name]())
    world.look()
    assert world.look(after=2.0).incomplete == 1
    assert world.look(after=57.0).incomplete == 1

    assert world.names(world.look(after=1.0)) == [name]
    assert open_photo(path, 500.0).remarks != ()


@pytest.mark.parametrize("name", CUT)
def test_a_file_that_was_cut_off_is_not_taken_and_copying_it_again_is_advised(world: World, name: str) -> None:
    kind, share = CUT[name]
    content = heic(drawn_photo()[:80, :96]) if kind == "heic" else photo(kind)
    path = world.drop(name, content[: int(len(content) * share)])
    world.look()
    world.look(after=2.0)

    (reject,) = world.look(after=58.0).rejected

    assert "is not whole" in reject.reason
    assert "Copy it again" in reject.reason
    with pytest.raises(BadPhoto):
        open_photo(path, 500.0)
