"""EXIF blocks lose their preview and nothing else."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.pictures.exif import without_preview

PREVIEW = b"\xff\xd8 the old background \xff\xd9"


def block(order: str) -> bytes:
    """An EXIF block with a copyright (IFD0) and a preview (IFD1)."""
    notice = b"(c) 2026 Studio\0"
    first = struct.pack(order + "HHHII", 1, 0x8298, 2, len(notice), 26) + struct.pack(order + "I", 26 + len(notice))
    at = 26 + len(notice) + 2 + 24 + 4
    second = struct.pack(order + "HHHIIHHIII", 2, 0x0201, 4, 1, at, 0x0202, 4, 1, len(PREVIEW), 0)
    mark = b"II" if order == "<" else b"MM"
    return b"Exif\0\0" + mark + struct.pack(order + "HI", 42, 8) + first + notice + second + PREVIEW


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_preview_goes_and_the_copyright_stays(order: str) -> None:
    before = block(order)

    after = without_preview(before)

    assert PREVIEW in before
    assert b"background" not in after
    assert b"(c) 2026 Studio" in after
    assert len(after) == len(before)


def test_a_block_without_a_preview_stays_as_it_is() -> None:
    once = without_preview(block("<"))

    assert without_preview(once) == once


@given(st.binary(max_size=80), st.sampled_from([b"", b"Exif\0\0", b"Exif\0\0II*\0", b"Exif\0\0MM\0*"]))
def test_no_block_is_broken_enough_to_stop_us(junk: bytes, head: bytes) -> None:
    assert len(without_preview(head + junk)) == len(head + junk)
