"""Reads what people write of a rendition: canvas, background, margins, bytes. Each error says what is allowed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from string import Formatter
from typing import Literal

GroundKind = Literal["colour", "gradient", "picture", "blurred", "original", "transparent"]

LEAST_SIDE, MOST_SIDE = 32, 10_000
"""Of a canvas, in pixels: the most is Amazon's limit, and the largest of any shop that we know."""
PICTURES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff")
"""Suffixes of the pictures that may be a background."""
NAME_PATTERN = r"^[a-z0-9]+(-[a-z0-9]+)*$"
"""What a rendition may be called: its name becomes a part of a file's name."""
TEMPLATE_FIELDS = ("stem", "order", "sku", "n", "grade", "variant")
VARIANT = "{variant}"
MOST_MARGIN = 0.45  # of the canvas, on one side; two of them still leave room for a subject

_SIZE = re.compile(r"(\d{1,6}) ?[x×] ?(\d{1,6})")
_RATIO = re.compile(r"(\d{1,5}(?:\.\d{1,4})?) ?: ?(\d{1,5}(?:\.\d{1,4})?)")
_COLOUR = re.compile(r"#(?:[0-9a-fA-F]{3}){1,2}")
_BYTES = re.compile(r"(\d{1,12}(?:\.\d{1,3})?) ?(B|kB|KB|MB)?")
_MARGIN = re.compile(r"(\d{1,6}(?:\.\d{1,4})?) ?(px|%)")
_TIMES = {None: 1, "B": 1, "kB": 1_000, "KB": 1_000, "MB": 1_000_000}
_GROUNDS: Mapping[str, GroundKind] = {
    "blurred": "blurred",
    "original": "original",
    "transparent": "transparent",
}
_GROUND = (
    'must be a colour like "#ffffff", two colours from top to bottom like ["#ffffff", "#cccccc"], "blurred", '
    '"original", "transparent", or a picture (.jpg, .png, .webp, .tif)'
)


@dataclass(frozen=True, slots=True)
class CanvasWords:
    """What a canvas is asked to be. ratio: width over height, None = free. longest: in pixels, None = not said."""

    ratio: float | None
    longest: int | None


@dataclass(frozen=True, slots=True)
class GroundWords:
    """What a background is asked to be. colours: one, or two of a gradient; 0..255. picture: a path as written."""

    kind: GroundKind
    colours: tuple[tuple[int, int, int], ...] = ()
    picture: str = ""


def canvas_words(text: str) -> CanvasWords:
    """ "2000x2000", "4:5" or "free". Raises ValueError."""
    if text == "free":
        return CanvasWords(None, None)
    if found := _SIZE.fullmatch(text):
        width, height = int(found[1]), int(found[2])
        if not LEAST_SIDE <= min(width, height) <= max(width, height) <= MOST_SIDE:
            raise ValueError(f"each side must have from {LEAST_SIDE} to {MOST_SIDE} pixels")
        return CanvasWords(width / height, max(width, height))
    if _RATIO.fullmatch(text):
        return CanvasWords(ratio_of(text), None)
    raise ValueError('must be pixels like "2000x2000", a ratio like "4:5", or "free"')


def ratio_of(text: str) -> float:
    """Width over height, of "4:5". Raises ValueError."""
    found = _RATIO.fullmatch(text)
    width, height = (float(found[1]), float(found[2])) if found else (0.0, 0.0)
    if not (width and height and 0.1 <= width / height <= 10):
        raise ValueError('must be a ratio like "4:5", from "1:10" to "10:1"')
    return width / height


def colour_of(text: str) -> tuple[int, int, int]:
    """Red, green and blue, 0..255, of "#ffffff" or "#fff". Raises ValueError."""
    if not _COLOUR.fullmatch(text):
        raise ValueError("must be a colour like #ffffff")
    digits = text[1:] if len(text) == 7 else "".join(digit * 2 for digit in text[1:])
    red, green, blue = bytes.fromhex(digits)
    return red, green, blue


