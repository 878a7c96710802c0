"""Draws pictures for the tests of this room, and encodes them as files."""

import io
import re
import struct
import zlib
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pyvips
from numpy.typing import NDArray

from daemon.arrays import Alpha, Rgb
from daemon.pictures.photo import Photo
from daemon.pictures.tiff_directory import Dialect, Field, laid_out_directory
from daemon.pictures.values import Metadata, Samples

FORMATS = ("jpeg", "png", "tiff", "webp", "avif", "bmp")


def coloured(width: int = 96, height: int = 64, seed: int = 0) -> Rgb:
    """(H, W, 3) uint8: a smooth sweep of colours with fine grain; no two corners look alike."""
    return np.rint(_sweep(width, height, seed) * 255).astype(np.uint8)


def deep(width: int = 96, height: int = 64, seed: int = 0) -> NDArray[np.uint16]:
    """The same in 16 bit."""
    return np.rint(_sweep(width, height, seed) * 65535).astype(np.uint16)


def _sweep(width: int, height: int, seed: int) -> NDArray[np.float64]:
    y, x = np.mgrid[:height, :width] / np.array([[[max(height - 1, 1)]], [[max(width - 1, 1)]]])
    grain = np.random.default_rng(seed).uniform(-0.02, 0.02, (height, width, 3))
    sweep: NDArray[np.float64] = np.clip(np.stack([x, y, (1 - x) * (1 - y)], -1) * 0.9 + 0.05 + grain, 0, 1)
    return sweep


def disc(width: int = 96, height: int = 64, softness: float = 3.0) -> Alpha:
    """(H, W): a disc in the middle with a border `softness` pixels wide."""
    y, x = np.mgrid[:height, :width]
    distance = np.hypot(x - (width - 1) / 2, y - (height - 1) / 2)
    inside: Alpha = np.clip((0.35 * min(width, height) - distance) / softness + 0.5, 0, 1).astype(np.float32)
    return inside


def photo_of(rgb: Samples, own_alpha: Samples | None = None, **metadata: Any) -> Photo:
    """A photo as if it had been read from a file."""
    full = np.iinfo(rgb.dtype).max
    alpha = np.full(rgb.shape[:2], full, rgb.dtype) if own_alpha is None else own_alpha
    rgba: Samples = np.ascontiguousarray(np.dstack([rgb, alpha]))
    return Photo(rgba, own_alpha is not None, Metadata(**metadata), "drawn")


def image_of(samples: Samples) -> Any:
    """A libvips image of a picture, (H, W) or (H, W, bands)."""
    image = pyvips.Image.new_from_array(np.ascontiguousarray(samples))
    wide = samples.dtype == np.uint16
    if image.bands < 3:
        return image.copy(interpretation="grey16" if wide else "b-w")
    return image.copy(interpretation="rgb16" if wide else "srgb")


def profile(name: str) -> bytes:
    """One of the ICC profiles that libvips brings along: "srgb", "p3" or "cmyk"."""
    return bytes(pyvips.Image.profile_load(name))


def with_field(image: Any, name: str, value: bytes | int | str) -> Any:
    """The image with one more field of metadata."""
    kinds = {
        bytes: pyvips.GValue.blob_type,
        int: pyvips.GValue.gint_type,
        str: pyvips.GValue.gstr_type,
    }
    image = image.copy()
    image.set_type(kinds[type(value)], name, value)
    return image


def encoded(image: Any, format_: str) -> bytes:
    """The image as a file of `format_`."""
    if format_ == "bmp":
        return bitmap(image.numpy())
    if format_ == "avif":
        return bytes(image.heifsave_buffer(compression="av1", lossless=True))
    options: dict[str, dict[str, Any]] = {"webp": {"lossless": True}, "jpeg": {"Q": 95, "subsample_mode": "off"}}
    return bytes(getattr(image, f"{format_}save_buffer")(**options.get(format_, {})))


def file_of(folder: Path, content: bytes, name: str = "photo.jpg") -> Path:
    """A file with `content`."""
    path = folder / name
    path.write_bytes(content)
    return path


