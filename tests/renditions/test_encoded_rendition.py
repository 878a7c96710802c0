"""Renditions become files of the size and the cleanness that is asked, or none at all."""

import errno
import os
import resource
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pyvips

from daemon.pictures.as_written import as_written
from daemon.pictures.whole_encoding import after_jpeg, encoded
from daemon.renditions import encoded_rendition
from daemon.renditions.encoded_rendition import CannotEncode, EncodedRendition
from daemon.renditions.ground_proof import BLOCK, MOST_BESIDE, ground_figures, mixed_blocks
from daemon.renditions.wanted import WHITE, Canvas, Encoding, Rendition, RenditionFormat, ShopRules
from tests.renditions.drawn import CREAM, GREY, METADATA, RED, Drawing, ellipse

PLAIN = Rendition("shop", "", Canvas(1.0, 300))


def wanted(encoding: Encoding, **rules: object) -> Rendition:
    return replace(PLAIN, encoding=encoding, rules=replace(ShopRules(), **rules))  # type: ignore[arg-type]


def made(drawn: Drawing, rendition: Rendition) -> EncodedRendition:
    return encoded_rendition.encoded_rendition(drawn.pixels, drawn.touched, rendition, METADATA)


@pytest.mark.parametrize("format_", ["png", "tiff", "webp"])
def test_a_format_without_loss_gives_every_pixel_back(tmp_path: Path, format_: RenditionFormat) -> None:
    drawn = ellipse()
    file = made(drawn, wanted(Encoding(format_, quality=100)))
    encoded_rendition.write(tmp_path / "out", file)

    assert np.array_equal(as_written(tmp_path / "out").pixels, drawn.pixels)
    assert file.quality == 0


def test_an_alpha_comes_back_bit_for_bit(tmp_path: Path) -> None:
    drawn = ellipse()
    rgba = np.dstack([drawn.pixels, drawn.cover])

    file = encoded_rendition.encoded_rendition(rgba, drawn.touched, wanted(Encoding("png")), METADATA)
    encoded_rendition.write(tmp_path / "out", file)

    assert np.array_equal(as_written(tmp_path / "out").pixels, rgba)


@pytest.mark.parametrize(("quality", "subsampled"), [(89, True), (90, False)])
def test_a_jpeg_keeps_its_colour_at_full_size_from_quality_90_on(
    tmp_path: Path, quality: int, subsampled: bool
) -> None:
    encoded_rendition.write(tmp_path / "out", made(ellipse(), wanted(Encoding(quality=quality))))

    assert as_written(tmp_path / "out").subsampled is subsampled


@pytest.mark.parametrize("colour", [GREY, RED, CREAM])
def test_the_white_beside_the_subject_gets_the_quality_that_it_needs(
    tmp_path: Path, colour: tuple[int, int, int]
) -> None:
    drawn = ellipse(colour, (301, 290))

    file = made(drawn, wanted(Encoding(quality=92), exact_ground=WHITE))
    encoded_rendition.write(tmp_path / "out", file)

    found = as_written(tmp_path / "out")
    assert not found.subsampled
    figures = ground_figures(found.pixels, drawn.touched, WHITE, BLOCK)
    assert (figures.wrong, figures.frame_wrong) == (0, 0)
    assert figures.off <= MOST_BESIDE
    if file.quality > 92:
        worse = encoded(drawn.pixels, "jpeg", METADATA, file.quality - 1, True)
        (tmp_path / "worse").write_bytes(worse)
        off = ground_figures(as_written(tmp_path / "worse").pixels, drawn.touched, WHITE, BLOCK).off
        assert off > MOST_BESIDE, "a lower quality would have done"


def test_no_colour_needs_more_quality_where_no_exact_background_is_asked() -> None:
    assert made(ellipse(RED), wanted(Encoding(quality=92))).quality == 92


def test_blocks_become_in_a_whole_jpeg_what_they_become_side_by_side(tmp_path: Path) -> None:
    """This is what the search for a quality builds on: in a JPEG with full colour no block knows of another one."""
    drawn = ellipse(RED, (203, 150))
    blocks, covered = mixed_blocks(drawn.pixels, drawn.touched)
    (tmp_path / "out").write_bytes(encoded(drawn.pixels, "jpeg", METADATA, 92, True))

    whole = ground_figures(as_written(tmp_path / "out").pixels, drawn.touched, WHITE, BLOCK)
    apart = ground_figures(after_jpeg(blocks, 92), covered, WHITE, BLOCK)

    assert (apart.beside, apart.off) == (whole.beside, whole.off)


def test_a_file_is_as_good_as_its_limit_in_bytes_allows() -> None:
    drawn, free = ellipse(RED), made(ellipse(RED), wanted(Encoding(quality=95)))
    limit = len(free.content) * 2 // 3

    file = made(drawn, wanted(Encoding(quality=95, least_quality=40, most_bytes=limit)))

    assert len(file.content) <= limit
    assert 40 <= file.quality < 95
    assert len(encoded(drawn.pixels, "jpeg", METADATA, file.quality + 1)) > limit


