"""`freisteller renditions show NAME`: all that one rendition is, and all that its shop asks for, in words."""

import textwrap
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from daemon.commands.renditions_list import RenditionRow, bytes_in_words, pixels_of, ratio_in_words, rows_by_name
from daemon.errors import BadSettings
from daemon.renditions.wanted import ALL_GRADES, Ground, ShopRules
from daemon.settings import Settings, suggestion

_PLACES = {"centre": "in the middle", "optical": "between the middle of its box and its centre of gravity"}
_SHADOWS = {
    "none": "none",
    "contact": "where the subject stands",
    "drop": "soft, behind the subject",
    "reflection": "as on glass",
}
_OF_A_PRODUCT = {
    "all": "",
    "first": ", of the first picture of a product",
    "further": ", of all pictures of a product but the first",
}
_MOST_WIDTH = 100  # longer lines are hard to read


def find_rendition(settings: Settings, name: str) -> RenditionRow:
    """The rendition of the settings, else the preset. Raises BadSettings, with the name that was meant."""
    rows = rows_by_name(settings)
    if name not in rows:
        raise BadSettings(f"There is no rendition or preset {name}{suggestion(name, rows)}")
    return rows[name]


def values_of(row: RenditionRow) -> dict[str, Any]:
    """For JSON: every value as settings write it, and every rule."""
    preset = row.preset
    return {
        "name": row.name,
        "own": row.own,
        "preset": row.section.preset,
        "title": preset.title if preset else "",
        "values": row.values.model_dump(mode="json"),
        "backgrounds": row.section.backgrounds,
        "rules": row.section.rules.model_dump(mode="json"),
        "source": preset.source if preset else "",
        "checked": preset.checked.isoformat() if preset else None,
        "unsure": list(preset.unsure) if preset else [],
    }


def show_lines(row: RenditionRow, width: int) -> Iterator[str]:
    """The whole of it for a terminal of `width` columns."""
    width = min(width, _MOST_WIDTH)
    preset = row.preset
    yield f"{row.name}: {preset.title}" if preset and not row.own else f"{row.name}: of the settings"
    yield "\nWhat is made"
    for name, told in _made(row):
        yield from _hanging(f"  {name:<12}", told, width)
    yield "\nWhat each file is held against"
    for rule in _rules(row):
        yield from _hanging("  - ", rule, width)
    if preset:
        if preset.unsure:
            yield "\nWhat is uncertain"
            for sentence in preset.unsure:
                yield from _hanging("  ? ", sentence, width)
        yield ""
        yield from _hanging("Read on: ", f"{preset.source}; {preset.checked}. No promise of the operator.", width)
    if not row.own:
        yield f'\nTo have it made, in the settings or an order:\n  [renditions.{row.name}]\n  preset = "{row.name}"'


def _hanging(head: str, text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False)


def _made(row: RenditionRow) -> Iterator[tuple[str, str]]:
    rendition = row.rendition
    placing, encoding = rendition.placing, rendition.encoding
    pixels, ratio = pixels_of(row), ratio_in_words(row.size)
    less = ", smaller where the photo has fewer pixels" if rendition.canvas.grows else ""
    yield "canvas", f"{pixels} pixels{less} ({ratio})"
    by = "of width or height, whichever is more" if placing.fill_by == "side" else "of the area"
    place = _PLACES.get(placing.at, f"its lower edge at {placing.line:.1%} of the height")
    larger = "may be enlarged" if placing.enlarge else "never enlarged"
    yield "subject", f"{placing.fill:.0%} {by}, {place}, {larger}"
    if any(placing.margins):
        names = ("top", "right", "bottom", "left")
        yield (
            "margins",
            ", ".join(f"{name} {share:.1%}" for name, share in zip(names, placing.margins, strict=True) if share),
        )
    for each in row.variants:
        yield "background", _ground(each.ground) + (f" ({each.label})" if each.variant else "")
    shadow = rendition.shadow
    yield "shadow", _SHADOWS[shadow.kind] + (f", strength {shadow.strength:g}" if shadow.kind != "none" else "")
    yield "file", ", ".join(_file(row))
    if encoding.sharpen:
        yield "sharpened", f"{encoding.sharpen:g}"
    grades = [grade.value for grade in rendition.grades]
    yield "grades", "all" if rendition.grades == ALL_GRADES else ", ".join(grades) or "none: it is not made"
    for each in row.variants:
        folder = f"{each.folder}/" if each.folder else ""
        yield "export name", f"{folder}{each.template}{_OF_A_PRODUCT[each.pictures]}"


def _rules(row: RenditionRow) -> Iterator[str]:
    rules = row.rendition.rules
    if {each.rules for each in row.variants} == {rules}:
        yield from rules_in_words(rules)
        return
    yield from rules_in_words(replace(rules, exact_ground=None, opaque=False))
    yield "the background exactly as it is asked for, where it is one colour"
    if not any(each.ground.kind == "transparent" for each in row.variants):
        yield "no transparency"


def _file(row: RenditionRow) -> Iterator[str]:
    encoding = row.rendition.encoding
    lossy = encoding.format in ("jpeg", "webp")
    yield encoding.format.upper() + (f" of quality {encoding.quality}" if lossy else "")
    if encoding.most_bytes:
        lower = f" (quality down to {encoding.least_quality} for that)" if lossy else ""
        yield f"at most {bytes_in_words(encoding.most_bytes)}{lower}"
    yield "sRGB" if encoding.colours == "srgb" else "in the photo's own colours"


def _ground(ground: Ground) -> str:
    first, last = (f"#{bytes(colour).hex()}" for colour in (ground.colour, ground.to))
    return {
        "colour": first,
        "gradient": f"from {first} at the top to {last}",
        "picture": f"the picture {ground.picture}",
        "blurred": f"the photo itself, blurred by {ground.blur:.1%} of the longest side",
        "original": "the photo itself",
        "transparent": "none: transparent",
    }[ground.kind]


def rules_in_words(rules: ShopRules) -> Iterator[str]:
    """Each rule, for people."""
    if rules.least_longest:
        yield f"at least {rules.least_longest} pixels on the longest side"
    if rules.least_width:
        yield f"at least {rules.least_width} pixels wide"
    if rules.least_height:
        yield f"at least {rules.least_height} pixels high"
    if rules.most_longest:
        yield f"at most {rules.most_longest} pixels on the longest side"
    if rules.most_pixels:
        yield f"at most {rules.most_pixels / 1e6:g} megapixels"
    if rules.ratio:
        yield f"width to height {rules.ratio:.4g}"
    if rules.least_share:
        yield f"the subject's share at least {rules.least_share:.0%}"
    if rules.most_share:
        yield f"the subject's share at most {rules.most_share:.0%}"
    if rules.exact_ground:
        yield f"the background exactly {', '.join(str(part) for part in rules.exact_ground)}"
    if rules.opaque:
        yield "no transparency"
    if rules.uncut:
        yield "nothing of the subject cut off by the photo's edge"
    if rules.free_frame:
        yield "nothing but the background at the frame"
    if rules.formats:
        yield f"one of {', '.join(rules.formats)}"
    if rules.most_bytes:
        yield f"at most {bytes_in_words(rules.most_bytes)}"
    if rules.names == "amazon":
        yield "in an export, a name as Amazon wants it: the product, a dot, four letters for the kind of picture"
    if rules.names == "gtin":
        yield "in an export, a GTIN in its name whose check digit is right"
