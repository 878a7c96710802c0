"""Names the files of an export by templates such as "{sku}.PT{n:02}", each name once."""

import re
import unicodedata
from collections.abc import Mapping
from string import Formatter

from daemon.disk.names import NAME_BYTES, clean_name, shorten
from daemon.errors import Said
from daemon.renditions.encoded_rendition import SUFFIXES
from daemon.renditions.wanted import Rendition

_FOLDED = str.maketrans({
    "ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "Ae",
    "ø": "oe", "Ø": "Oe", "å": "aa", "Å": "Aa", "œ": "oe", "Œ": "Oe", "đ": "d", "Đ": "D", "ł": "l", "Ł": "L",
})  # fmt: skip


class NoName(ValueError):
    """A template cannot be filled for this photo; the reason is a Said. The picture is left out, and that is told."""


def export_name(rendition: Rendition, values: Mapping[str, str | int], ascii_only: bool = False) -> str:
    """The place of a picture below its export: folder and name, with suffix.

    values: of stem, order, sku, n and grade, as far as they are known. ascii_only: for names that become part of an
    address: ä becomes ae. A value never leads into another folder: a slash in it becomes "_". Raises NoName.
    """
    stem = filled_template(rendition.template, values)
    if ascii_only:
        stem = ascii_folded(stem)
    name = clean_name(shorten(stem.replace("/", "_").replace("\\", "_"), SUFFIXES[rendition.encoding.format]))
    return f"{rendition.folder}/{name}" if rendition.folder else name


def filled_template(template: str, values: Mapping[str, str | int]) -> str:
    """A template with values. Raises NoName if one is not known, or the name would be too long or empty."""
    name = ""
    for literal, field, form, _ in Formatter().parse(template):
        name += literal
        if field is None:
            continue
        value = values.get(field)
        if value is None or value == "":
            raise NoName(Said("name_value_unknown", template=template, field=field))
        name += format(value, form or "") if isinstance(value, int) else str(value)
    if not name.strip(". "):
        raise NoName(Said("name_empty", template=template))
    if len(name.encode()) > NAME_BYTES - max(map(len, SUFFIXES.values())):
        raise NoName(Said("name_too_long", template=template))
    return name


def ascii_folded(text: str) -> str:
    """A text in ASCII: ä as ae, é as e; what has no such letter as "_"."""
    plain = unicodedata.normalize("NFC", text).translate(_FOLDED)
    plain = "".join(letter for letter in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(letter))
    return re.sub(r"[^\x20-\x7e]", "_", plain)
