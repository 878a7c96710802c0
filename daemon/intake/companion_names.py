"""Tells by names which files of `inbox/` belong to a photo beside them: sidecars, films of Live Photos, previews."""

from daemon.disk.names import name_key
from daemon.intake.strangers import is_called_a_photo
from daemon.pictures.known_formats import suffixes_of

RAW_SUFFIXES = frozenset(suffixes_of("raw"))
DEVELOPED_SUFFIXES = frozenset((*suffixes_of("jpeg"), *suffixes_of("heic")))
"""Lower-case endings of the two files that a camera writes of one picture: RAW, and JPEG or HEIF beside it."""
COMPANIONS = frozenset({
    ".xmp", ".aae", ".pp3", ".dop", ".vrd",  # what editors and phones say of a photo
    ".mov", ".mp4",  # the film of a Live Photo
    ".wav", ".thm",  # a spoken note, a preview of a film
})  # fmt: skip
"""Lower-case endings of names. Nothing that ends so is ever cut out."""


def is_called_a_companion(name: str) -> bool:
    """Whether a file's name ends like a companion's."""
    return suffix_of(name) in COMPANIONS


def suffix_of(path: str) -> str:
    """The ending of a name in lower case, with its dot."""
    return path[path.rfind(".") :].lower()


def stem_key(path: str) -> str:
    """What a photo and its companions have in common: their path without suffixes, however it is spelled.

    Some programs put their suffix behind the photo's: "a.jpg.xmp" belongs to "a.jpg" as "a.xmp" does.
    """
    return name_key(path[: len(path) - len(tail_of(path))])


def tail_of(path: str) -> str:
    """What follows the stem: ".xmp" of "a.xmp", ".jpg.xmp" of "a.jpg.xmp"; "" if there is no suffix."""
    stem, dot, suffix = path.rpartition(".")
    if not dot or "/" in suffix:
        return ""
    tail = f".{suffix}"
    return path[stem.rfind(".") :] if is_called_a_companion(tail) and is_called_a_photo(stem) else tail
