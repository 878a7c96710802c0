"""Files are read as photos, upright, at their own depth, in their own colours; or there is a clear reason why not."""

import errno
import os
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import pyvips

from daemon.errors import BadPage, BadPhoto, NotWholeYet, RootAway, Vanished
from daemon.pictures import writing
from daemon.pictures.known_formats import SUFFIXES
from daemon.pictures.reading import memory_need, open_photo, open_small, pages_of, prove_decodes
from daemon.pictures.values import Samples
from daemon.settings import OutputFormat
from tests.drawing import tiff_of_pages, with_bad_pages
from tests.pictures.drawing import (
    FORMATS,
    basics,
    coloured,
    deep,
    disc,
    encoded,
    file_of,
    heic,
    image_of,
    inward_profile,
    jpeg_with_profile,
    png_chunk,
    png_that_claims,
    profile,
    profile_with_a_poor_way_back,
    raw_photo,
    short,
    tiff_in_planes,
    tiff_of,
    with_field,
)
from tests.pictures.pieces import turned

LOSSLESS = tuple(format_ for format_ in FORMATS if format_ not in ("jpeg", "avif"))
LIMIT = 500.0


@pytest.mark.parametrize("format_", LOSSLESS)
def test_pixels_are_the_files_own(tmp_path: Path, format_: str) -> None:
    rgb = coloured()
    path = file_of(tmp_path, encoded(image_of(rgb), format_))

    photo = open_photo(path, LIMIT)

    assert np.array_equal(photo.pixels, rgb)
    assert (photo.width, photo.height, photo.format) == (96, 64, format_)
    assert photo.own_alpha is None


@pytest.mark.parametrize("format_", ["jpeg", "avif"])
def test_lossy_formats_come_close(tmp_path: Path, format_: str) -> None:
    rgb = coloured()
    path = file_of(tmp_path, encoded(image_of(rgb), format_))

    assert np.abs(open_photo(path, LIMIT).pixels.astype(int) - rgb).mean() < 3


@pytest.mark.parametrize("format_", ["png", "tiff"])
def test_16_bit_stays_16_bit(tmp_path: Path, format_: str) -> None:
    rgb = deep()
    path = file_of(tmp_path, encoded(image_of(rgb), format_))

    photo = open_photo(path, LIMIT)

    assert photo.pixels.dtype == np.uint16
    assert np.array_equal(photo.pixels, rgb)


def test_the_name_says_nothing_about_the_content(tmp_path: Path) -> None:
    path = file_of(tmp_path, encoded(image_of(coloured()), "png"), "really_a_png.jpg")

    assert open_photo(path, LIMIT).format == "png"


@pytest.mark.parametrize("name", ["with\nnewline.jpg", "🦊.jpg", "[page=1].jpg", "ö" * 120 + ".jpg"])
def test_a_strange_name_is_read_like_any_other(tmp_path: Path, name: str) -> None:
    path = file_of(tmp_path, encoded(image_of(coloured()), "jpeg"), name)

    prove_decodes(path, LIMIT)

    assert open_photo(path, LIMIT).width == 96


