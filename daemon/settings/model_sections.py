"""The form of model tables: families of ComfyUI nodes, and the models that run on them.

The tables that are shipped (`workflows/comfyui/`) and a user's own ones have the same form.
"""

from typing import Literal

from pydantic import Field, model_validator

from daemon.settings.section import Section


class NodeSettings(Section):
    """One node of a family's chain.

    node: its class. picture, model, size: the names of its inputs that take the picture, choose the model, and take a
    recipe's process_res; "" = it has none. size_optional: whether servers exist whose node has no such input.
    inputs: the fixed inputs. links: input -> the node of the chain and the number of its output that go there.
    park: how the node stays in prompts for other models, so that the server keeps what it loaded: "empty" = without
    any input, because the node object holds it; "whole" = with all its inputs, because the server's cache holds what
    the node put out; "no" = not at all.
    """

    node: str = Field(min_length=1)
    picture: str = ""
    model: str = ""
    size: str = ""
    size_optional: bool = False
    inputs: dict[str, bool | int | float | str] = Field(default_factory=dict)
    links: dict[str, tuple[str, int]] = Field(default_factory=dict)
    park: Literal["empty", "whole", "no"] = "no"


class AlphaSettings(Section):
    """Which output of which node of the chain is the alpha.

    kind: MASK_IMAGE = a picture with three equal channels, MASK = a mask, RGBA = a picture whose fourth channel it is.
    """

    node: str
    output: int = Field(0, ge=0)
    kind: Literal["MASK_IMAGE", "MASK", "RGBA"]


class FamilySettings(Section):
    """A family of nodes: a chain of them that runs each of its models.

    install: what has to be installed on the server. seen: whether we have run it; otherwise it was written from its
    documentation. weights_folder: the server's model folder, "" if the server does not list it. downloads: whether the
    first use of a model fetches its weights. canary_first: whether a test picture goes through a model that was never
    asked on a server, before any photo does.
    """

    install: str = Field(min_length=1)
    seen: bool = False
    weights_folder: str = ""
    downloads: bool = False
    canary_first: bool = True
    chain: dict[str, NodeSettings] = Field(min_length=1)
    alpha: AlphaSettings

    @model_validator(mode="after")
    def the_chain_holds_together(self) -> "FamilySettings":
        """Refuse links to nodes that are not in the chain, and a chain that no picture enters."""
        known = f"the chain has {', '.join(self.chain)}"
        if self.alpha.node not in self.chain:
            raise ValueError(f"alpha.node is {self.alpha.node!r}, but {known}")
        for name, node in self.chain.items():
            for key, (source, _) in node.links.items():
                if source not in self.chain or source == name:
                    raise ValueError(f"chain.{name}.links.{key} leads to {source!r}, but {known}")
        if not any(node.picture for node in self.chain.values()):
            raise ValueError("no node of the chain has a picture: name the input that takes it")
        for what in ("model", "size"):
            if sum(1 for node in self.chain.values() if getattr(node, what)) > 1:
                raise ValueError(f"two nodes of the chain have a {what}: only one may")
        return self


class ResolutionSettings(Section):
    """The legal values of process_res, in pixels. A recipe that names none gets `usual`."""

    lowest: int = Field(ge=1)
    highest: int = Field(ge=1)
    step: int = Field(1, ge=1)
    usual: int

    @model_validator(mode="after")
    def the_usual_one_is_legal(self) -> "ResolutionSettings":
        """Refuse a usual value outside of lowest and highest."""
        if not self.lowest <= self.usual <= self.highest:
            raise ValueError(f"usual ({self.usual}) must be from lowest ({self.lowest}) to highest ({self.highest})")
        return self


class ModelSettings(Section):
    """One model: its family, what process_res means to it, and the licence of its weights.

    value: what the family's input that chooses the model gets; "" = the model's own name. process_res: "square" = the
    picture is squeezed into process_res x process_res pixels; "width" = the width, and the height follows the aspect
    ratio; "none" = it cannot be chosen. weights: the file below the family's weights_folder, "" = not known.
    """

    family: str
    value: str = ""
    process_res: Literal["square", "width", "none"] = "none"
    resolutions: ResolutionSettings | None = None
    licence: str = "not known"
    commercial_use: bool = False
    weights: str = ""

    @model_validator(mode="after")
    def resolutions_fit(self) -> "ModelSettings":
        """Refuse a process_res without resolutions, and the reverse."""
        if (self.process_res == "none") != (self.resolutions is None):
            raise ValueError('resolutions and process_res ("square" or "width") belong together: set both or neither')
        return self


class ModelTables(Section):
    """A file of families and models, each by name."""

    families: dict[str, FamilySettings] = Field(default_factory=dict)
    models: dict[str, ModelSettings] = Field(default_factory=dict)
