"""Results of every format still say who made the photo, when, and with what."""

import struct
import zlib
from pathlib import Path
from typing import get_args

import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st

from daemon.pictures import exif_in_tiff, iptc, tiff_directory, tiff_page, writing, xmp
from daemon.pictures.comparing import verify
from daemon.pictures.compositing import cut_out
from daemon.pictures.exif import copyright_in as copyright_in_exif
from daemon.pictures.reading import open_photo
from daemon.settings import OutputFormat
from tests.pictures.drawing import coloured, disc, encoded, file_of, image_of, with_field

NOTICE = "(c) 2026 Studio Süd"


def copyright_of(exif: bytes | None, records: bytes | None) -> str | None:
    """The copyright that a result gets."""
    return copyright_in_exif(exif) or iptc.copyright_in(records)


def tiff_with_exif(order: str) -> bytes:
    """A grey TIFF of one pixel, with a copyright in IFD0 and an exposure time in its EXIF directory."""
    mark, notice = (b"II" if order == "<" else b"MM"), NOTICE.encode() + b"\0\0"
    entries = [
        (256, 3, 1, struct.pack(order + "HH", 1, 0)),
        (257, 3, 1, struct.pack(order + "HH", 1, 0)),
        (258, 3, 1, struct.pack(order + "HH", 8, 0)),
        (262, 3, 1, struct.pack(order + "HH", 1, 0)),
        (273, 4, 1, struct.pack(order + "I", 8)),
        (278, 3, 1, struct.pack(order + "HH", 1, 0)),
        (279, 4, 1, struct.pack(order + "I", 1)),
        (0x8298, 2, len(notice) - 1, struct.pack(order + "I", 10)),
        (0x8769, 4, 1, struct.pack(order + "I", 40)),
    ]
    exif = struct.pack(order + "HHHII", 1, 0x829A, 5, 1, 58) + bytes(4) + struct.pack(order + "II", 1, 125)
    first = struct.pack(order + "H", len(entries))
    first += b"".join(struct.pack(order + "HHI4s", *entry) for entry in entries) + bytes(4)
    body = (b"\x80\0" + notice).ljust(32, b"\0") + exif
    return mark + struct.pack(order + "HI", 42, 8 + len(body)) + body + first


@pytest.mark.parametrize("order", ["<", ">"])
def test_what_a_tiff_says_of_its_making_comes_out_as_exif(tmp_path: Path, order: str) -> None:
    photo = open_photo(file_of(tmp_path, tiff_with_exif(order)), 500)

    rgba = cut_out(photo, photo.rgba[..., 3].copy(), clean_rims=False)
    writing.write(tmp_path / "out", rgba, photo, "png", "job")

    written = pyvips.Image.new_from_file(str(tmp_path / "out"))
    assert NOTICE in written.get("exif-ifd0-Copyright")
    assert written.get("exif-ifd2-ExposureTime").startswith("1/125 ")


RECORDS = b"\x1c\x02\x19\0\x04shoe" + b"\x1c\x02\x78\0\x05A cap"
"""IPTC: a keyword and a caption."""


def jpeg_with_all() -> bytes:
    """A JPEG with a camera's EXIF, a place, and IPTC."""
    image = image_of(coloured())
    for name, value in {
        "exif-ifd0-Make": "Camera", "exif-ifd0-Copyright": NOTICE, "exif-ifd2-ExposureTime": "1/125",
        "exif-ifd2-MakerNote": "offsets of its own", "exif-ifd3-GPSLatitude": "48/1 6/1 0/1",
    }.items():  # fmt: skip
        image = with_field(image, name, value)
    return encoded(with_field(image, "iptc-data", iptc.wrapped(RECORDS)), "jpeg")


def written(folder: Path, content: bytes, format_: OutputFormat) -> Path:
    """The result of a photo with `content`."""
    photo = open_photo(file_of(folder, content), 500)
    alpha = (disc(photo.width, photo.height) * 255).astype("uint8")
    writing.write(folder / "out", cut_out(photo, alpha, clean_rims=False), photo, format_, "job")
    return folder / "out"


@pytest.mark.parametrize("turned", [False, True], ids=["as it is", "the other byte order"])
def test_exif_comes_through_a_tiff_in_either_byte_order(tmp_path: Path, turned: bool) -> None:
    content = jpeg_with_all()
    if turned:
        exif = open_photo(file_of(tmp_path, content), 500).metadata.exif
        assert exif is not None
        content = content.replace(exif, in_other_order(exif))
    tiff = written(tmp_path, content, "tiff")

    exif = open_photo(tiff, 500).metadata.exif
    assert exif is not None
    shown = pyvips.Image.jpegload_buffer(bytes(with_field(image_of(coloured()), "exif-data", exif).jpegsave_buffer()))
    assert shown.get("exif-ifd0-Make").startswith("Camera ")
    assert copyright_of(exif, None) == copyright_of(open_photo(tmp_path / "photo.jpg", 500).metadata.exif, None)
    assert shown.get("exif-ifd2-ExposureTime").startswith("1/125 ")
    assert shown.get("exif-ifd3-GPSLatitude").startswith("48/1 6/1 0/1 ")
    assert shown.get("exif-ifd2-PixelXDimension").startswith("96 ")
    assert b"offsets of its own" not in tiff.read_bytes()
    verify(tiff, writing.meant(open_photo(tiff, 500).rgba, "tiff"))


