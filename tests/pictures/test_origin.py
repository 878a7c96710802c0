"""Who made a photo, when and with what, comes through whatever the formats."""

import struct
from pathlib import Path
from typing import get_args

import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st

from daemon.pictures import marks, rights, tifftags, writing
from daemon.pictures.compositing import cut_out
from daemon.pictures.reading import open_photo
from daemon.settings import OutputFormat
from tests.pictures.drawing import coloured, disc, encoded, file_of, image_of, with_field

NOTICE = "(c) 2026 Studio Süd"


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


@pytest.mark.parametrize("format_", get_args(OutputFormat))
def test_a_copyright_in_exif_is_in_every_result(tmp_path: Path, format_: OutputFormat) -> None:
    source = with_field(image_of(coloured()), "exif-ifd0-Copyright", "(c) 2026 Studio <Nord> & Co")
    photo = open_photo(file_of(tmp_path, encoded(source, "jpeg")), 500)
    alpha = (disc() * 255).astype("uint8")

    writing.write(tmp_path / "out", cut_out(photo, alpha, clean_rims=False), photo, format_, "job")

    xmp = open_photo(tmp_path / "out", 500).xmp
    assert xmp is not None
    assert b"(c) 2026 Studio &lt;Nord&gt; &amp; Co</rdf:li>" in xmp


def test_a_copyright_in_iptc_is_found_where_exif_has_none() -> None:
    notice = NOTICE.encode("latin-1")
    iptc = (
        b"Photoshop 3.0\0" + b"8BIM\x04\x04\0\0\0\0\0\x20" + b"\x1c\x02\x74" + struct.pack(">H", len(notice)) + notice
    )

    assert rights.copyright_of(b"Exif\0\0II*\0\x08\0\0\0\0\0", iptc) == NOTICE


def test_a_copyright_in_the_iptc_of_a_tiff_is_found(tmp_path: Path) -> None:
    records = b"\x1c\x02\x74\0\x06Studio\0"
    picture = [(256, 3, 1, 1), (257, 3, 1, 1), (258, 3, 1, 8), (262, 3, 1, 1), (273, 4, 1, 8), (278, 3, 1, 1)]
    entries = [*picture, (279, 4, 1, 1), (33723, 4, 3, 10)]  # IPTC as three numbers of 4 bytes, as Photoshop has it
    table = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    content = b"II*\0" + struct.pack("<I", 22) + b"\x80\0" + records + table

    photo = open_photo(file_of(tmp_path, content), 500)

    assert photo.iptc == records
    assert rights.copyright_of(None, photo.iptc) == "Studio"


def test_a_notice_of_the_packets_own_is_not_doubled(tmp_path: Path) -> None:
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:rights>theirs</dc:rights></rdf:Description>'
        b"</rdf:RDF></x:xmpmeta>"
    )

    marked = marks.marked(packet, "job", NOTICE)

    assert marked.count(b"<dc:rights") == 1
    assert b"theirs" in marked


@given(st.binary(max_size=120), st.sampled_from([b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"]))
def test_no_directory_is_broken_enough_to_stop_us(
    tmp_path_factory: pytest.TempPathFactory, junk: bytes, head: bytes
) -> None:
    path = file_of(tmp_path_factory.getbasetemp(), head + junk, "junk.tif")

    with path.open("rb") as file:
        tags = tifftags.Tags(file.fileno())
        block = tags.exif
        assert tags.alpha_extra in (0, None)

    assert block is None or block.startswith(b"Exif\0\0")
    assert rights.copyright_of(b"Exif\0\0" + head + junk, junk) is None or junk
