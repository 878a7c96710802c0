"""Files that end in an unusual way: what has all of its picture is read, with a remark, and nothing else is."""

import struct
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips

from daemon.errors import BadPhoto, NotWholeYet
from daemon.pictures.jpeg_end import EOI, with_end
from daemon.pictures.reading import open_photo, prove_decodes
from tests.drawing import drawn_photo
from tests.intake.photos import photo, two_pages
from tests.pictures.drawing import heic

NO_END = "its end mark is missing; all rows of the picture are there"
TRAILER = "bytes that are no part of it follow the picture"
MAKERS_TRAILER = bytes(range(1, 60)) + bytes(24) + b"SEFT"

JPEGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "full colour": {"subsample_mode": "off"},
    "in passes": {"interlace": True},
    "with restarts": {"restart_interval": 3},
    "in passes with restarts": {"interlace": True, "restart_interval": 7},
    "small": {"Q": 20},
}


def jpeg(how: str, width: int = 150, height: int = 121) -> bytes:
    image = pyvips.Image.new_from_array(drawn_photo(seed=3)[:height, :width], interpretation="srgb")
    content = bytes(image.jpegsave_buffer(**JPEGS[how]))
    assert content.endswith(EOI)
    return content


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "photo"


def opened(path: Path, content: bytes) -> tuple[np.ndarray, tuple[str, ...]]:
    path.write_bytes(content)
    prove_decodes(path, 500.0)
    found = open_photo(path, 500.0)
    return found.rgba, tuple(remark for remark in found.remarks if "EXIF" not in remark)  # that is about colours


@pytest.mark.parametrize("how", JPEGS)
@pytest.mark.parametrize("share", [0.3, 0.6, 0.97])
def test_half_a_jpeg_is_not_whole_if_fill_bytes_follow(path: Path, how: str, share: float) -> None:
    content = jpeg(how)
    path.write_bytes(content[: int(share * len(content))] + b"\xff" * 5000)

    with pytest.raises((BadPhoto, NotWholeYet)):
        open_photo(path, 500.0)


def test_half_a_jpeg_is_not_whole_if_another_segment_follows(path: Path) -> None:
    content = jpeg("plain")
    path.write_bytes(content[: len(content) // 4] + b"\xff\xfe\x00\x08abcdef")

    with pytest.raises((BadPhoto, NotWholeYet)):
        open_photo(path, 500.0)


@pytest.mark.parametrize("how", JPEGS)
@pytest.mark.parametrize("trailer", [b"", MAKERS_TRAILER], ids=["nothing", "a trailer"])
def test_a_jpeg_without_an_end_mark_is_read_if_all_rows_are_there(path: Path, how: str, trailer: bytes) -> None:
    content = jpeg(how)
    whole, nothing = opened(path, content)

    pixels, remarks = opened(path, content[:-2] + trailer)

    assert (pixels == whole).all()
    assert (nothing, remarks) == ((), (NO_END,))


@pytest.mark.parametrize("how", JPEGS)
def test_a_jpeg_that_lacks_coded_data_is_refused_or_has_all_its_pixels(path: Path, how: str) -> None:
    """A cut may take away padding only, or what no pixel shows."""
    content = jpeg(how)
    whole, _ = opened(path, content)
    read = []
    for missing in (*range(3, 40), *range(40, len(content) - 700, 97)):
        try:
            pixels, _ = opened(path, content[:-missing])
        except (NotWholeYet, BadPhoto):
            continue
        read.append(missing)
        assert int(np.abs(pixels.astype(int) - whole).max()) <= 2, missing

    assert len(read) < 8


@pytest.mark.parametrize("quality", [60, 85, 90, 95])
def test_a_jpeg_that_lacks_its_last_bits_is_refused_or_has_all_its_pixels(path: Path, quality: int) -> None:
    """A decoder takes zeros for bits that are missing, and they may be zeros: one of two fillers begins with 1."""
    for seed in range(12):
        image = pyvips.Image.new_from_array(drawn_photo(160, 120, seed), interpretation="srgb")
        content = bytes(image.jpegsave_buffer(Q=quality, subsample_mode="off", optimize_coding=False))
        whole, _ = opened(path, content)
        for missing in (3, 4):
            with suppress(NotWholeYet, BadPhoto):
                pixels, _ = opened(path, content[:-missing])
                assert (pixels == whole).all(), (seed, missing)


def test_the_end_mark_is_not_put_where_rows_are_missing() -> None:
    content = jpeg("plain")

    assert with_end(content[:-2]) == content
    assert with_end(content[:-400]) == content[:-400]


@pytest.mark.parametrize("how", ["plain", "with restarts"])
def test_a_jpeg_whose_rest_is_zeros_is_not_believed(path: Path, how: str) -> None:
    """So looks a copy whose size was set first."""
    content = jpeg(how)
    there = len(content) * 3 // 4
    path.write_bytes(content[:there] + bytes(len(content) - there))

    with pytest.raises((NotWholeYet, BadPhoto)):
        prove_decodes(path, 500.0)


@pytest.mark.parametrize("kind", ["heic", "avif"])
@pytest.mark.parametrize("trailer", [b"\1" * 60 + b"SEFT", b"\1\2", b" trailing bytes of a tool"])
def test_bytes_behind_the_last_box_do_no_harm_and_are_told(path: Path, kind: str, trailer: bytes) -> None:
    content = heic(drawn_photo()[:80, :96]) if kind == "heic" else photo("avif")
    whole, nothing = opened(path, content)

    pixels, remarks = opened(path, content + trailer)

    assert (pixels == whole).all()
    assert nothing == ()
    assert len(remarks) == 1
    assert "follow" in remarks[0]


def test_a_tiff_that_ends_with_the_last_entry_of_its_last_page_is_read(path: Path) -> None:
    first = photo("tif")
    both = two_pages(first)
    whole, nothing = opened(path, both)

    pixels, remarks = opened(path, both[:-4])
    second = open_photo(path, 500.0, 1)

    assert (pixels == whole).all()
    assert (second.rgba == whole).all()
    assert (nothing, remarks, second.remarks) == (
        (),
        ("it ends before it says that there is no further page",),
        (),
    )
    assert struct.unpack("<I", both[-4:]) == (0,)
