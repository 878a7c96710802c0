"""The one table of formats: what each file begins with, which endings its name has, and what people call it.

Intake, uploads, the readers and the documents share it. A file is taken by what it begins with; its name only says
what somebody expects of it. How a format is read stands in `decoding`, how its end is found in
`pictures/file_structure.py`; `tests/pictures/test_known_formats.py` says that all of them speak of the same formats.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

_AVIF_BRANDS = frozenset({b"avif", b"mif1", b"miaf"})
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"})
_CANON_BRANDS = frozenset({b"crx "})


@dataclass(frozen=True, slots=True)
class Format:
    """A format that is read here.

    kind: as all of the program calls it. name: as people do. suffixes: how its files' names end, in lower case, the
    usual one first. fits: whether a file begins like one, by its first `signatures.HEAD_BYTES`.
    """

    kind: str
    name: str
    suffixes: tuple[str, ...]
    fits: Callable[[bytes], bool]


@dataclass(frozen=True, slots=True)
class OtherKind:
    """What is not read here, but known by how it begins. code: what a refusal calls it, in SAID."""

    code: str
    begins: re.Pattern[bytes]


def _begins(*patterns: bytes) -> Callable[[bytes], bool]:
    pattern = re.compile(b"|".join(patterns), re.DOTALL)
    return lambda head: pattern.match(head) is not None


def _has_brand(wanted: frozenset[bytes]) -> Callable[[bytes], bool]:
    return lambda head: not wanted.isdisjoint(brands_of(head))


def brands_of(head: bytes) -> frozenset[bytes]:
    """The brands of an ISO base media file (ISO/IEC 14496-12, 4.3): major brand, then the compatible ones."""
    if head[4:8] != b"ftyp":
        return frozenset()
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return frozenset(head[start : start + 4] for start in (8, *range(16, end, 4)))


_JPEG, _PNG = rb"\xff\xd8\xff", rb"\x89PNG\r\n\x1a\n"
_TIFF = (rb"II\*\0", rb"MM\0\*", rb"II\+\0\x08\0\0\0", rb"MM\0\+\0\x08\0\0")
_RAW = (
    rb"FUJIFILMCCD-RAW",
    rb"IIRO", rb"IIRS", rb"MMOR",  # Olympus
    rb"IIU\0",  # Panasonic, Leica
    rb"II\*\0....CR", rb"MM\0\*....CR",  # Canon: a TIFF whose first picture is a preview
    rb"II\x1a\0....HEAPCCDR",  # Canon, before that
    rb"\0MRM",  # Minolta
    rb"FOVb",  # Sigma
)  # fmt: skip
GIF, PSD, JPEG_2000 = rb"GIF8[79]a", rb"8BPS\0[\1\2]", rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51"
"""How these begin, as regular expressions; JPEG 2000 in boxes, or bare."""
_BMP = rb"BM....\0\0\0\0"  # reserved bytes; many texts begin with the two letters

_RAW_SUFFIXES = (
    ".dng", ".3fr", ".arw", ".cr2", ".cr3", ".crw", ".dcr", ".erf", ".fff", ".gpr", ".iiq", ".kdc", ".mef", ".mos",
    ".mrw", ".nef", ".nrw", ".orf", ".pef", ".raf", ".rw2", ".rwl", ".sr2", ".srf", ".srw", ".x3f",
)  # fmt: skip

FORMATS = (
    Format("webp", "WebP", (".webp",), _begins(rb"RIFF....WEBP")),
    Format("heic", "HEIC", (".heic", ".heif", ".hif"), _has_brand(_HEIC_BRANDS)),
    Format("avif", "AVIF", (".avif", ".heif"), _has_brand(_AVIF_BRANDS)),
    Format("raw", "camera RAW", _RAW_SUFFIXES, _begins(*_RAW)),
    Format("raw", "camera RAW", (".cr3",), _has_brand(_CANON_BRANDS)),
    Format("bmp", "BMP", (".bmp", ".dib"), _begins(_BMP)),
    Format("jpeg", "JPEG", (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"), _begins(_JPEG)),
    Format("png", "PNG", (".png",), _begins(_PNG)),
    Format("tiff", "TIFF", (".tif", ".tiff"), _begins(*_TIFF)),
    Format("gif", "GIF", (".gif",), _begins(GIF)),
    Format("jxl", "JPEG XL", (".jxl",), _begins(rb"\0\0\0\x0cJXL \r\n\x87\n", rb"\xff\x0a")),
    Format("psd", "PSD", (".psd", ".psb"), _begins(PSD)),
    Format("jp2", "JPEG 2000", (".jp2", ".j2k", ".jpf", ".jpx", ".j2c", ".jpc"), _begins(JPEG_2000)),
)
"""The first one that fits counts. Many camera RAW files begin like a TIFF; only what follows can tell."""

OTHER_KINDS = tuple(
    OtherKind(code, re.compile(pattern, re.DOTALL))
    for code, pattern in (
        ("a_pdf", rb"\s*%PDF"),
        ("a_zip", rb"PK\x03\x04"),
        ("an_svg", rb"(?i:\s*<svg)"),
        ("an_xml", rb"(?i:\s*<\?xml|\s*<x:xmpmeta)"),
        ("a_web_page", rb"(?i:\s*(<!DOC|<html))"),
        ("an_icon", rb"\0\0\x01\0"),
        ("an_eps", rb"%!PS|\xc5\xd0\xd3\xc6"),
        ("a_video", rb"....(ftyp|moov|mdat)|\0...(wide|free|skip)|RIFF....AVI |\x1aE\xdf\xa3"),
        ("a_sound", rb"RIFF....WAVE|ID3|OggS|fLaC"),
    )
)
"""The first one that fits counts."""

SUFFIXES = frozenset(suffix for each in FORMATS for suffix in each.suffixes)
"""Lower-case endings of names that somebody takes for photos."""

BEGINNINGS = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"II*\0", b"MM\0*", b"II+\0\x08\0\0\0", b"MM\0+\0\x08\0\0")
"""How the usual photos begin, to tell what may be the first bytes of one."""


def suffixes_of(kind: str) -> tuple[str, ...]:
    """The endings of the names of files of a kind, the usual one first; none of an unknown kind."""
    return tuple(dict.fromkeys(suffix for each in FORMATS if each.kind == kind for suffix in each.suffixes))
