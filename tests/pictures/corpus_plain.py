"""The BMPs of the corpus, and the files that are no photos."""

import struct
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.arrays import Rgb
from tests.pictures.drawing import bitmap
from tests.pictures.pieces import DPI, HEIGHT, SIZES, WIDTH, Piece, as_grey, grey, numbered, saved, scene

_555, _565 = (0x7C00, 0x03E0, 0x001F), (0xF800, 0x07E0, 0x001F)


def pieces() -> Iterator[Piece]:
    """All of them."""
    yield from numbered("bmp", "bmp", _bitmaps())
    for number, (name, content) in enumerate(_STRANGERS.items()):
        yield Piece(f"stranger-{number:02d}-{name}", content, "no photo", refused=True)


def _bitmaps() -> Iterator[Piece]:
    def piece(name: str, content: bytes, **more: Any) -> Piece:
        return Piece(name, content, "BMP", **{"shown": scene(), **more})

    few, colours = (grey(scene()) >> 4).astype(np.uint8), scene(16, 1)[0]
    yield piece("24", bitmap(scene()))
    yield piece("24-from-above", _bmp(24, _bytes_of(scene()[..., ::-1]), height=-HEIGHT))
    yield piece("dib.dib", bitmap(scene()))
    yield piece("dpi", saved(scene(), "BMP", dpi=(DPI, DPI)), keeps=frozenset({"dpi"}))
    yield piece("grey", saved(grey(scene()), "BMP"), shown=as_grey(grey(scene())))
    two = np.where(grey(scene()) > 127, 255, 0).astype(np.uint8)
    yield piece("1", _bmp(1, np.packbits(two > 0, axis=1), palette=_both(2)), shown=as_grey(two))
    yield piece("4", _bmp(4, _bytes_of(few[:, ::2] << 4 | few[:, 1::2]), palette=colours), shown=colours[few])
    yield piece("8", _bmp(8, few, palette=colours), shown=colours[few])
    yield piece("8-in-runs", _bmp(8, _runs(few), compression=1, palette=colours), shown=colours[few])
    yield piece("16-555", _bmp(16, _words(scene(), (5, 5, 5))), within=5.0)
    yield piece("16-565", _bmp(16, _words(scene(), (5, 6, 5)), compression=3, masks=_565), within=5.0)
    yield piece("16-masks-555", _bmp(16, _words(scene(), (5, 5, 5)), compression=3, masks=_555), within=5.0)
    four = np.dstack([scene()[..., ::-1], np.zeros((HEIGHT, WIDTH), np.uint8)])
    yield piece("32", _bmp(32, _bytes_of(four)))
    alpha = four.copy()
    alpha[4:, :, 3] = 255
    masks = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    yield piece("32-alpha", _bmp(32, _bytes_of(alpha), compression=6, masks=masks), as_is=False)
    yield piece("os2", _os2(scene()))
    yield piece("cut-at-half", bitmap(scene())[: len(bitmap(scene())) // 2], refused=True)
    yield piece("jpeg-inside", _bmp(0, np.zeros((HEIGHT, 4), np.uint8), compression=4), refused=True)
    yield piece("64-bits-a-pixel", _bmp(64, np.zeros((HEIGHT, WIDTH * 8), np.uint8)), refused=True)
    for width, height in SIZES:
        yield piece(f"{width}x{height}", bitmap(scene(width, height)), shown=scene(width, height))


def _bytes_of(picture: NDArray[Any]) -> NDArray[np.uint8]:
    rows: NDArray[np.uint8] = np.ascontiguousarray(picture, np.uint8).reshape(len(picture), -1)
    return rows


def _both(colours: int) -> Rgb:
    steps: Rgb = np.repeat(np.linspace(0, 255, colours).astype(np.uint8)[:, None], 3, 1)
    return steps


def _bmp(
    bits: int,
    rows: NDArray[np.uint8] | bytes,
    height: int = HEIGHT,
    compression: int = 0,
    palette: Rgb | None = None,
    masks: tuple[int, ...] = (),
) -> bytes:
    """A BMP with the header of version 3. rows: (H, bytes), from above; or packed pixels as they are."""
    table = b"".join(struct.pack("<I", mask) for mask in masks)
    if palette is not None:
        table += np.dstack([palette[None, :, ::-1], np.zeros((1, len(palette), 1), np.uint8)]).tobytes()
    if not isinstance(rows, bytes):
        padded = np.zeros((len(rows), (rows.shape[1] + 3) // 4 * 4), np.uint8)
        padded[:, : rows.shape[1]] = rows if height < 0 else rows[::-1]
        rows = padded.tobytes()
    start = 54 + len(table)
    head = struct.pack("<2sIHHI", b"BM", start + len(rows), 0, 0, start)
    number = 0 if palette is None else len(palette)
    info = struct.pack("<IiiHHIIiiII", 40, WIDTH, height, 1, bits, compression, len(rows), 0, 0, number, 0)
    return head + info + table + rows


def _words(picture: Rgb, bits: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Red, green and blue of 5 or 6 bits in two bytes."""
    red, green, blue = (
        np.rint(picture[..., at] * ((2**number - 1) / 255)).astype(np.uint16) for at, number in enumerate(bits)
    )
    return _bytes_of((red << bits[1] + bits[2] | green << bits[2] | blue).astype("<u2").view(np.uint8))


def _runs(indices: NDArray[np.uint8]) -> bytes:
    """Runs of equal pixels, from the lowest row up, each row and the picture ended."""
    rows = (b"".join(bytes([1, value]) for value in row) + b"\0\0" for row in indices[::-1])
    return b"".join(rows) + b"\0\1"


def _os2(picture: Rgb) -> bytes:
    """A BMP with the header of version 2, of OS/2."""
    rows = np.zeros((HEIGHT, (WIDTH * 3 + 3) // 4 * 4), np.uint8)
    rows[:, : WIDTH * 3] = _bytes_of(picture[::-1, :, ::-1])
    return struct.pack("<2sIHHI", b"BM", 26 + rows.size, 0, 0, 26) + struct.pack("<IHHHH", 12, WIDTH, HEIGHT, 1, 24) + rows.tobytes()  # fmt: skip # noqa: E501


_STRANGERS = {
    "text.jpg": b"Dear photographer, here is a letter.\n" * 20,
    "page.html": b"<!DOCTYPE html><html><body>hello</body></html>" * 9,
    "drawing.svg": b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>" * 3,
    "data.xml": b"<?xml version='1.0'?><data/>" * 9,
    "letter.pdf": b"%PDF-1.7\n" + bytes(range(256)) * 3,
    "archive.zip": b"PK\x03\x04" + bytes(range(256)) * 3,
    "boxes.jxl": b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(range(256)),
    "bare.jxl": b"\xff\x0a" + bytes(range(256)),
    "icon.ico": b"\0\0\1\0\1\0" + bytes(range(256)) * 3,
    "drawing.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n" * 30,
    "film.mov": struct.pack(">I", 20) + b"ftypqt  \0\0\0\0qt  " + bytes(200),
    "film.avi": b"RIFF\x10\x10\0\0AVI " + bytes(200),
    "sound.wav": b"RIFF\x10\x10\0\0WAVEfmt " + bytes(200),
    "sound.mp3": b"ID3\3\0\0" + bytes(200),
    "noise.jpg": bytes((7 * at * at + 3 * at) % 251 for at in range(2000)),
    "zeros.jpg": bytes(4096),
    "empty.jpg": b"",
    "one-byte.png": b"\x89",
    "only-a-head.png": b"\x89PNG\r\n\x1a\n",
    "only-a-head.tif": b"II*\0",
}