def test_a_name_that_is_no_unicode_is_read_too(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe.jpg"))
    path.write_bytes(encoded(image_of(coloured()), "jpeg"))

    assert open_photo(path, LIMIT).width == 96


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format_", ["jpeg", "png", "tiff", "webp"])
def test_a_photo_is_turned_upright(tmp_path: Path, orientation: int, format_: str) -> None:
    upright = coloured(48, 32)
    image = with_field(image_of(turned(upright, orientation)), "orientation", orientation)

    photo = open_photo(file_of(tmp_path, encoded(image, format_)), LIMIT)

    assert photo.pixels.shape == upright.shape
    assert np.abs(photo.pixels.astype(int) - upright).mean() < 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_phones_photo_is_turned_once_though_it_says_so_twice(tmp_path: Path, orientation: int) -> None:
    upright = coloured(96, 64)

    photo = open_photo(file_of(tmp_path, heic(turned(upright, orientation), orientation=orientation)), LIMIT)

    assert photo.pixels.shape == upright.shape
    assert np.abs(photo.pixels.astype(int) - upright).mean() < 3


@pytest.mark.parametrize("grey", [coloured()[..., 0], deep()[..., 0]], ids=["8 bit", "16 bit"])
def test_grey_becomes_three_equal_channels(tmp_path: Path, grey: Samples) -> None:

    photo = open_photo(file_of(tmp_path, encoded(image_of(grey), "png")), LIMIT)

    assert np.array_equal(photo.pixels, np.dstack([grey] * 3))


def test_black_and_white_becomes_black_and_white(tmp_path: Path) -> None:
    bilevel = np.where(disc() > 0.5, 255, 0).astype(np.uint8)
    path = file_of(tmp_path, bytes(image_of(bilevel).tiffsave_buffer(bitdepth=1)))

    assert np.array_equal(open_photo(path, LIMIT).pixels[..., 0], bilevel)


@pytest.mark.parametrize("format_", ["jpeg", "tiff"])
def test_cmyk_becomes_srgb_and_looks_the_same(tmp_path: Path, format_: str) -> None:
    # Mild colours, which ink can print.
    rgb = (coloured() // 4 + 110).astype(np.uint8)
    image = image_of(rgb).icc_transform("cmyk")

    photo = open_photo(file_of(tmp_path, encoded(image, format_)), LIMIT)

    assert photo.pixels.shape == rgb.shape
    assert np.abs(photo.pixels.astype(int) - rgb).mean() < 6
    assert photo.icc is not None
    assert photo.icc[16:20] == b"RGB "
    assert photo.remarks == ("it is in CMYK; its result is in sRGB",)


def test_cmyk_without_a_profile_is_read_as_print_usually_is_and_that_is_said(tmp_path: Path) -> None:
    rgb = (coloured() // 4 + 110).astype(np.uint8)
    image = image_of(rgb).icc_transform("cmyk").copy()
    image.remove("icc-profile-data")

    photo = open_photo(file_of(tmp_path, bytes(image.tiffsave_buffer())), LIMIT)

    assert np.abs(photo.pixels.astype(int) - rgb).mean() < 6
    assert "CMYK without a profile" in photo.remarks[0]


def test_a_float_tiff_is_read_as_linear_light_and_its_nan_as_black(tmp_path: Path) -> None:
    linear = np.full((8, 8, 3), 0.2140, np.float32)  # sRGB 0.5
    linear[0, 0] = np.nan
    image = pyvips.Image.new_from_array(linear).copy(interpretation="scrgb")

    photo = open_photo(file_of(tmp_path, encoded(image, "tiff")), LIMIT)

    assert photo.pixels.dtype == np.uint16
    assert abs(int(photo.pixels[4, 4, 1]) - 32767) < 300
    assert not photo.pixels[0, 0].any()
    assert "floating-point" in photo.remarks[0]
    prove_decodes(tmp_path / "photo.jpg", LIMIT)


def test_an_alpha_in_the_photo_is_kept_beside_the_colours(tmp_path: Path) -> None:
    rgb, alpha = coloured(), np.rint(disc() * 255).astype(np.uint8)

    photo = open_photo(file_of(tmp_path, encoded(image_of(np.dstack([rgb, alpha])), "png")), LIMIT)

    assert photo.own_alpha is not None
    assert np.array_equal(photo.own_alpha, alpha)
    assert np.array_equal(photo.pixels, rgb)


def test_profile_resolution_and_captions_are_remembered(tmp_path: Path) -> None:
    image = image_of(deep()).copy(xres=300 / 25.4, yres=300 / 25.4)
    image = with_field(with_field(image, "icc-profile-data", profile("p3")), "xmp-data", b"<x:xmpmeta/>")

    photo = open_photo(file_of(tmp_path, encoded(image, "tiff")), LIMIT)

    assert photo.icc == profile("p3")
    assert photo.metadata.xmp == b"<x:xmpmeta/>"
    assert photo.metadata.dpi == pytest.approx(300, abs=0.1)


@pytest.mark.parametrize("output_format", get_args(OutputFormat))
@pytest.mark.parametrize("behind", [b"\0\0\0", b"behind the profile"])
def test_bytes_behind_a_profile_are_left_out(tmp_path: Path, behind: bytes, output_format: OutputFormat) -> None:
    photo = open_photo(file_of(tmp_path, jpeg_with_profile(coloured(), profile("p3") + behind)), LIMIT)

    assert (photo.icc, photo.remarks) == (profile("p3"), ())
    writing.write(tmp_path / "out", photo.rgba, photo, output_format, "job")


def test_a_profile_of_version_4_that_ends_anywhere_can_be_written_as_png(tmp_path: Path) -> None:
    odd = (len(profile("p3")) + 1).to_bytes(4) + profile("p3")[4:8] + b"\4" + profile("p3")[9:] + b"x"
    photo = open_photo(file_of(tmp_path, jpeg_with_profile(coloured(), odd)), LIMIT)

    writing.write(tmp_path / "out", photo.rgba, photo, "png", "job")

    written = open_photo(tmp_path / "out", LIMIT)
    assert (written.icc, written.remarks) == (photo.icc, ())


@pytest.mark.parametrize("output_format", get_args(OutputFormat))
@pytest.mark.parametrize(
    "icc",
    [inward_profile(b"scnr"), inward_profile(b"mntr"), profile_with_a_poor_way_back()],
    ids=["scanner", "no way back", "poor way back"],
)
def test_colours_of_a_profile_that_cannot_be_written_with_become_srgb(
    tmp_path: Path, icc: bytes, output_format: OutputFormat
) -> None:
    path = file_of(tmp_path, jpeg_with_profile(coloured(), icc))
    expected = pyvips.Image.new_from_file(str(path)).icc_transform("srgb", intent="relative").numpy()

    photo = open_photo(path, LIMIT)

    assert np.abs(photo.pixels.astype(int) - expected).mean() < 4  # it is not told how black points were treated
    assert photo.icc == profile("srgb")
    assert "its result is in sRGB" in photo.remarks[0]
    writing.write(tmp_path / "out", photo.rgba, photo, output_format, "job")


@pytest.mark.parametrize("side", [1, 7, 8, 9])
def test_a_jpeg_smaller_than_a_block_is_proven(tmp_path: Path, side: int) -> None:
    prove_decodes(file_of(tmp_path, encoded(image_of(coloured(side, side)), "jpeg")), LIMIT)


@pytest.mark.parametrize(
    "broken", [b"x" * 500, profile("cmyk")[:60_000], profile("srgb")[:200]], ids=["junk", "cmyk", "cut"]
)
def test_a_profile_that_does_not_fit_is_left_out_and_reported(tmp_path: Path, broken: bytes) -> None:
    photo = open_photo(file_of(tmp_path, jpeg_with_profile(coloured(), broken)), LIMIT)

    assert photo.icc is None
    assert "ICC profile" in photo.remarks[0]
    assert np.abs(photo.pixels.astype(int) - coloured()).mean() < 3


def test_a_selection_saved_in_a_tiff_is_no_transparency(tmp_path: Path) -> None:
    content = encoded(image_of(np.dstack([coloured(), coloured()[..., 0]])), "tiff")
    said = b"\x52\x01\x03\0\x01\0\0\0"  # the tag ExtraSamples, one number
    assert content.count(said + b"\x02") == 1
    path = file_of(tmp_path, content.replace(said + b"\x02", said + b"\0"))

    photo = open_photo(path, LIMIT)

    assert photo.own_alpha is None
    assert np.array_equal(photo.pixels, coloured())


@pytest.mark.parametrize(
    "field",
    [b"\xfe\0\x04\0\x01\0\0\0\x01\0\0\0", b"\x12\xc6\x01\0\x04\0\0\0\x01\x04\0\0"],
    ids=["NewSubfileType 1", "DNGVersion"],
)
def test_the_preview_in_a_camera_raw_file_is_not_taken_for_the_photo(tmp_path: Path, field: bytes) -> None:
    content = encoded(image_of(np.dstack([coloured(), coloured()[..., 0]])), "tiff")
    at = content.index(b"\x52\x01\x03\0\x01\0\0\0\x02\0\0\0")  # ExtraSamples gives its place to the field
    path = file_of(tmp_path, content[:at] + field + content[at + len(field) :])

    with pytest.raises(BadPhoto, match="camera RAW"):
        prove_decodes(path, LIMIT)


@pytest.mark.parametrize("big", [False, True], ids=["TIFF", "BigTIFF"])
def test_a_transparency_behind_a_saved_selection_is_found(tmp_path: Path, big: bool) -> None:
    alpha, selection = np.rint(disc() * 255).astype(np.uint8), coloured()[..., 0]
    image = image_of(np.dstack([coloured(), selection, alpha])).copy(interpretation="srgb")
    content = bytes(image.tiffsave_buffer(bigtiff=big))
    kinds = struct.pack("<HHQ" if big else "<HHI", 0x0152, 3, 2)
    at = content.index(kinds) + len(kinds)
    path = file_of(tmp_path, content[:at] + struct.pack("<HH", 0, 2) + content[at + 4 :])

    photo = open_photo(path, LIMIT)

    assert photo.own_alpha is not None
    assert np.array_equal(photo.own_alpha, alpha)
    assert np.array_equal(photo.pixels, coloured())


@pytest.mark.parametrize("bits", [10, 12])
def test_full_light_and_full_alpha_of_a_deep_avif_are_full(tmp_path: Path, bits: int) -> None:
    white = image_of(np.full((64, 64, 4), 65535, np.uint16))
    content = bytes(white.heifsave_buffer(compression="av1", lossless=True, bitdepth=bits))

    photo = open_photo(file_of(tmp_path, content), LIMIT)

    assert (photo.rgba == 65535).all()


def test_a_phones_heic_is_read(tmp_path: Path) -> None:
    photo = open_photo(file_of(tmp_path, heic(coloured())), LIMIT)

    assert photo.format == "heic"
    assert np.abs(photo.pixels.astype(int) - coloured()).mean() < 3


def test_a_heic_of_10_bit_keeps_them_and_its_full_light(tmp_path: Path) -> None:
    picture = deep()
    picture[:16] = 65535

    photo = open_photo(file_of(tmp_path, heic(picture, bits=10)), LIMIT)

    assert photo.pixels.dtype == np.uint16
    assert (photo.pixels[:8] == 65535).mean() > 0.9
    assert np.abs(photo.pixels[16:].astype(int) - picture[16:]).mean() < 600


def test_a_heic_that_is_cut_off_is_not_whole_yet(tmp_path: Path) -> None:
    content = heic(coloured())

    for length in (20, len(content) // 2, len(content) - 40):
        with pytest.raises(NotWholeYet):
            prove_decodes(file_of(tmp_path, content[:length]), LIMIT)


def test_a_heic_that_holds_no_picture_is_not_whole_yet(tmp_path: Path) -> None:
    content = heic(coloured(64, 64))
    at = content.index(b"ipma") + 15  # the first property of its one picture does not exist
    content = content[:at] + b"\x95" + content[at + 1 :]

    with pytest.raises(NotWholeYet, match=r"HEIC: (it holds no picture|Invalid input)"):
        prove_decodes(file_of(tmp_path, content), LIMIT)


def test_a_heic_whose_colours_cannot_be_converted_is_called_so(tmp_path: Path) -> None:
    content = heic(coloured(64, 64))
    at = content.index(b"hvcC") + 20  # ISO/IEC 14496-15, 8.3.3.1.2: the kind of its chroma; now "none"
    path = file_of(tmp_path, content[:at] + b"\xfc" + content[at + 1 :])

    for read in (prove_decodes, open_photo):
        with pytest.raises(BadPhoto, match="cannot be read here: HEIC: Unsupported feature: Unsupported color"):
            read(path, LIMIT)


def test_what_a_decoder_finds_too_large_is_not_waited_for(tmp_path: Path) -> None:
    content = encoded(image_of(coloured()), "avif")
    at = content.index(b"ispe") + 8  # ISO/IEC 23008-12, 6.5.3: width and height
    path = file_of(tmp_path, content[:at] + struct.pack(">II", 20_000, 20_000) + content[at + 8 :])

    for read in (prove_decodes, open_photo):
        with pytest.raises(BadPhoto, match="cannot be read here: it has more pixels"):
            read(path, LIMIT)


def test_a_reason_that_is_no_text_comes_out_once(tmp_path: Path) -> None:
    picture = np.dstack([coloured(), np.full((64, 96), 99, np.uint8)])
    content = encoded(image_of(picture), "avif")
    at = content.index(b"auxC") + 2  # libheif puts the name of a property that it does not know into its reason
    odd = file_of(tmp_path, content[:at] + b"\x80" + content[at + 1 :], "odd.avif")
    cut_off = file_of(tmp_path, encoded(image_of(coloured()), "png")[:900], "cut_off.png")

    for _ in range(2):
        with pytest.raises(BadPhoto, match=r"odd\.avif cannot be read here"):
            open_photo(odd, LIMIT)
        with pytest.raises(BadPhoto, match=r"cut_off\.png") as error:
            open_photo(cut_off, LIMIT)
        assert "\ufffd" not in str(error.value)


@pytest.mark.parametrize(("library", "content"), [("pillow_heif", heic), ("rawpy", None)])
def test_what_needs_an_extra_says_which(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str, content: Callable[[Samples], bytes] | None
) -> None:
    path = file_of(tmp_path, content(coloured()) if content else raw_photo(np.full((64, 64, 3), 0.5)))
    monkeypatch.setitem(sys.modules, library, None)

    with pytest.raises(BadPhoto, match=r"pip install 'freisteller\[(heic|raw)\]'"):
        open_photo(path, LIMIT)
    with pytest.raises(BadPhoto, match="pip install"):
        prove_decodes(path, LIMIT)


def test_a_camera_raw_file_is_developed_in_16_bit(tmp_path: Path) -> None:
    pytest.importorskip("rawpy")
    linear = np.full((64, 96, 3), 0.2140)  # sRGB 0.5
    linear[:, 48:] = (0.6, 0.1, 0.02)
    path = file_of(tmp_path, raw_photo(linear))
    prove_decodes(path, LIMIT)

    photo = open_photo(path, LIMIT)

    assert (photo.format, photo.width, photo.height, photo.full_scale) == ("raw", 96, 64, 65535)
    assert (np.abs(photo.pixels[16:48, 8:40] / 65535 - 0.5) < 0.01).all()
    assert (np.abs(photo.pixels[32, 72] / 65535 - (0.7977, 0.3492, 0.1516)) < 0.02).all()
    assert photo.metadata.exif is not None
    assert b"Drawn" in photo.metadata.exif


def test_a_camera_raw_file_that_is_cut_off_is_not_whole_yet(tmp_path: Path) -> None:
    pytest.importorskip("rawpy")
    content = raw_photo(np.full((640, 960, 3), 0.5))
    path = file_of(tmp_path, content[:8] + content[400_000:])  # its strip is too short now, and its tables are gone

    with pytest.raises((NotWholeYet, BadPhoto), match=r"photo\.jpg"):
        prove_decodes(path, LIMIT)


@pytest.mark.parametrize("length", [5, 9, 127])
def test_a_profile_shorter_than_its_own_head_is_left_out(tmp_path: Path, length: int) -> None:
    broken = (length.to_bytes(4) + b"lcms\x04").ljust(length, b"\0")[:length]

    photo = open_photo(file_of(tmp_path, jpeg_with_profile(coloured(), broken)), LIMIT)

    assert photo.icc is None


def test_colours_that_libvips_would_take_for_others_are_refused(tmp_path: Path) -> None:
    path = file_of(tmp_path, tiff_of(coloured().tobytes(), basics(96, 64, 6, (8, 8, 8))))

    with pytest.raises(BadPhoto, match="luma and chroma"):
        prove_decodes(path, LIMIT)


def test_what_is_whole_but_of_a_kind_unknown_here_is_not_waited_for(tmp_path: Path) -> None:
    path = file_of(tmp_path, tiff_of(bytes(64 * 96 * 2), basics(96, 64, 1, (12,))))

    with pytest.raises(BadPhoto, match="cannot be read here"):
        prove_decodes(path, LIMIT)
    with pytest.raises(BadPhoto, match="cannot be read here"):
        open_photo(path, LIMIT)


def test_samples_that_no_photo_has_are_refused(tmp_path: Path) -> None:
    signed = image_of(coloured()).cast("short")

    with pytest.raises(BadPhoto, match="samples that make no photo"):
        prove_decodes(file_of(tmp_path, bytes(signed.tiffsave_buffer())), LIMIT)


def test_each_page_of_a_tiff_is_read_at_its_own_size(tmp_path: Path) -> None:
    path = file_of(tmp_path, tiff_of_pages([coloured(96, 64, 1), coloured(48, 64, 2), coloured(32, 16, 3)]))

    assert pages_of(path) == (0, 1, 2)
    assert np.array_equal(open_photo(path, LIMIT, 1).pixels, coloured(48, 64, 2))
    assert memory_need(path, LIMIT, 1).work_bytes > memory_need(path, LIMIT, 2).work_bytes


def test_smaller_versions_and_masks_are_no_pages(tmp_path: Path) -> None:
    pictures = [coloured(96, 64, seed) for seed in range(4)]
    path = file_of(tmp_path, tiff_of_pages(pictures, [0, 1, 4, 2]))

    assert pages_of(path) == (0, 3)


def as_old_kinds(tiff: bytes) -> bytes:
    """What `tiff_of_pages` gave, with the kind of each page in the older field."""
    return tiff.replace(struct.pack("<HHI", 254, 4, 1), struct.pack("<HHI", 255, 4, 1))


@pytest.mark.parametrize("sizes", [((96, 64), (48, 32)), ((97, 64), (32, 21)), ((96, 64), (48, 32), (24, 16))])
def test_a_page_of_the_same_shape_and_half_the_size_is_a_smaller_version(
    tmp_path: Path, sizes: tuple[tuple[int, int], ...]
) -> None:
    path = file_of(tmp_path, tiff_of_pages([coloured(*size) for size in sizes]))

    assert pages_of(path) == (0,)
    assert open_photo(path, LIMIT).remarks == tuple(
        f"page {n} was not cut out: it has the shape of another page and at most half its size"
        for n in range(2, len(sizes) + 1)
    )


@pytest.mark.parametrize("other", [(50, 33), (32, 48), (40, 32), (96, 64)])
def test_a_page_of_another_shape_or_of_more_than_half_the_size_is_a_photo(
    tmp_path: Path, other: tuple[int, int]
) -> None:
    path = file_of(tmp_path, tiff_of_pages([coloured(96, 64), coloured(*other)]))

    assert pages_of(path) == (0, 1)
    assert open_photo(path, LIMIT).remarks == ()


def test_a_page_that_says_that_it_is_one_of_several_is_a_photo_at_any_size(tmp_path: Path) -> None:
    pictures = [coloured(96, 64), coloured(48, 32)]

    assert pages_of(file_of(tmp_path, tiff_of_pages(pictures, [2, 2]))) == (0, 1)
    assert pages_of(file_of(tmp_path, as_old_kinds(tiff_of_pages(pictures, [3, 3])))) == (0, 1)


def test_old_marks_of_smaller_versions_count_too(tmp_path: Path) -> None:
    path = file_of(tmp_path, as_old_kinds(tiff_of_pages([coloured(96, 64), coloured(90, 20)], [1, 2])))

    assert pages_of(path) == (0,)


@pytest.mark.parametrize("mark", [0, 1], ids=["unmarked", "marked"])
def test_the_full_picture_behind_a_preview_is_the_photo(tmp_path: Path, mark: int) -> None:
    path = file_of(tmp_path, tiff_of_pages([coloured(48, 32, 1), coloured(96, 64, 2)], [mark, 0]))

    prove_decodes(path, LIMIT)

    assert pages_of(path) == (1,)
    photo = open_photo(path, LIMIT)
    assert photo.format == "tiff"
    assert np.array_equal(photo.pixels, coloured(96, 64, 2))
    assert np.array_equal(open_small(path, 96, LIMIT).pixels, photo.pixels)
    assert memory_need(path, LIMIT) == memory_need(path, LIMIT, 1)


def test_a_camera_raw_that_begins_with_a_preview_is_no_scan(tmp_path: Path) -> None:
    """Its picture lies below the preview (SubIFDs), or is what the sensor saw."""
    preview = {**basics(16, 16, 2, (8, 8, 8)), 254: (4, 1, struct.pack("<I", 1)), 330: (4, 1, struct.pack("<I", 8))}
    path = file_of(tmp_path, tiff_of(bytes(16 * 16 * 3), preview))

    with pytest.raises(BadPhoto, match="RAW"):
        open_photo(path, LIMIT)


@pytest.mark.parametrize("bad", [1, 2])
def test_one_bad_page_leaves_the_others_to_be_proven(tmp_path: Path, bad: int) -> None:
    content = with_bad_pages(tiff_of_pages([coloured(96, 64, seed) for seed in range(2)]), bad)
    path = file_of(tmp_path, content)

    prove_decodes(path, LIMIT)

    with pytest.raises(BadPage):
        open_photo(path, LIMIT, bad - 1)
    assert open_photo(path, LIMIT, 2 - bad).width == 96


def test_a_tiff_without_a_good_page_is_not_proven(tmp_path: Path) -> None:
    content = with_bad_pages(tiff_of_pages([coloured(96, 64, seed) for seed in range(2)]), 1, 2)

    with pytest.raises((BadPhoto, NotWholeYet)):
        prove_decodes(file_of(tmp_path, content), LIMIT)


def test_a_tiff_of_thousands_of_tiles_side_by_side_is_refused(tmp_path: Path) -> None:
    options = {"tile": True, "tile_width": 16, "tile_height": 16, "compression": "deflate"}
    narrow, wide = (
        image_of(np.zeros((1, tiles * 16, 3), np.uint8)).tiffsave_buffer(**options) for tiles in (2048, 2049)
    )

    prove_decodes(file_of(tmp_path, bytes(narrow)), LIMIT)
    with pytest.raises(BadPhoto, match="cannot be read here: its 32784 pixels from left to right lie in tiles of 16"):
        prove_decodes(file_of(tmp_path, bytes(wide)), LIMIT)


def test_a_page_that_leads_back_to_the_first_ends_the_chain(tmp_path: Path) -> None:
    content = tiff_of_pages([coloured(96, 64, 1), coloured(96, 64, 2)])
    path = file_of(tmp_path, content[:-4] + content[4:8])

    assert pages_of(path) == (0, 1)


def test_a_page_of_too_many_pixels_is_refused_by_its_header(tmp_path: Path) -> None:
    path = file_of(tmp_path, tiff_of_pages([coloured(10, 10), coloured(96, 64)]))

    with pytest.raises(BadPhoto, match=r"photo\.jpg, page 2, has 96 x 64"):
        open_photo(path, 0.001, 1)


@pytest.mark.parametrize("format_", FORMATS)
def test_other_files_have_one_page(tmp_path: Path, format_: str) -> None:
    assert pages_of(file_of(tmp_path, encoded(image_of(coloured()), format_))) == (0,)


def test_the_first_page_of_a_tiff_is_the_photo(tmp_path: Path) -> None:
    pages = image_of(coloured(seed=1)).join(image_of(coloured(seed=2)), "vertical")

    photo = open_photo(file_of(tmp_path, bytes(pages.tiffsave_buffer(page_height=64))), LIMIT)

    assert np.array_equal(photo.pixels, coloured(seed=1))


@pytest.mark.parametrize(
    "options",
    [
        {"compression": "lzw", "predictor": "horizontal"},
        {"compression": "deflate", "tile": True, "tile_width": 16, "tile_height": 16},
        {"bigtiff": True},
        {"compression": "packbits"},
    ],
    ids=["lzw", "tiles", "bigtiff", "packbits"],
)
def test_every_usual_kind_of_tiff_is_read(tmp_path: Path, options: dict[str, object]) -> None:
    path = file_of(tmp_path, bytes(image_of(deep()).tiffsave_buffer(**options)))

    prove_decodes(path, LIMIT)

    assert np.array_equal(open_photo(path, LIMIT).pixels, deep())


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 20000), (20000, 1)])
def test_extreme_shapes_are_photos_too(tmp_path: Path, width: int, height: int) -> None:
    path = file_of(tmp_path, encoded(image_of(coloured(width, height)), "png"))

    prove_decodes(path, LIMIT)

    assert np.array_equal(open_photo(path, LIMIT).pixels, coloured(width, height))


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_a_cut_off_file_is_not_whole_yet(tmp_path: Path, format_: str, share: float) -> None:
    content = encoded(image_of(coloured()), format_)
    path = file_of(tmp_path, content[: int(len(content) * share)])

    with pytest.raises(NotWholeYet):
        prove_decodes(path, LIMIT)
    with pytest.raises(BadPhoto, match=r"photo\.jpg"):
        open_photo(path, LIMIT)


# JPEG and BMP are not among them: zeros are valid picture data there. That a JPEG's end mark is missing, and that a
# tail of zeros is worth a doubt, is for the intake to see.
@pytest.mark.parametrize("format_", ["png", "tiff", "webp", "avif"])
def test_a_file_whose_second_half_is_still_zeros_is_not_whole_yet(tmp_path: Path, format_: str) -> None:
    content = encoded(image_of(coloured()), format_)
    half = len(content) // 2
    path = file_of(tmp_path, content[:half] + bytes(len(content) - half))

    with pytest.raises(NotWholeYet):
        prove_decodes(path, LIMIT)


CUT_WHILE_READ = """\
import os, sys
from daemon.pictures import decoding
from daemon.pictures.codec_errors import Undecodable

path, kind = sys.argv[1:]
descriptor = os.open(path, os.O_RDONLY)
strips = decoding.strips(descriptor, kind, 8)
next(strips)
os.truncate(path, 3000)
try:
    for _ in strips:
        pass
except Undecodable:
    pass
"""


@pytest.mark.parametrize("format_", FORMATS)
def test_a_file_that_is_made_shorter_while_it_is_read_does_not_kill_us(tmp_path: Path, format_: str) -> None:
    path = file_of(tmp_path, encoded(image_of(coloured(1000, 800)), format_))

    done = subprocess.run([sys.executable, "-c", CUT_WHILE_READ, str(path), format_], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr


def test_a_jpeg_that_was_closed_before_its_last_line_is_not_whole(tmp_path: Path) -> None:
    content = encoded(image_of(coloured(300, 400)), "jpeg")
    path = file_of(tmp_path, content[: len(content) // 2] + b"\xff\xd9")

    with pytest.raises(NotWholeYet, match="premature end"):
        prove_decodes(path, LIMIT)


def test_stray_bytes_between_the_segments_of_a_jpeg_do_not_matter(tmp_path: Path) -> None:
    content = encoded(image_of(coloured()), "jpeg")
    first = 4 + int.from_bytes(content[4:6])
    path = file_of(tmp_path, content[:first] + b"\0\0\0" + content[first:])

    prove_decodes(path, LIMIT)


@pytest.mark.parametrize("content", [b"", b"\0" * 100_000], ids=["empty", "only zeros"])
def test_what_does_not_begin_yet_is_not_whole_yet(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(NotWholeYet, match="does not begin"):
        prove_decodes(file_of(tmp_path, content), LIMIT)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"Dear studio, the photos follow tomorrow.\n", "a text"),
        ("Schöne Grüße aus Köln\n".encode(), "a text"),
        (b"BMW: the photos follow.", "a text"),
        (b"%PDF-1.7 ...", "a PDF"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isommp42", "a video"),
        (b"\x12\x34\x56\x78\x9a\xbc\xde\xf0" * 4, "of no kind known here"),
    ],
)
def test_what_is_no_photo_is_called_by_its_name(tmp_path: Path, content: bytes, what: str) -> None:
    path = file_of(tmp_path, content)

    with pytest.raises(BadPhoto, match=what):
        prove_decodes(path, LIMIT)
    with pytest.raises(BadPhoto, match=what):
        open_photo(path, LIMIT)


def test_a_bomb_is_refused_by_its_header(tmp_path: Path) -> None:
    path = file_of(tmp_path, png_that_claims(60_000, 60_000), "bomb.png")

    with pytest.raises(BadPhoto, match=r"bomb\.png has 60000 x 60000 pixels \(3600 megapixels\), more than the 500"):
        prove_decodes(path, LIMIT)
    with pytest.raises(BadPhoto, match="60000 x 60000"):
        open_photo(path, LIMIT)


def test_a_header_that_promises_more_than_there_is_is_not_whole_yet(tmp_path: Path) -> None:
    with pytest.raises(NotWholeYet):
        prove_decodes(file_of(tmp_path, png_that_claims(4000, 4000)), LIMIT)


def test_an_animated_webp_is_no_photo(tmp_path: Path) -> None:
    frames = with_field(image_of(np.vstack([coloured(seed=1), coloured(seed=2)])), "page-height", 64)

    with pytest.raises(BadPhoto, match="animated"):
        prove_decodes(file_of(tmp_path, encoded(frames, "webp")), LIMIT)


def test_an_animated_png_is_no_photo(tmp_path: Path) -> None:
    content = encoded(image_of(coloured()), "png")
    at = content.index(b"IDAT") - 4
    path = file_of(tmp_path, content[:at] + png_chunk(b"acTL", b"\0\0\0\x02\0\0\0\0") + content[at:])

    with pytest.raises(BadPhoto, match="animated"):
        open_photo(path, LIMIT)


def test_a_file_that_is_gone_has_vanished(tmp_path: Path) -> None:
    with pytest.raises(Vanished):
        prove_decodes(tmp_path / "gone.jpg", LIMIT)
    with pytest.raises(BadPhoto, match=r"gone\.jpg"):
        open_photo(tmp_path / "gone.jpg", LIMIT)


def test_a_pipe_named_like_a_photo_makes_nobody_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")

    with pytest.raises(BadPhoto, match="not a file"):
        prove_decodes(tmp_path / "pipe.jpg", LIMIT)


def test_many_photos_are_read_at_once(tmp_path: Path) -> None:
    paths = [file_of(tmp_path, encoded(image_of(coloured(seed=n)), "tiff"), f"{n}.tif") for n in range(16)]

    with ThreadPoolExecutor(8) as pool:
        photos = list(pool.map(lambda path: open_photo(path, LIMIT), paths))

    assert all(np.array_equal(photo.pixels, coloured(seed=n)) for n, photo in enumerate(photos))


def test_endings_are_lower_case_with_a_dot() -> None:
    assert all(suffix == suffix.lower() and suffix.startswith(".") for suffix in SUFFIXES)


def test_a_photo_that_is_still_locked_is_not_whole_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = file_of(tmp_path, encoded(image_of(coloured()), "jpeg"))
    monkeypatch.setattr(os, "open", refusing(errno.EBUSY))

    with pytest.raises(NotWholeYet, match=r"photo\.jpg cannot be opened: Device or resource busy"):
        prove_decodes(path, LIMIT)


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ENOTCONN])
def test_a_share_that_does_not_answer_is_not_the_photos_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    path = file_of(tmp_path, encoded(image_of(coloured()), "jpeg"))
    monkeypatch.setattr(os, "pread", refusing(number))

    with pytest.raises(RootAway, match=r"photo\.jpg cannot be read"):
        open_photo(path, LIMIT)
    with pytest.raises(RootAway, match=r"photo\.jpg cannot be read"):
        prove_decodes(path, LIMIT)


def refusing(number: int) -> Callable[..., int]:
    """A system call that fails with `number`."""

    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    return refuse


def test_a_folder_in_a_photos_place_is_called_one(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()

    with pytest.raises(BadPhoto, match="photos is a folder"):
        open_photo(tmp_path / "photos", 10)


@pytest.mark.parametrize("is_big", [False, True], ids=["classic", "big"])
@pytest.mark.parametrize("deflate", [False, True], ids=["plain", "deflate"])
@pytest.mark.parametrize("rgb", [coloured(), deep()], ids=["8 bit", "16 bit"])
def test_colours_in_tiles_apart_are_put_together(tmp_path: Path, rgb: Samples, deflate: bool, is_big: bool) -> None:
    path = file_of(tmp_path, tiff_in_planes(rgb, is_big=is_big, deflate=deflate))

    prove_decodes(path, LIMIT)

    photo = open_photo(path, LIMIT)
    assert photo.dtype == rgb.dtype
    assert np.array_equal(photo.pixels, rgb)
    assert photo.own_alpha is None


def test_an_alpha_in_tiles_apart_is_one(tmp_path: Path) -> None:
    rgba = np.dstack([coloured(), np.rint(disc() * 255).astype(np.uint8)])

    photo = open_photo(file_of(tmp_path, tiff_in_planes(rgba)), LIMIT)

    assert np.array_equal(photo.rgba, rgba)
    assert photo.has_alpha


def test_other_colours_in_tiles_apart_are_named(tmp_path: Path) -> None:
    cmyk = tiff_in_planes(np.dstack([coloured(), coloured()[..., 0]]), photometric=5)

    with pytest.raises(BadPhoto, match="colours lie in tiles apart"):
        open_photo(file_of(tmp_path, cmyk), LIMIT)


@pytest.mark.parametrize("compression", [50000, 9999, 34676], ids=["Zstandard", "unknown", "SGI LogLuv"])
def test_a_compression_that_nothing_here_reads_is_no_damage(tmp_path: Path, compression: int) -> None:
    content = tiff_of(bytes(8 * 8 * 3), {**basics(8, 8, 2, (8, 8, 8)), 259: short(compression)})

    with pytest.raises(BadPhoto, match="cannot be read here: it is compressed in a way that nothing here reads"):
        open_photo(file_of(tmp_path, content), LIMIT)


@pytest.mark.parametrize(
    ("kind", "bits", "words"), [(0xC1, 12, "a JPEG of more than 8 bit"), (0xC3, 8, "a JPEG of a rare kind")]
)
def test_a_rare_jpeg_is_no_damage(tmp_path: Path, kind: int, bits: int, words: str) -> None:
    content = bytearray(encoded(image_of(coloured()), "jpeg"))
    at = content.index(b"\xff\xc0")
    content[at + 1], content[at + 4] = kind, bits

    with pytest.raises(BadPhoto, match=words):
        open_photo(file_of(tmp_path, bytes(content)), LIMIT)


def test_damage_is_told_without_the_names_of_libraries(tmp_path: Path) -> None:
    content = bytes(image_of(coloured()).tiffsave_buffer(compression="deflate"))

    with pytest.raises(BadPhoto) as told:
        open_photo(file_of(tmp_path, content.replace(zlib.compress(b"")[:2], b"\0\0", 1)), LIMIT)

    assert "vips" not in str(told.value)


def test_a_resolution_without_a_unit_is_none(tmp_path: Path) -> None:
    per_unit = 5, 1, struct.pack("<II", 118, 1)
    fields = {**basics(8, 8, 2, (8, 8, 8)), 282: per_unit, 283: per_unit}

    dpi = {
        unit: open_photo(file_of(tmp_path, tiff_of(bytes(192), {**fields, 296: short(unit)})), LIMIT).metadata.dpi
        for unit in (1, 3)
    }

    assert dpi == {1: None, 3: pytest.approx(299.72)}


@pytest.mark.parametrize("length", [100, 20_000, 200_000])
def test_iptc_of_any_usual_length_goes_along(tmp_path: Path, length: int) -> None:
    size = struct.pack(">H", length) if length < 32768 else struct.pack(">HI", 0x8004, length)
    records = b"\x1c\x02\x78" + size + b"x" * length
    content = tiff_of(bytes(192), {**basics(8, 8, 2, (8, 8, 8)), 33723: (7, len(records), records)})

    assert open_photo(file_of(tmp_path, content), LIMIT).metadata.iptc == records
