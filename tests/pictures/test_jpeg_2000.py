"""JPEG 2000: bare and in boxes, of every depth and colour, whole and cut off."""

import io
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from daemon.errors import BadPhoto, NotWholeYet
from daemon.pictures.file_structure import follow_to_end, remarks_on
from daemon.pictures.partial_file import EndMissing
from daemon.pictures.reading import memory_need, open_photo, open_small, prove_decodes
from daemon.pictures.values import Samples
from tests.pictures.drawing import coloured, deep, disc, file_of, profile
from tests.pictures.jpeg_2000_files import (
    box,
    codestream,
    colours,
    jp2,
    meanings,
    profile_box,
    resolution,
    with_bits,
)

LIMIT = 500.0
SRGB, GREY, SYCC, CMYK = 16, 17, 18, 12
XMP_ID = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
IPTC_ID = bytes.fromhex("33c7a4d2b81d4723a0baf1a3e097ad38")
ALPHA = np.rint(disc() * 255).astype(np.uint8)


def read(tmp_path: Path, content: bytes) -> Samples:
    path = file_of(tmp_path, content)
    prove_decodes(path, LIMIT)
    return open_photo(path, LIMIT).rgba


def with_full(rgb: Samples) -> Samples:
    full: Samples = np.dstack([rgb, np.full(rgb.shape[:2], np.iinfo(rgb.dtype).max, rgb.dtype)])
    return full


@pytest.mark.parametrize("rgb", [coloured(), deep()], ids=["8 bit", "16 bit"])
@pytest.mark.parametrize("bare", [True, False])
def test_colours_come_back_as_they_were(tmp_path: Path, rgb: Samples, bare: bool) -> None:
    coded = codestream(rgb)

    assert np.array_equal(read(tmp_path, coded if bare else jp2(coded, colours(SRGB))), with_full(rgb))


@pytest.mark.parametrize("rgb", [coloured(), deep()], ids=["8 bit", "16 bit"])
def test_grey_comes_back_in_three_channels(tmp_path: Path, rgb: Samples) -> None:
    grey = np.ascontiguousarray(rgb[..., 0])

    assert np.array_equal(
        read(tmp_path, jp2(codestream(grey), colours(GREY))), with_full(np.dstack([grey, grey, grey]))
    )


