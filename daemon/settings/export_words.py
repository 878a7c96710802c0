"""Reads what people write of an export: patterns of names, the list of products, addresses."""

import re
from pathlib import PurePath
from string import Formatter
from urllib.parse import SplitResult, urlsplit

from daemon.errors import Said

PATTERN_FIELDS = ("sku", "title", "position", "any")
LISTS = (".csv", ".tsv")
"""Suffixes of a list of products. In inbox/ such a file is neither a photo nor in the way."""
_ADDRESS = re.compile(r"https?://[!-~]+")  # printable ASCII: shops take no other address


def pattern_of(text: str) -> str:
    """A pattern for the names of photos, checked: {sku}, {title}, {position}, {any} and other letters; "" = none.

    Raises ValueError with a Said.
    """
    if not text:
        return text
    try:
        parts = list(Formatter().parse(text))
    except ValueError as error:
        raise ValueError(Said("pattern_brackets", pattern=text, detail=error)) from error
    names = [name for _, name, _, _ in parts if name is not None]
    if set(names) - set(PATTERN_FIELDS) or any(form or changed for _, _, form, changed in parts):
        raise ValueError(Said("pattern_field", pattern=text))
    if names.count("sku") != 1:
        raise ValueError(Said("pattern_without_sku", pattern=text))
    if any(names.count(name) > 1 for name in ("title", "position")):
        raise ValueError(Said("pattern_twice", pattern=text))
    fields = [bool(literal) for literal, name, _, _ in parts if name is not None]
    if not all(fields[1:]):
        raise ValueError(Said("pattern_side_by_side", pattern=text))
    return text


def list_name_of(text: str) -> str:
    """The name of a list of products beside the photos, checked. Raises ValueError."""
    if "/" in text or "\\" in text or not text.isprintable() or PurePath(text).suffix.lower() not in LISTS:
        raise ValueError('must be the name of a file in the folder of the photos, such as "products.csv"')
    return text


def base_url_of(text: str) -> str:
    """The address of the exported pictures, checked; {order} in it stands for the order. Raises ValueError."""
    if not text:
        return text
    if not _ADDRESS.fullmatch(text) or "{" in text.replace("{order}", "") or not _is_plain(urlsplit(text)):
        raise ValueError('must be an address like "https://pictures.example/{order}", in ASCII and without ? or #')
    return text


def _is_plain(parts: SplitResult) -> bool:
    """Whether an address has a host, and neither a password nor anything behind its path."""
    return bool(parts.hostname) and not (parts.username or parts.query or parts.fragment)
