"""Metadata of a PNG come along from wherever they stand in it, and a broken one is no error of the photo."""

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from daemon.pictures import iptc, writing
from daemon.pictures.photo import Photo
from daemon.pictures.reading import open_photo
from tests.pictures.drawing import coloured, encoded, file_of, image_of, photo_of, png_chunk

XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'
RECORDS = b"\x1c\x02\x74\x00\x0a(c) Studio"
PIXELS = coloured(48, 32)
PLAIN = encoded(image_of(PIXELS), "png")
PLAIN = PLAIN[: PLAIN.index(b"eXIf") - 4] + PLAIN[PLAIN.index(b"IDAT") - 4 :] if b"eXIf" in PLAIN else PLAIN


def exif(notice: bytes = b"(c) Studio\0", orientation: int = 1) -> bytes:
    """A TIFF directory with an orientation and a copyright, as an eXIf chunk has it."""
    rows = struct.pack("<HHHIHH", 2, 0x0112, 3, 1, orientation, 0) + struct.pack("<HHII", 0x8298, 2, len(notice), 38)
    return b"II*\0" + struct.pack("<I", 8) + rows + bytes(4) + notice


def raw(kind: str, content: bytes, length: int | None = None) -> bytes:
    """A raw profile as ImageMagick writes it: lines of 36 bytes in hex digits."""
    digits = "\n".join(content[at : at + 36].hex() for at in range(0, len(content), 36))
    return f"Raw profile type {kind}\0\n{kind}\n{len(content) if length is None else length:8d}\n{digits}\n".encode()


def zipped(text: bytes) -> bytes:
    """The content of a zTXt chunk."""
    name, _, rest = text.partition(b"\0")
    return name + b"\0\0" + zlib.compress(rest)


def xmp_text(packet: bytes, *, compressed: bool) -> bytes:
    """The content of an iTXt chunk with an XMP packet."""
    head = b"XML:com.adobe.xmp\0" + (b"\1\0" if compressed else b"\0\0") + b"\0\0"
    return head + (zlib.compress(packet) if compressed else packet)


def opened(folder: Path, *behind: bytes, before: bytes = b"") -> Photo:
    """The photo of a PNG with chunks before and behind its pixels."""
    at = PLAIN.index(b"IDAT") - 4
    return open_photo(file_of(folder, PLAIN[:at] + before + PLAIN[at:-12] + b"".join(behind) + PLAIN[-12:]), 1)


def test_exif_behind_the_pixels_comes_along(tmp_path: Path) -> None:
    photo = opened(tmp_path, png_chunk(b"eXIf", exif()))

    assert photo.metadata.exif == b"Exif\0\0" + exif()


@pytest.mark.parametrize("compressed", [False, True])
def test_xmp_behind_the_pixels_comes_along(tmp_path: Path, *, compressed: bool) -> None:
    photo = opened(tmp_path, png_chunk(b"iTXt", xmp_text(XMP, compressed=compressed)))

    assert photo.metadata.xmp == XMP


@pytest.mark.parametrize("kind", [b"tEXt", b"zTXt"])
@pytest.mark.parametrize("is_behind", [True, False])
def test_raw_profiles_come_along(tmp_path: Path, kind: bytes, *, is_behind: bool) -> None:
    texts = [raw("exif", b"Exif\0\0" + exif()), raw("xmp", XMP), raw("iptc", iptc.wrapped(RECORDS)[14:])]
    chunks = b"".join(png_chunk(kind, zipped(text) if kind == b"zTXt" else text) for text in texts)

    photo = opened(tmp_path, chunks) if is_behind else opened(tmp_path, before=chunks)

    found = photo.metadata
    assert (found.exif, found.xmp, found.iptc) == (b"Exif\0\0" + exif(), XMP, RECORDS)


@pytest.mark.parametrize("content", [b"Exif\0\0" + exif(), b"http://ns.adobe.com/xap/1.0/\0" + XMP])
def test_a_raw_profile_of_a_segment_is_what_the_segment_holds(tmp_path: Path, content: bytes) -> None:
    found = opened(tmp_path, png_chunk(b"tEXt", raw("APP1", content))).metadata

    assert (found.exif or found.xmp) in (b"Exif\0\0" + exif(), XMP)
    assert (found.exif is None) != (found.xmp is None)


