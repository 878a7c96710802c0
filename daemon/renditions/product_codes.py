"""Tells whether a text is a GTIN, an ASIN or a file name that Amazon takes; a wrong one is never put right."""

import re
from collections.abc import Callable, Mapping

from daemon.errors import Said

_GTIN_LENGTHS = (8, 12, 13, 14)  # EAN-8, UPC-A, EAN-13, and the number of a trade unit (GS1 General Specifications)
_DIGITS = re.compile(r"[0-9]+")
_ROUNDED = re.compile(r"[0-9](?:[.,][0-9]+)?[eE]\+[0-9]{2}")  # 6.29E+12
_FIGURE = re.compile(r"[0-9]+[.,]0+")  # 4006381333931.0

_ASIN = re.compile(r"B0[0-9A-Z]{8}")
_ISBN_10 = re.compile(r"[0-9]{9}[0-9X]")  # Amazon's identifier of a book
_VARIANT = re.compile(
    r"MAIN|SWCH|PT(?!00)[0-9]{2}|IN(?!00)[0-9]{2}|PS(?!00)[0-9]{2}"
    r"|TOPP|BOTT|LEFT|RGHT|FRNT|BACK|SIDE|PAIR|FACT|EEGL|INGR|DTLS"
)
_AMAZON_SUFFIXES = frozenset({"jpg", "jpeg", "png", "tif", "tiff"})  # of what we write; GIF, too, is taken there
_PLAIN = re.compile(r"[0-9A-Za-z.]+")

Fault = Said | None
"""What is wrong, in words; None = nothing."""


def check_digit(digits: str) -> int:
    """The digit that ends a GTIN. digits: all before it, 0 to 9. (GS1 General Specifications, 7.9.1)"""
    return -sum(int(digit) * (3, 1)[place % 2] for place, digit in enumerate(reversed(digits))) % 10


def is_by_a_spreadsheet(text: str) -> bool:
    """Whether a text is what a spreadsheet makes of a long number: 6.29E+12, whose digits are lost."""
    return bool(_ROUNDED.fullmatch(text))


def gtin_fault(text: str) -> Fault:
    """What keeps a text from being a GTIN of 8, 12, 13 or 14 digits."""
    if is_by_a_spreadsheet(text) or _FIGURE.fullmatch(text):
        return Said("gtin_from_spreadsheet", code=text)
    if not _DIGITS.fullmatch(text):
        return Said("gtin_not_digits", code=text)
    if len(text) not in _GTIN_LENGTHS:
        return Said("gtin_length", code=text, n=len(text))
    if int(text) == 0:
        return Said("gtin_only_zeros", code=text)
    right = check_digit(text[:-1])
    return None if right == int(text[-1]) else Said("gtin_check_digit", code=text, found=text[-1], right=right)


def asin_fault(text: str) -> Fault:
    """What keeps a text from being an ASIN, which is an ISBN-10 for a book."""
    if len(text) != 10:
        return Said("asin_length", code=text, n=len(text))
    if _ASIN.fullmatch(text):
        return None
    if not _ISBN_10.fullmatch(text):
        return Said("asin_letters", code=text)
    value = sum((10 if digit == "X" else int(digit)) * (10 - place) for place, digit in enumerate(text))
    return None if value % 11 == 0 else Said("isbn_check_digit", code=text)  # ISO 2108:2005, annex C


def amazon_name_fault(name: str) -> Fault:
    """What keeps a file name from being one of Amazon's: IDENTIFIER.jpg or IDENTIFIER.VARIANT.jpg.

    The identifier is an ASIN, or, as older pages of Amazon say, a GTIN. Without a variant it is the main picture.
    """
    if not _PLAIN.fullmatch(name):
        odd = next((letter for letter in name if not _PLAIN.fullmatch(letter)), "")
        return Said("amazon_name_letters", name=name, letter=odd)
    identifier, *between, suffix = name.split(".")
    if not identifier or len(between) > 1 or suffix.lower() not in _AMAZON_SUFFIXES:
        return Said("amazon_name_parts", name=name)
    if between and not _VARIANT.fullmatch(between[0]):
        return Said("amazon_name_variant", name=name, variant=between[0])
    return gtin_fault(identifier) if _is_meant_as_gtin(identifier) else asin_fault(identifier)


def gtin_name_fault(name: str) -> Fault:
    """What keeps a file name from beginning with a GTIN: GTIN.jpg, or GTIN, "_" or "-" and anything else."""
    return gtin_fault(re.split(r"[_\-.]", name, maxsplit=1)[0])


def _is_meant_as_gtin(identifier: str) -> bool:
    return len(identifier) in _GTIN_LENGTHS and bool(_DIGITS.fullmatch(identifier))


NAME_FAULTS: Mapping[str, Callable[[str], Fault]] = {"amazon": amazon_name_fault, "gtin": gtin_name_fault}
"""How a file name is held against `ShopRules.names`."""
