"""The settings that matter to the pixels of one photo: small values that may travel to another process.

They are plain: a worker process reads no settings and needs no library that checks them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from daemon.jobs import Correction
from daemon.settings.output_formats import GpsSetting, MakerNotesSetting, OutputFormat, PagesSetting

if TYPE_CHECKING:
    from daemon.settings.tree import Settings


@dataclass(frozen=True, slots=True)
class PixelOutputs:
    """How the results of a photo look, as in `OutputSettings`. ground: red, green and blue, 0..255, sRGB."""

    pages: PagesSetting
    clean_rims: bool
    ground: tuple[int, int, int]
    trim: bool
    margin: float
    max_side: int
    jpeg_quality: int
    formats: tuple[OutputFormat, ...]
    gps: GpsSetting = "keep"
    maker_notes: MakerNotesSetting = "no_pictures"


@dataclass(frozen=True, slots=True)
class PixelSettings:
    """What a worker needs to know; no secret is among it. Picklable.

    sehr_gut, gut, rim_sehr_gut, rim_gut: the least promises of both grades, of a region and of a rim.
    corrections: by model, what people's verdicts add to scores.
    """

    max_megapixels: float
    proxy_pixels: int
    finishes: bool
    sehr_gut: float
    gut: float
    outputs: PixelOutputs
    rim_sehr_gut: float
    rim_gut: float
    corrections: Mapping[str, Correction] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: "Settings", corrections: Mapping[str, Correction] | None = None) -> "PixelSettings":
        """The part of all settings that matters to pixels. corrections: by model."""
        outputs, grading = settings.outputs, settings.grading
        return cls(
            settings.intake.max_megapixels,
            settings.engine.proxy_pixels,
            settings.strategy.finishes,
            grading.sehr_gut,
            grading.gut,
            PixelOutputs(
                outputs.pages,
                outputs.clean_rims,
                outputs.ground,
                outputs.trim,
                outputs.margin,
                outputs.max_side,
                outputs.jpeg_quality,
                outputs.formats,
                outputs.gps,
                outputs.maker_notes,
            ),
            grading.rim_sehr_gut,
            grading.rim_gut,
            corrections or {},
        )
