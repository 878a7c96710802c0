"""Tells the kind of a file by its first bytes, never by its name."""

from daemon.errors import Said
from daemon.pictures.known_formats import BEGINNINGS, FORMATS, OTHER_KINDS

HEAD_BYTES = 64


def kind_of(head: bytes) -> str | None:
    """The kind of a format of `FORMATS`, as "jpeg", by the first HEAD_BYTES; None for anything else.

    Many camera RAW files begin like a TIFF; only what follows can tell.
    """
    return next((each.kind for each in FORMATS if each.fits(head)), None)


def stranger(head: bytes) -> Said:
    """What a file is instead of a photo, as a phrase for a person: "a PDF", "a text", "of no kind known here"."""
    known = next((each.code for each in OTHER_KINDS if each.begins.match(head)), None)
    if known:
        return Said(known)
    return Said("a_text") if _is_text(head) else Said("unknown_kind")


def may_become_a_photo(head: bytes) -> bool:
    """Whether a file is so short, or so full of zeros, that its first bytes may still be to come."""
    return not any(head) or (len(head) < 12 and any(beginning.startswith(head) for beginning in BEGINNINGS))


def _is_text(head: bytes) -> bool:
    # A character of several bytes may be cut at the end of the head.
    letters = head.decode("utf-8", errors="ignore")
    return len(letters) >= len(head) // 2 and all(letter.isprintable() or letter.isspace() for letter in letters)
