"""Results cut to their subject, made smaller, and laid on a colour."""

from pathlib import Path

import numpy as np
import pytest
import pyvips

from daemon.pictures import writing
from daemon.pictures.comparing import verify
from daemon.pictures.framing import frame_of
from daemon.pictures.reading import open_photo
from daemon.pictures.values import Frame, Samples
from daemon.settings import OutputFormat
from tests.pictures.drawing import coloured, deep, photo_of, profile

WIDTH, HEIGHT = 400, 300
DEPTHS = pytest.mark.parametrize("rgb", [coloured(WIDTH, HEIGHT), deep(WIDTH, HEIGHT)], ids=["8 bit", "16 bit"])


def box(left: int, top: int, right: int, bottom: int) -> Samples:
    """An alpha that shows a box."""
    alpha = np.zeros((HEIGHT, WIDTH), np.uint8)
    alpha[top:bottom, left:right] = 255
    return alpha


def cut(rgb: Samples, alpha: Samples) -> Samples:
    """The cut-out that `alpha`, 8 bit, makes of a photo."""
    deep_alpha = alpha.astype(rgb.dtype) * (np.iinfo(rgb.dtype).max // 255)
    return np.ascontiguousarray(np.dstack([rgb, deep_alpha]) * (alpha != 0)[..., None].astype(rgb.dtype))


def written(folder: Path, rgba: Samples, format_: OutputFormat, frame: Frame | None, **options: object) -> Samples:
    """Write a result, verify it and read it back."""
    photo = photo_of(np.ascontiguousarray(rgba[..., :3]))
    meant = writing.write(folder / "out", rgba, photo, format_, "job", frame, **options)  # type: ignore[arg-type]
    verify(folder / "out", meant)
    if format_ == "mask":
        mask: Samples = pyvips.Image.new_from_file(str(folder / "out")).numpy()
        return mask
    return open_photo(folder / "out", 500).rgba


def test_without_a_wish_all_is_written_as_it_is() -> None:
    assert frame_of(box(100, 100, 200, 200)) is None
    assert frame_of(box(0, 0, WIDTH, HEIGHT), trim=True) is None
    assert frame_of(box(0, 0, 9, 9), max_side=WIDTH) is None


def test_trim_leaves_the_subject_and_the_same_margin_on_all_sides() -> None:
    frame = frame_of(box(100, 50, 300, 150), trim=True, margin=0.1)

    assert frame == Frame(80, 30, 240, 140, (240, 140))


def test_a_margin_may_reach_beyond_the_photo() -> None:
    frame = frame_of(box(4, 50, 204, 150), trim=True, margin=0.1)

    assert frame == Frame(-16, 30, 240, 140, (240, 140))


def test_where_the_photo_cuts_the_subject_off_there_is_no_margin() -> None:
    frame = frame_of(box(100, 200, 200, HEIGHT), trim=True, margin=0.2)

    assert frame == Frame(80, 180, 140, 120, (140, 120))


def test_a_speck_that_nobody_sees_does_not_forbid_a_trim() -> None:
    alpha = box(100, 50, 300, 150)
    alpha[0, 0] = 3

    assert frame_of(alpha, trim=True, margin=0) == Frame(100, 50, 200, 100, (200, 100))


def test_nothing_is_not_trimmed_to_nothing() -> None:
    assert frame_of(box(0, 0, 0, 0), trim=True) is None


def test_a_large_result_is_made_smaller_and_a_small_one_never_larger() -> None:
    alpha = box(100, 50, 300, 150)

    assert frame_of(alpha, max_side=100) == Frame(0, 0, 400, 300, (100, 75))
    assert frame_of(alpha, trim=True, margin=0, max_side=100) == Frame(100, 50, 200, 100, (100, 50))
    assert frame_of(alpha, max_side=1000) is None
    assert frame_of(np.full((1, 20000), 255, np.uint8), max_side=100) == Frame(0, 0, 20000, 1, (100, 1))


@DEPTHS
@pytest.mark.parametrize("format_", ["png", "tiff"])
def test_a_trimmed_result_has_the_photos_own_pixels_and_nothing_around(
    tmp_path: Path, rgb: Samples, format_: OutputFormat
) -> None:
    rgba = cut(rgb, box(4, 50, 204, 150))

    result = written(tmp_path, rgba, format_, Frame(-16, 30, 240, 140, (240, 140)))

    assert np.array_equal(result[20:120, 20:220], rgba[50:150, 4:204])
    assert result[..., 3].sum(dtype=np.int64) == rgba[..., 3].sum(dtype=np.int64)


def test_a_trimmed_mask_fits_its_picture(tmp_path: Path) -> None:
    rgba = cut(coloured(WIDTH, HEIGHT), box(4, 50, 204, 150))

    mask = written(tmp_path, rgba, "mask", Frame(-16, 30, 240, 140, (120, 70)))

    assert mask.shape[:2] == (70, 120)
    assert mask[35, 60] == 255
    assert mask[2, 2] == 0


@DEPTHS
def test_a_smaller_result_has_clear_rims_and_no_colour_where_nothing_is_seen(tmp_path: Path, rgb: Samples) -> None:
    brown = np.full_like(rgb, (200, 100, 50)) * (np.iinfo(rgb.dtype).max // 255)
    alpha = box(101, 51, 301, 151)
    alpha[51:101, 101:301] = 128  # half transparent
    rgba = cut(brown, alpha)

    result = written(tmp_path, rgba, "png", Frame(0, 0, WIDTH, HEIGHT, (100, 75)))

    seen = result[..., 3] > 0
    assert result.shape == (75, 100, 4)
    assert (np.abs(result[seen][:, :3] / brown[0, 0].astype(float) - 1) < 0.02).all()
    assert not result[~seen].any()


@DEPTHS
@pytest.mark.parametrize("ground", [(255, 255, 255), (10, 200, 30)])
def test_on_a_colour_the_subject_keeps_every_bit(tmp_path: Path, rgb: Samples, ground: tuple[int, int, int]) -> None:
    alpha = box(100, 50, 300, 150)
    alpha[150:200, 100:300] = 128
    rgba = cut(rgb, alpha)

    result = written(tmp_path, rgba, "tiff_on_colour", None, ground=ground)

    scale = np.iinfo(rgb.dtype).max // 255
    assert np.array_equal(result[alpha == 255][:, :3], rgb[alpha == 255])
    assert (result[alpha == 0][:, :3] == np.array(ground) * scale).all()
    mixed = (rgb.astype(float) * 128 + np.array(ground) * scale * 127.0) / 255
    assert np.abs(result[alpha == 128][:, :3] - mixed[alpha == 128]).max() <= 1


def test_a_jpeg_on_a_colour_comes_close(tmp_path: Path) -> None:
    alpha = box(100, 50, 300, 150)
    rgba = cut(deep(WIDTH, HEIGHT), alpha)

    result = written(tmp_path, rgba, "jpeg", Frame(80, 30, 240, 140, (240, 140)), ground=(10, 200, 30))

    assert result.dtype == np.uint8
    assert np.abs(result[5, 5, :3].astype(int) - (10, 200, 30)).max() <= 2
    inside = deep(WIDTH, HEIGHT)[60:140, 110:290] / 257
    assert np.abs(result[30:110, 30:210, :3] - inside).mean() < 3


@pytest.mark.parametrize(("quality", "halved"), [(95, False), (60, True)])
def test_a_jpeg_has_the_quality_asked_for(tmp_path: Path, quality: int, halved: bool) -> None:
    rgba = cut(coloured(WIDTH, HEIGHT), box(0, 0, WIDTH, HEIGHT))

    writing.write(tmp_path / "out", rgba, photo_of(rgba[..., :3]), "jpeg", "job", jpeg_quality=quality)
    writing.write(tmp_path / "usual", rgba, photo_of(rgba[..., :3]), "jpeg", "job")

    smaller = (tmp_path / "out").stat().st_size < 0.6 * (tmp_path / "usual").stat().st_size
    subsampling = pyvips.Image.new_from_file(str(tmp_path / "out")).get("jpeg-chroma-subsample")
    assert (smaller, subsampling) == (halved, "4:2:0" if halved else "4:4:4")


def test_a_colour_is_the_same_in_a_photos_own_profile(tmp_path: Path) -> None:
    rgba = cut(coloured(WIDTH, HEIGHT), box(100, 50, 300, 150))
    photo = photo_of(coloured(WIDTH, HEIGHT), icc=profile("p3"))

    writing.write(tmp_path / "out", rgba, photo, "tiff_on_colour", "job", None, (255, 0, 0))

    seen = pyvips.Image.new_from_file(str(tmp_path / "out")).icc_transform("srgb", embedded=True)
    assert np.abs(np.array(seen(5, 5)) - (255, 0, 0)).max() <= 2
    assert np.abs(open_photo(tmp_path / "out", 500).pixels[5, 5].astype(int) - (234, 51, 35)).max() <= 2


def test_a_trimmed_result_whose_alpha_was_lost_is_found_out(tmp_path: Path) -> None:
    rgba, frame = cut(coloured(WIDTH, HEIGHT), box(4, 50, 204, 150)), Frame(-16, 30, 240, 140, (240, 140))
    faint = np.dstack([rgba[..., :3], rgba[..., 3] // 2])
    writing.write(tmp_path / "out", faint, photo_of(coloured(WIDTH, HEIGHT)), "png", "job", frame)

    with pytest.raises(ValueError, match="another alpha"):
        verify(tmp_path / "out", writing.meant(rgba, "png", frame))
