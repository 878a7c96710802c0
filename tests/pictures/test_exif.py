"""EXIF blocks lose their preview and nothing else."""

import struct
from pathlib import Path

import pillow_heif
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from daemon.pictures.exif import resolution_in, without_preview
from daemon.pictures.reading import open_photo

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


def resolution(order: str, unit: int, above: int, below: int = 1) -> bytes:
    """An EXIF block with a resolution of above / below in both directions."""
    rows = struct.pack(order + "H", 3)
    rows += b"".join(struct.pack(order + "HHII", tag, 5, 1, 50) for tag in (0x011A, 0x011B))
    rows += struct.pack(order + "HHIHH", 0x0128, 3, 1, unit, 0) + bytes(4)
    mark = b"II" if order == "<" else b"MM"
    return b"Exif\0\0" + mark + struct.pack(order + "HI", 42, 8) + rows + struct.pack(order + "II", above, below)


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("unit", "above", "per_mm"), [(2, 300, 300 / 25.4), (3, 118, 11.8)])
def test_a_resolution_is_told_in_inches_or_centimetres(order: str, unit: int, above: int, per_mm: float) -> None:
    assert resolution_in(resolution(order, unit, above)) == pytest.approx((per_mm, per_mm))


@pytest.mark.parametrize(
    "exif", [None, b"", block("<"), resolution("<", 1, 118), resolution("<", 2, 300, 0), resolution("<", 2, 300)[:50]]
)
def test_a_resolution_without_a_unit_or_a_number_is_none(exif: bytes | None) -> None:
    assert resolution_in(exif) is None


@pytest.mark.parametrize("format_", ["WEBP", "AVIF", "HEIF"])
def test_a_resolution_that_only_exif_tells_goes_along(tmp_path: Path, format_: str) -> None:
    pillow_heif.register_heif_opener()
    path = tmp_path / "a"
    Image.new("RGB", (64, 64), (200, 30, 30)).save(path, format_, exif=resolution("<", 2, 300))

    assert open_photo(path, 1).metadata.dpi == pytest.approx(300)
