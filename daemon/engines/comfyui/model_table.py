"""The table of models from `workflows/models.toml`: each model's node, its process_res, and its licence."""

import tomllib
from typing import Literal

from daemon.disk.shipped import shipped
from daemon.settings import Section


class Resolutions(Section):
    """The legal values of process_res, in pixels. A recipe that names none gets `usual`."""

    lowest: int
    highest: int
    step: int
    usual: int


class Node(Section):
    """One node class: the inputs that we always send, and the number of the output that is the alpha."""

    inputs: dict[str, bool | int | float | str]
    output: int


class Model(Section):
    """One model: its node, what process_res means to it, and the licence of its weights.

    resolutions is None if process_res is "none".
    """

    node: str
    process_res: Literal["square", "width", "none"]
    resolutions: Resolutions | None = None
    licence: str
    commercial_use: bool
    weights: str


class ModelTable(Section):
    """All models by name, and the nodes that run them."""

    nodes: dict[str, Node]
    models: dict[str, Model]

    @property
    def not_for_commerce(self) -> tuple[str, ...]:
        """The models whose licence does not allow commercial use."""
        return tuple(name for name, model in self.models.items() if not model.commercial_use)

    def for_commerce(self) -> "ModelTable":
        """The same table without the models that `not_for_commerce` names."""
        allowed = {name: model for name, model in self.models.items() if model.commercial_use}
        return self.model_copy(update={"models": allowed})


def load_models() -> ModelTable:
    """Read the table that is shipped with this program."""
    return ModelTable.model_validate(tomllib.loads(shipped("workflows", "models.toml").read_text(encoding="utf-8")))
