"""The settings of one rendition: a preset and what is said beside it, checked as a whole."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from daemon.settings.explain import suggestion
from daemon.settings.rendition_backgrounds import BackgroundValue, backgrounds_of
from daemon.settings.rendition_conflicts import conflicts
from daemon.settings.rendition_presets import Preset, RenditionName, RulesTable, shipped_presets
from daemon.settings.rendition_values import RenditionValues
from daemon.settings.rendition_words import VARIANT, canvas_words, names_variant, rendition_label, with_variant

MOST_RENDITIONS = 40  # pictures of one photo; more is a mistake that would fill the disk


def _known(name: str) -> str:
    if name and name not in shipped_presets():
        raise ValueError(f"there is no such preset{suggestion(name, shipped_presets())}")
    return name


class RenditionSettings(RenditionValues):
    """One rendition of settings or of an order. Keys that are not set have the preset's values, else the defaults."""

    preset: Annotated[str, AfterValidator(_known)] = Field(
        "", description='What it begins with, e.g. "ebay"; `freisteller renditions list` shows all. "" = nothing.'
    )

    backgrounds: Annotated[dict[str, BackgroundValue], BeforeValidator(backgrounds_of)] = Field(
        {},
        description="In place of `background`: one picture for each of these, to try out which sells best. A list such "
        'as ["#ffffff", "#f0ede8", ["#ffffff", "#cccccc"], "blurred"], or a table with names of your own, '
        '{ white = "#ffffff", warm = "#f0ede8" }, which stand in the names of the files.',
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

    @property
    def variants(self) -> Mapping[str, RenditionValues]:
        """The values of each variant, by its name; without `backgrounds` all values, under no name.

        Templates have the name filled in.
        """
        whole = self.whole
        if not self.backgrounds:
            return {"": whole}
        template = whole.template if "template" in whole.model_fields_set else f"{{stem}}-{VARIANT}"
        return {
            name: whole.model_copy(
                update={
                    "background": background,
                    "template": with_variant(template, name),
                    "folder": whole.folder.replace(VARIANT, name),
                }
            )
            for name, background in self.backgrounds.items()
        }

    @model_validator(mode="after")
    def its_values_fit_together(self) -> "RenditionSettings":
        """Refuse what could never be made, or what the preset's shop would never take."""
        if {"canvas", "longest"} <= self.model_fields_set and canvas_words(self.canvas).longest:
            raise ValueError(f'canvas = "{self.canvas}" is a size already: leave out longest = {self.longest}')
        self._refuse_what_its_backgrounds_make_wrong()
        for name, values in self.variants.items():
            for conflict in conflicts(values, self.rules, self.preset):
                raise ValueError(f'"{name}" of its backgrounds: {conflict}' if name else conflict)
        return self

    def _refuse_what_its_backgrounds_make_wrong(self) -> None:
        whole = self.whole
        named = names_variant(whole.template) or VARIANT in whole.folder
        if not self.backgrounds:
            if named:
                raise ValueError(f"{VARIANT} is the name of one of its backgrounds, and it has no backgrounds")
            return
        if "background" in self.model_fields_set:
            raise ValueError("background and backgrounds are both set: leave one of them out")
        if not named and len(self.backgrounds) > 1 and "template" in whole.model_fields_set:
            raise ValueError(
                f'its {len(self.backgrounds)} backgrounds would all be called "{whole.template}" in an export: put '
                f'{VARIANT} into template or folder, such as template = "{whole.template}-{VARIANT}"'
            )


def _set_values(values: RenditionValues | Preset) -> dict[str, Any]:  # Any: each key has a type of its own
    """What somebody set, of the keys that presets and settings share."""
    return {key: getattr(values, key) for key in RenditionValues.model_fields if key in values.model_fields_set}


def _pictures_that_fit_together(renditions: dict[str, RenditionSettings]) -> dict[str, RenditionSettings]:
    """Raise ValueError for too many pictures, and for two that would have one name."""
    whose: dict[str, str] = {}
    for name, rendition in renditions.items():
        for variant in rendition.variants:
            label = rendition_label(name, variant)
            this = f'the background "{variant}" of {name}' if variant else f"the rendition {name}"
            if label in whose:
                raise ValueError(f'{whose[label]} and {this} would both be called "{label}": give one another name')
            whose[label] = this
    if len(whose) > MOST_RENDITIONS:
        raise ValueError(
            f"they are {len(whose)} pictures of each photo, one for each background; at most {MOST_RENDITIONS}"
        )
    return renditions


Renditions = Annotated[
    dict[RenditionName, RenditionSettings],
    Field(max_length=MOST_RENDITIONS),
    AfterValidator(_pictures_that_fit_together),
]
"""All renditions of settings or of an order, by name."""
