"""JPEG XL: read where libvips can, named where it cannot; and where its boxes end, everywhere."""

import struct
from pathlib import Path

import numpy as np
import pytest
import pyvips

from daemon.errors import BadPhoto, NotWholeYet
from daemon.pictures.file_structure import follow_to_end, remarks_on
from daemon.pictures.jpeg_xl import filled
from daemon.pictures.partial_file import EndMissing
from daemon.pictures.reading import memory_need, open_photo, prove_decodes
from daemon.pictures.values import Samples
from tests.pictures.drawing import coloured, deep, disc, file_of, image_of, with_field
from tests.pictures.jpeg_2000_files import box
from tests.pictures.jpeg_xl_files import READABLE, jxl

LIMIT = 500.0
where_libvips_can = pytest.mark.skipif(not READABLE, reason="libvips was built without JPEG XL, as pip's is")

BARE = b"\xff\x0a\x31\x41" + bytes(range(1, 200))
SIGNATURE = box(b"JXL ", b"\r\n\x87\n") + box(b"ftyp", b"jxl \0\0\0\0jxl ")
BOXED = SIGNATURE + box(b"jxlc", BARE) + box(b"xml ", b"<x/>")
IN_PARTS = SIGNATURE + box(b"jxlp", bytes(4) + BARE[:100]) + box(b"jxlp", b"\x80\0\0\1" + BARE[100:])


@pytest.mark.skipif(READABLE, reason="libvips was built with JPEG XL")
@pytest.mark.parametrize("content", [BARE, BOXED])
def test_what_libvips_cannot_read_is_named_with_what_to_do(tmp_path: Path, content: bytes) -> None:
    path = file_of(tmp_path, content, "photo.jxl")

    for read_it in (prove_decodes, open_photo, memory_need):
        with pytest.raises(BadPhoto, match=r"photo\.jxl cannot be read here: JPEG XL needs .* Save it as") as raised:
            read_it(path, LIMIT)
        assert "damaged" not in str(raised.value)


@where_libvips_can
@pytest.mark.parametrize("rgb", [coloured(), deep()], ids=["8 bit", "16 bit"])
def test_colours_come_back_as_they_were(tmp_path: Path, rgb: Samples) -> None:
    path = file_of(tmp_path, jxl(rgb))
    with path.open("rb") as file:
        assert follow_to_end(file.fileno()) is None
    prove_decodes(path, LIMIT)

    photo = open_photo(path, LIMIT)

    assert np.array_equal(photo.pixels, rgb)
    assert photo.format == "jxl"
    assert photo.own_alpha is None


@where_libvips_can
def test_a_fourth_channel_is_the_alpha(tmp_path: Path) -> None:
    rgba = np.dstack([coloured(), np.rint(disc() * 255).astype(np.uint8)])

    assert np.array_equal(open_photo(file_of(tmp_path, jxl(rgba)), LIMIT).rgba[..., 3], rgba[..., 3])


@where_libvips_can
@pytest.mark.parametrize("lost", [1, 5, 40, 2000])
def test_one_that_is_cut_off_is_not_whole(tmp_path: Path, lost: int) -> None:
    path = file_of(tmp_path, jxl(coloured())[:-lost])

    with pytest.raises(NotWholeYet, match="photo"):
        prove_decodes(path, LIMIT)
    with pytest.raises(BadPhoto, match="damaged or cut off"):
        open_photo(path, LIMIT)


@pytest.mark.parametrize("content", [BARE, BOXED, IN_PARTS])
def test_a_whole_file_has_its_end(tmp_path: Path, content: bytes) -> None:
    with file_of(tmp_path, content).open("rb") as file:
        assert follow_to_end(file.fileno()) is None
        assert remarks_on(file.fileno()) == ()


@pytest.mark.parametrize("content", [BOXED[:-20], IN_PARTS[:-1], SIGNATURE])
def test_boxes_that_are_cut_off_are_not_whole(tmp_path: Path, content: bytes) -> None:
    with file_of(tmp_path, content).open("rb") as file, pytest.raises(NotWholeYet) as raised:
        follow_to_end(file.fileno())
    assert not isinstance(raised.value, EndMissing)


def test_a_box_behind_the_picture_that_is_cut_off_is_told(tmp_path: Path) -> None:
    with file_of(tmp_path, BOXED[:-1]).open("rb") as file:
        with pytest.raises(EndMissing):
            follow_to_end(file.fileno())
        assert "is cut off, or is no part of it" in remarks_on(file.fileno())[0]


def test_more_boxes_than_any_program_writes_are_a_doubt(tmp_path: Path) -> None:
    with file_of(tmp_path, BOXED + struct.pack(">I4s", 8, b"free") * 20_000).open("rb") as file:
        assert "more parts than any program writes" in (follow_to_end(file.fileno()) or "")


def test_12_bit_fill_the_whole_range() -> None:
    twelve = (deep() >> 4 << 4).astype(np.uint16)
    image = with_field(image_of(twelve), "bits-per-sample", 12)

    found = filled(image).numpy()

    assert np.abs(found.astype(int) - np.rint((twelve >> 4) / 4095 * 65535)).max() <= 1
    assert np.array_equal(filled(pyvips.Image.new_from_array(deep())).numpy(), deep())
