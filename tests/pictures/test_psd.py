"""Photoshop files: the flattened picture in every mode and depth, and what is told of those that have none."""

import io
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
import pyvips
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from daemon.errors import BadPhoto, NotWholeYet
from daemon.pictures.file_structure import follow_to_end, remarks_on
from daemon.pictures.psd import _unpacked
from daemon.pictures.reading import memory_need, open_photo, open_small, prove_decodes
from daemon.pictures.values import Samples
from tests.pictures.drawing import coloured, deep, disc, file_of, profile
from tests.pictures.psd_files import (
    BITMAP,
    CMYK,
    DUOTONE,
    GREY,
    INDEXED,
    LAB,
    MULTICHANNEL,
    RGB,
    layers,
    layers_of_16_bit,
    psd,
    resolution,
    runs,
    version_info,
)

LIMIT = 500.0
XMP, EXIF, IPTC, ICC, RESOLUTION, VERSION, CLEAR = 1060, 1058, 1028, 1039, 1005, 1057, 1047


def read(tmp_path: Path, content: bytes) -> Samples:
    path = file_of(tmp_path, content)
    with path.open("rb") as file:
        assert follow_to_end(file.fileno()) is None
    prove_decodes(path, LIMIT)
    return open_photo(path, LIMIT).rgba


def with_full(rgb: Samples) -> Samples:
    full: Samples = np.dstack([rgb, np.full(rgb.shape[:2], np.iinfo(rgb.dtype).max, rgb.dtype)])
    return full


def with_flat_parts(rgb: Samples) -> Samples:
    """The same with a part of one colour, for long runs."""
    rgb = rgb.copy()
    rgb[10:40, 20:70] = rgb[0, 0]
    return rgb


@pytest.mark.parametrize("rgb", [coloured(), deep(), coloured(1, 1), coloured(301, 7)])
@pytest.mark.parametrize("in_runs", [True, False])
@pytest.mark.parametrize("is_big", [True, False])
def test_colours_come_back_as_they_were(tmp_path: Path, rgb: Samples, in_runs: bool, is_big: bool) -> None:
    rgb = with_flat_parts(rgb)

    assert np.array_equal(read(tmp_path, psd(rgb, in_runs=in_runs, is_big=is_big)), with_full(rgb))


def test_pillow_reads_the_same(tmp_path: Path) -> None:
    content = psd(with_flat_parts(coloured()))

    assert np.array_equal(read(tmp_path, content)[..., :3], np.asarray(Image.open(io.BytesIO(content))))


@pytest.mark.parametrize("rgb", [coloured(), deep()], ids=["8 bit", "16 bit"])
def test_grey_comes_back_in_three_channels(tmp_path: Path, rgb: Samples) -> None:
    grey = rgb[..., 0]

    assert np.array_equal(read(tmp_path, psd(grey, GREY)), with_full(np.dstack([grey, grey, grey])))


def test_black_and_white_has_a_bit_for_each_pixel(tmp_path: Path) -> None:
    is_black = disc(95, 64) > 0.5

    found = read(tmp_path, psd(is_black.astype(np.uint8), BITMAP, bits=1))

    assert np.array_equal(found[..., 0], np.where(is_black, 0, 255))


def test_a_palette_is_looked_up(tmp_path: Path) -> None:
    table = np.random.default_rng(0).integers(0, 256, (256, 3), np.uint8)
    codes = np.random.default_rng(1).integers(0, 256, (64, 96), np.uint8)
    content = psd(codes, INDEXED, palette=table.T.tobytes())

    assert np.array_equal(read(tmp_path, content), with_full(table[codes]))
    assert np.array_equal(table[codes], np.asarray(Image.open(io.BytesIO(content)).convert("RGB")))


def test_the_transparent_code_of_a_palette_is_its_own_alpha(tmp_path: Path) -> None:
    codes = np.random.default_rng(1).integers(0, 256, (64, 96), np.uint8)
    content = psd(codes, INDEXED, palette=bytes(768), resources={CLEAR: b"\0\7"})

    assert np.array_equal(read(tmp_path, content)[..., 3], np.where(codes == 7, 0, 255))


