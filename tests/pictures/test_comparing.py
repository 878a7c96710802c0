"""Files whose pixels are not those that were meant are found out; honest ones never are."""

from collections.abc import Callable
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from daemon.pictures import writing
from daemon.pictures.comparing import verify
from daemon.pictures.values import Frame, Samples
from daemon.settings import OutputFormat
from tests.pictures.drawing import coloured, deep, disc, photo_of, profile

FORMATS: tuple[OutputFormat, ...] = get_args(OutputFormat)
WIDTH, HEIGHT = 240, 300
HALF = Frame(-10, 20, 200, 240, (100, 120))


def cut(rgb: Samples) -> Samples:
    height, width = rgb.shape[:2]
    alpha = np.rint(disc(width, height) * np.iinfo(rgb.dtype).max).astype(rgb.dtype)
    return np.ascontiguousarray(np.dstack([rgb, alpha]) * (alpha != 0)[..., None].astype(rgb.dtype))


def noise(rgba: Samples) -> Samples:
    """Noise instead of the picture, where it shows anything."""
    wrong = np.random.default_rng(0).integers(0, np.iinfo(rgba.dtype).max, rgba.shape).astype(rgba.dtype)
    wrong[rgba[..., 3] == 0] = 0
    return wrong


def noise_in_a_corner(rgba: Samples) -> Samples:
    """Noise in 32 x 32 pixels."""
    wrong = rgba.copy()
    wrong[150:182, 100:132] = noise(rgba)[150:182, 100:132]
    return wrong


def swapped_strips(rgba: Samples) -> Samples:
    """Two strips of 32 rows in each other's place."""
    wrong = rgba.copy()
    wrong[64:96], wrong[160:192] = rgba[160:192], rgba[64:96]
    return wrong


def blue_for_red(rgba: Samples) -> Samples:
    """Two channels in each other's place."""
    return np.ascontiguousarray(rgba[..., [2, 1, 0, 3]])


def no_alpha(rgba: Samples) -> Samples:
    """Nothing is shown."""
    return rgba * np.array([1, 1, 1, 0], rgba.dtype)


FAULTS = [
    (format_, fault)
    for format_ in FORMATS
    for fault in (noise, noise_in_a_corner, swapped_strips, blue_for_red, no_alpha)
    if (format_, fault) != ("mask", blue_for_red)  # a mask has no colours
]


@pytest.mark.parametrize("frame", [None, HALF], ids=["whole", "half the size"])
@pytest.mark.parametrize("drawn", [coloured, deep])
@pytest.mark.parametrize(("format_", "fault"), FAULTS)
def test_another_picture_than_was_meant_is_found_out(
    tmp_path: Path,
    format_: OutputFormat,
    fault: Callable[[Samples], Samples],
    drawn: Callable[[int, int], Samples],
    frame: Frame | None,
) -> None:
    rgba = cut(drawn(WIDTH, HEIGHT))
    writing.write(tmp_path / "out", fault(rgba), photo_of(rgba[..., :3]), format_, "job", frame)

    with pytest.raises(ValueError, match=r"than (was|were) written"):
        verify(tmp_path / "out", writing.meant(rgba, format_, frame))


@pytest.mark.parametrize("frame", [None, Frame(5, 7, 120, 90, (120, 90)), HALF], ids=["whole", "cropped", "half"])
@pytest.mark.parametrize("icc", [None, profile("p3")], ids=["sRGB", "P3"])
@pytest.mark.parametrize("drawn", [coloured, deep])
@pytest.mark.parametrize("format_", FORMATS)
def test_an_honest_file_passes(
    tmp_path: Path,
    format_: OutputFormat,
    drawn: Callable[[int, int], Samples],
    icc: bytes | None,
    frame: Frame | None,
) -> None:
    rgba = cut(drawn(WIDTH, HEIGHT))

    written = writing.write(tmp_path / "out", rgba, photo_of(rgba[..., :3], icc=icc), format_, "job", frame, (9, 99, 0))

    verify(tmp_path / "out", written)
    verify(tmp_path / "out", writing.meant(rgba, format_, frame, (9, 99, 0), profile=icc))


@pytest.mark.parametrize("size", [(1, 1), (7, 7), (1, 300), (300, 1), (17, 65), (33, 129)])
@pytest.mark.parametrize("format_", FORMATS)
def test_an_honest_file_of_any_size_passes(tmp_path: Path, format_: OutputFormat, size: tuple[int, int]) -> None:
    rgba = np.random.default_rng(0).integers(1, 256, (*size, 4), np.uint8)

    verify(tmp_path / "out", writing.write(tmp_path / "out", rgba, photo_of(rgba[..., :3]), format_, "job"))


def worst_patterns() -> dict[str, NDArray[np.uint8]]:
    """What JPEG keeps least well: noise, dots and stripes of full colours."""
    random = np.random.default_rng(0)
    stripes = np.tile(np.array([[[255, 0, 0]], [[0, 255, 0]]], np.uint8), (80, 160, 1))
    return {
        "noise": random.integers(0, 256, (160, 160, 3), np.uint8),
        "black dots": np.repeat((random.random((160, 160, 1)) > 0.1).astype(np.uint8) * 255, 3, 2),
        "coloured dots": (random.random((160, 160, 3)) > 0.8).astype(np.uint8) * 255,
        "rows": stripes,
        "columns": np.ascontiguousarray(stripes.transpose(1, 0, 2)),
    }


@pytest.mark.parametrize("quality", [1, 20, 50, 75, 89, 90, 95, 100])
@pytest.mark.parametrize("pattern", worst_patterns())
def test_a_jpeg_of_any_quality_passes(tmp_path: Path, pattern: str, quality: int) -> None:
    rgb = worst_patterns()[pattern]
    rgba = np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)])

    written = writing.write(tmp_path / "out", rgba, photo_of(rgb), "jpeg", "job", jpeg_quality=quality)

    verify(tmp_path / "out", written)
