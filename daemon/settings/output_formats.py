"""The words that settings have for what is written of a photo; cheap to import."""

from typing import Literal

OutputFormat = Literal["png", "tiff", "webp", "mask", "jpeg", "tiff_on_colour"]

PagesSetting = Literal["each", "first"]

GpsSetting = Literal["keep", "drop"]

MakerNotesSetting = Literal["no_pictures", "keep", "drop"]
