"""Makes names for photos that programs send: what a sender calls a photo or an order is not trusted."""

import re
import unicodedata

from daemon.disk.names import clean_name, split_suffix
from daemon.hotfolder.ignored_names import is_ignored_file, is_ignored_folder
from daemon.pictures.known_formats import SUFFIXES, suffixes_of
from daemon.pictures.signatures import kind_of

NAME_BYTES = 200  # so that page suffixes, counters and ".json" fit behind it
UNNAMED = "photo"

_SEPARATORS = re.compile(r"[/\\]")
_CAMERAS = suffixes_of("raw")


def name_of_photo(sent: str, head: bytes) -> str:
    """The name of a photo, without folders. sent: what its sender calls it; "" = nothing. head: its first bytes.

    The suffix tells the content: what the sender's says is kept if it fits. At most 200 bytes.
    """
    stem, suffix = split_suffix(_clean(sent))
    kind = kind_of(head)
    fitting = suffixes_of(kind) if kind else ()
    if kind == "tiff":
        fitting = (*fitting, *_CAMERAS)  # only what follows can tell them apart
    if suffix.lower() not in fitting:
        if suffix and suffix.lower() not in SUFFIXES:
            stem += suffix  # e.g. "shoe.v2" is a name with a dot
        suffix = fitting[0] if fitting else ""
    name = _cut(stem or UNNAMED, NAME_BYTES - len(suffix.encode())) + suffix
    shorter = _cut(name, NAME_BYTES - 2)
    return next(each for each in (name, f"_{shorter}", f"_{shorter}_") if not is_ignored_file(each))


def name_of_order(sent: str) -> str:
    """The name of the folder below `inbox/` that a photo belongs to; "" = none. At most 200 bytes."""
    name = _cut(_clean(sent), NAME_BYTES)
    return f"_{_cut(name, NAME_BYTES - 1)}" if name and is_ignored_folder(name) else name


def _clean(sent: str) -> str:
    last = _SEPARATORS.split(unicodedata.normalize("NFC", sent.replace("\0", "")))[-1].strip().lstrip(". ")
    return clean_name(last) if last else ""


def _cut(name: str, most_bytes: int) -> str:
    return name.encode()[:most_bytes].decode(errors="ignore").rstrip(". ")
