"""What is said of a file's need of memory, before it is decoded, is enough."""

import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips

from daemon.pictures.memory_need import Need
from daemon.pictures.reading import memory_need
from tests.intake.photos import gif
from tests.pictures.drawing import basics, bitmap, file_of, heic, png_that_claims, raw_photo, short, tiff_of, with_field
from tests.pictures.jpeg_2000_files import codestream
from tests.pictures.jpeg_xl_files import READABLE, jxl
from tests.pictures.psd_files import CMYK, layers_of_16_bit, psd

Done = subprocess.CompletedProcess[str]
WIDTH, HEIGHT = 3000, 2000
LIMIT = 500.0  # megapixels

FREED_IS_GIVEN_BACK = {"MALLOC_MMAP_THRESHOLD_": str(1 << 20), "MALLOC_TRIM_THRESHOLD_": str(1 << 17)}
"""mallopt(3): else what is kept of freed memory, up to 64 MB, depends on which thread frees first."""

IN_SO_MUCH_MEMORY = """\
import resource, sys
from pathlib import Path
from daemon.pictures import reading

small, path, need, read = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), getattr(reading, sys.argv[4])
read(small, 500.0)  # what the libraries take for themselves
taken = next(line for line in open("/proc/self/status") if line.startswith("VmData:"))
resource.setrlimit(resource.RLIMIT_DATA, (int(taken.split()[1]) * 1024 + need,) * 2)
read(path, 500.0)
"""


def image(width: int, height: int, bands: int = 3, deep: bool = False) -> Any:
    """Stripes: quick to encode, and of every brightness."""
    row = (np.arange(width) % 256).astype(np.uint8)
    picture = np.repeat(np.broadcast_to(row, (height, width))[..., None], bands, axis=2)
    samples = picture.astype(np.uint16) * 257 if deep else np.ascontiguousarray(picture)
    made = pyvips.Image.new_from_array(samples)
    return made.copy(interpretation="rgb16" if deep else "srgb")


def jpeg(width: int, height: int, **options: Any) -> bytes:
    return bytes(image(width, height).jpegsave_buffer(subsample_mode="off", **options))


def tiff(width: int, height: int, bands: int = 3, deep: bool = False, **options: Any) -> bytes:
    return bytes(image(width, height, bands, deep).tiffsave_buffer(**options))


def webp(width: int, height: int, bands: int = 3, **options: Any) -> bytes:
    return bytes(image(width, height, bands).webpsave_buffer(effort=0, **options))


def avif(width: int, height: int, bands: int = 3, deep: bool = False) -> bytes:
    bits = 10 if deep else 8
    made = image(width, height, bands, deep)
    return bytes(made.heifsave_buffer(compression="av1", effort=0, bitdepth=bits, subsample_mode="off"))


def png(width: int, height: int, **options: Any) -> bytes:
    return bytes(image(width, height, 4, deep=True).pngsave_buffer(compression=1, **options))


def turned(width: int, height: int) -> bytes:
    """A 16-bit TIFF that has to be turned by a quarter."""
    return bytes(with_field(image(width, height, 3, deep=True), "orientation", 6).tiffsave_buffer())


def raw(width: int, height: int) -> bytes:
    return raw_photo(image(width, height).numpy() / 255.0)


KINDS: dict[str, Callable[[int, int], bytes]] = {
    "jpeg": jpeg,
    "jpeg in passes": lambda width, height: jpeg(width, height, interlace=True),
    "png": png,
    "png, interlaced": lambda width, height: png(width, height, interlace=True),
    "tiff in 16 bit": lambda width, height: tiff(width, height, 4, deep=True),
    "tiff that lies on its side": turned,
    "tiff in large tiles": lambda width, height: tiff(
        width, height, tile=True, tile_width=width // 96 * 64, tile_height=width // 96 * 64, compression="lzw"
    ),
    "tiff in floats": lambda width, height: bytes(image(width, height).colourspace("scrgb").tiffsave_buffer()),
    "webp": webp,
    "webp, lossless with alpha": lambda width, height: webp(width, height, 4, lossless=True),
    "avif": lambda width, height: avif(width, height, 4),
    "avif of 10 bit": lambda width, height: avif(width, height, deep=True),
    "gif": lambda width, height: gif(image(width, height).numpy()),
    "psd": lambda width, height: psd(image(width, height).numpy()),
    "psd in cmyk of 16 bit": lambda width, height: psd(
        image(width, height, 5, deep=True).numpy(), CMYK, in_runs=False, layers=layers_of_16_bit(-1)
    ),
    "jpeg 2000": lambda width, height: codestream(image(width, height, 4).numpy()),
    "jpeg 2000 of 16 bit": lambda width, height: codestream(image(width, height, 3, deep=True).numpy()),
    "bmp": lambda width, height: bitmap(image(width, height).numpy()),
}
if find_spec("pillow_heif"):
    KINDS["heic"] = lambda width, height: heic(image(min(width, 900), min(height, 600)).numpy())  # its encoder is slow
if READABLE:
    KINDS["jpeg xl"] = lambda width, height: jxl(image(width, height, 4, deep=True).numpy())
if find_spec("rawpy"):
    KINDS["camera raw"] = raw


@cache
def drawn(kind: str, width: int, height: int) -> bytes:
    return KINDS[kind](width, height)


def read_within(
    folder: Path, kind: str, read: str, need_bytes: Callable[[Need], int]
) -> subprocess.CompletedProcess[str]:
    small, path = file_of(folder, drawn(kind, 96, 64), "small"), file_of(folder, drawn(kind, WIDTH, HEIGHT), "photo")
    most = need_bytes(memory_need(path, LIMIT))
    return subprocess.run(
        [sys.executable, "-c", IN_SO_MUCH_MEMORY, str(small), str(path), str(most), read],
        capture_output=True,
        text=True,
        env={**os.environ, **FREED_IS_GIVEN_BACK},
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("read", ["prove_decodes", "open_photo"])
def test_no_file_takes_more_memory_than_is_said(tmp_path: Path, kind: str, read: str) -> None:
    def said(need: Need) -> int:
        return need.proof_bytes if read == "prove_decodes" else need.work_bytes

    done = read_within(tmp_path, kind, read, said)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("kind", "read"), [("webp", "open_photo"), ("avif", "prove_decodes"), ("jpeg in passes", "prove_decodes")]
)
def test_half_as_much_would_not_be_enough(tmp_path: Path, kind: str, read: str) -> None:
    def half(need: Need) -> int:
        return (need.proof_bytes if read == "prove_decodes" else need.work_bytes) // 2

    assert read_within(tmp_path, kind, read, half).returncode != 0


def test_the_need_of_a_huge_photo_is_known_by_its_header(tmp_path: Path) -> None:
    need = memory_need(file_of(tmp_path, png_that_claims(20_000, 20_000)), LIMIT)

    assert need.proof_bytes < 100_000_000
    assert 4_400_000_000 <= need.whole_bytes < 4_600_000_000
    assert need.work_bytes < 2_200_000_000  # in strips


def test_a_tiff_of_one_packed_strip_needs_room_for_that_strip(tmp_path: Path) -> None:
    plain = basics(1000, 1000, 2, (8, 8, 8))
    packed = {**plain, 259: short(32773)}  # PackBits
    need, need_packed = (
        memory_need(file_of(tmp_path, tiff_of(bytes(3_000_000), fields)), LIMIT) for fields in (plain, packed)
    )

    assert need_packed.proof_bytes == need.proof_bytes + 3_000_000
