"""What an XMP packet says of the old file only does not travel; every other byte does."""

from pathlib import Path

import numpy as np
import pytest

from daemon.pictures import writing
from daemon.pictures.decoding import read_header
from daemon.pictures.reading import open_photo
from daemon.pictures.stale_xmp import without_stale
from daemon.pictures.xmp import texts_in
from tests.pictures.drawing import coloured, file_of, photo_of, raw_photo

RDF = '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
NAMES = (
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
    'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:note="http://ns.adobe.com/xmp/note/" '
    'xmlns:GCamera="http://ns.google.com/photos/1.0/camera/"'
)
GAIN = 'xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"'
RIGHTS = '<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">(c) Studio</rdf:li></rdf:Alt></dc:rights>'
THUMBNAIL = (
    '<xmp:Thumbnails><rdf:Alt><rdf:li rdf:parseType="Resource">'
    '<g:image xmlns:g="http://ns.adobe.com/xap/1.0/g/img/">OLD</g:image></rdf:li></rdf:Alt></xmp:Thumbnails>'
)


def packet(inner: str = "", attributes: str = "") -> bytes:
    told = f'<rdf:Description rdf:about="" {NAMES}{attributes}>{inner}{RIGHTS}</rdf:Description>'
    return f'<x:xmpmeta xmlns:x="adobe:ns:meta/">{RDF}{told}</rdf:RDF></x:xmpmeta>'.encode()


@pytest.mark.parametrize(
    ("inner", "attributes"),
    [
        (THUMBNAIL, ""),
        ("<tiff:Orientation>6</tiff:Orientation>", ""),
        ("", ' tiff:Orientation="6"'),
        ("", " tiff:Orientation = '6'"),
        ("", ' note:HasExtendedXMP="0123"'),
        ("", ' GCamera:MotionPhoto="1" GCamera:MicroVideoOffset="84"'),
        ("<GCamera:MotionPhoto/>", ""),
        ("", f' {GAIN} hdrgm:Version="1.0" hdrgm:GainMapMax="2.0"'),
        (f"<hdrgm:GainMapMax {GAIN}><rdf:Seq><rdf:li>2</rdf:li></rdf:Seq></hdrgm:GainMapMax>", ""),
    ],
)
def test_what_is_true_of_the_old_file_only_goes_and_all_else_stays(inner: str, attributes: str) -> None:
    assert without_stale(packet(inner, attributes)) == packet()


@pytest.mark.parametrize(
    "kept",
    [
        ' GCamera:Special="1"',
        ' tiff:Make="Orientation"',
        ' dc:format="a > b / tiff:Orientation"',
    ],
)
def test_what_only_looks_like_it_stays(kept: str) -> None:
    assert without_stale(packet("", kept)) == packet("", kept)


@pytest.mark.parametrize(
    "content", [None, b"", b"Thumbnails", packet(THUMBNAIL)[:-9], b"<Thumbnails" + b" " * 1_000_000]
)
def test_a_packet_that_cannot_be_parsed_stays(content: bytes | None) -> None:
    assert without_stale(content) == content


@pytest.mark.parametrize("format_", ["png", "jpeg", "webp", "tiff"])
def test_no_result_shows_the_removed_background(tmp_path: Path, format_: str) -> None:
    photo = photo_of(coloured(), xmp=packet(THUMBNAIL, ' tiff:Orientation="6"'))
    path = tmp_path / "a"

    writing.write(path, photo.rgba, photo, format_, "job")  # type: ignore[arg-type] # one of the formats

    with path.open("rb") as file:
        told = read_header(file.fileno(), format_).metadata.xmp or b""
    assert b"OLD" not in told
    assert b"Orientation" not in told
    assert texts_in(told)["notice"] == "(c) Studio"


def test_xmp_of_a_camera_raw_comes_along_without_what_develops_it(tmp_path: Path) -> None:
    pytest.importorskip("rawpy")
    settings = ' xmlns:crs="http://ns.adobe.com/camera-raw-settings/1.0/" crs:Exposure2012="+2.00"'
    curve = "<crs:ToneCurve><rdf:Seq><rdf:li>0, 0</rdf:li></rdf:Seq></crs:ToneCurve>"
    told = packet().replace(b' rdf:about=""', f' rdf:about=""{settings}'.encode())
    told = told.replace(RIGHTS.encode(), RIGHTS.encode() + curve.encode())

    photo = open_photo(file_of(tmp_path, raw_photo(np.full((64, 96, 3), 0.5), told + bytes(3))), 1)

    assert photo.format == "raw"
    assert photo.metadata.xmp == packet()
    assert texts_in(photo.metadata.xmp) == {"notice": "(c) Studio"}


def test_xmp_of_a_camera_raw_that_cannot_be_parsed_stays_as_it_is(tmp_path: Path) -> None:
    pytest.importorskip("rawpy")
    told = b"<broken http://ns.adobe.com/camera-raw-settings/1.0/"

    assert open_photo(file_of(tmp_path, raw_photo(np.full((64, 96, 3), 0.5), told)), 1).metadata.xmp == told