def bitmap(rgb: NDArray[np.uint8]) -> bytes:
    """A BMP of 24 bit."""
    height, width = rgb.shape[:2]
    rows = np.zeros((height, (width * 3 + 3) // 4 * 4), np.uint8)
    rows[:, : width * 3] = rgb[::-1, :, 2::-1].reshape(height, width * 3)
    header = struct.pack("<2sIHHIIiiHHIIiiII", b"BM", 54 + rows.size, 0, 0, 54, 40, width, height, 1, 24, 0, rows.size, 0, 0, 0, 0)  # fmt: skip # noqa: E501
    return header + rows.tobytes()


def inward_profile(kind: bytes = b"scnr") -> bytes:
    """A profile of RGB that only leads to colours (A2B0, ICC.1:2001-04, 6.5.7), as makers of scanners write them.

    Its table has two steps a channel: dark and light, a little red or green, a little yellow or blue.
    """
    return _profile_of_tables(kind, {b"A2B0": _to_colours()})


def profile_with_a_poor_way_back() -> bytes:
    """The same with a way back (B2A0) that makes every colour a greenish grey."""
    return _profile_of_tables(b"mntr", {b"A2B0": _to_colours(), b"B2A0": _table(np.tile([90, 120, 90], (8, 1)))})


def _to_colours() -> bytes:
    return _table(
        np.indices((2, 2, 2)).reshape(3, -1).T @ [[60, 60, 30], [120, -60, 40], [40, 10, -80]] + [[20, 128, 128]]
    )


def _table(steps: NDArray[Any]) -> bytes:
    """A table of 8 bit of two steps a channel, (8, 3), between straight curves (mft1, 6.5.7)."""
    same = bytes(range(256)) * 3
    matrix = struct.pack(">9i", *np.eye(3, dtype=int).ravel() * 65536)
    return b"mft1\0\0\0\0\3\3\2\0" + matrix + same + steps.clip(0, 255).astype(np.uint8).tobytes() + same


def _profile_of_tables(kind: bytes, tables: dict[bytes, bytes]) -> bytes:
    white = b"XYZ \0\0\0\0" + struct.pack(">3i", 63190, 65536, 54061)
    at = 132 + 12 * (len(tables) + 1)
    listed, data = b"", b""
    for name, content in {**tables, b"wtpt": white}.items():
        listed += struct.pack(">4sII", name, at + len(data), len(content))
        data += content
    head = struct.pack(">I4sI4s4s4s12x4s", at + len(data), b"", 0x2400000, kind, b"RGB ", b"Lab ", b"acsp")
    return (head.ljust(68, b"\0") + white[8:]).ljust(128, b"\0") + struct.pack(">I", len(tables) + 1) + listed + data


def jpeg_with_profile(rgb: Rgb, icc: bytes) -> bytes:
    """A JPEG with any bytes as its profile; libvips itself would not write a broken one."""
    jpeg = encoded(image_of(rgb), "jpeg")
    segment = b"ICC_PROFILE\0\1\1" + icc
    return jpeg[:2] + b"\xff\xe2" + struct.pack(">H", len(segment) + 2) + segment + jpeg[2:]


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """One chunk of a PNG, with the right checksum."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def png_that_claims(width: int, height: int) -> bytes:
    """A PNG of a few bytes whose header claims a picture of any size."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", zlib.compress(bytes(999))) + png_chunk(b"IEND", b"")


TiffField = tuple[int, int, bytes]
"""Type, number of values, the values, little-endian."""


def tiff_of(strip: bytes, fields: dict[int, TiffField]) -> bytes:
    """A TIFF of one strip, little-endian; StripOffsets and StripByteCounts are added."""
    fields = {**fields, 273: (4, 1, struct.pack("<I", 8)), 279: (4, 1, struct.pack("<I", len(strip)))}
    directory = 8 + len(strip) + len(strip) % 2
    behind = directory + 2 + 12 * len(fields) + 4
    table, values = struct.pack("<H", len(fields)), b""
    for tag, (kind, number, content) in sorted(fields.items()):
        place = content.ljust(4, b"\0") if len(content) <= 4 else struct.pack("<I", behind + len(values))
        if len(content) > 4:
            values += content + b"\0" * (len(content) % 2)
        table += struct.pack("<HHI4s", tag, kind, number, place)
    return b"II*\0" + struct.pack("<I", directory) + strip.ljust(directory - 8, b"\0") + table + bytes(4) + values


def short(*values: int) -> TiffField:
    """A field of 16-bit numbers."""
    return 3, len(values), struct.pack(f"<{len(values)}H", *values)


def basics(width: int, height: int, photometric: int, bits: tuple[int, ...]) -> dict[int, TiffField]:
    """The fields that every uncompressed TIFF of one strip needs."""
    return {
        256: short(width), 257: short(height), 258: short(*bits), 259: short(1), 262: short(photometric),
        277: short(len(bits)), 278: short(height),
    }  # fmt: skip


def tiff_in_planes(
    samples: Samples, side: int = 32, is_big: bool = False, deflate: bool = False, photometric: int = 2
) -> bytes:
    """A TIFF whose colours lie in tiles apart from each other, little-endian, or a BigTIFF."""
    height, width, channels = samples.shape
    bits, letter, kind = 8 * samples.dtype.itemsize, "Q" if is_big else "I", 16 if is_big else 4
    padded = np.pad(samples, ((0, -height % side), (0, -width % side), (0, 0)))
    tiles = [
        np.ascontiguousarray(padded[top : top + side, left : left + side, channel]).tobytes()
        for channel in range(channels)
        for top in range(0, height, side)
        for left in range(0, width, side)
    ]
    tiles = [zlib.compress(tile) for tile in tiles] if deflate else tiles
    first = 16 if is_big else 8
    places = [first + sum(map(len, tiles[:number])) for number in range(len(tiles))]
    fields = {
        256: short(width), 257: short(height), 258: short(*[bits] * channels), 259: short(8 if deflate else 1),
        262: short(photometric), 277: short(channels), 284: short(2), 322: short(side), 323: short(side),
        324: (kind, len(tiles), struct.pack(f"<{len(tiles)}{letter}", *places)),
        325: (kind, len(tiles), struct.pack(f"<{len(tiles)}{letter}", *map(len, tiles))),
    }  # fmt: skip
    if channels == 4 and photometric == 2:
        fields[338] = short(2)
    dialect, data = Dialect("<", 0, is_big), b"".join(tiles)
    start = first + len(data) + len(data) % 2
    named = {tag: Field(*value) for tag, value in fields.items()}
    directory = laid_out_directory(dialect, named, start, {})
    head = struct.pack("<2sHHHQ", b"II", 43, 8, 0, start) if is_big else struct.pack("<2sHI", b"II", 42, start)
    return head + data.ljust(start - first, b"\0") + directory


def raw_photo(linear: NDArray[np.float64], xmp: bytes = b"", orientation: int = 1) -> bytes:
    """A DNG as a camera with sRGB's own colours would write it, RGGB, 16 bit.

    linear: (H, W, 3) light, 0..1. orientation: in EXIF's numbers.
    """
    height, width = linear.shape[:2]
    light = np.rint(linear * 65535).astype("<u2")
    mosaic = light[..., 1].copy()
    mosaic[::2, ::2], mosaic[1::2, 1::2] = light[::2, ::2, 0], light[1::2, 1::2, 2]
    from_xyz = (3.2405, -1.5371, -0.4985, -0.9693, 1.8760, 0.0416, 0.0556, -0.2040, 1.0572)  # IEC 61966-2-1
    matrix = b"".join(struct.pack("<ii", round(value * 10_000), 10_000) for value in from_xyz)
    fields = {
        **basics(width, height, 32803, (16,)),
        254: (4, 1, bytes(4)),
        271: (2, 5, b"Drawn"),
        272: (2, 7, b"Camera\0"),
        274: short(orientation),
        33421: short(2, 2),
        33422: (1, 4, bytes([0, 1, 1, 2])),
        50706: (1, 4, bytes([1, 4, 0, 0])),
        50708: (2, 13, b"Drawn Camera\0"),
        50717: (4, 1, struct.pack("<I", 65535)),
        50721: (10, 9, matrix),
        50728: (5, 3, struct.pack("<6I", 1, 1, 1, 1, 1, 1)),
        50778: short(21),
        **({700: (1, len(xmp), xmp)} if xmp else {}),
    }
    return tiff_of(mosaic.tobytes(), fields)


def heic(rgb: Samples, bits: int = 8, orientation: int = 1) -> bytes:
    """A HEIC of high quality. rgb: (H, W, 3), or (H, W) for grey.

    orientation: in EXIF's numbers; written to EXIF and to the picture's own turns.
    """
    pillow_heif = pytest.importorskip("pillow_heif")
    height, width = rgb.shape[:2]
    file = io.BytesIO()
    mode = ("L" if rgb.ndim == 2 else "RGB") + ("" if bits == 8 else ";16")
    picture = pillow_heif.from_bytes(mode, (width, height), rgb.tobytes())
    said = struct.pack("<HHIHH", 0x0112, 3, 1, orientation, 0)
    exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, 1) + said + bytes(4)
    picture.save(file, quality=-1, chroma=444, exif=exif)
    return file.getvalue()


def job_in(packet: bytes | None) -> str | None:
    """The last job tag in an XMP packet as we write it; None if there is none."""
    found = re.findall(rb"<freisteller:job[^<>]*>([^<]*)</freisteller:job>", packet or b"")
    return unescape(found[-1].decode()) if found else None
