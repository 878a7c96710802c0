"""A result's EXIF is that of the photo: upright, of its own size, and with nothing in it that nobody said."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from daemon.pictures import writing
from daemon.pictures.exif_of_result import exif_of_result
from daemon.pictures.reading import open_photo
from daemon.pictures.values import Metadata
from daemon.pictures.written_metadata import remarks_on
from daemon.settings.output_formats import OutputFormat
from tests.pictures.drawing import coloured, photo_of

NOTE = b"Maker\0\0\x01what points to itself\xff\xfe"
PIXELS = coloured(48, 32)
Rows = list[tuple[int, int, int, bytes]]


def directory(order: str, rows: Rows) -> bytes:
    """One directory. rows: tag, type, number, and four bytes."""
    table = b"".join(struct.pack(order + "HHI", *row[:3]) + row[3] for row in rows)
    return struct.pack(order + "H", len(rows)) + table + bytes(4)


def short(order: str, value: int) -> bytes:
    """Four bytes of a row with a number of two."""
    return struct.pack(order + "HH", value, 0)


def block(order: str = "<", note: bytes = NOTE, extra: bytes = b"") -> bytes:
    """A camera's EXIF: maker, orientation, and in its second directory the picture's size and a maker note."""
    first = 8 + 2 + 12 * 3 + 4
    second = first + 6 + 2 + 12 * 3 + 4
    camera = directory(
        order,
        [
            (0x010F, 2, 6, struct.pack(order + "I", first)),
            (0x0112, 3, 1, short(order, 6)),
            (0x8769, 4, 1, struct.pack(order + "I", first + 6)),
        ],
    )
    capture = directory(
        order,
        [
            (0x927C, 7, len(note), struct.pack(order + "I", second)),
            (0xA002, 3, 1, short(order, 9)),
            (0xA003, 3, 1, short(order, 9)),
        ],
    )
    mark = b"II*\0" if order == "<" else b"MM\0*"
    return b"Exif\0\0" + mark + struct.pack(order + "I", 8) + camera + b"Canon\0" + capture + note + extra


def result(folder: Path, format_: OutputFormat, **metadata: Any) -> Path:
    """A result of a photo with such metadata."""
    rgba = np.dstack([PIXELS, np.full(PIXELS.shape[:2], 255, np.uint8)])
    writing.write(folder / "out", rgba, photo_of(PIXELS, **metadata), format_, "job")
    return folder / "out"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("format_", ["png", "webp", "jpeg"])
def test_an_independent_program_reads_what_the_photo_told(tmp_path: Path, order: str, format_: OutputFormat) -> None:
    with Image.open(result(tmp_path, format_, exif=block(order), dpi=240.0)) as image:
        image.load()
        said = image.getexif()
        first, capture = dict(said), said.get_ifd(0x8769)

    first.pop(0x8769)
    assert first == {0x010F: "Canon", 0x0112: 1, 0x011A: 240.0, 0x011B: 240.0, 0x0128: 2}
    assert capture == {0x927C: NOTE, 0xA002: 48, 0xA003: 32}


@pytest.mark.parametrize("format_", ["png", "webp", "jpeg"])
def test_maker_notes_stay_where_they_are_because_what_is_in_them_points_to_places(
    tmp_path: Path, format_: OutputFormat
) -> None:
    content = result(tmp_path, format_, exif=block()).read_bytes()

    body = block().removeprefix(b"Exif\0\0")
    assert content.index(NOTE) - content.index(b"II*\0") == body.index(NOTE)


def test_a_block_that_tells_no_resolution_gets_none_of_its_own() -> None:
    after = exif_of_result(block(), (4, 4), None)

    assert after is not None
    assert struct.pack("<HH", 0x011A, 5) not in after


@pytest.mark.parametrize("format_", ["png", "webp", "tiff"])
def test_exif_of_more_than_a_jpeg_holds_goes_into_other_formats(tmp_path: Path, format_: OutputFormat) -> None:
    path = result(tmp_path, format_, exif=block(extra=bytes(100_000)))

    assert b"Canon" in (open_photo(path, 1).metadata.exif or b"")
    assert remarks_on(Metadata(exif=block(extra=bytes(100_000))), ["png", "webp", "tiff"]) == ()


def test_a_jpeg_gets_what_fits_of_long_exif_and_the_report_says_so(tmp_path: Path) -> None:
    long = block(note=NOTE * 4000)

    with Image.open(result(tmp_path, "jpeg", exif=long)) as image:
        assert image.getexif()[0x010F] == "Canon"
    assert b"points" not in (tmp_path / "out").read_bytes()
    assert "EXIF is too long for a JPEG" in remarks_on(Metadata(exif=long), ["jpeg"])[0]
    assert remarks_on(Metadata(exif=block()), ["jpeg"]) == ()


def test_no_length_of_exif_breaks_a_jpeg(tmp_path: Path) -> None:
    for number, length in enumerate(range(65_533 - 600, 65_533 + 100, 50)):
        folder = tmp_path / str(number)
        folder.mkdir()

        with Image.open(result(folder, "jpeg", exif=block(extra=bytes(length - len(block()))))) as image:
            assert image.getexif()[0x010F] == "Canon"


@given(
    st.binary(max_size=120), st.sampled_from([b"", b"Exif\0\0II*\0\x08\0\0\0", block()[:40], block()[:90], block(">")])
)
def test_no_block_is_broken_enough_to_stop_us(junk: bytes, head: bytes) -> None:
    after = exif_of_result(head + junk, (1, 1), (72, 72))

    assert after is None or len(after) < 70_000


@pytest.mark.parametrize("broken", [b"Exif\0\0junk", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0", block()[:9]])
@pytest.mark.parametrize("format_", ["png", "webp", "jpeg"])
def test_broken_exif_does_not_come_along(tmp_path: Path, broken: bytes, format_: OutputFormat) -> None:
    with Image.open(result(tmp_path, format_, exif=broken)) as image:
        image.load()
        assert "exif" not in image.info