def as_photoshop_lays_it_on_white(rgb: Samples, alpha: Samples) -> Samples:
    full = int(np.iinfo(rgb.dtype).max)
    share = alpha[..., None] / full
    flat: Samples = np.rint(rgb * share + full * (1 - share)).astype(rgb.dtype)
    return flat


@pytest.mark.parametrize(("bits", "is_big"), [(8, False), (8, True), (16, False), (16, True)])
def test_the_transparency_of_layers_is_the_alpha(tmp_path: Path, bits: int, is_big: bool) -> None:
    rgb: Samples = coloured() if bits == 8 else deep()
    alpha = np.rint(disc() * np.iinfo(rgb.dtype).max).astype(rgb.dtype)
    part = (layers if bits == 8 else layers_of_16_bit)(-2, is_big)
    saved = np.dstack([as_photoshop_lays_it_on_white(rgb, alpha), alpha])

    found = read(tmp_path, psd(saved, layers=part, is_big=is_big))

    assert np.array_equal(found[..., 3], alpha)
    solid = alpha > np.iinfo(rgb.dtype).max // 2
    assert np.abs(found[..., :3].astype(int) - rgb)[solid].max() <= 1
    assert np.array_equal(found[alpha == alpha.max()][:, :3], rgb[alpha == alpha.max()])


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("count", [2, None])
def test_a_selection_that_somebody_saved_is_no_alpha(tmp_path: Path, bits: int, count: int | None) -> None:
    rgb: Samples = coloured() if bits == 8 else deep()
    selection = np.rint(disc() * np.iinfo(rgb.dtype).max).astype(rgb.dtype)
    part = b"" if count is None else (layers if bits == 8 else layers_of_16_bit)(count)

    path = file_of(tmp_path, psd(np.dstack([rgb, selection]), layers=part))
    photo = open_photo(path, LIMIT)

    assert photo.own_alpha is None
    assert np.array_equal(photo.pixels, rgb)


def test_cmyk_is_read_by_its_profile(tmp_path: Path) -> None:
    icc = profile("cmyk")
    inks = pyvips.Image.new_from_array(coloured()).copy(interpretation="srgb").icc_transform("cmyk").numpy()
    path = file_of(tmp_path, psd(255 - inks, CMYK, resources={ICC: icc}))
    prove_decodes(path, LIMIT)

    photo = open_photo(path, LIMIT)

    expected = pyvips.Image.new_from_array(inks).copy(interpretation="cmyk")
    expected.set_type(pyvips.GValue.blob_type, "icc-profile-data", icc)
    there_and_back = expected.icc_transform("srgb", intent="relative", black_point_compensation=True).numpy()
    assert np.abs(photo.pixels.astype(int) - there_and_back).max() <= 1
    assert photo.remarks == ("it is in CMYK; its result is in sRGB",)


@pytest.mark.parametrize("bits", [8, 16])
def test_lab_becomes_srgb(tmp_path: Path, bits: int) -> None:
    rgb = coloured()
    lab = cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    scaled = (lab * np.array([255 / 100, 1, 1]) + np.array([0, 128, 128])) * (1 if bits == 8 else 257)
    path = file_of(tmp_path, psd(np.rint(scaled).astype(np.uint8 if bits == 8 else np.uint16), LAB))
    prove_decodes(path, LIMIT)

    photo = open_photo(path, LIMIT)

    assert photo.pixels.dtype == np.uint16
    assert np.abs(photo.pixels / 257 - rgb).mean() < (1.5 if bits == 8 else 0.5)
    assert photo.remarks == ("its colours are Lab; its result is in sRGB",)


