"""Colours are as the file means them: by an ICC profile, or by its chunks, boxes or EXIF; and the report says which."""

import io
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from daemon.pictures import icc, vips
from daemon.pictures.heif_boxes import HeifColours, heif_colours
from daemon.pictures.photo import Photo
from daemon.pictures.reading import open_for_work, open_photo
from daemon.pictures.values import Samples
from tests.pictures.drawing import file_of, heic, image_of, png_chunk, profile

LIMIT = 500.0
Curve = Callable[[NDArray[np.float64]], NDArray[np.float64]]
Points = tuple[tuple[float, float], ...]

SRGB: Points = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
ADOBE: Points = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
DISPLAY_P3: Points = ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06))
BT2020: Points = ((0.708, 0.292), (0.17, 0.797), (0.131, 0.046))
D65 = np.array([0.95047, 1, 1.08883])


def swatches() -> NDArray[np.uint8]:
    """(64, 96, 3) in sRGB: broad fields of strong and of pale colours."""
    fields = [
        [[205, 40, 30], [30, 140, 50], [35, 60, 190]],
        [[225, 160, 20], [222, 226, 232], [120, 120, 120]],
    ]
    return np.repeat(np.repeat(np.array(fields, np.uint8), 32, 0), 32, 1)


def to_xyz(points: Points) -> NDArray[np.float64]:
    columns = np.array([[x / y, 1, (1 - x - y) / y] for x, y in points]).T
    matrix: NDArray[np.float64] = columns * np.linalg.solve(columns, D65)
    return matrix


def srgb_values(light: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)


def powered(gamma: float) -> Curve:
    return lambda light: light ** (1 / gamma)


def pq(light: NDArray[np.float64], paper: float = 203) -> NDArray[np.float64]:
    """ITU-R BT.2100, table 4. paper: candela per square metre of light 1."""
    y = (light * paper / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * y) / (1 + 18.6875 * y)) ** 78.84375


def written_in(points: Points, curve: Curve, bits: int = 8) -> Samples:
    """The swatches in the values of another space, (64, 96, 3)."""
    srgb = swatches() / 255
    light = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    there = np.clip(light @ (np.linalg.inv(to_xyz(points)) @ to_xyz(SRGB)).T, 0, 1)
    values = np.rint(curve(there) * (2**bits - 1))
    return np.asarray(values, np.uint8 if bits == 8 else np.uint16)


