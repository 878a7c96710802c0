"""One loaded network. Only this module imports onnxruntime, and only when a network is loaded."""

import importlib.util
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from daemon.engines.onnx.network_input import Network
from daemon.engines.onnx.onnx_table import OnnxModel
from daemon.engines.onnx.providers import CPU
from daemon.errors import EngineMisconfigured, Said
from daemon.words.counted import counted

_TYPES = {"tensor(float)": "float32", "tensor(float16)": "float16"}


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output of a graph. kind: e.g. "float32"; None in the shape = any length."""

    name: str
    kind: str
    shape: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class NetworkGraph:
    """What goes into a network, and what comes out of it."""

    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]


class OnnxSession:
    """A network, ready to run. Several threads may use it at once."""

    def __init__(
        self,
        weights: Path,
        model: OnnxModel,
        threads: int,
        crowded: Callable[[], bool] = lambda: False,
        provider: str = CPU,
    ) -> None:
        """threads: of one run. crowded: whether others need the memory that is kept for the next run otherwise.

        provider: ONNX Runtime's name of what runs the network. Raises EngineMisconfigured if ONNX Runtime is missing,
        cannot load the file, its graph is not what the model's table says, or the provider does not start.
        """
        onnxruntime = import_onnxruntime()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # A thread that has nothing to do sleeps: while it looked for work, an inference cost a fifth more of the CPU.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # A memory pattern of the first run makes no later run faster, and it holds 200 MB that a large photo needs.
        options.enable_mem_pattern = False
        self.provider = provider
        self._session = _loaded(weights, options, provider)
        self._output = model.output
        self._channel = model.channel
        self._crowded = crowded
        # ONNX Runtime keeps a run's memory, 270 MB for the starter weights, and the next run is a third faster.
        self._shrink_after_run = onnxruntime.RunOptions()
        self._shrink_after_run.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        self._weights = weights
        self._graph = _graph_of(self._session)
        self._input = _checked(self._graph, model, weights)
        self.empty_picture = _empty_picture(self._graph.inputs[0], model)

    @property
    def takes_several(self) -> bool:
        """Whether the graph says that a run may have any number of pictures."""
        return self._graph.inputs[0].shape[0] is None

    def maps(self, pictures: Network) -> Network:
        """Run the network on (N, 3, H, W). Returns the map of each picture, (N, rows, columns), as the graph has it.

        Raises EngineMisconfigured if the graph puts out no such map; and what ONNX Runtime raises.
        """
        options = self._shrink_after_run if self._crowded() else None
        name = self._session.get_outputs()[self._output].name
        (found,) = self._session.run([name], {self._input: pictures}, options)
        if found.ndim == 4 and self._channel < found.shape[1]:
            found = found[:, self._channel]
        if found.ndim != 3 or len(found) != len(pictures) or not _alike(found.shape[1:], pictures.shape[2:]):
            raise EngineMisconfigured(Said("output_no_map", n=self._output, path=self._weights, shape=found.shape))
        return np.asarray(found)


def import_onnxruntime() -> Any:  # Any: onnxruntime has no types
    """ONNX Runtime. Raises EngineMisconfigured if it is not installed."""
    # ONNX Runtime must not report to anybody what is photographed here, or that anything is.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    try:
        return importlib.import_module("onnxruntime")
    except ImportError as error:
        raise EngineMisconfigured(Said("local_libraries_missing", detail=error.name)) from error


def is_installed() -> bool:
    """Whether ONNX Runtime is there, without importing it."""
    return importlib.util.find_spec("onnxruntime") is not None


def available_providers() -> tuple[str, ...]:
    """What the installed ONNX Runtime may run networks on, by its own names. Raises EngineMisconfigured without it."""
    return tuple(import_onnxruntime().get_available_providers())


def read_graph(weights: Path) -> NetworkGraph:
    """What goes into and comes out of the network in this file. Raises EngineMisconfigured if it cannot be loaded."""
    onnxruntime = import_onnxruntime()
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL  # faster to load
    return _graph_of(_loaded(weights, options, CPU))


def _loaded(weights: Path, options: Any, provider: str) -> Any:
    onnxruntime = import_onnxruntime()
    if provider not in onnxruntime.get_available_providers():
        raise EngineMisconfigured(Said("no_provider", what=provider))
    if hasattr(onnxruntime, "preload_dlls") and provider != CPU:
        onnxruntime.preload_dlls()  # CUDA's libraries, where pip installed them
    try:
        session = onnxruntime.InferenceSession(str(weights), options, providers=list(dict.fromkeys((provider, CPU))))
    except Exception as error:
        raise EngineMisconfigured(Said("weights_not_loaded", path=weights, detail=error)) from error
    if session.get_providers()[0] != provider:  # it only says so in its log, and takes the processor
        raise EngineMisconfigured(Said("provider_not_started", what=provider))
    return session


def _graph_of(session: Any) -> NetworkGraph:
    return NetworkGraph(tuple(map(_tensor, session.get_inputs())), tuple(map(_tensor, session.get_outputs())))


def _tensor(end: Any) -> Tensor:
    kind = _TYPES.get(end.type, end.type.removeprefix("tensor(").removesuffix(")"))
    return Tensor(end.name, kind, tuple(side if isinstance(side, int) and side > 0 else None for side in end.shape))


def _checked(graph: NetworkGraph, model: OnnxModel, weights: Path) -> str:
    """The name of the input, if the graph is what the table says. Raises EngineMisconfigured."""
    trouble = ""
    first = graph.inputs[0]
    fixed = len(first.shape) == 4 and (first.shape[2] or first.shape[3])
    width, height = model.size
    if len(graph.inputs) != 1:
        trouble = f"the graph wants {len(graph.inputs)} inputs, and only a picture can be given"
    elif len(first.shape) != 4 or first.shape[1] not in (3, None):
        trouble = f"the graph wants an input of shape {first.shape}, and a picture is (1, 3, height, width)"
    elif first.kind != model.input_type:
        trouble = f"the graph wants {first.kind}, and input_type is {model.input_type}"
    elif fixed and model.fit == "keep":
        trouble = f'fit is "keep", and the graph wants an input which is {first.shape[3]}x{first.shape[2]} only'
    elif first.shape[2] not in (height, None) or first.shape[3] not in (width, None):
        trouble = f"the graph wants {first.shape[3]}x{first.shape[2]} pixels, and size is {model.size}"
    elif model.output >= len(graph.outputs):
        trouble = (
            f"the graph has {counted(len(graph.outputs), 'output')}, and output is {model.output} (the first one is 0)"
        )
    if trouble:
        raise EngineMisconfigured(Said("weights_do_not_fit", path=weights, detail=trouble))
    return first.name


def _empty_picture(wanted: Tensor, model: OnnxModel) -> Network:
    """One picture of the size that the network takes, all 0."""
    height, width = (side or given for side, given in zip(wanted.shape[2:], reversed(model.size), strict=True))
    return np.zeros((1, 3, height, width), model.input_type)


def _alike(shape: tuple[int, ...], other: tuple[int, ...]) -> bool:
    """Whether both (height, width) have one aspect ratio, within a rounded pixel."""
    return min(shape) > 0 and abs(shape[0] * other[1] - shape[1] * other[0]) <= sum(other)