def test_iptc_that_we_wrote_into_a_png_comes_back(tmp_path: Path) -> None:
    rgba = np.dstack([PIXELS, np.full(PIXELS.shape[:2], 255, np.uint8)])
    writing.write(tmp_path / "out", rgba, photo_of(PIXELS, iptc=RECORDS), "png", "job")

    assert open_photo(tmp_path / "out", 1).metadata.iptc == RECORDS
    content = (tmp_path / "out").read_bytes()
    assert content.index(b"Raw profile type iptc") < content.index(b"IDAT")  # some programs look no further


def test_what_stands_before_the_pixels_counts(tmp_path: Path) -> None:
    behind = [png_chunk(b"eXIf", exif(b"(c) another\0")), png_chunk(b"tEXt", raw("xmp", b"<another/>"))]
    before = png_chunk(b"eXIf", exif()) + png_chunk(b"iTXt", xmp_text(XMP, compressed=False))

    found = opened(tmp_path, *behind, before=before).metadata

    assert b"(c) Studio" in (found.exif or b"")
    assert found.xmp == XMP


@pytest.mark.parametrize(
    "chunk", [png_chunk(b"eXIf", exif(orientation=6)), png_chunk(b"zTXt", zipped(raw("exif", exif(orientation=6))))]
)
def test_a_photo_is_turned_as_exif_behind_its_pixels_says(tmp_path: Path, chunk: bytes) -> None:
    photo = opened(tmp_path, chunk)

    assert np.array_equal(photo.pixels, np.rot90(PIXELS, -1))


@pytest.mark.parametrize(
    "chunk",
    [
        png_chunk(b"tEXt", raw("iptc", RECORDS, length=7)),
        png_chunk(b"tEXt", raw("iptc", RECORDS).replace(b"1c", b"1x")),
        png_chunk(b"tEXt", b"Raw profile type iptc\0"),
        png_chunk(b"tEXt", b"Raw profile type iptc"),
        png_chunk(b"zTXt", zipped(raw("iptc", RECORDS))[:-9]),
        png_chunk(b"zTXt", b"Raw profile type iptc\0\0no zlib"),
        png_chunk(b"tEXt", raw("iptc", b"neither records nor a resource")),
        png_chunk(b"tEXt", raw("iptc", RECORDS))[:-1] + b"x",
        png_chunk(b"eXIf", b"no directory"),
        png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0"),
        png_chunk(b"iTXt", xmp_text(b"no packet", compressed=True)),
        png_chunk(b"zTXt", zipped(raw("iptc", RECORDS) + b" " * (1 << 24))),
    ],
)
def test_what_is_broken_is_left_out(tmp_path: Path, chunk: bytes) -> None:
    photo = opened(tmp_path, chunk)

    assert (photo.metadata.exif, photo.metadata.xmp, photo.metadata.iptc) == (None, None, None)
    assert np.array_equal(photo.pixels, PIXELS)


@given(st.binary(max_size=60), st.sampled_from([b"tEXt", b"zTXt", b"iTXt", b"eXIf"]), st.sampled_from([b"exif", b"iptc", b"xmp", b"APP1", b"8bim"]))  # fmt: skip # noqa: E501
def test_no_chunk_is_broken_enough_to_stop_us(tmp_path_factory: pytest.TempPathFactory, junk: bytes, kind: bytes, name: bytes) -> None:  # fmt: skip # noqa: E501
    opened(tmp_path_factory.mktemp("png"), png_chunk(kind, b"Raw profile type " + name + b"\0" + junk))


def test_an_independent_program_finds_what_we_find(tmp_path: Path) -> None:
    opened(tmp_path, png_chunk(b"eXIf", exif()))

    with Image.open(tmp_path / "photo.jpg") as image:
        image.load()
        assert image.getexif()[0x8298] == "(c) Studio"
