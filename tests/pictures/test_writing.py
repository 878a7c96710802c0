"""Written files hold what they should, and files that do not are found out."""

import errno
from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import pyvips

from daemon.errors import BadPhoto
from daemon.pictures import writing
from daemon.pictures.comparing import verify
from daemon.pictures.reading import open_photo
from daemon.pictures.values import Frame, Samples
from daemon.settings import OutputFormat
from tests.pictures.drawing import (
    coloured,
    deep,
    disc,
    encoded,
    file_of,
    image_of,
    inward_profile,
    job_in,
    photo_of,
    profile,
    with_field,
)

FORMATS: tuple[OutputFormat, ...] = get_args(OutputFormat)
COLOURS: tuple[OutputFormat, ...] = ("png", "tiff", "webp")
ON_COLOUR: tuple[OutputFormat, ...] = ("jpeg", "tiff_on_colour")


def cut(rgb: Samples) -> Samples:
    alpha = np.rint(disc() * np.iinfo(rgb.dtype).max).astype(rgb.dtype)
    return np.ascontiguousarray(np.dstack([rgb, alpha]) * (alpha != 0)[..., None].astype(rgb.dtype))


@pytest.mark.parametrize("format_", COLOURS)
def test_8_bit_comes_back_bit_for_bit(tmp_path: Path, format_: OutputFormat) -> None:
    rgba = cut(coloured())

    writing.write(tmp_path / "out", rgba, photo_of(coloured()), format_, "job")

    photo = open_photo(tmp_path / "out", 500)
    assert np.array_equal(photo.rgba, rgba)


@pytest.mark.parametrize("format_", ["png", "tiff"])
def test_16_bit_comes_back_bit_for_bit(tmp_path: Path, format_: OutputFormat) -> None:
    rgba = cut(deep())

    writing.write(tmp_path / "out", rgba, photo_of(deep()), format_, "job")

    assert np.array_equal(open_photo(tmp_path / "out", 500).rgba, rgba)


def test_16_bit_goes_into_webp_as_the_nearest_of_8(tmp_path: Path) -> None:
    rgba = cut(deep())

    writing.write(tmp_path / "out", rgba, photo_of(deep()), "webp", "job")

    photo = open_photo(tmp_path / "out", 500)
    assert photo.own_alpha is not None
    shown = photo.own_alpha > 0
    assert np.abs(photo.rgba[shown] - rgba[shown] / 257).max() <= 0.5


@pytest.mark.parametrize("rgb", [coloured(), deep()], ids=["8 bit", "16 bit"])
def test_a_mask_is_the_alpha_alone_in_grey(tmp_path: Path, rgb: Samples) -> None:
    rgba = cut(rgb)

    writing.write(tmp_path / "out", rgba, photo_of(rgb, icc=profile("p3")), "mask", "job")

    image = pyvips.Image.new_from_file(str(tmp_path / "out"))
    assert np.array_equal(image.numpy(), rgba[..., 3])
    assert not image.get_typeof("icc-profile-data")


@pytest.mark.parametrize("format_", [*COLOURS, *ON_COLOUR])
def test_the_profile_travels_along(tmp_path: Path, format_: OutputFormat) -> None:
    writing.write(tmp_path / "out", cut(coloured()), photo_of(coloured(), icc=profile("p3")), format_, "job")

    assert open_photo(tmp_path / "out", 500).icc == profile("p3")


@pytest.mark.parametrize("format_", ["png", "tiff", "mask", "jpeg", "tiff_on_colour"])
def test_the_resolution_travels_along(tmp_path: Path, format_: OutputFormat) -> None:
    writing.write(tmp_path / "out", cut(coloured()), photo_of(coloured(), dpi=300.0), format_, "job")

    assert open_photo(tmp_path / "out", 500).metadata.dpi == pytest.approx(300, abs=0.05)


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("format_", ["png", "tiff", "jpeg"])
def test_a_resolution_that_differs_by_direction_travels_along_and_turns(
    tmp_path: Path, format_: OutputFormat, orientation: int
) -> None:
    fax = with_field(image_of(coloured()).copy(xres=204 / 25.4, yres=98 / 25.4), "orientation", orientation)
    photo = open_photo(file_of(tmp_path, encoded(fax, "tiff")), 500)

    writing.write(tmp_path / "out", photo.rgba, photo, format_, "job")

    said = pyvips.Image.new_from_file(str(tmp_path / "out"))
    assert (said.xres * 25.4, said.yres * 25.4) == pytest.approx((204, 98) if orientation == 1 else (98, 204), abs=0.5)


@pytest.mark.parametrize("format_", ["png", "webp", "jpeg"])
def test_exif_travels_along_upright_and_without_the_preview(tmp_path: Path, format_: OutputFormat) -> None:
    image = with_field(image_of(coloured(64, 96)), "orientation", 6)
    image = with_field(image, "exif-ifd0-Copyright", "(c) 2026 Studio")
    image = with_field(image, "jpeg-thumbnail-data", encoded(image_of(coloured(16, 16)), "jpeg"))
    photo = open_photo(file_of(tmp_path, encoded(image, "jpeg")), 500)
    assert photo.metadata.exif is not None
    assert b"\xff\xd8" in photo.metadata.exif

    writing.write(tmp_path / "out", cut(coloured()), photo, format_, "job")

    written = pyvips.Image.new_from_file(str(tmp_path / "out"))
    assert "(c) 2026 Studio" in written.get("exif-ifd0-Copyright")
    assert written.get("orientation") == 1
    assert written.get("exif-ifd2-PixelXDimension").startswith("96 ")
    assert b"\xff\xd8" not in written.get("exif-data")  # it would show the background that was cut away


