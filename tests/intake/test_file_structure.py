import errno
import os
import struct
import time
from contextlib import suppress
from pathlib import Path

import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.errors import NotWholeYet
from daemon.pictures import file_structure
from daemon.pictures.file_structure import follow_to_end
from daemon.pictures.partial_file import PartialFile
from tests.drawing import drawn_photo
from tests.intake.photos import FORMATS, bmp, photo, two_pages


def follow(path: Path, content: bytes) -> str | None:
    path.write_bytes(content)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return follow_to_end(descriptor)
    finally:
        os.close(descriptor)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "photo"


@pytest.mark.parametrize("kind", FORMATS)
def test_a_whole_photo_is_followed_to_its_end(path: Path, kind: str) -> None:
    assert follow(path, photo(kind)) is None


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7, 0.999])
def test_a_photo_that_is_still_growing_is_not_whole(path: Path, kind: str, share: float) -> None:
    content = photo(kind)

    with pytest.raises(NotWholeYet):
        follow(path, content[: int(len(content) * share)])


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_of_full_size_whose_data_is_still_to_come_is_not_believed(path: Path, kind: str) -> None:
    content = photo(kind)
    there = len(content) // 2

    try:
        doubt = follow(path, content[:there] + bytes(len(content) - there))
    except NotWholeYet:
        return
    assert doubt is not None


def test_a_hole_in_the_middle_is_a_doubt(path: Path) -> None:
    content = photo("tif")  # its tables are at the end, its pixels before
    with path.open("wb") as file:
        file.write(content[:8192])
        file.seek(150_000)
        file.write(content[150_000:])
    with path.open("rb") as file:
        if os.lseek(file.fileno(), 0, os.SEEK_HOLE) == len(content):
            pytest.skip("this file system shows no holes")
        assert follow_to_end(file.fileno()) == "it has a hole that no data was written to"


def test_what_a_camera_appends_behind_a_jpeg_does_not_matter(path: Path) -> None:
    assert follow(path, photo("jpg") + b"MotionPhoto" * 100) is None
    assert follow(path, photo("jpg") + bytes(5000)) is None


def test_stray_bytes_between_jpeg_segments_are_stepped_over(path: Path) -> None:
    content = photo("jpg")
    length = int.from_bytes(content[4:6])

    assert follow(path, content[: 4 + length] + b"\x01\x02\x03" + content[4 + length :]) is None


def test_the_end_mark_of_a_thumbnail_is_not_the_end_of_the_photo(path: Path) -> None:
    content, thumbnail = photo("jpg"), photo("jpg", seed=1)[:20000]
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2) + thumbnail
    whole = content[:2] + segment + content[2:]

    assert follow(path, whole) is None
    with pytest.raises(NotWholeYet):
        follow(path, whole[: len(segment) + 100])


class Counted(PartialFile):
    """A file that counts the bytes that are read of all such files."""

    bytes_read = 0

    def some(self, position: int, length: int) -> bytes:
        content = super().some(position, length)
        Counted.bytes_read += len(content)
        return content

    def exactly(self, position: int, length: int, what: str) -> bytes:
        Counted.bytes_read += length
        return super().exactly(position, length, what)


