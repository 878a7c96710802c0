"""BMP files of all kinds."""

import struct
import tempfile
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from daemon.errors import NotWholeYet
from daemon.pictures.bmp import opened
from daemon.pictures.reading import open_photo, open_small, prove_decodes
from daemon.pictures.values import Samples
from tests.pictures.drawing import bitmap, coloured

WIDTH, HEIGHT = 5, 3  # rows that have to be filled up


def file_of(
    bits: int, rows: NDArray[np.uint8], *, height: int = HEIGHT, compression: int = 0, extra: bytes = b""
) -> bytes:
    """A BMP with the header of version 3; `rows` lie in it as they are, `extra` (masks or palette) before them."""
    stride = (WIDTH * bits + 31) // 32 * 4
    padded = np.zeros((HEIGHT, stride), np.uint8)
    padded[:, : rows.shape[1]] = rows
    head = struct.pack("<2sIHHI", b"BM", 0, 0, 0, 54 + len(extra))
    info = struct.pack("<IiiHHIIiiII", 40, WIDTH, height, 1, bits, compression, 0, 0, 0, 0, 0)
    return head + info + extra + padded.tobytes()


@contextmanager
def on_disk(content: bytes) -> Iterator[int]:
    """An open file with `content`."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        yield file.fileno()


def decoded(content: bytes) -> Samples:
    with on_disk(content) as file:
        return opened(file).pixels()


def palette(entries: int) -> tuple[bytes, NDArray[np.uint8]]:
    """A palette as the file has it, and as red, green, blue."""
    rgb = np.random.default_rng(entries).integers(0, 256, (entries, 3), np.uint8)
    return np.dstack([rgb[None, :, ::-1], np.zeros((1, entries, 1), np.uint8)]).tobytes(), rgb


def test_24_bit_is_blue_green_red_from_the_lowest_row_up() -> None:
    rgb = coloured(WIDTH, HEIGHT)

    assert np.array_equal(decoded(bitmap(rgb)), rgb)


def test_a_negative_height_begins_with_the_highest_row() -> None:
    rgb = coloured(WIDTH, HEIGHT)

    assert np.array_equal(decoded(file_of(24, rgb[..., ::-1].reshape(HEIGHT, -1), height=-HEIGHT)), rgb)


def test_a_picture_of_many_rows_is_put_together_in_order() -> None:
    rgb = coloured(WIDTH, 600)
    bottom_up = bitmap(rgb)
    top_down = bytearray(bitmap(rgb[::-1]))
    struct.pack_into("<i", top_down, 22, -600)

    assert np.array_equal(decoded(bottom_up), rgb)
    assert np.array_equal(decoded(bytes(top_down)), rgb)


def sparse(folder: Path, bits: int, width: int, height: int) -> Path:
    """A whole BMP whose pixels are a hole in the file."""
    content = bytearray(file_of(bits, np.zeros((HEIGHT, 1), np.uint8), extra=bytes(8)))[:62]
    struct.pack_into("<iiHH", content, 18, width, height, 1, bits)
    path = folder / "photo.bmp"
    with path.open("wb") as file:
        file.write(content)
        file.truncate(len(content) + (width * bits + 31) // 32 * 4 * height)
    return path


def peak_bytes(act: Callable[[], object]) -> int:
    """The most memory that Python and numpy hold at once meanwhile."""
    tracemalloc.start()
    try:
        act()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_proof_holds_no_pixels_in_memory(tmp_path: Path) -> None:
    path = sparse(tmp_path, 1, 20_000, 16_000)

    assert peak_bytes(lambda: prove_decodes(path, 500)) < 100_000


@pytest.mark.parametrize("bits", [1, 24])
def test_a_photo_is_unpacked_without_a_second_copy(tmp_path: Path, bits: int) -> None:
    path, photo_bytes = sparse(tmp_path, bits, 4_000, 2_000), 4_000 * 2_000 * 4

    assert peak_bytes(lambda: open_photo(path, 500)) < photo_bytes + 8_000_000


@pytest.mark.parametrize("height", [1501, -1501], ids=["from the lowest row up", "from the highest row down"])
def test_a_small_version_is_never_in_memory_at_full_size(tmp_path: Path, height: int) -> None:
    rgb = np.repeat(np.repeat(coloured(81, 61), 25, axis=0), 25, axis=1)[:1501, :2001]
    content = bytearray(bitmap(rgb if height > 0 else rgb[::-1]))
    struct.pack_into("<i", content, 22, height)
    path = tmp_path / "photo.bmp"
    path.write_bytes(content)
    small = [open_photo(path, 500).pixels]

    peak = peak_bytes(lambda: small.append(open_small(path, 200, 500).pixels))

    assert peak < 8_000_000
    assert small[1].shape == (150, 200, 3)
    expected = cv2.resize(small[0], (200, 150), interpolation=cv2.INTER_AREA)
    assert np.abs(small[1].astype(int) - expected).mean() < 3


@pytest.mark.parametrize("bits", [1, 4, 8])
def test_a_palette_is_looked_up(bits: int) -> None:
    table, colours = palette(1 << bits)
    indices = np.random.default_rng(0).integers(0, 1 << bits, (HEIGHT, WIDTH), np.uint8)
    unpacked = np.unpackbits(indices[..., None], axis=-1)[..., 8 - bits :].reshape(HEIGHT, -1)
    rows = np.packbits(unpacked, axis=1)

    assert np.array_equal(decoded(file_of(bits, rows, height=-HEIGHT, extra=table)), colours[indices])


def test_an_index_beyond_the_palette_takes_its_last_colour() -> None:
    table, colours = palette(256)
    content = bytearray(file_of(8, np.full((HEIGHT, WIDTH), 200, np.uint8), extra=table[:40]))
    struct.pack_into("<I", content, 46, 10)  # ten colours

    assert (decoded(bytes(content)) == colours[9]).all()


@pytest.mark.parametrize(
    ("masks", "pixel", "colour"),
    [
        ((0xF800, 0x07E0, 0x001F), 0xFFFF, (255, 255, 255)),
        ((0xF800, 0x07E0, 0x001F), 0x8410, (132, 130, 132)),
        ((0x7C00, 0x03E0, 0x001F), 0x7C00, (255, 0, 0)),
    ],
)
def test_16_bit_is_spread_over_the_whole_range(
    masks: tuple[int, int, int], pixel: int, colour: tuple[int, int, int]
) -> None:
    rows = np.frombuffer(struct.pack("<H", pixel) * WIDTH * HEIGHT, np.uint8).reshape(HEIGHT, -1)

    picture = decoded(file_of(16, rows, compression=3, extra=struct.pack("<III", *masks)))

    assert (picture == colour).all()


def test_masks_of_any_bits_are_followed() -> None:
    rows = np.frombuffer(struct.pack("<I", 0x3FF << 20 | 0x200 << 10) * WIDTH * HEIGHT, np.uint8).reshape(HEIGHT, -1)
    masks = struct.pack("<III", 0x3FF << 20, 0x3FF << 10, 0x3FF)

    assert (decoded(file_of(32, rows, compression=3, extra=masks)) == (255, 128, 0)).all()


@pytest.mark.parametrize(("alpha", "channels"), [(0, 3), (77, 4)], ids=["announced and empty", "used"])
def test_32_bit_has_an_alpha_where_it_is_used(alpha: int, channels: int) -> None:
    rows = np.tile(np.array([10, 20, 30, alpha], np.uint8), (HEIGHT, WIDTH))
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)

    picture = decoded(file_of(32, rows, compression=6, extra=masks))

    assert picture.shape == (HEIGHT, WIDTH, channels)
    assert (picture[..., :3] == (30, 20, 10)).all()
    assert (picture[..., 3:] == alpha).all()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"BM", "cut off"),
        (bitmap(coloured(WIDTH, HEIGHT))[:-1], "are there"),
        (file_of(24, np.zeros((3, 15), np.uint8), compression=4), "compressed"),  # a JPEG within
        (file_of(8, np.zeros((3, 5), np.uint8), compression=1, height=-HEIGHT), "compressed"),  # never from the top
        (file_of(24, np.zeros((3, 15), np.uint8), height=0), "5 x 0"),
        (file_of(7, np.zeros((3, 5), np.uint8)), "7 bits"),
        (file_of(1, np.zeros((3, 1), np.uint8), compression=3, extra=bytes(8)), "compressed"),  # by Huffman, in OS/2
    ],
)
def test_what_cannot_be_read_says_why(content: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        decoded(content)


@given(st.binary(min_size=60, max_size=200))
def test_no_header_is_strange_enough_to_stop_us(junk: bytes) -> None:
    try:
        picture = decoded(b"BM" + junk)
    except ValueError:
        return
    assert picture.ndim == 3


def in_runs(codes: NDArray[np.uint8], bits: int) -> bytes:
    """A BMP of equal pixels in runs, the lowest row first. codes: (H, W), places in a palette of 16 colours."""
    height, width = codes.shape
    table, _ = palette(16)
    coded = b""
    for row in codes[::-1]:
        starts = [0, *(np.flatnonzero(np.diff(row)) + 1), width]
        for start, end in pairwise(starts):
            code = int(row[start]) * (17 if bits == 4 else 1)
            coded += b"".join(bytes([min(255, end - at), code]) for at in range(start, end, 255))
        coded += b"\0\0"
    coded += b"\0\1"
    head = struct.pack("<2sIHHI", b"BM", 54 + len(table) + len(coded), 0, 0, 54 + len(table))
    runs = {8: 1, 4: 2}[bits]
    info = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, runs, len(coded), 0, 0, 16, 0)
    return head + info + table + coded


@pytest.mark.parametrize("bits", [8, 4])
def test_runs_of_equal_pixels_are_read(tmp_path: Path, bits: int) -> None:
    codes = np.repeat(np.random.default_rng(bits).integers(0, 16, (20, 9)), 40, axis=1).astype(np.uint8)
    path = tmp_path / "a.bmp"
    path.write_bytes(in_runs(codes, bits))

    prove_decodes(path, 100)

    assert np.array_equal(open_photo(path, 100).pixels, palette(16)[1][codes])
    assert open_small(path, 100, 100).width == 100


@pytest.mark.parametrize("bits", [8, 4])
def test_runs_that_end_early_are_named(tmp_path: Path, bits: int, capfd: pytest.CaptureFixture[str]) -> None:
    codes = np.repeat(np.random.default_rng(bits).integers(0, 16, (20, 9)), 40, axis=1).astype(np.uint8)
    path = tmp_path / "a.bmp"
    path.write_bytes(in_runs(codes, bits)[:-60])

    with pytest.raises(NotWholeYet, match="runs of pixels end before the picture does"):
        prove_decodes(path, 100)

    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(("per_metre", "dpi"), [(11811, 300), (0, None), (-5, None), (2**31 - 1, None)])
def test_the_resolution_goes_along(tmp_path: Path, per_metre: int, dpi: float | None) -> None:
    content = bytearray(bitmap(coloured(WIDTH, HEIGHT)))
    struct.pack_into("<ii", content, 38, per_metre, per_metre)
    path = tmp_path / "a.bmp"
    path.write_bytes(content)

    assert open_photo(path, 100).metadata.dpi == (dpi and pytest.approx(dpi, abs=0.01))
