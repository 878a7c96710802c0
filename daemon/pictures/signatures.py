"""Tells the kind of a file by its first bytes, never by its name."""

from daemon.errors import Said

HEAD_BYTES = 64

SUFFIXES = frozenset({
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".tif", ".tiff", ".webp", ".avif", ".heic", ".heif", ".bmp",
    ".3fr", ".arw", ".cr2", ".cr3", ".dng", ".iiq", ".nef", ".orf", ".pef", ".raf", ".rw2", ".srw",
})  # fmt: skip
"""Lower-case endings of names that may be photos; the content decides, not the name."""

_PHOTOS = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0\x08\0\0\0", "tiff"),
    (b"MM\0+\0\x08\0\0", "tiff"),
    (b"FUJIFILMCCD-RAW", "raw"),
    (b"IIRO", "raw"),  # Olympus
    (b"IIRS", "raw"),
    (b"MMOR", "raw"),
    (b"IIU\0", "raw"),  # Panasonic
)

_AVIF_BRANDS = frozenset({b"avif", b"mif1", b"miaf"})
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"})

_STRANGERS = (
    (b"GIF8", "a_gif"),
    (b"%PDF", "a_pdf"),
    (b"8BPS", "a_psd"),
    (b"PK\x03\x04", "a_zip"),
    (b"\0\0\0\x0cJXL ", "a_jpeg_xl"),
    (b"\xff\x0a", "a_jpeg_xl"),
    (b"\0\0\0\x0cjP  ", "a_jpeg_2000"),
    (b"<svg", "an_svg"),
    (b"<?xml", "an_xml"),
    (b"<!DOC", "a_web_page"),
    (b"<html", "a_web_page"),
    (b"\x00\x00\x01\x00", "an_icon"),
)


def kind_of(head: bytes) -> str | None:
    """ "jpeg", "png", "tiff", "webp", "avif", "heic", "bmp" or "raw" by the first HEAD_BYTES; None for anything else.

    Many camera RAW files begin like a TIFF; only what follows can tell.
    """
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    brands = _brands(head)
    if brands & _HEIC_BRANDS:
        return "heic"
    if brands & _AVIF_BRANDS:
        return "avif"
    if b"crx " in brands:
        return "raw"  # Canon, in boxes
    if head[:2] in (b"II", b"MM") and head[8:10] == b"CR" and head[2:4] in (b"*\0", b"\0*"):
        return "raw"  # Canon: a TIFF whose first picture is a preview
    if head[:2] == b"BM" and head[6:10] == b"\0\0\0\0":  # reserved bytes; many texts begin with the two letters
        return "bmp"
    return next((kind for signature, kind in _PHOTOS if head.startswith(signature)), None)


def stranger(head: bytes) -> Said:
    """What a file is instead of a photo, as a phrase for a person: "a PDF", "a text", "of no kind known here"."""
    if head[4:8] == b"ftyp":
        return Said("a_video")
    known = next((code for signature, code in _STRANGERS if head.lstrip().startswith(signature)), None)
    if known:
        return Said(known)
    return Said("a_text") if _is_text(head) else Said("unknown_kind")


def may_become_a_photo(head: bytes) -> bool:
    """Whether a file is so short, or so full of zeros, that its first bytes may still be to come."""
    return not any(head) or (len(head) < 12 and any(signature.startswith(head) for signature, _ in _PHOTOS))


def _brands(head: bytes) -> frozenset[bytes]:
    """The brands of an ISO base media file (ISO/IEC 14496-12, 4.3): major brand, then the compatible ones."""
    if head[4:8] != b"ftyp":
        return frozenset()
    end = min(int.from_bytes(head[:4], "big"), len(head))
    return frozenset(head[start : start + 4] for start in (8, *range(16, end, 4)))


def _is_text(head: bytes) -> bool:
    # A character of several bytes may be cut at the end of the head.
    letters = head.decode("utf-8", errors="ignore")
    return len(letters) >= len(head) // 2 and all(letter.isprintable() or letter.isspace() for letter in letters)
