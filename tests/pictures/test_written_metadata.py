"""What a format cannot hold is left out in part, said, and never silently nothing."""

import io
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from daemon.pictures import iptc, writing
from daemon.pictures.reading import open_photo
from daemon.pictures.values import Container, Metadata
from daemon.pictures.whole_encoding import encoded
from daemon.pictures.written_metadata import remarks_on
from daemon.pictures.xmp import texts_in
from daemon.settings.output_formats import OutputFormat
from tests.pictures.drawing import coloured, job_in, photo_of

NAMES = (
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:ps="http://ns.adobe.com/photoshop/1.0/" '
    'xmlns:r="http://ns.adobe.com/xap/1.0/rights/" xmlns:o="urn:other"'
)
RIGHTS = (
    '<dc:rights><rdf:Alt><rdf:li xml:lang="x-default">(c) Studio</rdf:li><rdf:li xml:lang="de">(c) Werkstatt</rdf:li>'
    "</rdf:Alt></dc:rights><dc:creator><rdf:Seq><rdf:li>Ann</rdf:li></rdf:Seq></dc:creator>"
    '<r:UsageTerms><rdf:Alt><rdf:li xml:lang="x-default">ask first</rdf:li></rdf:Alt></r:UsageTerms>'
)
PIXELS = coloured(48, 32)


def packet(history: int = 0, padding: int = 0, notices: str = RIGHTS) -> bytes:
    """A packet with rights, a history of so many bytes, and blanks at its end."""
    steps = "<o:history><rdf:Seq>" + "<rdf:li>step</rdf:li>" * (history // 21) + "</rdf:Seq></o:history>"
    about = f'<rdf:Description rdf:about="" {NAMES} ps:Credit="Agency" o:rights="old" r:Marked="True">'
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        f'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">{about}{steps}{notices}</rdf:Description>'
        f'</rdf:RDF></x:xmpmeta>{" " * padding}<?xpacket end="w"?>'
    ).encode()


def xmp_of(path: Path) -> bytes:
    """The packet that an independent program finds in a file."""
    with Image.open(path) as image:
        found: bytes = image.info["xmp"]
        return found


def written(folder: Path, metadata: Metadata, format_: OutputFormat = "jpeg") -> Path:
    """A result with a photo's metadata."""
    rgba = np.dstack([PIXELS, np.full(PIXELS.shape[:2], 255, np.uint8)])
    parts = {name: getattr(metadata, name) for name in ("exif", "xmp", "iptc", "dpi")}
    writing.write(folder / "out", rgba, photo_of(PIXELS, **parts), format_, "job-7")
    return folder / "out"


@pytest.mark.parametrize("history", [70_000, 1_000_000])
def test_a_jpeg_keeps_the_rights_of_xmp_that_is_too_long_for_it(tmp_path: Path, history: int) -> None:
    found = xmp_of(written(tmp_path, Metadata(xmp=packet(history))))

    assert texts_in(found) == {"notice": "(c) Studio", "creator": "Ann", "credit": "Agency"}
    assert job_in(found) == "job-7"
    assert b"(c) Werkstatt" in found
    assert b"ask first" in found
    assert b'r:Marked="True"' in found
    assert b"step" not in found
    assert b"old" not in found


def test_the_report_says_that_a_jpeg_got_less() -> None:
    long, short = Metadata(xmp=packet(70_000)), Metadata(xmp=packet(1000))

    (remark,) = remarks_on(long, ["png", "jpeg", "jpeg"])

    assert "XMP is too long for a JPEG" in remark
    assert remarks_on(long, ["png", "tiff", "webp"]) == remarks_on(short, ["jpeg"]) == ()


def test_blanks_at_the_end_of_xmp_are_no_reason_to_leave_anything_out(tmp_path: Path) -> None:
    metadata = Metadata(xmp=packet(50_000, padding=30_000))

    assert b"step" in xmp_of(written(tmp_path, metadata))
    assert remarks_on(metadata, ["jpeg"]) == ()


