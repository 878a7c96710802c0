"""The presets of renditions: what shops ask for, read from `config/renditions.toml` and checked."""

from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from daemon.disk.shipped import shipped
from daemon.errors import BadSettings
from daemon.settings.explain import explain
from daemon.settings.rendition_values import Bytes, FormatName, RenditionValues
from daemon.settings.rendition_words import NAME_PATTERN, colour_of, ratio_of
from daemon.settings.section import Section
from daemon.settings.setting_places import line_of
from daemon.settings.settings_files import read_toml

MOST_PIXELS = 100_000

RenditionName = Annotated[str, Field(pattern=NAME_PATTERN, max_length=40)]


def _ratio(text: str) -> str:
    ratio_of(text)
    return text


def _colour(text: str) -> str:
    colour_of(text)
    return text


class RulesTable(Section):
    """What a shop holds a picture against; what is not set, it does not ask for.

    In pixels: least_longest, least_width, least_height, most_longest, most_pixels (width times height). The rest as in
    `ShopRules` of `renditions/wanted.py`, with colours and ratios as people write them.
    """

    least_longest: int = Field(0, ge=0, le=MOST_PIXELS)
    least_width: int = Field(0, ge=0, le=MOST_PIXELS)
    least_height: int = Field(0, ge=0, le=MOST_PIXELS)
    most_longest: int = Field(0, ge=0, le=MOST_PIXELS)
    most_pixels: int = Field(0, ge=0, le=MOST_PIXELS**2)
    ratio: Annotated[str, AfterValidator(_ratio)] | None = None
    least_share: float = Field(0.0, ge=0, le=1)
    most_share: float = Field(0.0, ge=0, le=1)
    exact_ground: Annotated[str, AfterValidator(_colour)] | None = None
    opaque: bool = False
    uncut: bool = False
    free_frame: bool = False
    formats: tuple[FormatName, ...] = ()
    most_bytes: Bytes = 0
    names: Literal["", "amazon", "gtin"] = ""


class Preset(RenditionValues):
    """A rendition as a shop wants it.

    title: what it is for. source: the pages that it was read on. checked: when. unsure: what of it is not certain, a
    sentence each.
    """

    title: str = Field(min_length=1, max_length=60)
    source: str = Field(min_length=1)
    checked: date
    unsure: tuple[str, ...] = ()
    rules: RulesTable = RulesTable()


@cache
def shipped_presets() -> Mapping[str, Preset]:
    """The presets of `config/renditions.toml`, by name."""
    return read_presets(shipped("config", "renditions.toml"))


def read_presets(path: Path) -> Mapping[str, Preset]:
    """The presets of a file, by name. Raises BadSettings, which names key, value, what is allowed, and the place."""
    content = read_toml(path)
    try:
        return TypeAdapter(dict[RenditionName, Preset]).validate_python(content)
    except ValidationError as error:
        raise BadSettings(explain(error, Preset, lambda keys: line_of(keys, path))) from error
