"""Where a photo was taken, and what its camera's maker keeps in EXIF, goes along as people said."""

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from daemon.pictures import writing
from daemon.pictures.exif_parts import without_maker_note, without_pictures, without_place
from daemon.pictures.reading import open_photo
from daemon.pictures.values import Metadata
from daemon.pictures.written_metadata import Private, remarks_on
from daemon.pictures.xmp_place import without_place as xmp_without_place
from daemon.settings.output_formats import GpsSetting, MakerNotesSetting, OutputFormat
from tests.pictures.drawing import coloured, photo_of

PIXELS = coloured(48, 32)
PICTURE = b"\xff\xd8\xff\xdb the old background \xff\xd9"
BESIDE = b"\xff\xd8\xff\xe0 the old background again \xff\xd9"
FORMATS: tuple[OutputFormat, ...] = ("png", "webp", "jpeg", "tiff")
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:dji="urn:drone" '
    b'xmlns:e="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
    b'exif:GPSLatitude="48,8N" dji:GpsLongitude="11.5" dc:format="image/jpeg">'
    b"<exif:GPSLongitude>11,30E</exif:GPSLongitude><e:LocationShown><rdf:Bag><rdf:li rdf:parseType='Resource'>"
    b"<e:City>Munich</e:City><exif:GPSAltitude>520/1</exif:GPSAltitude></rdf:li></rdf:Bag></e:LocationShown>"
    b"</rdf:Description></rdf:RDF></x:xmpmeta>"
)


def block(order: str = "<", note: bytes = b"Maker\0 what only it knows", beside: bytes = b"") -> bytes:
    """EXIF with a maker, a maker note, and a latitude, with its values behind each directory."""

    def row(tag: int, kind: int, number: int, value: int) -> bytes:
        return struct.pack(order + "HHII", tag, kind, number, value)

    first, capture = 8, 8 + 2 + 12 * 3 + 4 + 6
    place = capture + 2 + 12 + 4 + len(note) + len(note) % 2
    rows = row(0x010F, 2, 6, 8 + 2 + 12 * 3 + 4) + row(0x8769, 4, 1, capture) + row(0x8825, 4, 1, place)
    content = struct.pack(order + "H", 3) + rows + bytes(4) + b"Nikon\0"
    content += struct.pack(order + "H", 1) + row(0x927C, 7, len(note), capture + 18) + bytes(4) + note
    content += bytes(len(note) % 2)
    north = struct.pack(order + "HHI", 1, 2, 2) + b"N\0\0\0"
    content += struct.pack(order + "H", 2) + north + row(2, 5, 3, place + 30) + bytes(4)
    content += struct.pack(order + "6I", 48, 1, 8, 1, 7531, 100) + beside
    return b"Exif\0\0" + (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "I", first) + content


def result(folder: Path, private: Private, format_: OutputFormat = "png", exif: bytes | None = None) -> Path:
    """A result of a photo that tells a place, and has a maker note."""
    rgba = np.dstack([PIXELS, np.full(PIXELS.shape[:2], 255, np.uint8)])
    photo = photo_of(PIXELS, exif=exif or block(), xmp=XMP)
    writing.write(folder / "out", rgba, photo, format_, "job", private=private)
    return folder / "out"


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("gps", ["keep", "drop"])
def test_the_place_goes_along_unless_people_do_not_want_it(
    tmp_path: Path, order: str, format_: OutputFormat, gps: GpsSetting
) -> None:
    path = result(tmp_path, Private(gps=gps), format_, block(order))

    with Image.open(path) as image:
        image.load()
        said = image.getexif()
        assert said[0x010F] == "Nikon"
        assert dict(said.get_ifd(0x8825)) == ({1: "N", 2: (48.0, 8.0, 75.31)} if gps == "keep" else {})
        assert (0x8825 in said) == (gps == "keep")
    found = open_photo(path, 1).metadata
    assert (struct.pack(order + "I", 7531) in path.read_bytes()) == (
        gps == "keep" and (order, format_) != (">", "tiff")
    )
    assert (b"GPS" in (found.xmp or b"")) == (gps == "keep")
    assert b"Munich" in (found.xmp or b"")


def test_xmp_loses_coordinates_of_the_camera_and_of_what_is_shown_and_nothing_else() -> None:
    left = xmp_without_place(XMP)

    assert left is not None
    assert b"gps" not in left.lower()
    assert b"<e:City>Munich</e:City></rdf:li>" in left
    assert b'dc:format="image/jpeg"' in left


def test_xmp_that_cannot_be_parsed_stays_out_whole_and_the_report_says_so() -> None:
    broken = XMP.replace(b"</rdf:RDF>", b"")

    assert xmp_without_place(broken) is None
    (remark,) = remarks_on(Metadata(xmp=broken), ["png"], Private(gps="drop"))
    assert "XMP is damaged" in remark
    assert remarks_on(Metadata(xmp=XMP), ["png", "jpeg"], Private(gps="drop")) == ()
    assert remarks_on(Metadata(xmp=broken), ["png"]) == ()


@pytest.mark.parametrize("format_", ["png", "webp", "jpeg"])
@pytest.mark.parametrize("maker_notes", ["no_pictures", "keep", "drop"])
@pytest.mark.parametrize("order", ["<", ">"])
def test_maker_notes_go_along_as_people_want_it(
    tmp_path: Path, format_: OutputFormat, maker_notes: MakerNotesSetting, order: str
) -> None:
    path = result(tmp_path, Private(maker_notes=maker_notes), format_, block(order))

    with Image.open(path) as image:
        image.load()
        said = image.getexif()
        assert said[0x010F] == "Nikon"
        assert (0x927C in said.get_ifd(0x8769)) == (maker_notes != "drop")
    assert (b"what only it knows" in path.read_bytes()) == (maker_notes != "drop")


@pytest.mark.parametrize("picture", [PICTURE, b"\x7f" + PICTURE[1:]])
def test_a_maker_note_with_a_picture_stays_out_unless_people_want_it(tmp_path: Path, picture: bytes) -> None:
    exif = block(note=b"Maker\0" + picture + b"and more", beside=BESIDE)

    usual = result(tmp_path, Private(), "png", exif).read_bytes()
    (tmp_path / "out").unlink()
    wanted = result(tmp_path, Private(maker_notes="keep"), "png", exif).read_bytes()

    assert b"background" not in usual
    assert b"and more" not in usual
    assert wanted.count(b"background") == 2


def test_what_stands_behind_a_picture_stays() -> None:
    exif = block(beside=BESIDE + b"something else")

    left = without_pictures(exif)

    assert b"background" not in left
    assert left.endswith(b"something else")
    assert b"what only it knows" in left
    assert len(left) == len(exif)


@given(st.binary(max_size=160), st.sampled_from([b"", b"Exif\0\0II*\0", block()[:60], block(">")[:90], block()]))
def test_no_block_is_broken_enough_to_stop_us(junk: bytes, head: bytes) -> None:
    for take_out in (without_place, without_maker_note, without_pictures):
        assert len(take_out(head + junk)) == len(head + junk)
