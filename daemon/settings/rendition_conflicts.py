"""Finds what in a rendition cannot be made, or would break the rules of its shop whatever the photo is."""

from collections.abc import Iterator

from daemon.settings.rendition_presets import RulesTable
from daemon.settings.rendition_values import RenditionValues
from daemon.settings.rendition_words import CanvasWords, canvas_words, colour_of, ground_words, margin_share, ratio_of


def conflicts(values: RenditionValues, rules: RulesTable, preset: str) -> Iterator[str]:
    """Each conflict in words. values: all of them, as `RenditionSettings.whole`. preset: whose rules these are."""
    yield from _of_the_file(values, rules, preset)
    yield from _of_the_size(values, rules, preset)
    yield from _of_the_share(values, rules, preset)


def canvas_asked(values: RenditionValues) -> CanvasWords:
    """The ratio of the canvas, and its longest side in pixels."""
    words = canvas_words(values.canvas)
    return CanvasWords(
        words.ratio, values.longest if "longest" in values.model_fields_set else words.longest or values.longest
    )


def size_of(canvas: CanvasWords) -> tuple[int, int] | None:
    """Width and height in pixels of a canvas that does not grow less; None if its ratio is free."""
    if canvas.ratio is None or canvas.longest is None:
        return None
    if canvas.ratio >= 1:
        return canvas.longest, max(1, round(canvas.longest / canvas.ratio))
    return max(1, round(canvas.longest * canvas.ratio)), canvas.longest


def _of_the_file(values: RenditionValues, rules: RulesTable, preset: str) -> Iterator[str]:
    ground = ground_words(values.background)
    transparent = ground.kind == "transparent"
    if rules.formats and values.format not in rules.formats:
        yield f'format = "{values.format}" is not taken: {preset} takes {", ".join(rules.formats)}'
    if transparent and rules.opaque:
        yield f'background = "transparent" is not taken: {preset} wants no transparency'
    if transparent and values.format == "jpeg":
        yield 'background = "transparent" needs format = "png", "webp" or "tiff": JPEG has no transparency'
    if rules.exact_ground and ground.colours != (colour_of(rules.exact_ground),):
        yield f"{preset} wants the background {rules.exact_ground} exactly: leave out background"
    if rules.most_bytes and values.most_bytes > rules.most_bytes:
        yield f"most_bytes = {values.most_bytes} is too many: {preset} takes {rules.most_bytes}"
    if values.least_quality > values.quality:
        yield f"least_quality = {values.least_quality} is higher than quality = {values.quality}"


def _of_the_size(values: RenditionValues, rules: RulesTable, preset: str) -> Iterator[str]:
    canvas = canvas_asked(values)
    longest = canvas.longest or 0
    size = size_of(canvas)
    if longest < rules.least_longest:
        yield f"{longest} pixels on the longest side are too few: {preset} asks for {rules.least_longest}"
    if rules.most_longest and longest > rules.most_longest:
        yield f"{longest} pixels on the longest side are too many: {preset} takes {rules.most_longest}"
    if size is None:
        if rules.ratio:
            yield f'canvas = "free" is not taken: {preset} asks for {rules.ratio}'
        return
    width, height = size
    if width < rules.least_width or height < rules.least_height:
        yield f"{width}x{height} pixels are too few: {preset} asks for {rules.least_width}x{rules.least_height}"
    if rules.most_pixels and width * height > rules.most_pixels:
        yield f"{width}x{height} pixels are too many: {preset} takes {rules.most_pixels / 1e6:g} megapixels"
    if rules.ratio and abs(width - height * ratio_of(rules.ratio)) > 1:
        yield f"{width}x{height} is no ratio that is taken: {preset} asks for {rules.ratio}"


def _of_the_share(values: RenditionValues, rules: RulesTable, preset: str) -> Iterator[str]:
    size = size_of(canvas_asked(values))
    if size is None and any(isinstance(margin, str) for margin in values.margins):
        yield 'margins in pixels need a canvas of a size or ratio: write shares, such as "5%"'
        return
    width, height = size or (1, 1)
    top, right, bottom, left = (
        margin_share(margin, side) for margin, side in zip(values.margins, (height, width) * 2, strict=True)
    )
    room = max(1 - left - right, 1 - top - bottom)
    if min(1 - left - right, 1 - top - bottom) < 0.05:
        yield "the margins leave no room for the subject"
    if values.fill < rules.least_share:
        yield f"fill = {values.fill:g} is too little: {preset} asks for {rules.least_share:g}"
    if rules.most_share and values.fill > rules.most_share:
        yield f"fill = {values.fill:g} is too much: {preset} takes {rules.most_share:g}"
    if room < rules.least_share:
        yield f"the margins leave {room:.0%} for the subject: {preset} asks for {rules.least_share:.0%}"
