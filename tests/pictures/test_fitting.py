"""Pictures that fit a screen, made while a photo is in work."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from daemon.pictures import icc
from daemon.pictures.fitting import show_original, show_result
from daemon.pictures.photo import Photo
from daemon.pictures.pyramid import FIT
from daemon.pictures.values import Metadata, Samples
from tests.drawing import drawn_photo


def folders(tmp_path: Path) -> tuple[Path, Path]:
    made = tmp_path / "colour", tmp_path / "alpha"
    for folder in made:
        folder.mkdir()
    return made


def fit_in(folder: Path) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    picture = np.asarray(cv2.imread(str(folder / "fit"), cv2.IMREAD_UNCHANGED))
    return np.asarray(picture if picture.ndim == 2 else picture[..., ::-1], np.uint8)


def cut_out(width: int, height: int, dtype: type[np.uint8 | np.uint16]) -> Samples:
    """A bright square with a hard border; what is not seen is black, as in our results."""
    full = np.iinfo(dtype).max
    rgba = np.zeros((height, width, 4), dtype)
    rgba[height // 4 + 1 : height // 4 * 3, width // 4 + 1 : width // 4 * 3] = (
        full // 17 * 15,
        full // 2,
        full // 2,
        full,
    )
    return rgba


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("size", [(200, 150), (1999, 1301), (6001, 4000), (9000, 40)])
def test_no_dark_rim_comes_into_what_fits_a_screen(
    tmp_path: Path, size: tuple[int, int], dtype: type[np.uint8 | np.uint16]
) -> None:
    colour, alpha = folders(tmp_path)

    show_result(cut_out(*size, dtype), None, colour, alpha)

    shown = fit_in(colour)
    scale = min(1.0, FIT / max(size))
    assert shown.shape == (round(size[1] * scale), round(size[0] * scale), 3)
    assert shown[fit_in(alpha) > 0][:, 0].min() > 195  # a JPEG of a few rows is no more exact
    assert fit_in(alpha).shape == shown.shape[:2]


def test_an_original_is_shown_in_its_colours(tmp_path: Path) -> None:
    rgb = drawn_photo(2000, 900)
    photo = Photo(np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)]), False, Metadata(), "jpeg")

    show_original(photo, tmp_path)

    expected = cv2.resize(rgb, (1600, 720), interpolation=cv2.INTER_AREA)
    assert np.abs(fit_in(tmp_path).astype(int) - expected).mean() < 3


def test_a_transparent_original_is_left_for_later(tmp_path: Path) -> None:
    photo = Photo(np.dstack([drawn_photo(), np.full((240, 320), 9, np.uint8)]), True, Metadata(), "png")

    show_original(photo, tmp_path)

    assert list(tmp_path.iterdir()) == []


def test_a_wide_profile_becomes_srgb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bytes | None] = []
    convert = icc.to_srgb

    def watched(pixels: Samples, profile: bytes | None) -> object:
        asked.append(profile)
        return convert(pixels, None)

    monkeypatch.setattr(icc, "to_srgb", watched)
    show_result(cut_out(300, 200, np.uint8), b"profile", *folders(tmp_path))

    assert asked == [b"profile"]
