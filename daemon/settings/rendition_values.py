"""What presets and people say of a rendition, in the same words."""

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from daemon.settings.rendition_words import (
    LEAST_SIDE,
    MOST_SIDE,
    bytes_of,
    canvas_words,
    folder_of,
    ground_words,
    margins_of,
    template_of,
)
from daemon.settings.section import Section

FormatName = Literal["jpeg", "png", "webp", "tiff"]
GradeName = Literal["sehr_gut", "gut", "ungenügend"]


def _canvas(value: Any) -> Any:  # Any: what a file holds, before pydantic has looked at it
    if not isinstance(value, str):
        raise ValueError('must be pixels like "2000x2000", a ratio like "4:5", or "free"')
    canvas_words(value)
    return value


def _background(value: Any) -> Any:
    ground_words(value if isinstance(value, str | list | tuple) else ())
    return value


Bytes = Annotated[int, BeforeValidator(bytes_of), Field(ge=0)]
Canvas = Annotated[str, BeforeValidator(_canvas)]
Background = Annotated[str | tuple[str, ...], BeforeValidator(_background)]
Margins = Annotated[tuple[float | str, ...], BeforeValidator(margins_of)]


class RenditionValues(Section):
    """What a rendition is to be. A key that is not set has the value of the preset, else the one shown here."""

    canvas: Canvas = Field(
        "1:1",
        description='Its size in pixels, like "2000x2000", or a ratio of width to height, like "4:5" or "1.91:1"; '
        '"free" = the shape of the subject with its margins.',
    )
    grows: bool = Field(
        False,
        description="true = only as large as the subject needs at its own pixels, up to the given size; false = always "
        "of that size.",
    )
    longest: int = Field(
        2000,
        ge=LEAST_SIDE,
        le=MOST_SIDE,
        description="The longest side in pixels, where `canvas` is no size; it also changes the size of a preset.",
    )
    fill: float = Field(0.85, gt=0, le=1, description="The subject's share of the canvas.")
    fill_by: Literal["side", "area"] = Field(
        "side",
        description='How that share is read. "side": width or height of the box around the subject against the '
        "canvas's, whichever share is larger, as shops and their tools read it. "
        '"area": the box against the whole canvas.',
    )
    at: Literal["centre", "bottom", "optical"] = Field(
        "centre",
        description='Where the subject stands. "bottom": its lower edge on `line`. "optical": half-way between the '
        "middle of its box and its centre of gravity.",
    )
    line: float = Field(
        0.925, gt=0, le=1, description="Where it stands, as a share of the canvas's height from the top."
    )
    margins: Margins = Field(
        (0.0, 0.0, 0.0, 0.0),
        description='Kept free beside the subject: 0.05 or "5%" of the canvas, or "64px". One for all sides, or a list '
        "of four: top, right, bottom, left.",
    )
    enlarge: bool = Field(False, description="Whether the subject may be made larger than it is in the photo.")
    background: Background = Field(
        "#ffffff",
        description='A colour; ["#ffffff", "#cccccc"]: from the first at the top to the second; "blurred": the photo '
        'itself, blurred; "original": the photo itself; "transparent"; or the path of a picture (.jpg, .png, .webp, '
        ".tif). A picture of an order lies in the order's folder, in a folder whose name begins with a dot: "
        '".pictures/wall.jpg".',
    )
    blur: float = Field(0.03, ge=0, le=0.2, description='Of "blurred": how much, as a share of the longest side.')
    shadow: Literal["none", "contact", "drop", "reflection"] = Field(
        "none",
        description='Drawn under the subject. "contact": where it stands. "drop": soft, for things seen from above. '
        '"reflection": as on glass, for things seen from the side.',
    )
    shadow_strength: float = Field(0.5, ge=0, le=1, description="How dark the shadow is.")
    format: FormatName = Field("jpeg", description="The kind of file. JPEG has no transparency.")
    quality: int = Field(92, ge=1, le=100, description="Of JPEG and WebP.")
    least_quality: int = Field(
        70, ge=1, le=100, description="How far the quality may be lowered so that the file fits into `most_bytes`."
    )
    most_bytes: Bytes = Field(
        0,
        description='The largest file, such as 5000000, "5MB" or "800kB" (MB = 1,000,000). 0 = what the preset allows.',
    )
    colours: Literal["srgb", "kept"] = Field(
        "srgb", description='"kept" = in the colour space of the photo. Shops expect "srgb".'
    )
    sharpen: float = Field(0.0, ge=0, le=1, description="How much the subject is sharpened after it was resized.")
    template: Annotated[str, AfterValidator(template_of)] = Field(
        "{stem}",
        min_length=1,
        max_length=120,
        description="The file's name in an export, without its suffix, of {stem} (the photo's name), {order}, {sku}, "
        "{n} (the picture's place among those of its product; {n:02} = 01), {grade}, {variant} (which of its "
        "`backgrounds`), and letters.",
    )
    folder: Annotated[str, AfterValidator(folder_of)] = Field(
        "",
        max_length=120,
        description='Its folder in an export, such as "amazon", or "amazon/{variant}". Not set = a folder called '
        'like the rendition; "" = the export itself.',
    )
    pictures: Literal["all", "first", "further"] = Field(
        "all",
        description='Which of the pictures of a product are exported. "further": all but the first one, and {n} counts '
        "from the second one on.",
    )
    grades: tuple[GradeName, ...] = Field(
        ("sehr_gut", "gut", "ungenügend"), description="The grades of results that it is made for; [] = none."
    )