def test_a_caption_travels_along(tmp_path: Path) -> None:
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b"<rdf:Description>by the studio</rdf:Description></rdf:RDF></x:xmpmeta>"
    )

    writing.write(tmp_path / "out", cut(coloured()), photo_of(coloured(), xmp=packet), "png", "job")

    written = open_photo(tmp_path / "out", 500).metadata.xmp
    assert written is not None
    assert b"by the studio" in written
    assert job_in(open_photo(tmp_path / "out", 500).metadata.xmp) == "job"


@pytest.mark.parametrize("format_", FORMATS)
def test_a_result_knows_its_job(tmp_path: Path, format_: OutputFormat) -> None:
    writing.write(tmp_path / "out", cut(coloured()), photo_of(coloured()), format_, "job <7> & Söhne")

    assert job_in(open_photo(tmp_path / "out", 500).metadata.xmp) == "job <7> & Söhne"


def test_a_cut_out_that_is_cut_out_again_knows_its_new_job_only(tmp_path: Path) -> None:
    writing.write(tmp_path / "first", cut(coloured()), photo_of(coloured()), "png", "first")

    writing.write(tmp_path / "second", cut(coloured()), open_photo(tmp_path / "first", 500), "png", "second")

    assert job_in(open_photo(tmp_path / "second", 500).metadata.xmp) == "second"
    assert b"first" not in (tmp_path / "second").read_bytes()


@pytest.mark.parametrize("format_", FORMATS)
def test_a_good_file_is_verified(tmp_path: Path, format_: OutputFormat) -> None:
    writing.write(tmp_path / "out", cut(deep()), photo_of(deep()), format_, "job")

    verify(tmp_path / "out", writing.meant(cut(deep()), format_))


@pytest.mark.parametrize("format_", FORMATS)
def test_a_file_that_lost_its_end_is_found_out(tmp_path: Path, format_: OutputFormat) -> None:
    writing.write(tmp_path / "out", cut(coloured()), photo_of(coloured()), format_, "job")
    content = (tmp_path / "out").read_bytes()
    (tmp_path / "out").write_bytes(content[: len(content) * 2 // 3])

    with pytest.raises(ValueError, match="does not read back"):
        verify(tmp_path / "out", writing.meant(cut(coloured()), format_))


def test_a_file_of_the_wrong_size_or_kind_is_found_out(tmp_path: Path) -> None:
    writing.write(tmp_path / "out", cut(coloured()), photo_of(coloured()), "png", "job")

    with pytest.raises(ValueError, match="96 x 64 instead of 95 x 64"):
        verify(tmp_path / "out", writing.meant(cut(coloured())[:, :95], "png"))
    with pytest.raises(ValueError, match="4 channels instead of 1"):
        verify(tmp_path / "out", writing.meant(cut(coloured()), "mask"))
    with pytest.raises(ValueError, match="uchar instead of ushort"):
        verify(tmp_path / "out", writing.meant(cut(deep()), "png"))
    with pytest.raises(ValueError, match="another alpha"):
        verify(tmp_path / "out", writing.meant(cut(coloured()) // 2, "png"))


def test_nothing_is_ever_overwritten(tmp_path: Path) -> None:
    file_of(tmp_path, b"somebody's work", "out")

    with pytest.raises(FileExistsError):
        writing.write(tmp_path / "out", cut(coloured()), photo_of(coloured()), "png", "job")

    assert (tmp_path / "out").read_bytes() == b"somebody's work"


@pytest.mark.parametrize("format_", FORMATS)
def test_a_full_disk_is_an_error_of_the_disk(
    tmp_path: Path, format_: OutputFormat, monkeypatch: pytest.MonkeyPatch
) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    rgba = np.random.default_rng(0).integers(1, 256, (200, 200, 4), np.uint8)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="too large") as caught:
            writing.write(tmp_path / "out", rgba, photo_of(rgba[..., :3]), format_, "job")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert caught.value.errno == errno.EFBIG


def test_a_picture_too_wide_for_webp_says_so(tmp_path: Path) -> None:
    rgba = np.full((1, 16384, 4), 255, np.uint8)

    with pytest.raises(BadPhoto, match="16383"):
        writing.write(tmp_path / "out", rgba, photo_of(rgba[..., :3]), "webp", "job")


def test_a_size_that_no_picture_has_is_no_error_of_a_library(tmp_path: Path) -> None:
    with pytest.raises(BadPhoto, match="cannot be written"):
        writing.write(
            tmp_path / "out", cut(coloured()), photo_of(coloured()), "png", "job", Frame(0, 0, 96, 64, (96 * 10**8, 64))
        )


def test_a_ground_for_a_profile_that_cannot_be_written_with_is_no_error_of_a_library(tmp_path: Path) -> None:
    with pytest.raises(BadPhoto, match="cannot be written"):
        writing.write(tmp_path / "out", cut(coloured()), photo_of(coloured(), icc=inward_profile()), "jpeg", "job")


def test_a_broken_exif_block_does_not_stop_a_result(tmp_path: Path) -> None:
    photo = replace(photo_of(coloured()), metadata=replace(photo_of(coloured()).metadata, exif=b"Exif\0\0junk"))

    writing.write(tmp_path / "out", cut(coloured()), photo, "png", "job")

    verify(tmp_path / "out", writing.meant(cut(coloured()), "png"))


def test_endings() -> None:
    assert [writing.suffix_of(format_) for format_ in FORMATS] == [
        ".png", ".tif", ".webp", "_mask.png", ".jpg", "_flat.tif",
    ]  # fmt: skip
