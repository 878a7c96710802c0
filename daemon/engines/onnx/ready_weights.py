"""Finds the weights of a model when the engine loads it, fetches the starter's, and says how to get the others."""

import threading
from collections.abc import Callable
from pathlib import Path

from daemon.engines.onnx.onnx_table import OnnxModel
from daemon.engines.onnx.proven_weights import right_weights
from daemon.engines.onnx.weights_folder import present_models, weights_file
from daemon.errors import EngineAway, EngineMisconfigured, NoRoom, Said, said_of, said_together
from daemon.settings import LocalEngineSettings

STARTER_MODEL = "u2netp"


def ready_weights(
    name: str, model: OnnxModel, settings: LocalEngineSettings, print_line: Callable[[str], None], stop: threading.Event
) -> Path:
    """The weights of `model`: in the weights folder, or where rembg itself put them, if they are the right ones there.

    The starter model, which is small, is fetched if it is missing or damaged. stop: ends waiting for a network.
    Raises EngineMisconfigured if there are none; the message names the command that fetches them.
    """
    if found := found_weights(name, model, settings):
        return found
    folder = settings.weights_path
    if name == STARTER_MODEL:
        from daemon.engines.onnx.fetch_weights import Show, fetch_model  # its library costs every start otherwise

        try:
            return fetch_model(name, model, folder, settings.mirror, Show(print_line), stop=stop).path
        except (EngineAway, NoRoom, EngineMisconfigured) as error:
            later = said_together([said_of(error), Said("fetch_weights_later", model=name)])
            raise EngineMisconfigured(later) from error
    if model.sources:
        raise EngineMisconfigured(Said("fetch_weights", model=name))
    raise EngineMisconfigured(Said("add_weights", model=name, folder=folder))


def found_weights(name: str, model: OnnxModel, settings: LocalEngineSettings) -> Path | None:
    """The weights of `model` where `ready_weights` finds them without fetching any; None if there are none.

    Raises OSError if they cannot be read.
    """
    present = weights_file(settings.weights_path, name)
    if present and (name != STARTER_MODEL or right_weights(present, model)):
        return present
    for other in settings.rembg_paths:
        found = weights_file(other, name)
        if found and right_weights(found, model):
            return found
    return None


def names_of_present(settings: LocalEngineSettings, known: Callable[[str], OnnxModel | None]) -> tuple[str, ...]:
    """The models whose weights are there; where rembg put some itself, only those that can be proven to be right."""
    here = present_models(settings.weights_path)
    elsewhere = dict.fromkeys(name for folder in settings.rembg_paths for name in present_models(folder))
    return (*here, *(name for name in elsewhere if name not in here and (model := known(name)) and model.sources))


def damage_told(name: str, model: OnnxModel, weights: Path, error: EngineMisconfigured) -> EngineMisconfigured:
    """The error of weights that cannot be loaded, with what to do if the file is not the one that it should be."""
    try:
        damaged = bool(model.sources) and not right_weights(weights, model)
    except OSError:
        damaged = True
    if not damaged:
        return error
    return EngineMisconfigured(said_together([said_of(error), Said("weights_damaged", model=name)]))
