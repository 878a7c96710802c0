"""The settings of the judgement: grades, recipes, and the values that an audit tries."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from daemon.settings.section import Section


class GradingSettings(Section):
    """The lowest promises of each grade: of the region, its score, and of the rim. The grade is the worse of both.

    Below `gut` or `rim_gut` a result is ungenügend.
    """

    sehr_gut: float = Field(0.93, ge=0, le=1)
    gut: float = Field(0.75, ge=0, le=1)
    rim_sehr_gut: float = Field(0.92, ge=0, le=1)
    rim_gut: float = Field(0.5, ge=0, le=1)

    @model_validator(mode="after")
    def grades_are_in_order(self) -> "GradingSettings":
        """Refuse a sehr_gut that is not higher than gut."""
        if self.sehr_gut <= self.gut:
            raise ValueError(f"sehr_gut ({self.sehr_gut}) must be higher than gut ({self.gut})")
        if self.rim_sehr_gut < self.rim_gut:
            raise ValueError(f"rim_sehr_gut ({self.rim_sehr_gut}) must not be lower than rim_gut ({self.rim_gut})")
        return self


class JudgementSettings(Section):
    """What the judgement goes by besides the photo.

    correction: "on" lets what people said of earlier results move the score, by order and model.
    witness: the model of the built-in engine that stands beside each result of another one; "auto" = u2netp if it is
    there, "off" = none.
    """

    correction: Literal["off", "on"] = "off"
    witness: str = Field("auto", min_length=1)


class Rung(Section):
    """One recipe of the ladder. model "local" stands for engine.local.model."""

    model: str = Field(min_length=1)
    process_res: int | None = Field(None, ge=256, le=2048)
    view: Literal["whole", "zoom", "mirrored"] = "whole"


DEFAULT_LADDER = (
    Rung(model="RMBG-2.0", process_res=1024),
    Rung(model="BEN2", process_res=1024),
    Rung(model="BiRefNet-HR"),
    Rung(model="RMBG-2.0", process_res=1024, view="zoom"),
    Rung(model="INSPYRENET", process_res=1024),
    Rung(model="BEN", process_res=1024),
    Rung(model="local"),
    Rung(model="local", view="mirrored"),
    Rung(model="local", view="zoom"),
)


class StrategySettings(Section):
    """Which recipes are tried, in which order, and when to stop.

    learn: has no effect. It stays so that settings files of earlier versions still load.
    """

    ladder: tuple[Rung, ...] = Field(DEFAULT_LADDER, min_length=1)
    max_attempts: int = Field(3, ge=1, le=20)
    min_gain: float = Field(0.01, ge=0, le=1)
    finishes: bool = True
    learn: bool = True


class AuditSettings(Section):
    """The values that an audit tries. models () = all models of the engine in use."""

    models: tuple[str, ...] = ()
    process_res: tuple[Annotated[int, Field(ge=256, le=2048)], ...] = Field((512, 1024, 2048), min_length=1)
    sensitivity: tuple[Annotated[float, Field(ge=0, le=1)], ...] = (0.2, 0.5, 0.9)
    mask_blur: tuple[Annotated[float, Field(ge=0, le=64)], ...] = (0.0, 2.0, 5.0)
    mask_offset: tuple[Annotated[int, Field(ge=-64, le=64)], ...] = (-2, 0, 2)
    dead_ssim: float = Field(0.999, gt=0, le=1)