def png(rgb: Samples, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of 8 or 16 bit with chunks before its pixels."""
    bits = 8 * rgb.dtype.itemsize
    rows = b"".join(b"\0" + row.astype(f">u{bits // 8}").tobytes() for row in rgb)
    kind = 2 if rgb.ndim == 3 else 0
    head = struct.pack(">IIBBBBB", rgb.shape[1], rgb.shape[0], bits, kind, 0, 0, 0)
    parts = [(b"IHDR", head), *chunks, (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*part) for part in parts)


def chrm(points: Points) -> tuple[bytes, bytes]:
    return b"cHRM", struct.pack(">8I", *(round(each * 1e5) for point in ((0.3127, 0.3290), *points) for each in point))


def gama(value: float) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">I", round(value * 1e5))


def cicp(primaries: int, transfer: int) -> tuple[bytes, bytes]:
    return b"cICP", bytes([primaries, transfer, 0, 1])


def with_nclx(heif: bytes, primaries: int, transfer: int, is_full: bool = True) -> bytes:
    """The same picture, said to be in other colours."""
    at = heif.index(b"colrnclx") + 8
    return (
        heif[:at]
        + struct.pack(">HH", primaries, transfer)
        + heif[at + 4 : at + 6]
        + bytes([is_full << 7])
        + heif[at + 7 :]
    )


def exif(space: int | None = None, index: bytes | None = None, maker: str = "") -> bytes:
    """An EXIF block with a ColorSpace and an InteroperabilityIndex."""
    block = Image.Exif()
    if maker:
        block[271] = maker
    inner = block.get_ifd(0x8769)
    inner[36864] = b"0230"
    if space is not None:
        inner[40961] = space
    if index is not None:
        inner[0xA005] = {1: index, 2: b"0100"}
    return block.tobytes()


def jpeg(rgb: Samples, **options: bytes) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.asarray(rgb, np.uint8)).save(out, "JPEG", quality=96, subsampling=0, **options)
    return out.getvalue()


def avif(rgb: Samples, **options: str) -> bytes:
    out = io.BytesIO()
    picture = Image.fromarray(np.asarray(rgb, np.uint8))
    picture.save(out, "AVIF", quality=96, subsampling=options.pop("subsampling", "4:4:4"), **options)
    return out.getvalue()


def opened(folder: Path, content: bytes) -> Photo:
    return open_photo(file_of(folder, content), LIMIT)


def off(photo: Photo) -> float:
    """The mean difference from the swatches in sRGB, of 255."""
    shown = icc.to_srgb(np.ascontiguousarray(photo.pixels), photo.icc)
    return float(np.abs(shown.astype(int) - swatches()).mean())


@pytest.mark.parametrize(("space", "index"), [(65535, b"R03"), (None, b"R03"), (2, None)])
def test_adobe_rgb_that_only_exif_tells_gets_its_profile(
    tmp_path: Path, space: int | None, index: bytes | None
) -> None:
    content = jpeg(written_in(ADOBE, powered(2.19921875)), exif=exif(space, index))

    photo = opened(tmp_path, content)

    assert off(photo) < 2
    assert photo.remarks == ("it is in Adobe RGB by its EXIF: a matching ICC profile was attached",)


def test_a_camera_that_says_only_what_the_colours_are_not_is_told_of(tmp_path: Path) -> None:
    photo = opened(tmp_path, jpeg(swatches(), exif=exif(65535, maker="Nikon")))

    assert photo.icc is None
    assert "not sRGB" in photo.remarks[0]


def test_a_library_that_says_so_of_every_picture_is_not(tmp_path: Path) -> None:
    by_hand = opened(tmp_path, jpeg(swatches(), exif=exif(65535)))
    by_libvips = opened(tmp_path, bytes(vips.image_of(swatches()).jpegsave_buffer()))

    assert (by_hand.remarks, by_libvips.remarks) == ((), ())


def test_exif_counts_less_than_a_profile(tmp_path: Path) -> None:
    content = jpeg(swatches(), exif=exif(65535, b"R03"), icc_profile=profile("srgb"))

    photo = opened(tmp_path, content)

    assert off(photo) < 1.5
    assert photo.remarks == ()


@pytest.mark.parametrize(
    ("points", "numbers", "curve"),
    [
        (DISPLAY_P3, (12, 13), srgb_values),
        (BT2020, (9, 14), powered(2.4)),
        (BT2020, (9, 13), srgb_values),
        (DISPLAY_P3, (12, 8), lambda light: light),
        (SRGB, (1, 4), powered(2.2)),
    ],
)
def test_colours_that_a_png_tells_in_numbers_get_a_matching_profile(
    tmp_path: Path, points: Points, numbers: tuple[int, int], curve: Curve
) -> None:
    photo = opened(tmp_path, png(written_in(points, curve, 16), cicp(*numbers)))

    assert off(photo) < 0.5
    assert "by its cICP chunk" in photo.remarks[0]
    assert photo.icc is not None
    assert icc.usable(photo.icc, 3)
    assert icc.way_back(photo.icc) == "good"


@pytest.mark.parametrize("transfer", [1, 6, 13, 14, 15])
def test_colours_of_srgb_need_no_word(tmp_path: Path, transfer: int) -> None:
    photo = opened(tmp_path, png(swatches(), cicp(1, transfer)))

    assert (off(photo), photo.icc, photo.remarks) == (0, None, ())


def test_numbers_count_more_than_a_profile_in_a_png(tmp_path: Path) -> None:
    other = b"iCCP", b"p3\0\0" + zlib.compress(profile("p3"))

    photo = opened(tmp_path, png(swatches(), cicp(1, 13), other))

    assert (off(photo), photo.icc) == (0, None)


def test_numbers_that_nobody_knows_leave_a_profile_its_place(tmp_path: Path) -> None:
    mine = b"iCCP", b"p3\0\0" + zlib.compress(profile("p3"))

    photo = opened(tmp_path, png(written_in(DISPLAY_P3, srgb_values), cicp(99, 13), mine))

    assert off(photo) < 1
    assert photo.remarks == ("its cICP chunk names colours that are not known here; its ICC profile counts",)


def test_a_gamma_and_primaries_get_a_matching_profile(tmp_path: Path) -> None:
    content = png(written_in(ADOBE, powered(2.19921875)), gama(1 / 2.19921875), chrm(ADOBE))

    photo = opened(tmp_path, content)

    assert off(photo) < 0.5
    assert "gAMA and cHRM chunks" in photo.remarks[0]


def test_linear_light_is_as_bright_as_it_was_meant(tmp_path: Path) -> None:
    photo = opened(tmp_path, png(written_in(SRGB, lambda light: light, 16), gama(1.0)))

    assert off(photo) < 0.5


def test_a_linear_grey_is_brought_to_srgb(tmp_path: Path) -> None:
    grey = np.tile(np.linspace(0, 65535, 64).astype(np.uint16), (8, 1))

    photo = opened(tmp_path, png(grey, gama(1.0)))

    expected = srgb_values(grey / 65535)
    assert np.abs(photo.pixels[..., 0] / 65535 - expected)[:, 2:].max() < 0.01
    assert "its result is in sRGB" in photo.remarks[0]


@pytest.mark.parametrize("chunks", [[gama(1 / 2.2), chrm(SRGB)], [gama(1 / 2.2)], [(b"sRGB", b"\0"), gama(1.0)]])
def test_what_programs_write_of_srgb_is_srgb(tmp_path: Path, chunks: list[tuple[bytes, bytes]]) -> None:
    photo = opened(tmp_path, png(swatches(), *chunks))

    assert (off(photo), photo.icc, photo.remarks) == (0, None, ())


@pytest.mark.parametrize("points", [bytes(32), struct.pack(">8I", *[50_000] * 8), b"\xff" * 32])
def test_primaries_that_span_no_colours_are_left_out(tmp_path: Path, points: bytes) -> None:
    photo = opened(tmp_path, png(swatches(), gama(1 / 1.8), (b"cHRM", points)))

    assert (off(photo), photo.icc) == (0, None)
    assert "not known here" in photo.remarks[0]


def test_a_profile_that_the_library_drops_is_told_of(tmp_path: Path) -> None:
    of_print = b"iCCP", b"cmyk\0\0" + zlib.compress(profile("cmyk"))

    photo = opened(tmp_path, png(swatches(), of_print))

    assert (off(photo), photo.icc) == (0, None)
    assert photo.remarks == (icc.LEFT_OUT,)


@pytest.mark.parametrize("write", [avif, heic])
def test_a_phones_colours_that_a_box_tells_get_a_matching_profile(
    tmp_path: Path, write: Callable[[Samples], bytes]
) -> None:
    photo = opened(tmp_path, with_nclx(write(written_in(DISPLAY_P3, srgb_values)), 12, 13))

    assert off(photo) < 3
    assert photo.remarks == ("it is in Display P3 by its nclx box: a matching ICC profile was attached",)


def test_a_cameras_hdr_comes_in_ordinary_light(tmp_path: Path) -> None:
    content = with_nclx(heic(written_in(BT2020, pq, 16), bits=10), 9, 16)

    photo = opened(tmp_path, content)

    assert off(photo) < 2
    assert photo.dtype == np.uint16
    assert photo.remarks[0].startswith("it is HDR (PQ) by its nclx box: brought to the light of ordinary screens")


def test_hybrid_log_gamma_is_shown_as_a_screen_shows_it(tmp_path: Path) -> None:
    """Three quarters of the signal are paper, and light grows by a power of 1.2 (ITU-R BT.2408, BT.2100)."""
    half_of_paper = (0.5 * 203 / 1000) ** (1 / 1.2)
    values = np.array([np.sqrt(3 * 0.01), 0.17883277 * np.log(12 * half_of_paper - 0.28466892) + 0.55991073])
    grey = np.repeat(np.rint(values * 65535).astype(np.uint16), 32)[None].repeat(8, 0)

    photo = opened(tmp_path, png(np.dstack([grey] * 3), cicp(9, 18)))

    dark, middle = photo.pixels[0, 0, 0] / 65535, photo.pixels[0, -1, 0] / 65535
    assert dark == pytest.approx(float(srgb_values(np.array(1000 / 203 * 0.01**1.2))), abs=0.002)
    assert middle == pytest.approx(float(srgb_values(np.array(0.5))), abs=0.002)


def test_what_is_brighter_than_paper_keeps_its_differences_and_hue(tmp_path: Path) -> None:
    lights = np.array([0.5, 1.0, 2.0, 4.0])[None, :, None] * np.array([1, 0.5, 0.25])
    values = np.rint(pq(lights) * 65535).astype(np.uint16)

    photo = opened(tmp_path, png(values, cicp(1, 16)))

    shown = photo.pixels[0] / 65535
    light = np.where(shown <= 0.04045, shown / 12.92, ((shown + 0.055) / 1.055) ** 2.4)
    assert np.all(np.diff(light[:, 0]) > 0.02)
    assert light[-1, 0] <= 1
    assert light[:, 0] / light[:, 1] == pytest.approx(2, rel=0.01)
    assert light[0, 0] == pytest.approx(0.5, abs=0.002)
    assert photo.icc is None  # in sRGB


def test_a_grey_of_hdr_is_in_srgb(tmp_path: Path) -> None:
    values = np.full((8, 8), round(float(pq(np.array(0.5))) * 65535), np.uint16)

    photo = opened(tmp_path, png(values, cicp(9, 16)))

    assert photo.icc is None
    assert photo.pixels[0, 0, 0] / 65535 == pytest.approx(float(srgb_values(np.array(0.5))), abs=0.002)


def test_an_alpha_stays_as_it_is_beside_hdr(tmp_path: Path) -> None:
    rgba = np.dstack([written_in(BT2020, pq, 16), np.full((64, 96), 12345, np.uint16)])
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in rgba)
    head = struct.pack(">IIBBBBB", 96, 64, 16, 6, 0, 0, 0)
    parts = [(b"IHDR", head), cicp(9, 16), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    content = b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*part) for part in parts)

    photo = opened(tmp_path, content)

    assert photo.own_alpha is not None
    assert (photo.own_alpha == 12345).all()
    assert off(photo) < 1


def test_a_photo_that_is_read_in_strips_has_the_same_light(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.pictures.memory_need._LARGE_BYTES", 0)
    rgb = np.asarray(cv2.resize(written_in(BT2020, pq, 16), (600, 400)), np.uint16)
    path = file_of(tmp_path, png(rgb, cicp(9, 16)))
    whole = open_photo(path, LIMIT)

    strips = open_for_work(path, LIMIT)

    assert not isinstance(strips, Photo)
    assert np.array_equal(strips.part(0, 0, 600, 400), whole.rgba)
    assert strips.icc == whole.icc


@pytest.mark.parametrize("suffix", ["avif", "heic"])
def test_grey_whose_black_is_16_is_as_dark_as_it_was_meant(tmp_path: Path, suffix: str) -> None:
    raised = np.rint(np.tile(np.linspace(16, 235, 96), (64, 1))).astype(np.uint8)
    if suffix == "heic":
        content = with_nclx(heic(raised), 1, 13, is_full=False)
    else:  # its writer raises black itself
        content = avif(np.tile(np.linspace(0, 255, 96), (64, 1)), range="limited", subsampling="4:0:0")

    photo = opened(tmp_path, content)

    assert np.abs(photo.pixels[..., 0].astype(int) - np.linspace(0, 255, 96)).max() < 4
    assert photo.pixels.min() <= 2
    assert photo.pixels.max() >= 253


def test_a_deep_grey_heif_is_read(tmp_path: Path) -> None:
    grey = np.tile(np.linspace(0, 65535, 96).astype(np.uint16), (64, 1))

    photo = opened(tmp_path, heic(grey, bits=10))

    assert np.abs(photo.pixels[..., 1].astype(int) - grey).max() < 600


def test_lab_in_floats_is_no_light(tmp_path: Path) -> None:
    content = bytes(image_of(swatches()).colourspace("lab").tiffsave_buffer())

    photo = opened(tmp_path, content)

    assert off(photo) < 0.5
    assert photo.remarks == ("its colours are Lab; its result is in sRGB",)


def test_a_gain_map_is_told_of(tmp_path: Path) -> None:
    packet = b'<x:xmpmeta xmlns:x="adobe:ns:meta/" xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/"/>'
    body = jpeg(swatches())
    segment = b"http://ns.adobe.com/xap/1.0/\0" + packet
    content = body[:2] + b"\xff\xe1" + struct.pack(">H", len(segment) + 2) + segment + body[2:]

    photo = opened(tmp_path, content)

    assert photo.remarks == (
        "it has a gain map, which makes it brighter on HDR screens; its result is of the ordinary picture",
    )


@pytest.mark.parametrize("cut", range(0, 400, 7))
def test_boxes_that_cannot_be_followed_say_nothing(tmp_path: Path, cut: int) -> None:
    content = bytearray(with_nclx(heic(swatches()), 12, 13))
    content[cut : cut + 2] = b"\xff\xff"
    path = file_of(tmp_path, bytes(content))

    with path.open("rb") as file:
        assert isinstance(heif_colours(file.fileno()), HeifColours)
