"""IPTC of a JPEG comes along from whichever of its segments it lies in."""

import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.pictures.reading import open_photo
from tests.pictures.drawing import coloured, encoded, file_of, image_of

RECORDS = b"\x1c\x02\x74\x00\x0a(c) Studio"
PLAIN = encoded(image_of(coloured(48, 32)), "jpeg")


def segment(content: bytes, head: bytes = b"Photoshop 3.0\0", number: int = 0xED) -> bytes:
    """One segment of a JPEG."""
    return struct.pack(">BBH", 0xFF, number, len(head) + len(content) + 2) + head + content


def resource(number: int, content: bytes, kind: bytes = b"8BIM") -> bytes:
    """One of Photoshop's resources, without a name."""
    return kind + struct.pack(">HHI", number, 0, len(content)) + content + bytes(len(content) % 2)


def iptc_of(folder: Path, *segments: bytes) -> bytes | None:
    """What is read of a JPEG that begins with some segments."""
    return open_photo(file_of(folder, PLAIN[:2] + b"".join(segments) + PLAIN[2:]), 1).metadata.iptc


def test_iptc_in_a_second_segment_comes_along(tmp_path: Path) -> None:
    first = segment(resource(0x03ED, bytes(16)))

    assert iptc_of(tmp_path, first, segment(resource(0x0404, RECORDS))) == RECORDS


@pytest.mark.parametrize("cut", [1, 5, 11, 13, 20])
def test_iptc_that_goes_on_in_the_next_segment_is_joined(tmp_path: Path, cut: int) -> None:
    whole = resource(0x03ED, b"") + resource(0x0404, RECORDS)

    assert iptc_of(tmp_path, segment(whole[: 12 + cut]), segment(whole[12 + cut :])) == RECORDS


def test_iptc_of_more_than_one_segment_holds_comes_along(tmp_path: Path) -> None:
    records = b"".join(b"\x1c\x02\x19\x07\xd0" + bytes([65 + number]) * 2000 for number in range(60))
    whole = resource(0x0404, records)
    parts = [segment(whole[at : at + 65_000]) for at in range(0, len(whole), 65_000)]

    assert len(parts) > 1
    assert iptc_of(tmp_path, *parts) == records


def test_a_segment_that_breaks_off_hides_no_other_one(tmp_path: Path) -> None:
    cut_off = segment(resource(0x03ED, bytes(16))[:-4])

    assert iptc_of(tmp_path, cut_off, segment(resource(0x0404, RECORDS))) == RECORDS


def test_other_segments_of_that_number_and_other_resources_are_passed_over(tmp_path: Path) -> None:
    others = segment(b"xx", b"Adobe_CM\0"), segment(resource(7, b"\1\2", b"MeSa") + resource(0x0404, RECORDS))

    assert iptc_of(tmp_path, *others) == RECORDS


def test_of_several_the_first_counts(tmp_path: Path) -> None:
    segments = [segment(resource(0x0404, RECORDS)), segment(resource(0x0404, RECORDS.replace(b"Studio", b"nobody")))]

    assert iptc_of(tmp_path, *segments) == RECORDS


@given(st.lists(st.binary(max_size=40), max_size=4))
def test_no_segment_is_broken_enough_to_stop_us(
    tmp_path_factory: pytest.TempPathFactory, contents: list[bytes]
) -> None:
    iptc_of(tmp_path_factory.mktemp("jpeg"), *(segment(content) for content in contents))
