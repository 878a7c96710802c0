"""The settings that matter to the pixels of one photo: a small value that may travel to another process."""

from dataclasses import dataclass

from daemon.settings.judgement_sections import GradingSettings
from daemon.settings.photo_sections import OutputSettings
from daemon.settings.tree import Settings


@dataclass(frozen=True, slots=True)
class PixelSettings:
    """What a worker needs to know; no secret is among it. Picklable."""

    max_megapixels: float
    proxy_pixels: int
    finishes: bool
    grading: GradingSettings
    outputs: OutputSettings

    @classmethod
    def of(cls, settings: Settings) -> "PixelSettings":
        """The part of all settings that matters to pixels."""
        return cls(
            settings.intake.max_megapixels,
            settings.engine.proxy_pixels,
            settings.strategy.finishes,
            settings.grading,
            settings.outputs,
        )
