"""One file of the corpus, and what all of its files are drawn from: a scene, colour spaces, blocks of metadata."""

import io
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from daemon.arrays import Rgb
from daemon.pictures import iptc
from tests.pictures.drawing import png_chunk, profile

Kept = Literal["icc", "exif", "xmp", "iptc", "dpi"]

WIDTH, HEIGHT = 40, 24
SIZES = ((1, 1), (1, 9), (9, 1), (7, 5), (8, 8), (17, 3), (65, 33))
"""Odd ones, of which each format has a piece."""
CAMERA, TITLE, CAPTION, DPI = "Camera", "Drawn Title", "Drawn Caption", 300
"""What EXIF (Model), XMP (dc:title), IPTC (caption) and the resolution say where a file has them."""


@dataclass(frozen=True, slots=True, eq=False)
class Piece:
    """A small file, and what is to come of it.

    name: with the suffix; each stands once. format: as people call it. shown: (H, W, 3) what it shows in sRGB, upright;
    None where nobody can say. within: how far, of 255 and on average, a decoded picture may be from that. as_is:
    whether the reader keeps the file's own values, so that another decoder must find the same ones. keeps: which
    metadata it has, and its results have. pages: how many photos it is. refused: whether it is no photo that can be
    done, and why is said.
    """

    name: str
    content: bytes
    format: str
    shown: Rgb | None = None
    within: float = 0.5
    as_is: bool = True
    keeps: frozenset[Kept] = frozenset()
    pages: int = 1
    refused: bool = False


def numbered(kind: str, suffix: str, drawn: Iterable[Piece]) -> Iterator[Piece]:
    """The pieces with names of which each stands once; those that have no suffix get this one."""
    for number, piece in enumerate(drawn):
        name = piece.name if "." in piece.name else f"{piece.name}.{suffix}"
        yield replace(piece, name=f"{kind}-{number:03d}-{name}")


def scene(width: int = WIDTH, height: int = HEIGHT) -> Rgb:
    """(H, W, 3) uint8: a sweep of colours without grain; no turn and no mirror of it looks the same."""
    y, x = np.mgrid[:height, :width] / np.array([[[max(height - 1, 1)]], [[max(width - 1, 1)]]])
    picture: Rgb = np.rint(255 * (0.06 + 0.86 * np.stack([x, y, (1 - x) * (1 - y)], -1))).astype(np.uint8)
    return picture


def grey(picture: Rgb) -> NDArray[np.uint8]:
    """(H, W): the red of it, which sweeps from left to right."""
    return np.ascontiguousarray(picture[..., 0])


def as_grey(values: NDArray[np.uint8]) -> Rgb:
    """(H, W, 3) of (H, W)."""
    shown: Rgb = np.repeat(values[..., None], 3, -1)
    return shown