def test_what_pillow_writes_is_read_as_pillow_reads_it(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.fromarray(coloured(300, 200)).save(
        file, "JPEG2000", tile_size=(64, 64), irreversible=True, quality_layers=[20]
    )

    found = read(tmp_path, file.getvalue())

    assert np.array_equal(found[..., :3], np.asarray(Image.open(file)))


@pytest.mark.parametrize("told", [b"", meanings((0, 0, 1), (1, 0, 2), (2, 0, 3), (3, 1, 0))], ids=["untold", "told"])
def test_a_fourth_channel_is_the_alpha(tmp_path: Path, told: bytes) -> None:
    rgba = np.dstack([coloured(), ALPHA])

    assert np.array_equal(read(tmp_path, jp2(codestream(rgba), colours(SRGB) + told)), rgba)


def test_a_channel_that_is_told_to_be_no_alpha_is_none(tmp_path: Path) -> None:
    told = meanings((0, 0, 1), (1, 0, 2), (2, 0, 3), (3, 65535, 65535))
    content = jp2(codestream(np.dstack([coloured(), ALPHA])), colours(SRGB) + told)

    assert np.array_equal(read(tmp_path, content), with_full(coloured()))


def test_channels_are_put_into_their_order(tmp_path: Path) -> None:
    rgb = coloured()
    content = jp2(codestream(rgb[..., ::-1]), colours(SRGB) + meanings((0, 0, 3), (1, 0, 2), (2, 0, 1)))

    assert np.array_equal(read(tmp_path, content), with_full(rgb))


def test_colours_that_were_multiplied_by_the_alpha_become_themselves(tmp_path: Path) -> None:
    rgb = coloured()
    alpha = np.full(rgb.shape[:2], 128, np.uint8)
    dark = np.rint(rgb * (alpha[..., None] / 255)).astype(np.uint8)
    told = meanings((0, 0, 1), (1, 0, 2), (2, 0, 3), (3, 2, 0))

    found = read(tmp_path, jp2(codestream(np.dstack([dark, alpha])), colours(SRGB) + told))

    assert np.abs(found[..., :3].astype(int) - rgb).max() <= 1
    assert (found[..., 3] == 128).all()


@pytest.mark.parametrize("bits", [8, 16])
def test_luma_and_differences_become_colours(tmp_path: Path, bits: int) -> None:
    rgb: Samples = coloured() if bits == 8 else deep()
    luma_red_blue = cv2.cvtColor(rgb, cv2.COLOR_RGB2YCrCb)
    content = jp2(codestream(np.ascontiguousarray(luma_red_blue[..., [0, 2, 1]])), colours(SYCC))

    found = read(tmp_path, content)[..., :3]

    assert np.abs(found.astype(int) - rgb).max() <= 2 * (1 if bits == 8 else 257)


def test_luma_and_differences_are_those_of_a_jpeg(tmp_path: Path) -> None:
    """Pillow's conversion is JFIF's, made elsewhere."""
    luma_blue_red = Image.fromarray(coloured()).convert("YCbCr")
    content = jp2(codestream(np.asarray(luma_blue_red)), colours(SYCC))

    there_and_back = np.asarray(luma_blue_red.convert("RGB")).astype(int)
    assert np.abs(read(tmp_path, content)[..., :3].astype(int) - there_and_back).max() <= 1


def test_12_bit_fill_the_whole_range(tmp_path: Path) -> None:
    twelve = (deep() >> 4).astype(np.uint16)

    middle = (1 << 15) - (1 << 11)  # a codestream holds differences from the middle of the range

    found = read(tmp_path, jp2(with_bits(codestream(twelve + np.uint16(middle)), 12), colours(SRGB)))

    assert np.array_equal(found[..., :3], np.rint(twelve / 4095 * 65535).astype(np.uint16))


def palette(entries: NDArray[np.uint8]) -> bytes:
    """Boxes of a palette, (N, 3), and of channels that are made from it."""
    columns = entries.shape[1]
    table = struct.pack(">HB", len(entries), columns) + bytes([7] * columns) + entries.tobytes()
    return box(b"pclr", table) + box(b"cmap", b"".join(struct.pack(">HBB", 0, 1, column) for column in range(columns)))


def test_a_palette_is_looked_up(tmp_path: Path) -> None:
    entries = np.random.default_rng(0).integers(0, 256, (200, 3), np.uint8)
    codes = np.random.default_rng(1).integers(0, 200, (64, 96), np.uint8)

    found = read(tmp_path, jp2(codestream(codes), colours(SRGB) + palette(entries)))

    assert np.array_equal(found, with_full(entries[codes]))


def test_cmyk_becomes_srgb_and_is_told(tmp_path: Path) -> None:
    inks = np.zeros((64, 96, 4), np.uint8)
    inks[:, 48:, 1:3] = 255  # magenta and yellow
    path = file_of(tmp_path, jp2(codestream(inks), colours(CMYK)))

    photo = open_photo(path, LIMIT)

    assert photo.pixels[0, 0].min() > 250
    assert photo.pixels[0, -1, 0] > 200 > 60 > photo.pixels[0, -1, 1]
    assert "it is in CMYK" in photo.remarks[0]


def test_a_profile_and_metadata_go_along(tmp_path: Path) -> None:
    exif, iptc = b"II*\0\x08\0\0\0\0\0\0\0\0\0", b"\x1c\x02\x74\0\3(c)"
    xmp = b"<x:xmpmeta xmlns:x='adobe:ns:meta/'/>"
    behind = box(b"uuid", XMP_ID + xmp) + box(b"uuid", IPTC_ID + iptc) + box(b"uuid", b"JpgTiffExif->JP2" + exif)
    content = jp2(codestream(coloured()), profile_box(profile("p3")) + resolution(11811, 11811), behind)
    path = file_of(tmp_path, content)

    photo = open_photo(path, LIMIT)

    assert photo.icc == profile("p3")
    assert photo.metadata.xmp == xmp
    assert photo.metadata.iptc == iptc
    assert photo.metadata.exif == b"Exif\0\0" + exif
    assert photo.metadata.dpi == pytest.approx(300, abs=0.01)
    assert photo.remarks == ()


def test_photoshop_has_names_of_its_own_for_exif_and_iptc(tmp_path: Path) -> None:
    exif, iptc = b"II*\0\x08\0\0\0\0\0\0\0\0\0", b"\x1c\x02\x74\0\3(c)"
    behind = box(b"uuid", bytes.fromhex("0537cdab9d0c4431a72afa561f2a113e") + exif)
    behind += box(b"uuid", bytes.fromhex("09a14e97c0b442e0bebf36df6f0ce36f") + iptc)

    photo = open_photo(file_of(tmp_path, jp2(codestream(coloured()), colours(SRGB), behind)), LIMIT)

    assert photo.metadata.exif == b"Exif\0\0" + exif
    assert photo.metadata.iptc == iptc


def test_a_film_is_named(tmp_path: Path) -> None:
    film = BOXED[:12] + box(b"ftyp", b"mjp2\0\0\0\0mjp2") + box(b"mdat", BARE) + box(b"moov", bytes(40))
    path = file_of(tmp_path, film)

    with path.open("rb") as file:
        assert follow_to_end(file.fileno()) is None
    with pytest.raises(BadPhoto, match="cannot be read here: JPEG 2000: it is a film"):
        prove_decodes(path, LIMIT)


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, 3), (8, 1)])
def test_a_picture_on_its_side_is_turned_upright(tmp_path: Path, orientation: int, turns: int) -> None:
    entry = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    exif = b"II*\0\x08\0\0\0\1\0" + entry + bytes(4)
    content = jp2(codestream(coloured()), colours(SRGB), box(b"uuid", b"JpgTiffExif->JP2" + exif))

    assert np.array_equal(read(tmp_path, content), np.rot90(with_full(coloured()), turns))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (codestream(np.dstack([ALPHA, ALPHA])), "2 channels"),
        (with_bits(codestream(coloured()), 7), "7 bits"),
        (with_bits(codestream(coloured()), 128 + 8), "signs"),
        (codestream(coloured())[:44] + b"\2" + codestream(coloured())[45:], "fewer pixels"),
        (jp2(codestream(coloured()), colours(14)), "number 14"),
    ],
)
def test_what_is_not_read_is_named(tmp_path: Path, content: bytes, reason: str) -> None:
    with pytest.raises(BadPhoto, match=rf"cannot be read here: JPEG 2000: .*{reason}.* Save it as") as raised:
        prove_decodes(file_of(tmp_path, content), LIMIT)
    assert "damaged" not in str(raised.value)


