import struct
from pathlib import Path

import pytest

from daemon.errors import SAID
from daemon.pictures import decoding, file_structure, vips
from daemon.pictures.known_formats import BEGINNINGS, FORMATS, OTHER_KINDS, SUFFIXES, suffixes_of
from daemon.pictures.signatures import HEAD_BYTES, kind_of, may_become_a_photo, stranger
from tests.intake.photos import FORMATS as DRAWN
from tests.intake.photos import photo

KIND_OF_DRAWN = {"jpg": "jpeg", "tif": "tiff"}


def boxes(*brands: bytes) -> bytes:
    return struct.pack(">I4s4sI", 16 + 4 * len(brands[1:]), b"ftyp", brands[0], 0) + b"".join(brands[1:])


@pytest.mark.parametrize("drawn", DRAWN)
def test_every_drawn_photo_is_known_by_its_first_bytes(drawn: str) -> None:
    ending = drawn.rpartition(".")[2]

    assert kind_of(photo(drawn)[:HEAD_BYTES]) == KIND_OF_DRAWN.get(ending, ending)


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (boxes(b"heic", b"mif1"), "heic"),
        (boxes(b"heix", b"mif1", b"heix"), "heic"),  # .HIF of Canon and Sony
        (boxes(b"mif1", b"mif1", b"heic"), "heic"),
        (boxes(b"avif", b"mif1"), "avif"),
        (boxes(b"crx ", b"crx ", b"isom"), "raw"),
        (b"II*\0\x10\0\0\0CR\2\0", "raw"),
        (b"II*\0\x08\0\0\0\x10\0", "tiff"),
        (b"II\x1a\0\x1a\0\0\0HEAPCCDR", "raw"),
        (b"\0MRM\0\0\1\0", "raw"),
        (b"FOVb\2\0\2\0", "raw"),
        (b"IIU\0\x18\0\0\0", "raw"),
        (b"FUJIFILMCCD-RAW 0201", "raw"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "jxl"),
        (b"\xff\x0a\1", "jxl"),
        (b"8BPS\0\1\0", "psd"),
        (b"8BPS\0\2\0", "psd"),
        (b"GIF89a\1\0", "gif"),
        (b"GIF87a\1\0", "gif"),
        (b"GIF8, the file system", None),
        (b"\0\0\0\x0cjP  \r\n", "jp2"),
        (b"\xff\x4f\xff\x51\0", "jp2"),
        (b"BMW 3, blue, 2009", None),
        (b"BM\x36\x10\0\0\0\0\0\0", "bmp"),
        (b"RIFF\x10\0\0\0WAVEfmt ", None),
    ],
)
def test_the_first_bytes_tell_the_kind(head: bytes, kind: str | None) -> None:
    assert kind_of(head) == kind


@pytest.mark.parametrize(
    ("head", "what"),
    [
        (b"\n%PDF-1.7", "a PDF"),
        (b"<SVG width='3'", "an SVG drawing"),
        (b"<x:xmpmeta xmlns:x='adobe:ns:meta/'", "an XML text"),
        (b"\0\0\x01\0\1\0", "an icon"),
        (b"%!PS-Adobe-3.0 EPSF", "an EPS drawing"),
        (boxes(b"qt  "), "a video"),
        (b"\0\0\0\x08wide\0\0\0\0mdat", "a video"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "a sound recording"),
        (b"Get free shoes", "a text"),
        (bytes(range(128, 160)), "of no kind known here"),
    ],
)
def test_what_is_no_photo_has_a_name_for_people(head: bytes, what: str) -> None:
    assert stranger(head) == what


def test_each_kind_can_be_read_followed_to_its_end_and_named() -> None:
    kinds = {each.kind for each in FORMATS}
    signatures = [signature for signature, _ in file_structure._FORMATS]
    loaders = {*decoding._OPENERS, *decoding._MAPPING_LOADERS, "png", "tiff"}

    assert kinds == loaders
    assert all(hasattr(vips.Image, f"{kind}load_source") for kind in ("png", "tiff"))
    assert all(any(signature.match(photo(drawn)) for signature in signatures) for drawn in DRAWN)
    assert all(suffixes_of(kind) for kind in kinds)
    assert suffixes_of("pdf") == ()


def test_the_endings_of_camera_files_are_a_photo_s() -> None:
    assert {
        ".hif",
        ".mpo",
        ".dib",
        ".nrw",
        ".rwl",
        ".sr2",
        ".crw",
        ".x3f",
        ".jpg",
        ".heic",
        ".gif",
        ".jp2",
        ".psd",
    } <= SUFFIXES
    assert {".eps", ".pdf", ".xmp", ".mov", ""}.isdisjoint(SUFFIXES)


def test_every_kind_that_is_not_read_has_a_sentence() -> None:
    assert [each.code for each in OTHER_KINDS if each.code not in SAID] == []


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_the_beginning_of_a_photo_may_become_one(beginning: bytes) -> None:
    assert may_become_a_photo(beginning[:2])
    assert may_become_a_photo(bytes(12))
    assert not may_become_a_photo(b"hello, world")


@pytest.mark.parametrize("page", ["README.md", "docs/studio.md", "docs/studio.de.md"])
def test_the_documents_name_every_format(page: str) -> None:
    text = (Path(__file__).parent.parent.parent / page).read_text("utf-8")

    assert [each.name for each in FORMATS if each.name.split()[-1] not in text] == []


def test_the_page_of_formats_has_each_with_all_its_endings() -> None:
    text = (Path(__file__).parent.parent.parent / "docs" / "formats.md").read_text("utf-8")
    rows = {cells[1].strip(): cells[2] for line in text.splitlines() if len(cells := line.split("|")) > 4}

    assert [each.name for each in FORMATS if each.name not in rows] == []
    assert [end for each in FORMATS for end in each.suffixes if f"`{end}`" not in rows[each.name]] == []
