"""Files of a megabyte that are damaged, or made to harm, take little more time and memory than whole ones."""

import json
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.pictures.corpus_jpeg import jpeg
from tests.pictures.corpus_phone import webp
from tests.pictures.corpus_png import png
from tests.pictures.corpus_tiff import tiff
from tests.pictures.drawing import bitmap, encoded, image_of, png_chunk
from tests.pictures.pieces import after_soi, caption, itxt, packet, resources, saved, segment, with_chunks
from tests.pictures.psd_files import psd

LIMIT = 2.0  # megapixels
MUTATIONS = 14  # of each file
WIDTH, HEIGHT = 640, 512
SLOWER = 20  # times the slowest whole file; a mutated one may claim six times the pixels
SPARE_BYTES = 64 << 20
MEGABYTE = 1_000_000


def whole_files() -> dict[str, bytes]:
    """Noise of a megabyte in each format that is written here."""
    noise = np.random.default_rng(7).integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8)
    half = noise[: HEIGHT // 2]
    return {
        "noise.jpg": encoded(image_of(noise), "jpeg"),
        "progressive.jpg": bytes(image_of(noise).jpegsave_buffer(Q=95, interlace=True)),
        "noise.png": png(noise),
        "interlaced.png": bytes(image_of(noise).pngsave_buffer(interlace=True)),
        "deep.png": encoded(image_of(half.astype(np.uint16) * 257), "png"),
        "strips.tif": tiff(noise, rowsperstrip=8),
        "tiles.tif": bytes(
            image_of(noise).tiffsave_buffer(tile=True, tile_width=64, tile_height=64, compression="deflate")
        ),
        "pages.tif": tiff(*[noise[:64, :128]] * 40),
        "noise.webp": webp(noise),
        "noise.bmp": bitmap(noise),
        "noise.psd": psd(noise),
        "plain.psd": psd(noise, in_runs=False),
        "noise.gif": saved(Image.fromarray(noise[..., 0]), "GIF"),
        "noise.jp2": saved(noise, "JPEG2000"),
        "noise.avif": bytes(image_of(half).heifsave_buffer(compression="av1", lossless=True, effort=0)),
    }


def mutated(content: bytes, dice: np.random.Generator) -> bytes:
    """With one to four changes, half of them where headers are: bytes changed, cut out, doubled, zeroed or set."""
    for _ in range(int(dice.integers(1, 5))):
        most = min(len(content) - 1, 200) if dice.random() < 0.5 else len(content) - 1
        at, length = int(dice.integers(0, most)), int(dice.integers(1, 4000))
        here = content[at : at + length]
        new = [bytes(dice.integers(0, 256, 4, np.uint8)), b"", here * 3, bytes(length), b"\xff" * min(length, 4)]
        chosen = new[int(dice.integers(len(new)))]
        content = content[:at] + chosen + content[at + (len(chosen) if dice.random() < 0.5 else length) :]
    return content


def made_to_harm() -> dict[str, bytes]:
    """Files that make a reader that believes them work or allocate much more than they are worth."""
    blanks = zlib.compress(bytes(300 * MEGABYTE), 9)
    tiny, small = png(np.zeros((8, 8, 3), np.uint8)), jpeg(np.zeros((8, 8, 3), np.uint8))
    page = tiff(np.zeros((4, 4, 3), np.uint8))
    return {
        "bomb-ztxt.png": with_chunks(tiny, png_chunk(b"zTXt", b"Raw profile type iptc\0\0" + blanks)),
        "bomb-itxt.png": with_chunks(tiny, png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + blanks)),
        "bomb-itxt-behind.png": with_chunks(tiny, behind=png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + blanks)),
        "bomb-icc.png": with_chunks(tiny, png_chunk(b"iCCP", b"drawn\0\0" + blanks)),
        "chunks.png": with_chunks(tiny, png_chunk(b"tEXt", b"a\0b") * 60_000),
        "blanks.png": with_chunks(tiny, itxt(packet(blanks=MEGABYTE))),
        "half-tags.png": with_chunks(tiny, itxt(b"<x:xmpmeta xmlns:x='adobe:ns:meta/'>" + b"<a" * 500_000)),
        "entities.png": with_chunks(tiny, itxt(_billion_laughs())),
        "segments.jpg": after_soi(small, *[segment(0xED, b"Photoshop 3.0\0" + bytes(20))] * 25_000),
        "resources.jpg": after_soi(small, *[segment(0xED, b"Photoshop 3.0\0" + resources(caption(900)))] * 16),
        "iptc.tif": tiff(
            np.zeros((4, 4, 3), np.uint8),
            extratags=[(33723, 7, MEGABYTE, caption(15_000)[:MEGABYTE].ljust(MEGABYTE, b"\0"), True)],
        ),
        "directories.tif": _in_a_long_row(page, 6_000),
        "scans.jpg": _many_scans(),
    }


def _billion_laughs() -> bytes:
    lines = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
    return f'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY l0 "ha">{lines}]><x>&l9;</x>'.encode()


def _in_a_long_row(content: bytes, pages: int) -> bytes:
    """A TIFF whose directory comes again and again, each time further behind in the file."""
    start = int.from_bytes(content[4:8], "little")
    length = 2 + 12 * int.from_bytes(content[start : start + 2], "little")
    table, at = content[start : start + length], len(content)
    behind = b"".join(table + struct.pack("<I", at + (number + 1) * (length + 4)) for number in range(pages - 1))
    link = struct.pack("<I", at)
    return content[: start + length] + link + content[start + length + 4 :] + behind + table + bytes(4)


def _many_scans() -> bytes:
    """A progressive JPEG of two megapixels whose last scan comes five hundred times."""
    content = jpeg(np.zeros((1200, 1600, 3), np.uint8), progressive=True)
    last = content.rindex(b"\xff\xda")
    return content[:-2] + content[last:-2] * 500 + content[-2:]


def measured(folder: Path) -> list[dict[str, Any]]:
    """What the files of a folder took, in the order of their names."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.pictures.measured_reading", str(folder), str(LIMIT)],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines()][1:]


def faults_of(rows: list[dict[str, Any]], slowest: float) -> list[str]:
    """The files that took too much."""
    return [
        f"{row['name']}: {row['seconds']:.2f} s against {slowest:.2f}, {row['grown'] >> 20} MiB: {row['said']}"
        for row in rows
        if row["seconds"] > SLOWER * slowest or row["grown"] > 2 * row["promised"] + SPARE_BYTES
    ]


@pytest.fixture(scope="module")
def slowest(tmp_path_factory: pytest.TempPathFactory) -> float:
    """CPU seconds of the whole file that takes longest."""
    folder = tmp_path_factory.mktemp("whole")
    for name, content in whole_files().items():
        (folder / name).write_bytes(content)
    rows = measured(folder)
    assert [row["said"] for row in rows if row["said"]] == []
    assert faults_of(rows, 1.0) == []
    return max(float(row["seconds"]) for row in rows)


def test_a_damaged_megabyte_takes_no_more_than_a_whole_one_by_much(slowest: float, tmp_path: Path) -> None:
    dice = np.random.default_rng(20)
    for name, content in whole_files().items():
        for number in range(MUTATIONS):
            (tmp_path / f"{number:02d}-{name}").write_bytes(mutated(content, dice))

    assert faults_of(measured(tmp_path), slowest) == []


def test_a_megabyte_that_was_made_to_harm_does_not(slowest: float, tmp_path: Path) -> None:
    for name, content in made_to_harm().items():
        (tmp_path / name).write_bytes(content)

    assert faults_of(measured(tmp_path), slowest) == []