def test_the_smaller_of_two_limits_counts() -> None:
    rendition = wanted(Encoding(most_bytes=5000), most_bytes=4000)

    assert encoded_rendition.most_bytes(rendition) == 4000
    assert encoded_rendition.most_bytes(wanted(Encoding(most_bytes=5000))) == 5000
    assert encoded_rendition.most_bytes(PLAIN) == 0


def test_a_size_that_does_not_grow_with_quality_still_keeps_its_limit() -> None:
    sizes = {70: 80, 71: 130, 72: 90, 73: 120, 74: 95, 75: 140}

    def at(quality: int, smallest: bool) -> bytes:
        return bytes(sizes[quality])

    file = encoded_rendition._within(at, Encoding(quality=75, least_quality=70), 0, 100, "shop")

    assert len(file.content) == sizes[file.quality] <= 100


def test_a_limit_costs_no_quality_if_the_same_pixels_fit_written_smaller() -> None:
    drawn = ellipse()
    free = made(drawn, wanted(Encoding(quality=95)))

    file = made(drawn, wanted(Encoding(quality=95, least_quality=70, most_bytes=len(free.content) - 1)))

    assert (file.quality, len(file.content) < len(free.content)) == (95, True)


def test_every_quality_down_to_the_least_is_tried_before_a_limit_is_given_up() -> None:
    def at(quality: int, smallest: bool) -> bytes:
        return bytes(100 if quality == 70 else 200)

    file = encoded_rendition._within(at, Encoding(quality=95, least_quality=70), 0, 100, "shop")

    assert (file.quality, len(file.content)) == (70, 100)


@pytest.mark.parametrize(
    ("encoding", "code"),
    [
        (Encoding(quality=95, most_bytes=900), "rendition_bytes_at_quality"),
        (Encoding("png", most_bytes=900), "rendition_bytes"),
        (Encoding("tiff", most_bytes=900), "rendition_bytes"),
    ],
)
def test_a_limit_that_cannot_be_met_is_told_with_both_figures(encoding: Encoding, code: str) -> None:
    with pytest.raises(CannotEncode) as raised:
        made(ellipse(RED), wanted(encoding))

    said = raised.value.args[0]
    assert said.code == code
    assert said.values["most"] == 900
    assert said.values["n"] > 900


def test_a_limit_that_a_clean_background_leaves_no_room_for_says_so() -> None:
    needed = made(ellipse(RED), wanted(Encoding(), exact_ground=WHITE))

    with pytest.raises(CannotEncode) as raised:
        made(ellipse(RED), wanted(Encoding(), exact_ground=WHITE, most_bytes=len(needed.content) * 3 // 4))

    assert raised.value.args[0].code == "rendition_bytes_for_ground"


def test_a_png_that_is_too_large_is_packed_harder() -> None:
    free = made(ellipse(), wanted(Encoding("png")))

    assert len(made(ellipse(), wanted(Encoding("png", most_bytes=len(free.content) - 1))).content) < len(free.content)


def test_a_jpeg_with_an_alpha_is_refused() -> None:
    drawn = ellipse()
    with pytest.raises(CannotEncode, match="transparency"):
        encoded_rendition.encoded_rendition(np.dstack([drawn.pixels, drawn.cover]), drawn.touched, PLAIN, METADATA)


def test_a_side_that_a_webp_cannot_have_is_refused() -> None:
    wide = np.zeros((1, 16384, 3), np.uint8)
    with pytest.raises(CannotEncode, match="16383"):
        encoded_rendition.encoded_rendition(wide, np.ones((1, 16384), bool), wanted(Encoding("webp")), METADATA)


def test_a_file_that_is_there_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"theirs")

    with pytest.raises(FileExistsError):
        encoded_rendition.write(tmp_path / "out", EncodedRendition(b"ours", 0))
    assert (tmp_path / "out").read_bytes() == b"theirs"


@pytest.fixture
def small_files() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.usefixtures("small_files")
def test_a_disk_that_takes_half_of_a_file_keeps_nothing_of_it(tmp_path: Path) -> None:
    with pytest.raises(OSError, match=os.strerror(errno.EFBIG)):
        encoded_rendition.write(tmp_path / "out", EncodedRendition(bytes(5000), 0))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format_", ["jpeg", "png", "webp", "tiff"])
def test_a_file_has_its_profile_its_resolution_and_the_tag_of_its_job(tmp_path: Path, format_: RenditionFormat) -> None:
    encoded_rendition.write(tmp_path / "out", made(ellipse(), wanted(Encoding(format_))))

    image = pyvips.Image.new_from_file(str(tmp_path / "out"))
    assert image.get("icc-profile-data") == METADATA.icc
    assert b">job 7</freisteller:job>" in image.get("xmp-data")
    if format_ != "webp":
        assert image.xres * 25.4 == pytest.approx(300, abs=0.05)
