"""A resolution is what a file says, and nothing that a library takes for granted."""

import io
import struct
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from daemon.pictures.reading import open_photo
from tests.pictures.drawing import file_of, png_chunk
from tests.pictures.test_exif import resolution


def dpi_of(folder: Path, content: bytes) -> float | None:
    return open_photo(file_of(folder, content), 1).metadata.dpi


def saved(format_: str, **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 48), (200, 30, 30)).save(file, format_, **options)
    return file.getvalue()


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP", "TIFF"])
def test_a_photo_that_tells_no_resolution_has_none(tmp_path: Path, format_: str) -> None:
    assert dpi_of(tmp_path, saved(format_)) is None


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "TIFF"])
def test_a_resolution_of_the_file_counts(tmp_path: Path, format_: str) -> None:
    assert dpi_of(tmp_path, saved(format_, dpi=(300, 300))) == pytest.approx(300, abs=0.01)


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP"])
def test_where_the_file_tells_none_that_of_exif_counts(tmp_path: Path, format_: str) -> None:
    assert dpi_of(tmp_path, saved(format_, exif=resolution("<", 2, 240))) == pytest.approx(240)


def test_exif_behind_the_pixels_of_a_png_tells_a_resolution_too(tmp_path: Path) -> None:
    png = saved("PNG")
    chunk = png_chunk(b"eXIf", resolution("<", 2, 240).removeprefix(b"Exif\0\0"))

    assert dpi_of(tmp_path, png[:-12] + chunk + png[-12:]) == pytest.approx(240)


def test_the_shape_of_pixels_is_no_resolution(tmp_path: Path) -> None:
    png = saved("PNG")
    shape = png_chunk(b"pHYs", struct.pack(">IIB", 3000, 2000, 0))

    assert dpi_of(tmp_path, png[:33] + shape + png[33:]) is None