def test_metadata_and_resolution_go_along(tmp_path: Path) -> None:
    exif, iptc, xmp = b"II*\0\x08\0\0\0\0\0\0\0\0\0", b"\x1c\x02\x74\0\3(c)", b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"
    told = {1000: b"odd", RESOLUTION: resolution(300, 150), IPTC: iptc, ICC: profile("p3"), EXIF: exif, XMP: xmp}
    path = file_of(tmp_path, psd(coloured(), resources={**told, VERSION: version_info(True)}))

    photo = open_photo(path, LIMIT)

    assert photo.icc == profile("p3")
    assert (photo.metadata.exif, photo.metadata.iptc, photo.metadata.xmp) == (b"Exif\0\0" + exif, iptc, xmp)
    assert (photo.metadata.dpi, photo.metadata.dpi_down) == (300, 150)
    assert photo.remarks == ()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (psd(np.full_like(coloured(), 255), resources={VERSION: version_info(False)}), "Maximize Compatibility"),
        (psd(coloured(), MULTICHANNEL), "multichannel mode"),
        (psd(coloured()[..., 0], DUOTONE), "duotone"),
        (psd(coloured().astype(np.uint32), RGB, bits=32), "32 bits"),
        (psd(coloured(), 5), "compressed in a way|is of a kind"),
    ],
)
def test_what_is_not_read_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(BadPhoto, match=rf"cannot be read here: .*({reason}).* Save it as") as raised:
        prove_decodes(file_of(tmp_path, content), LIMIT)
    assert "damaged" not in str(raised.value)


WHOLE = psd(with_flat_parts(coloured()), resources={RESOLUTION: resolution(300, 300)}, layers=layers(1))


@pytest.mark.parametrize("whole", [WHOLE, psd(coloured(), in_runs=False)], ids=["in runs", "plain"])
@pytest.mark.parametrize("left", [-1, -1000, 2000, 60, 25])
def test_one_that_is_cut_off_is_not_whole(tmp_path: Path, whole: bytes, left: int) -> None:
    path = file_of(tmp_path, whole[:left])

    with path.open("rb") as file, pytest.raises(NotWholeYet):
        follow_to_end(file.fileno())
    with pytest.raises(NotWholeYet, match="photo"):
        prove_decodes(path, LIMIT)
    with pytest.raises(BadPhoto, match="damaged or cut off"):
        open_photo(path, LIMIT)


def test_a_saved_selection_that_is_cut_off_is_not_whole_either(tmp_path: Path) -> None:
    path = file_of(tmp_path, psd(np.dstack([coloured(), coloured()[..., 0]]))[:-10])

    with path.open("rb") as file, pytest.raises(NotWholeYet):
        follow_to_end(file.fileno())
    with pytest.raises(NotWholeYet):
        prove_decodes(path, LIMIT)


def test_runs_that_end_before_their_row_are_damage(tmp_path: Path) -> None:
    path = file_of(tmp_path, WHOLE[:-200] + bytes(200))

    with pytest.raises(NotWholeYet, match="picture data are broken"):
        prove_decodes(path, LIMIT)


def test_what_follows_the_picture_does_not_matter(tmp_path: Path) -> None:
    with file_of(tmp_path, WHOLE + b"trailing").open("rb") as file:
        assert follow_to_end(file.fileno()) is None
        assert remarks_on(file.fileno()) == ()


@pytest.mark.parametrize("is_big", [True, False])
def test_a_header_that_claims_60_000_pixels_each_way_is_refused_at_once(tmp_path: Path, is_big: bool) -> None:
    content = bytearray(psd(coloured(), in_runs=False, is_big=is_big)[:100])
    struct.pack_into(">II", content, 14, 60_000, 60_000)
    path = file_of(tmp_path, bytes(content))

    for read_it in (prove_decodes, open_photo, memory_need):
        with pytest.raises(BadPhoto, match="60000 x 60000"):
            read_it(path, LIMIT)


def test_a_small_version_is_the_same_picture(tmp_path: Path) -> None:
    rgb = coloured(300, 200)

    small = open_small(file_of(tmp_path, psd(rgb)), 60, LIMIT).pixels

    expected = cv2.resize(rgb, (60, 40), interpolation=cv2.INTER_AREA)
    assert np.abs(small.astype(int) - expected).mean() < 3


@given(st.binary(max_size=300), st.integers(1, 300))
def test_no_runs_are_strange_enough_to_stop_us(packed: bytes, wanted: int) -> None:
    try:
        row = _unpacked(packed, wanted)
    except ValueError:
        return
    assert len(row) == wanted


@given(st.lists(st.sampled_from(b"ab"), min_size=1, max_size=700))
def test_any_row_comes_back(values: list[int]) -> None:
    row = bytes(values)

    assert _unpacked(runs(row), len(row)) == row