BARE = codestream(coloured())
BOXED = jp2(BARE, colours(SRGB))


@pytest.mark.parametrize("whole", [BARE, BOXED, jp2(BARE, colours(SRGB), open_end=True)])
@pytest.mark.parametrize("lost", [1, 2, 40, 1000])
def test_a_file_that_is_cut_off_is_not_whole(
    tmp_path: Path, whole: bytes, lost: int, capfd: pytest.CaptureFixture[str]
) -> None:
    path = file_of(tmp_path, whole[:-lost])

    with path.open("rb") as file, pytest.raises(NotWholeYet):
        follow_to_end(file.fileno())
    with pytest.raises(NotWholeYet, match=r"photo\.\w+"):
        prove_decodes(path, LIMIT)
    with pytest.raises(BadPhoto):
        open_photo(path, LIMIT)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("whole", [BARE, BOXED], ids=["bare", "boxed"])
def test_data_that_are_still_zeros_are_not_whole(tmp_path: Path, whole: bytes) -> None:
    half = len(whole) // 2
    path = file_of(tmp_path, whole[:half] + bytes(len(whole) - half))

    with path.open("rb") as file, pytest.raises(NotWholeYet):
        follow_to_end(file.fileno())
    with pytest.raises(NotWholeYet):
        prove_decodes(path, LIMIT)
    with pytest.raises(BadPhoto, match="damaged or cut off"):
        open_photo(path, LIMIT)


