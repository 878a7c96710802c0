"""A TIFF of which a strip or a tile is damaged is no photo, wherever it lies, and however it is compressed."""

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from daemon.errors import BadPhoto, NotWholeYet
from daemon.pictures.reading import open_for_work, open_photo, open_small, prove_decodes
from daemon.pictures.tiff_directory import dialect_of, in_memory, pages
from daemon.pictures.values import Samples
from tests.pictures.drawing import coloured, deep, file_of, image_of, tiff_in_planes

LIMIT = 500.0
LAYOUTS: dict[str, dict[str, int]] = {
    "strips": {"tile_height": 32},
    "tiles": {"tile": True, "tile_width": 32, "tile_height": 32},
}
STRIPS, TILE_TABLES = (273, 279), (324, 325)

READ: dict[str, Callable[[Path], object]] = {
    "whole": lambda path: open_photo(path, LIMIT),
    "for work": lambda path: open_for_work(path, LIMIT),
    "small": lambda path: open_small(path, 16, LIMIT),
}


def parts_of(content: bytes) -> list[slice]:
    """Where the strips or tiles of a TIFF's first page lie in the file."""
    read = in_memory(content)
    dialect = dialect_of(read)
    assert dialect
    page = next(pages(read, dialect))
    offsets, sizes = TILE_TABLES if TILE_TABLES[0] in page.rows else STRIPS
    return [slice(at, at + size) for at, size in zip(page.numbers(offsets), page.numbers(sizes), strict=True)]


def with_damage(content: bytes, which: str, damage: Callable[[bytes], bytes]) -> bytes:
    """The file with one strip or tile, "first", "middle" or "last", changed; it stays as long as it was."""
    parts = parts_of(content)
    assert len(parts) >= 3
    part = parts[{"first": 0, "middle": len(parts) // 2, "last": -1}[which]]
    changed = damage(content[part])
    assert len(changed) == part.stop - part.start
    return content[: part.start] + changed + content[part.stop :]


def zeros(part: bytes) -> bytes:
    """The second half was never written."""
    return part[: len(part) // 2] + bytes(len(part) - len(part) // 2)


def erased(part: bytes) -> bytes:
    """The first bytes are those of an erased card."""
    return b"\xff" * 8 + part[8:]


def busy(samples: Samples) -> Samples:
    """The same picture with the grain of a photo, so that its coded data are long."""
    most = np.iinfo(samples.dtype).max
    grain = np.random.default_rng(5).integers(0, most // 16, samples.shape)
    grainy: Samples = np.minimum(samples.astype(np.int64) + grain, most).astype(samples.dtype)
    return grainy


def assert_damaged(path: Path) -> None:
    with pytest.raises(NotWholeYet, match="damaged"):
        prove_decodes(path, LIMIT)
    for read in READ.values():
        with pytest.raises(BadPhoto, match="damaged"):
            read(path)


@pytest.mark.parametrize("which", ["first", "middle", "last"])
@pytest.mark.parametrize("samples", [coloured(96, 160), deep(96, 160)], ids=["8 bit", "16 bit"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(
    ("options", "damage"),
    [
        ({"compression": "lzw", "predictor": "none"}, zeros),
        ({"compression": "lzw", "predictor": "horizontal"}, zeros),
        ({"compression": "deflate", "predictor": "none"}, erased),
        ({"compression": "deflate", "predictor": "horizontal"}, erased),
        ({"compression": "packbits"}, zeros),
    ],
    ids=["lzw", "lzw with predictor", "deflate", "deflate with predictor", "packbits"],
)
def test_a_damaged_strip_or_tile_is_no_black_square(
    tmp_path: Path,
    options: dict[str, object],
    damage: Callable[[bytes], bytes],
    layout: str,
    samples: Samples,
    which: str,
) -> None:
    good = bytes(image_of(busy(samples)).tiffsave_buffer(**options, **LAYOUTS[layout]))
    prove_decodes(file_of(tmp_path, good, "good.tif"), LIMIT)

    assert_damaged(file_of(tmp_path, with_damage(good, which, damage), "damaged.tif"))


@pytest.mark.parametrize("which", ["first", "middle", "last"])
def test_a_damaged_tile_of_one_colour_is_no_black_square(tmp_path: Path, which: str) -> None:
    good = tiff_in_planes(busy(coloured()), deflate=True)
    prove_decodes(file_of(tmp_path, good, "good.tif"), LIMIT)

    assert_damaged(file_of(tmp_path, with_damage(good, which, erased), "damaged.tif"))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_plain_rows_beyond_the_end_of_a_file_are_damage(tmp_path: Path, layout: str) -> None:
    good = bytes(image_of(coloured(96, 160)).tiffsave_buffer(**LAYOUTS[layout]))
    last = parts_of(good)[-1]
    place = good.rindex(last.start.to_bytes(4, "little"))  # in the table of offsets
    beyond = good[:place] + (len(good) - 5).to_bytes(4, "little") + good[place + 4 :]

    assert_damaged(file_of(tmp_path, beyond, "damaged.tif"))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_is_only_strange_in_a_tiff_is_no_damage(tmp_path: Path, layout: str) -> None:
    content = bytes(image_of(coloured(96, 160)).tiffsave_buffer(compression="lzw", **LAYOUTS[layout]))
    unit = struct.pack("<HHI", 296, 3, 1)
    assert content.count(unit) == 1
    path = file_of(
        tmp_path, content.replace(unit, struct.pack("<HHI", 296, 2, 1)), "photo.tif"
    )  # a text; libtiff warns

    prove_decodes(path, LIMIT)

    assert np.array_equal(open_photo(path, LIMIT).pixels, coloured(96, 160))