def in_other_order(exif: bytes) -> bytes:
    """The same EXIF block in big-endian."""
    assert exif.startswith(b"Exif\0\0II")
    read = tiff_directory.in_memory(exif[6:])
    dialect = tiff_directory.dialect_of(read)
    assert dialect
    found = exif_in_tiff.exif_fields_of(tiff_directory.directory_at(read, dialect, dialect.first))
    big = found.in_order(">").block
    assert big is not None
    return big.ljust(len(exif), b"\0")


@pytest.mark.parametrize("format_", ["jpeg", "tiff", "tiff_on_colour"])
def test_iptc_comes_through(tmp_path: Path, format_: OutputFormat) -> None:
    result = written(tmp_path, jpeg_with_all(), format_)

    records = open_photo(result, 500).metadata.iptc
    assert records is not None
    assert records.rstrip(b"\0") == RECORDS


def test_iptc_in_a_png_is_where_other_programs_look_for_it(tmp_path: Path) -> None:
    content = written(tmp_path, jpeg_with_all(), "png").read_bytes()

    at = content.index(b"tEXtRaw profile type iptc\0")
    length = int.from_bytes(content[at - 4 : at])
    assert content[at + 4 + length :][:4] == zlib.crc32(content[at : at + 4 + length]).to_bytes(4)
    assert RECORDS.hex().encode() in content
    assert content.endswith(b"IEND\xaeB`\x82")


@given(st.binary(max_size=60), st.sampled_from([b"", b"Photoshop 3.0\0", b"Photoshop 3.0\x008BIM\x04\x04", b"\x1c"]))
def test_no_records_are_broken_enough_to_stop_us(junk: bytes, head: bytes) -> None:
    found = iptc.records(head + junk)

    assert found is None or found[:1] in (b"\x1c", b"")


@pytest.mark.parametrize("name", [b"", b"a", b"ab"])
def test_records_are_found_behind_other_resources(name: bytes) -> None:
    other = b"8BIM\x03\xed" + bytes([len(name)]) + name.ljust(len(name) + (len(name) + 1) % 2, b"\0")
    block = b"Photoshop 3.0\0" + other + (3).to_bytes(4) + b"dpi\0" + iptc.wrapped(RECORDS)[14:]

    assert iptc.records(block) == RECORDS


@pytest.mark.parametrize("format_", get_args(OutputFormat))
def test_a_copyright_in_exif_is_in_every_result(tmp_path: Path, format_: OutputFormat) -> None:
    source = with_field(image_of(coloured()), "exif-ifd0-Copyright", "(c) 2026 Studio <Nord> & Co")
    photo = open_photo(file_of(tmp_path, encoded(source, "jpeg")), 500)
    alpha = (disc() * 255).astype("uint8")

    writing.write(tmp_path / "out", cut_out(photo, alpha, clean_rims=False), photo, format_, "job")

    packet = open_photo(tmp_path / "out", 500).metadata.xmp
    assert packet is not None
    assert b"(c) 2026 Studio &lt;Nord&gt; &amp; Co</rdf:li>" in packet


def test_a_copyright_in_iptc_is_found_where_exif_has_none() -> None:
    notice = NOTICE.encode("latin-1")
    records = (
        b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0\0\0\0\x20" + b"\x1c\x02\x74" + struct.pack(">H", len(notice)) + notice
    )

    assert copyright_of(b"Exif\0\0II*\0\x08\0\0\0\0\0", records) == NOTICE


def test_a_copyright_in_the_iptc_of_a_tiff_is_found(tmp_path: Path) -> None:
    records = b"\x1c\x02\x74\0\x06Studio\0"
    picture = [(256, 3, 1, 1), (257, 3, 1, 1), (258, 3, 1, 8), (262, 3, 1, 1), (273, 4, 1, 8), (278, 3, 1, 1)]
    entries = [*picture, (279, 4, 1, 1), (33723, 4, 3, 10)]  # IPTC as three numbers of 4 bytes, as Photoshop has it
    table = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    content = b"II*\0" + struct.pack("<I", 22) + b"\x80\0" + records + table

    photo = open_photo(file_of(tmp_path, content), 500)

    assert photo.metadata.iptc == records
    assert copyright_of(None, photo.metadata.iptc) == "Studio"


def test_a_notice_of_the_packets_own_is_not_doubled(tmp_path: Path) -> None:
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:rights>theirs</dc:rights></rdf:Description>'
        b"</rdf:RDF></x:xmpmeta>"
    )

    marked = xmp.tagged(packet, "job", NOTICE)

    assert marked.count(b"<dc:rights") == 1
    assert b"theirs" in marked


@given(st.binary(max_size=120), st.sampled_from([b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"]))
def test_no_directory_is_broken_enough_to_stop_us(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes, head: bytes
) -> None:
    path = file_of(tmp_path_factory.getbasetemp(), head + junk, "junk.tif")

    with path.open("rb") as file:
        tags = tiff_page.Tags(file.fileno())
        block = tags.exif
        assert tags.alpha_extra in (0, None)

    assert block is None or block.startswith(b"Exif\0\0")
    assert copyright_of(b"Exif\0\0" + head + junk, junk) is None or junk