@pytest.mark.parametrize("whole", [BARE, BOXED, jp2(BARE, colours(SRGB), box(b"uuid", XMP_ID + b"<x/>"))])
def test_a_whole_file_has_its_end(tmp_path: Path, whole: bytes) -> None:
    with file_of(tmp_path, whole).open("rb") as file:
        assert follow_to_end(file.fileno()) is None
        assert remarks_on(file.fileno()) == ()


def without_length_of_its_tile(coded: bytes) -> bytes:
    """The last tile part may leave its length open (A.4.2); programs do that which write as they go."""
    changed = bytearray(coded)
    at = changed.index(b"\xff\x90") + 6
    changed[at : at + 4] = bytes(4)
    return bytes(changed)


def test_a_tile_of_open_length_reaches_to_the_end_mark(tmp_path: Path) -> None:
    coded = without_length_of_its_tile(BARE)

    for content in (coded, jp2(coded, colours(SRGB))):
        with file_of(tmp_path, content).open("rb") as file:
            assert follow_to_end(file.fileno()) is None
        assert np.array_equal(read(tmp_path, content), with_full(coloured()))
        with file_of(tmp_path, content[:-3]).open("rb") as file, pytest.raises(NotWholeYet):
            follow_to_end(file.fileno())


def test_bytes_between_tiles_that_are_no_mark_are_a_gap(tmp_path: Path) -> None:
    end = len(BARE) - 2

    path = file_of(tmp_path, BARE[:end] + b"\0\1\0\4\0\0" + BARE[end:])

    with path.open("rb") as file, pytest.raises(NotWholeYet, match="a gap between its parts"):
        follow_to_end(file.fileno())


def test_zeros_behind_the_picture_may_be_a_box_to_come(tmp_path: Path) -> None:
    with file_of(tmp_path, BOXED + bytes(300)).open("rb") as file, pytest.raises(EndMissing, match="zeros where"):
        follow_to_end(file.fileno())


def test_a_box_behind_the_picture_that_is_cut_off_is_told(tmp_path: Path) -> None:
    path = file_of(tmp_path, (BOXED + box(b"uuid", XMP_ID + b"<x/>"))[:-3])

    with path.open("rb") as file, pytest.raises(EndMissing):
        follow_to_end(file.fileno())
    prove_decodes(path, LIMIT)
    assert "is cut off, or is no part of it" in open_photo(path, LIMIT).remarks[0]


def test_a_header_that_claims_60_000_pixels_each_way_is_refused_at_once(tmp_path: Path) -> None:
    huge = bytearray(BARE[:120])
    struct.pack_into(">II", huge, 8, 60_000, 60_000)

    for content in (bytes(huge), jp2(bytes(huge), colours(SRGB))):
        path = file_of(tmp_path, content)
        for read_it in (prove_decodes, open_photo, memory_need):
            with pytest.raises(BadPhoto, match="60000 x 60000"):
                read_it(path, LIMIT)


def test_a_small_version_is_the_same_picture(tmp_path: Path) -> None:
    rgb = coloured(300, 200)

    small = open_small(file_of(tmp_path, codestream(rgb)), 60, LIMIT).pixels

    expected = cv2.resize(rgb, (60, 40), interpolation=cv2.INTER_AREA)
    assert small.shape == expected.shape
    assert np.abs(small.astype(int) - expected).mean() < 3
