"""The settings of one rendition: a preset and what is said beside it, checked as a whole."""

from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from daemon.settings.explain import suggestion
from daemon.settings.rendition_conflicts import conflicts
from daemon.settings.rendition_presets import Preset, RulesTable, shipped_presets
from daemon.settings.rendition_values import RenditionValues
from daemon.settings.rendition_words import canvas_words


def _known(name: str) -> str:
    if name and name not in shipped_presets():
        raise ValueError(f"there is no such preset{suggestion(name, shipped_presets())}")
    return name


class RenditionSettings(RenditionValues):
    """One rendition of settings or of an order. Keys that are not set have the preset's values, else the defaults."""

    preset: Annotated[str, AfterValidator(_known)] = Field(
        "", description='What it begins with, e.g. "ebay"; `freisteller renditions list` shows all. "" = nothing.'
    )

    @property
    def rules(self) -> RulesTable:
        """What the preset's shop demands; of a rendition without a preset, nothing."""
        return shipped_presets()[self.preset].rules if self.preset else RulesTable()

    @property
    def whole(self) -> RenditionValues:
        """All its values: its own ones, then those of the preset, then the defaults.

        `longest` is set only if it counts: a canvas that is a size has one already, unless somebody wanted another.
        """
        preset = _set_values(shipped_presets()[self.preset]) if self.preset else {}
        own = _set_values(self)
        if "canvas" in own and canvas_words(self.canvas).longest:
            preset.pop("longest", None)
        elif "canvas" in own and "longest" not in own and "canvas" in preset:
            own["longest"] = canvas_words(preset["canvas"]).longest or preset.get("longest", self.longest)
        values = {**preset, **own}
        if not values.get("most_bytes"):
            values["most_bytes"] = self.rules.most_bytes
        if "least_quality" not in values:
            least, quality = (RenditionValues.model_fields[key].default for key in ("least_quality", "quality"))
            values["least_quality"] = min(least, values.get("quality", quality))
        return RenditionValues.model_construct(set(values), **values)

    @model_validator(mode="after")
    def its_values_fit_together(self) -> "RenditionSettings":
        """Refuse what could never be made, or what the preset's shop would never take."""
        if {"canvas", "longest"} <= self.model_fields_set and canvas_words(self.canvas).longest:
            raise ValueError(f'canvas = "{self.canvas}" is a size already: leave out longest = {self.longest}')
        for conflict in conflicts(self.whole, self.rules, self.preset):
            raise ValueError(conflict)
        return self


def _set_values(values: RenditionValues | Preset) -> dict[str, Any]:  # Any: each key has a type of its own
    """What somebody set, of the keys that presets and settings share."""
    return {key: getattr(values, key) for key in RenditionValues.model_fields if key in values.model_fields_set}