def ground_words(value: str | Sequence[str]) -> GroundWords:
    """A colour, two colours, a word, or the path of a picture. Raises ValueError."""
    if not isinstance(value, str):
        if len(value) != 2 or not all(isinstance(each, str) and _COLOUR.fullmatch(each) for each in value):
            raise ValueError(_GROUND)
        return GroundWords("gradient", tuple(colour_of(each) for each in value))
    if value in _GROUNDS:
        return GroundWords(_GROUNDS[value])
    if _COLOUR.fullmatch(value):
        return GroundWords("colour", (colour_of(value),))
    if PurePath(value).suffix.lower() in PICTURES and "\0" not in value and not value.startswith("#"):
        return GroundWords("picture", picture=value)
    raise ValueError(_GROUND)


def bytes_of(value: object) -> int:
    """A number of bytes, of 5000000, "5MB" or "800kB"; MB = 10^6, which no shop can mean less by. Raises ValueError."""
    found = _BYTES.fullmatch(str(value)) if isinstance(value, int | str) and not isinstance(value, bool) else None
    if not found:
        raise ValueError('must be a number of bytes, such as 5000000, "5MB" or "800kB"')
    return round(float(found[1]) * _TIMES[found[2]])


def margins_of(value: object) -> tuple[float | str, ...]:
    """Of one margin or of four, for top, right, bottom and left: shares of the canvas, or pixels as "64px".

    Raises ValueError.
    """
    if not isinstance(value, list | tuple):
        value = (value,) * 4
    if len(value) != 4:
        raise ValueError("must be one margin, or four: top, right, bottom, left")
    return tuple(_margin(each) for each in value)


def margin_share(margin: float | str, side: int) -> float:
    """A margin as a share of a canvas's side of so many pixels."""
    return int(margin.removesuffix("px")) / side if isinstance(margin, str) else margin


def _margin(value: object) -> float | str:
    if isinstance(value, str) and (found := _MARGIN.fullmatch(value)):
        if found[2] == "px":
            return f"{round(float(found[1]))}px"
        value = float(found[1]) / 100
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= MOST_MARGIN:
        return float(value)
    raise ValueError(f'a margin must be a share from 0 to {MOST_MARGIN}, such as 0.05 or "5%", or pixels like "64px"')


def rendition_label(name: str, variant: str) -> str:
    """What a picture beside a result is called after, and how people are told of it. variant: "" = there is none."""
    return f"{name}-{variant}" if variant else name


def template_of(text: str) -> str:
    """A name's template, checked. Raises ValueError."""
    known = ", ".join(f"{{{name}}}" for name in TEMPLATE_FIELDS)
    try:
        parts = list(Formatter().parse(text))
    except ValueError as error:
        raise ValueError(f"its brackets do not fit together: {error}") from error
    named = [(name, form) for _, name, form, _ in parts if name is not None]
    if any(changed for *_, changed in parts) or {name for name, _ in named} - set(TEMPLATE_FIELDS):
        raise ValueError(f"may hold {known}, and nothing else in brackets")
    if any(form and not (name == "n" and re.fullmatch(r"0[1-9]", form)) for name, form in named):
        raise ValueError("only {n} can be filled with zeros, such as {n:02} for 01, 02, 03")
    if not {"stem", "sku"} & {name for name, _ in named}:
        raise ValueError("must hold {stem} or {sku}, or all pictures would get one name")
    plain = "".join(literal for literal, *_ in parts)
    if "/" in plain or "\\" in plain or text.startswith(".") or not plain.isprintable():
        raise ValueError("must be a name: no slashes, no dot at its beginning")
    return text


def with_variant(template: str, variant: str) -> str:
    """A template in which the name of a variant is filled in."""
    parts = []
    for literal, field, form, _ in Formatter().parse(template):
        parts.append(literal.replace("{", "{{").replace("}", "}}"))
        if field is not None:
            parts.append(variant if field == "variant" else f"{{{field}{f':{form}' if form else ''}}}")
    return "".join(parts)


def names_variant(template: str) -> bool:
    """Whether a template holds {variant}."""
    return any(field == "variant" for _, field, *_ in Formatter().parse(template))


def folder_of(text: str) -> str:
    """A folder below the export, checked. Raises ValueError."""
    parts = text.split("/")
    if text and ("\\" in text or not text.isprintable() or any(part.strip() in ("", ".", "..") for part in parts)):
        raise ValueError('must be a folder below the export, such as "amazon" or "shops/amazon"')
    return text
