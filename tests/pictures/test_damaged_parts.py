"""A TIFF of which a strip or a tile is damaged is no photo, wherever it lies, and however it is compressed."""

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from daemon.errors import BadPhoto, NotWholeYet
from daemon.pictures.codec_errors import Undecodable, Unsupported, error_of
from daemon.pictures.reading import open_for_work, open_photo, prove_decodes
from daemon.pictures.tiff_directory import dialect_of, in_memory, pages
from daemon.pictures.values import Samples
from tests.pictures.drawing import basics, coloured, deep, file_of, image_of, short, tiff_in_planes, tiff_of

LIMIT = 500.0
LAYOUTS: dict[str, dict[str, int]] = {
    "strips": {"tile_height": 32},
    "tiles": {"tile": True, "tile_width": 32, "tile_height": 32},
}
STRIPS, TILE_TABLES = (273, 279), (324, 325)


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


def one_other_bit(part: bytes) -> bytes:
    """A bit in the middle of it is another one."""
    middle = len(part) // 2
    return part[:middle] + bytes([part[middle] ^ 16]) + part[middle + 1 :]


def cut_short(part: bytes) -> bytes:
    """The last quarter is an erased card's, which a JPEG may have before its next mark."""
    return part[: len(part) * 3 // 4].ljust(len(part) - 2, b"\xff") + b"\xff\xd9"


def busy(samples: Samples) -> Samples:
    """The same picture with the grain of a photo, so that its coded data are long."""
    most = np.iinfo(samples.dtype).max
    grain = np.random.default_rng(5).integers(0, most // 16, samples.shape)
    grainy: Samples = np.minimum(samples.astype(np.int64) + grain, most).astype(samples.dtype)
    return grainy


def assert_damaged(path: Path) -> None:
    with pytest.raises(NotWholeYet, match=r"damaged or cut off \(a part of its picture cannot be read\)"):
        prove_decodes(path, LIMIT)
    for opened in (open_photo, open_for_work):
        with pytest.raises(BadPhoto, match=r"damaged or cut off \(a part of its picture cannot be read\)"):
            opened(path, LIMIT)


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
        ({"compression": "deflate", "predictor": "none"}, zeros),
        ({"compression": "deflate", "predictor": "none"}, one_other_bit),
        ({"compression": "deflate", "predictor": "horizontal"}, one_other_bit),
        ({"compression": "packbits"}, zeros),
    ],
    ids=[
        "lzw",
        "lzw with predictor",
        "deflate",
        "deflate with predictor",
        "deflate, never written",
        "deflate, one bit",
        "deflate with predictor, one bit",
        "packbits",
    ],
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


@pytest.mark.parametrize("which", ["first", "middle", "last"])
@pytest.mark.parametrize("damage", [cut_short, zeros, erased], ids=["cut short", "never written", "erased"])
@pytest.mark.parametrize("quality", [75, 95], ids=["few colours", "all colours"])
@pytest.mark.parametrize("rows", [16, 32])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_damaged_jpeg_in_a_tiff_is_no_grey_square(
    tmp_path: Path, layout: str, rows: int, quality: int, damage: Callable[[bytes], bytes], which: str
) -> None:
    options = {**LAYOUTS[layout], "tile_height": rows, "compression": "jpeg", "Q": quality}
    good = bytes(image_of(busy(coloured(96, 160))).tiffsave_buffer(**options))
    prove_decodes(file_of(tmp_path, good, "good.tif"), LIMIT)

    assert_damaged(file_of(tmp_path, with_damage(good, which, damage), "damaged.tif"))


def jpeg_in_tiff(jpeg: bytes, photometric: int = 6) -> bytes:
    """A TIFF of one strip, 96 x 64, that is a JPEG with its own tables."""
    return tiff_of(jpeg, {**basics(96, 64, photometric, (8, 8, 8)), 259: short(7)})


@pytest.mark.parametrize(
    "options",
    [{}, {"restart_interval": 3}, {"subsample_mode": "off"}],
    ids=["plain", "with restarts", "all colours"],
)
def test_every_kind_of_jpeg_in_a_tiff_is_proven(tmp_path: Path, options: dict[str, object]) -> None:
    jpeg = bytes(image_of(busy(coloured())).jpegsave_buffer(keep="none", **options))

    prove_decodes(file_of(tmp_path, jpeg_in_tiff(jpeg), "good.tif"), LIMIT)

    assert_damaged(file_of(tmp_path, jpeg_in_tiff(cut_short(jpeg)), "damaged.tif"))


def test_a_jpeg_in_passes_in_a_tiff_is_proven(tmp_path: Path) -> None:
    jpeg = bytes(image_of(busy(coloured())).jpegsave_buffer(keep="none", interlace=True))

    prove_decodes(file_of(tmp_path, jpeg_in_tiff(jpeg + bytes(64)), "good.tif"), LIMIT)  # filled up, as some writers do

    assert_damaged(file_of(tmp_path, jpeg_in_tiff(zeros(jpeg)), "damaged.tif"))


@pytest.mark.parametrize("stray", [b"\x12\x34\x56", b"\xff\xff"], ids=["bytes", "fill"])
def test_stray_bytes_before_the_end_of_a_jpeg_in_a_tiff_are_no_damage(tmp_path: Path, stray: bytes) -> None:
    jpeg = bytes(image_of(busy(coloured())).jpegsave_buffer(keep="none"))
    path = file_of(tmp_path, jpeg_in_tiff(jpeg[:-2] + stray + jpeg[-2:]), "photo.tif")

    prove_decodes(path, LIMIT)

    assert open_photo(path, LIMIT).width == 96


@pytest.mark.parametrize(("width", "height"), [(1, 1), (4, 143), (7, 9), (143, 4), (8, 8)])
def test_a_tiny_jpeg_in_a_tiff_is_no_damage(tmp_path: Path, width: int, height: int) -> None:
    content = bytes(image_of(coloured(width, height)).tiffsave_buffer(compression="jpeg"))

    prove_decodes(file_of(tmp_path, content, "photo.tif"), LIMIT)


def test_deflated_rows_without_an_end_are_no_damage(tmp_path: Path) -> None:
    packer = zlib.compressobj()
    rows = packer.compress(coloured().tobytes()) + packer.flush(zlib.Z_SYNC_FLUSH)
    path = file_of(tmp_path, tiff_of(rows, {**basics(96, 64, 2, (8, 8, 8)), 259: short(8)}), "photo.tif")

    prove_decodes(path, LIMIT)

    assert np.array_equal(open_photo(path, LIMIT).pixels, coloured())


@pytest.mark.parametrize("compression", ["deflate", "jpeg"])
@pytest.mark.parametrize(
    ("offset", "size"), [(2**64 - 1, 9), (8, 2**60), (2**62, 2**63)], ids=["offset", "size", "both"]
)
def test_a_strip_that_no_file_can_hold_is_refused_at_once(
    tmp_path: Path, compression: str, offset: int, size: int
) -> None:
    good = bytes(image_of(coloured(96, 60)).tiffsave_buffer(compression=compression, bigtiff=True, tile_height=64))
    (part,) = parts_of(good)
    content = good
    for tag, number in ((273, offset), (279, size)):
        place = good.index(struct.pack("<HHQ", tag, 16, 1), part.stop) + 12
        content = content[:place] + struct.pack("<Q", number) + content[place + 8 :]

    with pytest.raises(BadPhoto):
        open_photo(file_of(tmp_path, content, "photo.tif"), LIMIT)


@pytest.mark.parametrize(
    ("mark", "kind"), [("0x75", Undecodable), ("0xd1", Undecodable), ("0xf7", Unsupported)], ids=str
)
def test_a_mark_that_no_jpeg_has_is_damage_and_that_of_jpeg_ls_is_a_rare_kind(
    mark: str, kind: type[Undecodable]
) -> None:
    assert type(error_of(f"VipsJpeg: Unsupported marker type {mark}\n")) is kind
