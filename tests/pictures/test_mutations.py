"""Damaged files of every format give a photo or a reason, never a crash or an error of another kind."""

import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.errors import BadPhoto, NotWholeYet
from daemon.pictures.reading import memory_need, open_photo, pages_of, prove_decodes
from tests.drawing import tiff_of_pages
from tests.intake.photos import gif
from tests.pictures.drawing import (
    FORMATS,
    coloured,
    deep,
    disc,
    encoded,
    heic,
    image_of,
    jpeg_with_profile,
    profile,
    raw_photo,
    with_field,
)
from tests.pictures.jpeg_2000_files import codestream, colours, jp2
from tests.pictures.jpeg_xl_files import READABLE, jxl
from tests.pictures.psd_files import layers, psd

LIMIT = 1.0  # megapixels: a mutated header that asks for more is refused
TOO_LONG = 10.0  # CPU seconds, a hundred times what the slowest takes: no clock, and none of hypothesis' deadlines


def seeds() -> dict[str, bytes]:
    """One small file of every kind that is read in a way of its own."""
    rgb = coloured(24, 16)
    rgba = np.dstack([rgb, np.rint(disc(24, 16) * 255).astype(np.uint8)])
    files = {format_: encoded(image_of(rgb), format_) for format_ in FORMATS}
    turned = with_field(with_field(image_of(rgb), "orientation", 6), "exif-ifd0-Copyright", "(c)")
    files["jpeg with exif"] = encoded(turned, "jpeg")
    files["jpeg with a profile"] = jpeg_with_profile(rgb, profile("p3"))
    files["jpeg in cmyk"] = encoded(image_of(rgb).icc_transform("cmyk"), "jpeg")
    files["jpeg in passes"] = bytes(image_of(rgb).jpegsave_buffer(interlace=True))
    files["png with alpha"] = encoded(image_of(rgba), "png")
    files["png in 16 bit"] = encoded(image_of(deep(24, 16)), "png")
    files["png with a palette"] = bytes(image_of(rgb).pngsave_buffer(palette=True))
    files["webp lossy with alpha"] = bytes(image_of(rgba).webpsave_buffer(Q=80))
    for compression in ("lzw", "deflate", "packbits", "jpeg"):
        files[f"tiff {compression}"] = bytes(image_of(rgb).tiffsave_buffer(compression=compression))
    files["tiff in 16 bit tiles"] = bytes(
        image_of(deep(24, 16)).tiffsave_buffer(tile=True, tile_width=16, tile_height=16)
    )
    files["bigtiff"] = bytes(image_of(rgb).tiffsave_buffer(bigtiff=True))
    files["tiff of two pages"] = tiff_of_pages([coloured(24, 16), coloured(16, 24, 1)])
    files["gif"] = gif(rgb)
    files["psd"] = psd(rgba, layers=layers(-1))
    files["psd in 16 bit"] = psd(deep(24, 16), in_runs=False)
    files["jpeg 2000"] = jp2(codestream(rgba), colours(16))
    files["jpeg 2000 in 16 bit"] = codestream(deep(48, 32))  # OpenCV writes no smaller ones
    if READABLE:
        files["jpeg xl"] = jxl(rgb)
    if find_spec("pillow_heif"):
        files["heic"] = heic(rgb)
    if find_spec("rawpy"):
        files["camera raw"] = raw_photo(np.full((32, 48, 3), 0.5))  # LibRaw does not accept smaller ones
    files["tiff in float"] = bytes(image_of(rgb).colourspace("scrgb").tiffsave_buffer())
    return files


SEEDS = seeds()


@st.composite
def mutations(draw: Any, content: bytes) -> bytes:
    """The file with a few bytes changed, cut out, doubled or zeroed."""
    for _ in range(draw(st.integers(1, 4))):
        # Headers decide most, so half of the changes are made there.
        most = min(len(content) - 1, 64) if draw(st.booleans()) else len(content) - 1
        at = draw(st.integers(0, max(0, most)))
        length = draw(st.integers(1, 64))
        new = draw(
            st.one_of(
                st.binary(min_size=1, max_size=4),
                st.just(b""),
                st.just(content[at : at + length] * 2),
                st.just(bytes(length)),
                st.just(b"\xff" * min(length, 4)),
            )
        )
        content = content[:at] + new + content[at + max(len(new) if draw(st.booleans()) else length, 1) :]
    return content


@pytest.mark.parametrize("kind", SEEDS)
@given(data=st.data())
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_gives_a_photo_or_a_reason(kind: str, data: st.DataObject, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(data.draw(mutations(SEEDS[kind])))

    reason_against(memory_need, path)
    doubt, reason = reason_against(prove_decodes, path), reason_against(checked, path)

    assert reason == "" or "photo.jpg" in reason
    assert not (reason and not doubt), f"proven whole, and then: {reason}"


def checked(path: Path, max_megapixels: float) -> None:
    for page in pages_of(path)[1:]:
        memory_need(path, max_megapixels, page)
    photo = open_photo(path, max_megapixels)
    assert photo.rgba.shape == (photo.height, photo.width, 4)
    assert photo.rgba.dtype in (np.uint8, np.uint16)


def reason_against(read: Callable[[Path, float], object], path: Path) -> str:
    """The reason why a file is not read, or ""; an error of any other kind is a bug."""
    started = time.process_time()
    try:
        read(path, LIMIT)
    except (BadPhoto, NotWholeYet) as error:
        return str(error)
    finally:
        assert time.process_time() - started < TOO_LONG, "a file of some kilobytes keeps a processor busy"
    return ""


@pytest.mark.parametrize("kind", SEEDS)
def test_the_files_that_are_mutated_are_photos_themselves(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(SEEDS[kind])

    prove_decodes(path, LIMIT)

    photo = open_photo(path, LIMIT)
    assert photo.width / photo.height == 1.5 or photo.height / photo.width == 1.5
