"""Photos that the tests draw themselves."""

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyvips

from daemon.arrays import Rgb


def drawn_photo(width: int = 320, height: int = 240, seed: int = 0) -> Rgb:
    """(height, width, 3) uint8: a red disc on a plain, slightly noisy grey ground; seed moves and colours it."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width].astype(np.float32)
    radius = min(width, height) * random.uniform(0.22, 0.32)
    centre = (width * random.uniform(0.42, 0.58), height * random.uniform(0.42, 0.58))
    inside = np.clip(radius - np.hypot(x - centre[0], y - centre[1]) + 0.5, 0, 1)[..., None]
    ground = np.full((height, width, 3), 205, np.float32) + random.normal(0, 2, (height, width, 3))
    subject = np.array([random.uniform(140, 220), random.uniform(10, 60), random.uniform(10, 60)], np.float32)
    drawn: Rgb = np.clip(subject * inside + ground * (1 - inside), 0, 255).round().astype(np.uint8)
    return drawn


def save_photo(path: Path, rgb: Rgb | None = None, seed: int = 0) -> Path:
    """Write a drawn photo; the format follows the name."""
    picture = drawn_photo(seed=seed) if rgb is None else rgb
    path.parent.mkdir(parents=True, exist_ok=True)
    pyvips.Image.new_from_array(np.ascontiguousarray(picture), interpretation="srgb").write_to_file(str(path))
    return path


def save_pages(path: Path, count: int, blank: int = 0) -> Path:
    """Write a TIFF of `count` photos, each a little wider than the last; the blank one shows nothing but its ground."""
    pictures = [drawn_photo(96 + 8 * page, 72, seed=page) for page in range(count)]
    if blank:
        pictures[blank - 1][:] = 205
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(tiff_of_pages(pictures))
    return path


def with_bad_pages(tiff: bytes, *numbers: int) -> bytes:
    """What `tiff_of_pages` gave, with pages, from 1, that are packed in a way that nobody knows."""
    content, at, number = bytearray(tiff), 4, 0
    while start := int.from_bytes(content[at : at + 4], "little"):
        number += 1
        entries = int.from_bytes(content[start : start + 2], "little")
        rows = range(start + 2, start + 2 + 12 * entries, 12)
        if number in numbers:
            compression = next(row for row in rows if content[row : row + 2] == (259).to_bytes(2, "little"))
            content[compression + 8 : compression + 12] = (99).to_bytes(4, "little")
        at = rows.stop
    return bytes(content)


def tiff_of_pages(pictures: Sequence[Rgb], kinds: Sequence[int] = ()) -> bytes:
    """A TIFF, little-endian, RGB of 8 bit, one uncompressed strip a page. kinds: the NewSubfileType of each page."""
    content = b"II*\0"
    data = b""
    for number, picture in enumerate(pictures):
        height, width = picture.shape[:2]
        bits_at = len(content) + len(data) + 4
        strip_at = bits_at + 6
        data += struct.pack("<I", strip_at + picture.size + picture.size % 2)  # the way to this page's fields
        data += struct.pack("<3H", 8, 8, 8) + picture.tobytes() + bytes(picture.size % 2)
        fields = [
            (254, 4, 1, kinds[number] if kinds else 0), (256, 4, 1, width), (257, 4, 1, height), (258, 3, 3, bits_at),
            (259, 3, 1, 1), (262, 3, 1, 2), (273, 4, 1, strip_at), (277, 3, 1, 3), (278, 4, 1, height),
            (279, 4, 1, picture.size),
        ]  # fmt: skip
        data += struct.pack("<H", len(fields)) + b"".join(struct.pack("<HHII", *field) for field in fields)
    return content + data + bytes(4)
