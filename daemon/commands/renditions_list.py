"""`freisteller renditions list`: the renditions of the settings and the presets, a line each."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import gcd
from typing import Any

from rich.text import Text

from daemon.renditions.named_renditions import variants_of
from daemon.renditions.wanted import Ground, Rendition
from daemon.settings import Settings
from daemon.settings.rendition_conflicts import canvas_asked, size_of
from daemon.settings.rendition_presets import Preset, shipped_presets
from daemon.settings.rendition_section import RenditionSettings
from daemon.settings.rendition_values import RenditionValues

_HEADS = ("name", "pixels", "ratio", "ground", "share", "file", "bytes", "checked")
_AT_THE_RIGHT = {"share", "bytes"}
_MOST_LETTERS = 15  # of a name with its mark, so that a line fits 80 columns
_MOST_SMALL_RATIO = 20  # 16:9 is read as it is, 300:157 is not


@dataclass(frozen=True, slots=True)
class RenditionRow:
    """One rendition as a person asks about it.

    preset: the one that it is or begins with. own: of the settings. variants: one, or one for each of its backgrounds.
    """

    name: str
    own: bool
    section: RenditionSettings
    variants: tuple[Rendition, ...]
    preset: Preset | None

    @property
    def rendition(self) -> Rendition:
        """The only one, or the first of several that differ in nothing but their background."""
        return self.variants[0]

    @property
    def values(self) -> RenditionValues:
        """All its values, as settings write them."""
        return self.section.whole

    @property
    def size(self) -> tuple[int, int] | None:
        """Width and height in pixels at most; None if the subject gives its shape."""
        return size_of(canvas_asked(self.values))

    def in_json(self) -> dict[str, Any]:
        """For JSON."""
        width, height = self.size or (None, None)
        preset = self.preset
        return {
            "name": self.name,
            "own": self.own,
            "preset": self.section.preset,
            "title": preset.title if preset else "",
            "width": width,
            "height": height,
            "longest": self.rendition.canvas.longest,
            "ratio": self.rendition.canvas.ratio,
            "grows": self.rendition.canvas.grows,
            "background": self.values.background,
            "backgrounds": self.section.backgrounds,
            "fill": self.values.fill,
            "fill_by": self.values.fill_by,
            "format": self.values.format,
            "most_bytes": self.values.most_bytes,
            "checked": preset.checked.isoformat() if preset else None,
            "unsure": bool(preset and preset.unsure),
        }


def list_renditions(settings: Settings) -> list[RenditionRow]:
    """Those of the settings first, then the presets; both by name as they stand there."""
    own = [_row(name, section, own=True) for name, section in settings.renditions.items()]
    return own + [_row(name, RenditionSettings(preset=name), own=False) for name in shipped_presets()]


def rows_by_name(settings: Settings) -> Mapping[str, RenditionRow]:
    """The rendition that a name means: one of the settings, else a preset."""
    return {row.name: row for row in reversed(list_renditions(settings))}


def _row(name: str, section: RenditionSettings, *, own: bool) -> RenditionRow:
    return RenditionRow(name, own, section, variants_of(name, section), shipped_presets().get(section.preset))


def list_lines(rows: Sequence[RenditionRow]) -> Iterator[Text]:
    """The rows for a terminal of 80 columns; * marks those of the settings, ? what is not certain."""
    cells = [_cells(row) for row in rows]
    widths = [max(len(each[at]) for each in (_HEADS, *cells)) for at in range(len(_HEADS))]
    yield _line(_HEADS, widths, "bold")
    for row, each in zip(rows, cells, strict=True):
        yield _line(each, widths, "green" if row.own else "")


def _cells(row: RenditionRow) -> tuple[str, ...]:
    most, preset = row.values.most_bytes, row.preset
    return (
        _shortened(row.name, "*" if row.own else ""),
        pixels_of(row),
        ratio_in_words(row.size),
        f"{len(row.variants)} grounds" if len(row.variants) > 1 else ground_in_a_word(row.rendition.ground),
        f"{row.values.fill:.0%}",
        row.values.format,
        bytes_in_words(most).replace(" ", "") if most else "",
        f"{preset.checked}{'?' if preset.unsure else ''}" if preset else "",
    )


def _shortened(name: str, mark: str) -> str:
    room = _MOST_LETTERS - len(mark)
    return (name if len(name) <= room else f"{name[: room - 1]}…") + mark


def _line(cells: Sequence[str], widths: Sequence[int], style: str) -> Text:
    columns = zip(_HEADS, cells, widths, strict=True)
    fitted = (f"{cell:>{width}}" if head in _AT_THE_RIGHT else f"{cell:<{width}}" for head, cell, width in columns)
    return Text("  ".join(fitted).rstrip(), style=style)


def pixels_of(row: RenditionRow) -> str:
    """Its size, such as "2000x2000", or "≤2000" for the longest side of a free shape."""
    size = row.size
    return f"{size[0]}x{size[1]}" if size else f"≤{row.rendition.canvas.longest}"


def ratio_in_words(size: tuple[int, int] | None) -> str:
    """Such as "4:5", "1.91:1" or "1:1.44"; "free"."""
    if size is None:
        return "free"
    width, height = size
    small = (width // gcd(width, height), height // gcd(width, height))
    if max(small) <= _MOST_SMALL_RATIO:
        return f"{small[0]}:{small[1]}"
    return f"{width / height:.2f}:1" if width > height else f"1:{height / width:.2f}"


def ground_in_a_word(ground: Ground) -> str:
    """Such as "white", "#f0f0f0" or "blurred"."""
    if ground.kind == "colour":
        return "white" if ground.colour == (255, 255, 255) else f"#{bytes(ground.colour).hex()}"
    return "transp." if ground.kind == "transparent" else ground.kind


def bytes_in_words(count: int) -> str:
    """Such as "12 MB" or "200 kB"; MB = 10^6."""
    for unit, size in (("GB", 1e9), ("MB", 1e6)):
        if count >= size:
            return f"{count / size:.3g} {unit}"
    return f"{count / 1e3:.3g} kB"