def test_a_run_of_fill_bytes_is_searched_once(path: Path) -> None:
    """Each byte of a run could begin a match: a pattern that allows fill bytes looks at the rest of the run again."""

    def seconds(fill: int) -> float:
        whole = photo("jpg")
        started = time.thread_time()
        with pytest.raises(NotWholeYet, match="the end mark of a JPEG"):
            follow(path, whole[: len(whole) // 2] + b"\xff" * fill)
        return time.thread_time() - started

    assert seconds(96_000) < 3 * seconds(48_000) + 0.5


@pytest.mark.parametrize(
    "part", [b"\x00\xff\x01", b"\xff\xda\x00\x02", b"\xff\xff\x01"], ids=["stray", "scans", "fill"]
)
def test_a_jpeg_of_very_many_parts_is_read_once(path: Path, part: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    path.write_bytes(b"\xff\xd8\xff\xe0\x00\x02" + part * 20_000 + b"\xff\xd9")
    monkeypatch.setattr(file_structure, "PartialFile", Counted)
    before = Counted.bytes_read

    with path.open("rb") as file:
        assert follow_to_end(file.fileno()) is None

    assert Counted.bytes_read - before < 20 * path.stat().st_size


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xd8\xff\xe0\x00\x02" + b"\xff\x01" * 200_000 + b"\xff\xd9",
        b"\x89PNG\r\n\x1a\n" + b"\0\0\0\0teST\0\0\0\0" * 200_000 + b"\0\0\0\0IEND\0\0\0\0",
        b"\0\0\0\x10ftypheic\0\0\0\0" + b"\0\0\0\x08free" * 200_000,
    ],
    ids=["jpeg", "png", "heic"],
)
def test_a_file_of_more_parts_than_any_program_writes_is_a_doubt(path: Path, content: bytes) -> None:
    assert "more parts than any program writes" in (follow(path, content) or "")


def test_a_black_tail_is_a_doubt_and_no_refusal(path: Path) -> None:
    rgb = drawn_photo()
    rgb[:120] = 0  # a BMP stores its rows from the bottom, so this is its end

    assert follow(path, bmp(rgb)) == "its end holds only zeros"


def test_a_bmp_whose_header_names_no_size_is_measured(path: Path) -> None:
    content = bmp(drawn_photo(), size=0)

    assert follow(path, content) is None
    with pytest.raises(NotWholeYet, match="are there"):
        follow(path, content[:-1])


def test_a_tiff_grows_page_by_page(path: Path) -> None:
    first = photo("tif")

    assert follow(path, first) is None
    assert follow(path, two_pages(first)) is None
    with pytest.raises(NotWholeYet, match="pages of a TIFF"):
        follow(path, two_pages(first, second_at_end=False))


def test_data_of_a_page_within_a_page_that_is_not_there_is_a_doubt(path: Path) -> None:
    """Camera RAWs keep their photo there, but some programs leave such a pointer without its page."""
    raw, preview = two_pages(photo("tif")), photo("tif", seed=1)
    (start,) = struct.unpack_from("<I", preview, 4)
    (count,) = struct.unpack_from("<H", preview, start)
    fields = preview[start + 2 : start + 2 + count * 12]

    def nested(length: int) -> bytes:
        inner = raw[:length]
        (inner_page,) = struct.unpack_from("<I", raw, 4)
        shifted = bytearray(inner_page_table(raw, inner_page, len(preview)))
        page = len(preview) + len(inner)
        table = struct.pack("<H", count + 1) + fields + struct.pack("<HHII", 330, 4, 1, page + 18 + count * 12)
        content = preview + inner + table + bytes(4) + shifted
        return content[:4] + struct.pack("<I", page) + content[8:]

    assert follow(path, nested(len(raw))) is None
    whole = nested(len(raw))
    assert follow(path, whole[:-20]) == "it ends before one of the pages of a TIFF"


def test_a_tiff_whose_profile_is_not_all_there_is_a_doubt(path: Path) -> None:
    image = pyvips.Image.black(16, 16, bands=3).copy(interpretation="srgb")
    content = bytes(image.icc_transform("p3").tiffsave_buffer())  # libtiff writes the profile behind the directory

    assert follow(path, content) is None
    assert follow(path, content[:-100]) == "it ends before what a TIFF says beside its picture, such as its colours"


def inner_page_table(raw: bytes, at: int, shift: int) -> bytes:
    """The page at `at` of a TIFF as one within another file, in which its data lies `shift` bytes further on."""
    (count,) = struct.unpack_from("<H", raw, at)
    entries = []
    for tag, kind, length, value in struct.iter_unpack("<HHII", raw[at + 2 : at + 2 + count * 12]):
        moved = value + shift if length * {3: 2, 4: 4, 5: 8}.get(kind, 1) > 4 or (tag == 273 and length == 1) else value
        entries.append(struct.pack("<HHII", tag, kind, length, moved))
    return struct.pack("<H", count) + b"".join(entries) + bytes(4)


def test_a_tiff_whose_pages_run_in_a_circle_ends(path: Path) -> None:
    circle = bytearray(two_pages(photo("tif")))
    circle[-4:] = circle[4:8]  # the second page says that the first one follows

    follow(path, bytes(circle))


@pytest.mark.parametrize("number", [100_000, 5_000_000, 2**32 - 1])
@pytest.mark.parametrize("tag", [273, 279])
def test_a_table_that_says_it_is_longer_than_the_file_is_not_there_yet(path: Path, tag: int, number: int) -> None:
    content = bytearray(photo("tif"))
    (start,) = struct.unpack_from("<I", content, 4)
    at = content.index(struct.pack("<HH", tag, 4), start)
    struct.pack_into("<II", content, at + 4, number, 8)

    with pytest.raises(NotWholeYet, match="pages of a TIFF"):
        follow(path, bytes(content))


@pytest.mark.timeout(60)  # it takes no second; without a limit, it would read 2,000 times 8 MB
def test_pages_that_all_point_to_one_large_table_are_a_doubt(path: Path) -> None:
    numbers, page = 2_000_000, struct.pack("<HHHIIHHII", 2, 273, 4, 2_000_000, 8, 279, 4, 2_000_000, 8)
    start = 8 + 4 * numbers
    chain = b"".join(page + struct.pack("<I", start + 30 * (number + 1)) for number in range(2000))
    content = b"II*\0" + struct.pack("<I", start) + struct.pack("<I", 8) * numbers + chain

    assert "share their tables" in (follow(path, content) or "")


def test_pages_that_all_point_to_one_large_table_of_inner_pages_read_it_seldom(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_structure, "PartialFile", Counted)
    before = Counted.bytes_read
    numbers, entry = 2_000_000, struct.pack("<HHHII", 1, 330, 4, 2_000_000, 8)
    start = 8 + 4 * numbers
    chain = b"".join(entry + struct.pack("<I", start + 18 * (number + 1)) for number in range(2000))
    content = b"II*\0" + struct.pack("<I", start) + struct.pack("<I", start) * numbers + chain

    with suppress(NotWholeYet):
        follow(path, content)

    assert Counted.bytes_read - before < 10 * len(content)


@pytest.mark.parametrize("content", [b"", b"\0" * 10, b"\0" * 100_000, b"\xff\xd8\xff", b"BM", b"II*\0", b"x"])
def test_nothing_or_a_beginning_is_not_whole(path: Path, content: bytes) -> None:
    with pytest.raises(NotWholeYet):
        follow(path, content)


def test_an_unknown_format_is_left_to_the_decoder_but_for_its_end(path: Path) -> None:
    assert follow(path, b"These are notes, saved as a picture by mistake.") is None
    assert follow(path, b"FUJIFILMCCD-RAW" + b"x" * 9000 + bytes(9000)) == "its end holds only zeros"


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(FORMATS),
    cuts=st.lists(st.tuples(st.integers(0, 2000), st.binary(min_size=1, max_size=8)), max_size=6),
    length=st.integers(1, 4000),
)
def test_damaged_files_raise_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, kind: str, cuts: list[tuple[int, bytes]], length: int
) -> None:
    content = bytearray(photo(kind)[:length])
    for at, bytes_ in cuts:
        content[at : at + len(bytes_)] = bytes_

    with suppress(NotWholeYet):
        follow(tmp_path_factory.getbasetemp() / "fuzzed", bytes(content))


@pytest.mark.parametrize("kind", FORMATS)
def test_a_file_with_an_unreadable_sector_is_no_file_that_ends_early(
    path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A kernel returns what lies before the bad sector, and fails only when it is asked for that sector alone."""
    content, real = photo(kind), os.pread
    bad = len(content) // 2

    def pread(descriptor: int, length: int, position: int) -> bytes:
        if position >= bad:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(descriptor, min(length, bad - position), position)

    monkeypatch.setattr(os, "pread", pread)

    with pytest.raises(OSError, match="Input/output error"):
        follow(path, content)


@pytest.mark.parametrize(("size", "told"), [(1, "it has only one byte"), (2, "it has only 2 bytes")])
def test_one_byte_is_not_one_bytes(path: Path, size: int, told: str) -> None:
    with pytest.raises(NotWholeYet, match=told):
        follow(path, b"k" * size)
