"""Makes renditions of what presets, settings and orders say."""

from pathlib import Path

from daemon.jobs import Grade
from daemon.renditions.wanted import WHITE, Canvas, Encoding, Ground, Placing, Rendition, Shadow, ShopRules
from daemon.settings import Settings
from daemon.settings.rendition_conflicts import canvas_asked, size_of
from daemon.settings.rendition_presets import RulesTable
from daemon.settings.rendition_section import RenditionSettings
from daemon.settings.rendition_values import RenditionValues
from daemon.settings.rendition_words import colour_of, ground_words, margin_share, ratio_of


def renditions_of(settings: Settings) -> tuple[Rendition, ...]:
    """What settings, or settings with orders, want made of each result, by name."""
    return tuple(each for name, own in sorted(settings.renditions.items()) for each in variants_of(name, own))


def rendition_of(preset: str) -> Rendition:
    """What a preset makes as it is. Raises ValueError (pydantic's) if there is no such preset."""
    (rendition,) = variants_of(preset, RenditionSettings(preset=preset))
    return rendition


def variants_of(name: str, own: RenditionSettings) -> tuple[Rendition, ...]:
    """What a section of that name asks for: one rendition, or one for each of its backgrounds, in their order."""
    return tuple(_variant(name, own, variant, values) for variant, values in own.variants.items())


def _variant(name: str, own: RenditionSettings, variant: str, whole: RenditionValues) -> Rendition:
    canvas = canvas_asked(whole)
    return Rendition(
        name=name,
        preset=own.preset,
        canvas=Canvas(canvas.ratio, canvas.longest or whole.longest, whole.grows),
        placing=_placing(whole),
        ground=_ground(whole),
        shadow=Shadow(whole.shadow, whole.shadow_strength),
        encoding=Encoding(
            whole.format, whole.quality, whole.least_quality, whole.most_bytes, whole.colours, whole.sharpen
        ),
        rules=_rules(own.rules) if own.preset else _own_rules(whole),
        grades=tuple(Grade(grade) for grade in whole.grades),
        template=whole.template,
        folder=whole.folder if "folder" in own.whole.model_fields_set else name,
        pictures=whole.pictures,
        variant=variant,
    )


def _placing(whole: RenditionValues) -> Placing:
    width, height = size_of(canvas_asked(whole)) or (1, 1)  # margins in pixels have a canvas of a size
    top, right, bottom, left = (
        margin_share(margin, side) for margin, side in zip(whole.margins, (height, width) * 2, strict=True)
    )
    return Placing(whole.fill, whole.fill_by, whole.at, whole.line, (top, right, bottom, left), whole.enlarge)


def _ground(whole: RenditionValues) -> Ground:
    words = ground_words(whole.background)
    first, last = (*words.colours[:1], *words.colours[-1:]) or (WHITE, WHITE)
    picture = Path(words.picture).expanduser().absolute() if words.picture else None
    return Ground(words.kind, first, last, picture, whole.blur)


def _rules(table: RulesTable) -> ShopRules:
    values = dict(table)
    values["ratio"] = ratio_of(table.ratio) if table.ratio else None
    values["exact_ground"] = colour_of(table.exact_ground) if table.exact_ground else None
    return ShopRules(**values)


def _own_rules(whole: RenditionValues) -> ShopRules:
    """No shop asks for anything: the finished file must be what was asked for."""
    words = ground_words(whole.background)
    return ShopRules(
        ratio=canvas_asked(whole).ratio,
        exact_ground=words.colours[0] if words.kind == "colour" else None,
        opaque=words.kind != "transparent",
        formats=(whole.format,),
        most_bytes=whole.most_bytes,
    )