def test_other_formats_keep_long_xmp_whole(tmp_path: Path) -> None:
    assert b"<rdf:li>step</rdf:li>" * (70_000 // 21) in xmp_of(written(tmp_path, Metadata(xmp=packet(70_000)), "tiff"))


@pytest.mark.parametrize(
    "long",
    [
        b"<no xml" * 10_000 + b"</rdf:RDF>",
        packet(0, notices="<dc:rights>" + "x" * 70_000 + "</dc:rights>"),
        packet(1 << 22),
    ],
)
def test_xmp_that_cannot_be_shortened_leaves_at_least_a_mark_and_the_notice_of_exif(
    tmp_path: Path, long: bytes
) -> None:
    metadata = Metadata(xmp=long, iptc=b"\x1c\x02\x74\x00\x0a(c) Studio")

    found = xmp_of(written(tmp_path, metadata))

    assert job_in(found) == "job-7"
    assert texts_in(found) == {"notice": "(c) Studio"}
    assert "none of it" in remarks_on(metadata, ["jpeg"])[0]


def test_no_length_of_xmp_falls_between_what_is_kept_and_what_is_shortened(tmp_path: Path) -> None:
    for number, history in enumerate(range(56_000, 61_000, 250)):
        folder = tmp_path / str(number)
        folder.mkdir()

        assert job_in(xmp_of(written(folder, Metadata(xmp=packet(history))))) == "job-7"


def test_even_a_notice_of_any_length_is_no_reason_to_leave_all_out(tmp_path: Path) -> None:
    notice = b"&" * 20_000
    metadata = Metadata(xmp=packet(70_000, notices=""), iptc=b"\x1c\x02\x74" + len(notice).to_bytes(2) + notice)

    assert job_in(xmp_of(written(tmp_path, metadata))) == "job-7"


@pytest.mark.parametrize("format_", get_args(OutputFormat))
def test_a_result_of_a_photo_without_exif_has_none(tmp_path: Path, format_: OutputFormat) -> None:
    path = written(tmp_path, Metadata(xmp=packet()), format_)

    with Image.open(path) as image:
        image.load()
        assert "exif" not in image.info
        assert b"Exif" not in path.read_bytes()


@pytest.mark.parametrize("format_", ["png", "tiff", "jpeg", "webp"])
def test_a_resolution_needs_no_exif_in_the_photo(tmp_path: Path, format_: OutputFormat) -> None:
    path = written(tmp_path, Metadata(dpi=300.0), format_)

    with Image.open(path) as image:
        image.load()
        said = image.getexif()
        found = (said[0x011A], said[0x011B]) if format_ == "webp" else image.info["dpi"]
        assert tuple(map(float, found)) == pytest.approx((300, 300), abs=0.01)
        assert "exif" not in image.info or format_ == "webp"


def test_exif_of_a_webp_for_its_resolution_tells_nothing_of_a_camera_or_of_colours(tmp_path: Path) -> None:
    with Image.open(written(tmp_path, Metadata(dpi=300.0), "webp")) as image:
        said = image.getexif()
        assert set(said) <= {0x0112, 0x011A, 0x011B, 0x0128, 0x8769}
        assert set(said.get_ifd(0x8769)) <= {0xA002, 0xA003}


@pytest.mark.parametrize("container", ["png", "jpeg", "webp", "tiff"])
def test_pictures_for_shops_have_no_exif_but_a_resolution(container: Container) -> None:
    content = encoded(PIXELS, container, Metadata(xmp=packet(), dpi=72.0), 90)

    with Image.open(io.BytesIO(content)) as image:
        image.load()
        found = set(image.getexif()) if container != "tiff" else set()
        assert found <= ({0x0112, 0x011A, 0x011B, 0x0128, 0x8769} if container == "webp" else set())
        assert container == "webp" or tuple(map(round, image.info["dpi"])) == (72, 72)


def test_a_jpeg_gets_what_fits_of_long_iptc_and_the_report_says_so(tmp_path: Path) -> None:
    notice, city = b"\x1c\x02\x74\x00\x0a(c) Studio", b"\x1c\x02\x5a\x00\x06Munich"
    caption = b"\x1c\x02\x78\x80\x04" + (100_000).to_bytes(4) + b"x" * 100_000
    metadata = Metadata(iptc=notice + caption + city)

    assert open_photo(written(tmp_path, metadata), 1).metadata.iptc == notice + city
    assert "IPTC is too long for a JPEG" in remarks_on(metadata, ["jpeg"])[0]
    (tmp_path / "out").unlink()
    assert open_photo(written(tmp_path, metadata, "png"), 1).metadata.iptc == notice + caption + city
    assert remarks_on(metadata, ["png", "tiff"]) == ()


@pytest.mark.parametrize("length", [65_480, 65_488, 65_489, 65_495, 65_500, 65_520, 65_540])
def test_no_length_of_iptc_is_silently_nothing(tmp_path: Path, length: int) -> None:
    notice = b"\x1c\x02\x74\x00\x0a(c) Studio"
    caption = b"\x1c\x02\x78\x80\x04" + (length - 15 - 9).to_bytes(4) + b"x" * (length - 15 - 9)

    found = open_photo(written(tmp_path, Metadata(iptc=notice + caption)), 1).metadata.iptc

    assert found == (notice + caption if length <= 65_500 else notice)


@given(st.binary(max_size=60), st.integers(0, 70))
def test_iptc_is_shortened_whatever_it_holds(junk: bytes, most: int) -> None:
    for bare in (junk, b"\x1c\x02\x74" + junk, b"\x1c\x02\x74\xff\xff" + junk):
        assert len(iptc.shortened(bare, most) or b"") <= most
