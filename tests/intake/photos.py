"""Makes whole photos of every format as bytes, and a scanner in a world with a scripted clock."""

import io
import struct
from collections.abc import Collection, Mapping
from functools import cache
from pathlib import Path

import numpy as np
import pyvips
from PIL import Image

from daemon.disk.mounts import Mount
from daemon.errors import BadPhoto, NotWholeYet
from daemon.intake.background_decoding import Decode
from daemon.intake.proving import Prover
from daemon.intake.scan_values import Hints, Scan
from daemon.intake.scanner import Scanner
from daemon.settings import IntakeSettings
from tests.drawing import drawn_photo
from tests.pictures.jpeg_2000_files import codestream, colours, jp2
from tests.pictures.psd_files import psd

FORMATS = ("jpg", "progressive.jpg", "png", "tif", "tiled.tif", "big.tif", "webp", "bmp", "avif", "jp2", "gif", "psd")


@cache
def photo(kind: str = "jpg", seed: int = 0) -> bytes:
    """A drawn photo, encoded."""
    rgb = drawn_photo(seed=seed)
    image = pyvips.Image.new_from_array(rgb, interpretation="srgb")
    match kind:
        case "jpg":
            return bytes(image.jpegsave_buffer())
        case "progressive.jpg":
            return bytes(image.jpegsave_buffer(interlace=True, restart_interval=4))
        case "png":
            return bytes(image.pngsave_buffer())
        case "tif":
            return bytes(image.tiffsave_buffer())
        case "tiled.tif":
            return bytes(image.tiffsave_buffer(tile=True, tile_width=64, tile_height=64, compression="deflate"))
        case "big.tif":
            return bytes(image.tiffsave_buffer(bigtiff=True))
        case "webp":
            return bytes(image.webpsave_buffer())
        case "avif":
            return bytes(image.heifsave_buffer(compression="av1", effort=0))
        case "bmp":
            return bmp(rgb)
        case "gif":
            return gif(rgb)
        case "psd":
            return psd(rgb)
        case "jp2":
            return jp2(codestream(rgb), colours(16))
    raise ValueError(kind)


def gif(rgb: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> bytes:
    """A GIF of 256 colours."""
    file = io.BytesIO()
    Image.fromarray(rgb).quantize(256).save(file, "GIF")
    return file.getvalue()


def bmp(rgb: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]", size: int | None = None) -> bytes:
    """An uncompressed 24-bit BMP; size: what the header claims."""
    height, width = rgb.shape[:2]
    rows = np.zeros((height, (width * 3 + 3) // 4 * 4), np.uint8)
    rows[:, : width * 3] = rgb[::-1, :, ::-1].reshape(height, -1)
    total = 54 + rows.nbytes
    head = struct.pack("<2sIHHI", b"BM", total if size is None else size, 0, 0, 54)
    return head + struct.pack("<IiiHHIIiiII", 40, width, height, 1, 24, 0, rows.nbytes, 0, 0, 0, 0) + rows.tobytes()


def two_pages(first: bytes, second_at_end: bool = True) -> bytes:
    """A classic little-endian TIFF whose only page is appended once more, as a scanner appends pages."""
    (start,) = struct.unpack_from("<I", first, 4)
    (count,) = struct.unpack_from("<H", first, start)
    table = first[start : start + 2 + count * 12] + struct.pack("<I", 0)
    link = start + 2 + count * 12
    grown = bytearray(first + table)
    struct.pack_into("<I", grown, link, len(first))
    return bytes(grown if second_at_end else grown[: len(first)])


def numbered(tiff: bytes, page: int, of: int) -> bytes:
    """A classic little-endian TIFF with PageNumber (297), which programs write for documents."""
    (start,) = struct.unpack_from("<I", tiff, 4)
    (count,) = struct.unpack_from("<H", tiff, start)
    table = tiff[start + 2 : start + 2 + count * 12]
    fields = sorted(
        [table[at : at + 12] for at in range(0, len(table), 12)] + [struct.pack("<HHIHH", 297, 3, 2, page, of)],
        key=lambda field: struct.unpack_from("<H", field),
    )
    head = tiff[:4] + struct.pack("<I", len(tiff)) + tiff[8:]
    return head + struct.pack("<H", count + 1) + b"".join(fields) + struct.pack("<I", 0)


class Clock:
    """Time that passes only when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        self.now += seconds


def decodes(descriptor: int, name: str, max_megapixels: float) -> None:
    """A double for `prove_decodes`: libvips, which reads all lines."""
    content = Path(f"/proc/self/fd/{descriptor}").read_bytes()
    if content[:4] == b"junk":
        raise BadPhoto(f"{name} is no photo")
    try:
        pyvips.Image.new_from_buffer(content, "", fail_on="truncated").avg()
    except pyvips.Error as error:
        raise NotWholeYet(f"{name} does not decode: {error}") from error


class World:
    """An inbox on disk, a scripted clock, a scanner."""

    def __init__(
        self,
        inbox: Path,
        decode: Decode = decodes,
        mounts: Mapping[str, Mount] | None = None,
        **settings: float,
    ) -> None:
        self.inbox = inbox
        self.clock = Clock()
        self.mounts = mounts or {}
        self.settings = IntakeSettings.model_validate(settings)
        self.processor = Clock()
        prover = Prover(inbox, 500.0, decode, self.clock)
        self.scanner = Scanner(inbox, self.settings, prover, self.clock, self.processor)

    def drop(self, name: str, content: bytes | None = None) -> Path:
        path = self.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(photo() if content is None else content)
        return path

    def look(
        self,
        after: float = 0.0,
        closed: Collection[str] = (),
        touched: Collection[str] = (),
        urgent: bool = False,
    ) -> Scan:
        self.clock.pass_by(after)
        hints = Hints(frozenset(touched) | frozenset(closed), frozenset(closed))
        return self.scanner.scan(self.mounts, hints, urgent)

    def names(self, scan: Scan) -> list[str]:
        return [arrival.name for arrival in scan.ready]
