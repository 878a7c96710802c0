"""The table of models: those of `workflows/comfyui/`, and a user's own ones."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

from daemon.disk.shipped import shipped
from daemon.errors import BadSettings
from daemon.settings import FamilySettings, ModelSettings, ModelTables, NodeSettings, suggestion

SHIPPED = ("rmbg", "core", "birefnet_ll", "inspyrenet_rembg")
"""The files of `workflows/comfyui/`, in the order in which their models are listed."""


@dataclass(frozen=True, slots=True)
class ModelTable:
    """All models by name, the families that run them, and the names of a user's own models."""

    families: Mapping[str, FamilySettings]
    models: Mapping[str, ModelSettings]
    own: tuple[str, ...] = ()

    @property
    def not_for_commerce(self) -> tuple[str, ...]:
        """The models whose licence does not allow commercial use, or is not known."""
        return tuple(name for name, model in self.models.items() if not model.commercial_use)

    def for_commerce(self) -> "ModelTable":
        """The same table without the models that `not_for_commerce` names."""
        allowed = {name: model for name, model in self.models.items() if model.commercial_use}
        return ModelTable(self.families, allowed, tuple(name for name in self.own if name in allowed))

    def family(self, model: str) -> FamilySettings:
        """The family of a model of this table."""
        return self.families[self.models[model].family]

    def chooser(self, model: str) -> NodeSettings | None:
        """The node of the model's chain that chooses the model. None if the chain runs one model only."""
        return next((node for node in self.family(model).chain.values() if node.model), None)

    def value(self, model: str) -> str:
        """What the input that chooses the model gets."""
        return self.models[model].value or model


def load_models(own: ModelTables | None = None) -> ModelTable:
    """Read the tables that are shipped with this program, and add a user's own ones.

    Raises BadSettings if one of those has a name that is taken, or names a family that there is not.
    """
    families: dict[str, FamilySettings] = {}
    models: dict[str, ModelSettings] = {}
    for name in SHIPPED:
        text = shipped("workflows", "comfyui", f"{name}.toml").read_text(encoding="utf-8")
        tables = ModelTables.model_validate(tomllib.loads(text))
        families |= tables.families
        models |= tables.models
    own = own or ModelTables()
    for kind, taken, added in (("families", families, own.families), ("models", models, own.models)):
        for name in added:
            if name in taken:
                raise BadSettings(f"Bad setting {kind}.{name}: the name is taken by a shipped table. Choose another.")
    families |= own.families
    for name, model in own.models.items():
        if model.family not in families:
            hint = suggestion(model.family, families)
            raise BadSettings(f"Bad setting models.{name}.family = {model.family!r}{hint}")
        has_size = any(node.size for node in families[model.family].chain.values())
        if model.process_res != "none" and not has_size:
            raise BadSettings(
                f"Bad setting models.{name}.process_res = {model.process_res!r}: no node of the family {model.family} "
                "has a size. Leave process_res and resolutions out."
            )
    return ModelTable(families, models | own.models, tuple(own.models))
