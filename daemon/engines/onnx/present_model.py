"""A model of the built-in engine that can be run at once: its libraries and weights are there, nothing is fetched."""

from dataclasses import dataclass
from pathlib import Path

from daemon.engines.onnx.onnx_session import is_installed
from daemon.engines.onnx.onnx_table import OnnxModel, load_onnx_table
from daemon.engines.onnx.ready_weights import found_weights
from daemon.errors import EngineMisconfigured, Said
from daemon.settings import LocalEngineSettings


@dataclass(frozen=True, slots=True)
class PresentModel:
    """A model with its table and its weights. Picklable."""

    name: str
    table: OnnxModel
    weights: Path


def present_model(name: str, settings: LocalEngineSettings, *, commercial_use: bool) -> PresentModel:
    """The model of this name, if it may be used and can be run.

    commercial_use: whether its licence must allow that. Raises EngineMisconfigured, which says what is missing and what
    to do.
    """
    if not is_installed():
        raise EngineMisconfigured(Said("local_libraries_missing", detail="onnxruntime"))
    try:
        table = load_onnx_table(settings.weights_path).described(name, commercial_use=commercial_use)
        weights = found_weights(name, table, settings)
    except OSError as error:
        raise EngineMisconfigured(Said("cannot_read", name=f"{name}.onnx", fault=error.strerror)) from error
    if weights is None and table.sources:
        raise EngineMisconfigured(Said("fetch_weights", model=name))
    if weights is None:
        raise EngineMisconfigured(Said("add_weights", model=name, folder=settings.weights_path))
    return PresentModel(name, table, weights)
