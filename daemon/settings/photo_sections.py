"""The settings of the inbox and of the results."""

from typing import Literal

from pydantic import Field, model_validator

from daemon.settings.output_formats import GpsSetting, MakerNotesSetting, OutputFormat, PagesSetting
from daemon.settings.section import Section

COLOUR = r"^#[0-9a-fA-F]{6}$"


class IntakeSettings(Section):
    """How the inbox is watched, and when a file counts as whole."""

    quiet_seconds: float = Field(2.0, ge=0, le=3600)
    remote_quiet_seconds: float = Field(5.0, ge=0, le=3600)
    tiff_quiet_seconds: float = Field(10.0, ge=0, le=3600)
    scan_seconds: float = Field(5.0, gt=0, le=3600)
    patience_seconds: float = Field(60.0, gt=0, le=86400)
    remote_patience_seconds: float = Field(600.0, gt=0, le=86400)
    max_megapixels: float = Field(500.0, gt=0, le=4000)
    equal_content: Literal["process", "skip"] = "process"
    companions: Literal["follow", "leave"] = "follow"
    pairs: Literal["both", "raw", "jpeg"] = "both"
    left_alone_notes: bool = True


class OutputSettings(Section):
    """What is written for each photo."""

    formats: tuple[OutputFormat, ...] = Field(("png",), min_length=1)
    keep_originals: bool = True
    clean_rims: bool = True
    background: str = Field("#ffffff", pattern=COLOUR)
    trim: bool = False
    margin: float = Field(0.05, ge=0, le=1)
    max_side: int = Field(0, ge=0, le=100_000)
    jpeg_quality: int = Field(95, ge=1, le=100)
    gps: GpsSetting = "keep"
    maker_notes: MakerNotesSetting = "no_pictures"
    pages: PagesSetting = "each"
    equal_names: Literal["unique", "version", "fail"] = "unique"

    @property
    def ground(self) -> tuple[int, int, int]:
        """The background colour as red, green and blue, 0..255, sRGB."""
        red, green, blue = bytes.fromhex(self.background[1:])
        return red, green, blue

    @model_validator(mode="after")
    def formats_are_named_once(self) -> "OutputSettings":
        """Refuse a format that is listed twice: it would be written twice under one name."""
        if len(set(self.formats)) != len(self.formats):
            raise ValueError("a format is listed twice")
        return self
