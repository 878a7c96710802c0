"""Understands the parameters of remove.bg: which layout a request asks for, and what of it cannot be done."""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeVar

from daemon.pictures.laid_out import ALL, Layout, Length, OutputKind
from daemon.web.problems import Refused
from daemon.web.removebg.named_colours import NAMED_COLOURS

SOURCES = ("image_file", "image_url", "image_file_b64")
GROUNDS = ("bg_image_file", "bg_image_url")

_MEGAPIXELS = {
    "preview": 0.25, "small": 0.25, "regular": 0.25, "medium": 1.5, "hd": 4.0, "full": 25.0, "4k": 25.0, "50mp": 50.0,
    "auto": math.inf,
}  # fmt: skip
_KINDS: Mapping[str, OutputKind] = {
    "auto": "auto", "png": "png", "jpg": "jpg", "jpeg": "jpg", "webp": "webp", "zip": "zip",
}  # fmt: skip
_TYPES = frozenset({
    "auto", "person", "product", "animal", "car", "car_interior", "car_part", "transportation", "graphics", "other",
})  # fmt: skip
_LEVELS = frozenset({"none", "1", "2", "latest"})
_CHANNELS = {"rgba": False, "alpha": True}
_TRUTHS = {"true": True, "false": False}
CHOICES: Mapping[str, tuple[str, ...]] = {
    "size": tuple(_MEGAPIXELS),
    "type": tuple(sorted(_TYPES)),
    "type_level": tuple(sorted(_LEVELS)),
    "format": tuple(_KINDS),
    "channels": tuple(_CHANNELS),
    "crop": tuple(_TRUTHS),
}
"""The fields that take one of some words, in any case of letters."""
_LENGTH = re.compile(r"(-?\d{1,6}(?:\.\d{1,6})?)\s*(%|px)?")
T = TypeVar("T")

_NAME = re.compile(r"[a-z0-9_.-]{1,40}")  # it goes into a header
_MOST_NAMES = 20
_HEX = re.compile(r"#?([0-9a-f]{3,4}|[0-9a-f]{6}|[0-9a-f]{8})")


@dataclass(frozen=True, slots=True)
class AskedLayout:
    """layout: what is asked for; its roi may still be in pixels of the photo. kind_of_photo: "" = say nothing of it.

    ignored: the parameters that change nothing here.
    """

    layout: Layout
    kind_of_photo: str
    ignored: tuple[str, ...]


def asked_layout(fields: Mapping[str, str]) -> AskedLayout:
    """What the fields of a request ask for. Raises Refused (400) that names the parameter."""
    values = {name: value.strip().lower() for name, value in fields.items() if value.strip()}
    known = _Reader(values)
    ground = known.read("bg_color", None, _colour)
    if ground is not None and any(name in values for name in GROUNDS):
        raise bad_parameter("bg_color and a background image exclude each other")
    crop = known.choice("crop", "false", _TRUTHS)
    scale = known.read("scale", None, _scale)
    position = known.read("position", None, _position)
    layout = Layout(
        kind=known.choice("format", "auto", _KINDS),
        alpha_only=known.choice("channels", "rgba", _CHANNELS),
        most_megapixels=known.choice("size", "preview", _MEGAPIXELS),
        roi=known.read("roi", ALL, _four),
        crop=crop,
        margin=known.read("crop_margin", (Length(0.0),) * 4, _margin),
        scale=scale,
        position=None if scale is not None and position is None else position,
        ground=ground,
    )
    kind_of_photo = known.choice("type", "auto", {name: name for name in _TYPES})
    level = known.choice("type_level", "1", {name: name for name in _LEVELS})
    without_effect = {"scale", "position"} & values.keys() if crop else {"crop_margin"} & values.keys()
    ignored = (values.keys() - known.names - {*SOURCES, *GROUNDS}) | without_effect | ({"type"} & values.keys())
    told = "" if level == "none" else "other" if kind_of_photo == "auto" else kind_of_photo
    return AskedLayout(layout, told, tuple(sorted(filter(_NAME.fullmatch, ignored))[:_MOST_NAMES]))


def bad_parameter(detail: str) -> Refused:
    """The answer to a parameter that cannot be used."""
    return Refused(HTTPStatus.BAD_REQUEST, "invalid_parameter", detail)


class _Reader:
    """Reads values by name. names: those that were asked for so far."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self.names: set[str] = set()

    def choice(self, name: str, default: str, allowed: Mapping[str, T]) -> T:
        self.names.add(name)
        value = self._values.get(name, default)
        if value not in allowed:
            raise bad_parameter(f"{name} must be one of {', '.join(sorted(allowed))}, not {value[:80]!r}")
        return allowed[value]

    def read(self, name: str, default: T, parse: Callable[[str], T]) -> T:
        self.names.add(name)
        value = self._values.get(name)
        if value is None:
            return default
        try:
            return parse(value)
        except ValueError as error:
            raise bad_parameter(f"{name} cannot be {value[:80]!r}: {error}") from error


def _lengths(value: str) -> list[Length]:
    words = re.sub(r"(?<=\d)\s+(?=px|%)", "", value.replace(",", " ")).split()
    found = [_LENGTH.fullmatch(word) for word in words]
    if not found or not all(found):
        raise ValueError('lengths are written like "10%" or "30px"')
    return [Length(float(one[1]) / 100, True) if one[2] == "%" else Length(float(one[1])) for one in found if one]


def _four(value: str) -> tuple[Length, Length, Length, Length]:
    lengths = _lengths(value)
    if len(lengths) != 4:
        raise ValueError("four lengths are needed: left, top, right, bottom")
    return lengths[0], lengths[1], lengths[2], lengths[3]


def _margin(value: str) -> tuple[Length, Length, Length, Length]:
    """Top, right, bottom, left."""
    lengths = _lengths(value)
    if len(lengths) not in (1, 2, 4) or any(length.value < 0 for length in lengths):
        raise ValueError("one, two or four lengths are needed, none below 0")
    top, right, bottom, left = (lengths * 4)[:4]
    return top, right, bottom, left


def _scale(value: str) -> float | None:
    if value == "original":
        return None
    (length,) = _lengths(value)[:1]
    if not length.is_share or not 0.1 <= length.value <= 1:
        raise ValueError('it goes from "10%" to "100%", or is "original"')
    return length.value


def _position(value: str) -> tuple[float, float] | None:
    if value == "original":
        return None
    if value == "center":
        return 0.5, 0.5
    lengths = _lengths(value)
    if len(lengths) > 2 or not all(length.is_share and 0 <= length.value <= 1 for length in lengths):
        raise ValueError('one or two shares are needed, e.g. "20% 80%", or "center", or "original"')
    return lengths[0].value, lengths[-1].value


def _colour(value: str) -> tuple[int, int, int, int] | None:
    found = _HEX.fullmatch(NAMED_COLOURS.get(value, value))
    if not found:
        raise ValueError("it is neither the name of a colour nor 3, 4, 6 or 8 hex digits")
    digits = found[1] if len(found[1]) > 4 else "".join(2 * digit for digit in found[1])
    red, green, blue, *alpha = bytes.fromhex(digits)
    return red, green, blue, alpha[0] if alpha else 255