def wide(picture: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """The same in 16 bit."""
    return picture.astype(np.uint16) * 257


def light_of(picture: Rgb) -> NDArray[np.float64]:
    """(H, W, 3), 0..1: the light that values of sRGB stand for (IEC 61966-2-1)."""
    share = picture / 255
    light: NDArray[np.float64] = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    return light


def turned(picture: NDArray[Any], orientation: int) -> NDArray[Any]:
    """How an upright picture lies in a file that has EXIF's `orientation` (CIPA DC-008, 4.6.5)."""
    back = {
        1: lambda a: a,
        2: lambda a: a[:, ::-1],
        3: lambda a: a[::-1, ::-1],
        4: lambda a: a[::-1],
        5: lambda a: a.swapaxes(0, 1),
        6: lambda a: a.swapaxes(0, 1)[::-1],
        7: lambda a: a[::-1, ::-1].swapaxes(0, 1),
        8: lambda a: a.swapaxes(0, 1)[:, ::-1],
    }
    return np.ascontiguousarray(back[orientation](picture))


def saved(picture: NDArray[Any] | Image.Image, format_: str, **options: Any) -> bytes:
    """A picture as Pillow writes it."""
    file = io.BytesIO()
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(np.ascontiguousarray(picture))
    image.save(file, format_, **options)
    return file.getvalue()


@lru_cache
def rgb_profile(name: str) -> bytes:
    """A profile of RGB: "srgb" or "p3" of libvips, "linear" (sRGB's colours with a gamma of 1) drawn here."""
    if name != "linear":
        return profile(name)
    xyz = [struct.pack(">4s4x3i", b"XYZ ", *(round(value * 65536) for value in column)) for column in _SRGB_XYZ]
    curve = struct.pack(">4s4xI", b"curv", 0)
    return icc_of(b"RGB ", {b"rXYZ": xyz[0], b"gXYZ": xyz[1], b"bXYZ": xyz[2], **dict.fromkeys(_CURVES, curve)})


@lru_cache
def grey_profile(gamma: float) -> bytes:
    """A profile of grey whose values stand for light by a power."""
    return icc_of(b"GRAY", {b"kTRC": struct.pack(">4s4xIH2x", b"curv", 1, round(gamma * 256))})


_CURVES = (b"rTRC", b"gTRC", b"bTRC")
_SRGB_XYZ = ((0.4361, 0.2225, 0.0139), (0.3851, 0.7169, 0.0971), (0.1431, 0.0606, 0.7139))  # D50, IEC 61966-2-1
_WHITE = struct.pack(">4s4x3i", b"XYZ ", 63190, 65536, 54061)


def icc_of(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    """An ICC profile of version 2 with these tags and a white point (ICC.1:2001-04)."""
    tags = {b"wtpt": _WHITE, b"desc": struct.pack(">4s4xI", b"desc", 6) + b"drawn\0" + bytes(80), **tags}
    at, table, data = 132 + 12 * len(tags), b"", b""
    for name, content in tags.items():
        content += bytes(-len(content) % 4)
        table += struct.pack(">4sII", name, at + len(data), len(content))
        data += content
    head = struct.pack(">I4sI4s4s4s12x4s", at + len(data), b"", 0x2400000, b"mntr", space, b"XYZ ", b"acsp")
    return head.ljust(68, b"\0") + _WHITE[8:] + bytes(48) + struct.pack(">I", len(tags)) + table + data


def in_profile(picture: Rgb, icc: bytes) -> Rgb:
    """A picture in sRGB in the values of another profile of RGB, by LittleCMS."""
    transform = ImageCms.buildTransform(
        ImageCms.createProfile("sRGB"),
        ImageCms.ImageCmsProfile(io.BytesIO(icc)),
        "RGB",
        "RGB",
        ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
    moved = ImageCms.applyTransform(Image.fromarray(picture), transform)
    assert moved is not None
    return np.asarray(moved)


def exif_block(orientation: int = 1, dpi: int | None = None) -> bytes:
    """An EXIF block with "Exif" before it: a camera, and where asked an orientation and a resolution."""
    exif = Image.Exif()
    exif[0x0110] = CAMERA
    if orientation != 1:
        exif[0x0112] = orientation
    if dpi:
        exif[0x011A], exif[0x011B], exif[0x0128] = dpi, dpi, 2
    return exif.tobytes()


def packet(blanks: int = 0) -> bytes:
    """An XMP packet with a title. blanks: of padding."""
    return (
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        f'xmlns:dc="http://purl.org/dc/elements/1.1/"><dc:title><rdf:Alt><rdf:li xml:lang="x-default">{TITLE}</rdf:li>'
        "</rdf:Alt></dc:title></rdf:Description></rdf:RDF></x:xmpmeta>"
        f'{" " * blanks}<?xpacket end="w"?>'
    ).encode()


def caption(more: int = 0) -> bytes:
    """Bare IPTC records: a caption, and `more` keywords of 60 bytes."""
    word = b"\x1c\x02\x19\0\x3c" + b"k" * 60
    return b"\x1c\x02\x78" + struct.pack(">H", len(CAPTION)) + CAPTION.encode() + word * more


def resources(bare: bytes) -> bytes:
    """IPTC records in Photoshop's resources, as TIFF and PNG hold them."""
    return iptc.wrapped(bare).removeprefix(b"Photoshop 3.0\0")


def segment(marker: int, content: bytes) -> bytes:
    """One segment of a JPEG."""
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def after_soi(jpeg: bytes, *segments: bytes) -> bytes:
    """A JPEG with more segments at its beginning."""
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def icc_segments(icc: bytes) -> Sequence[bytes]:
    """A profile in the segments of a JPEG (ICC.1:2022, B.4)."""
    parts = [icc[at : at + 65_000] for at in range(0, len(icc), 65_000)]
    return [
        segment(0xE2, b"ICC_PROFILE\0" + bytes([number, len(parts)]) + part) for number, part in enumerate(parts, 1)
    ]


def with_chunks(png: bytes, before: bytes = b"", behind: bytes = b"") -> bytes:
    """A PNG with more chunks: behind its header, and before its last one."""
    return png[:33] + before + png[33:-12] + behind + png[-12:]


def raw_profile(name: bytes, content: bytes, compressed: bool = True) -> bytes:
    """A chunk "Raw profile type", as ImageMagick writes it: hexadecimal, in lines."""
    digits = content.hex()
    lines = "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    text = f"\n{name.decode()}\n{len(content):8d}\n{lines}\n".encode()
    key = b"Raw profile type " + name + b"\0"
    return png_chunk(b"zTXt", key + b"\0" + zlib.compress(text)) if compressed else png_chunk(b"tEXt", key + text)


def itxt(xmp: bytes, compressed: bool = False) -> bytes:
    """A chunk with an XMP packet."""
    text = zlib.compress(xmp) if compressed else xmp
    return png_chunk(b"iTXt", b"XML:com.adobe.xmp\0" + bytes([compressed, 0]) + b"\0\0" + text)
