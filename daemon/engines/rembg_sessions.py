"""Imports rembg's code for one model, and none of the libraries that only other models need.

The package `rembg` imports pymatting, SciPy's solvers and Numba for an edge refinement that we do not use; its package
`rembg.sessions` imports the code of all models, one of which needs SciPy and jsonschema. Together they would cost a
second of a processor and 100 MB.
"""

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_PACKAGES = ("rembg", "rembg.sessions")
_FILES = {
    "u2netp": "u2netp",
    "u2net": "u2net",
    "u2net_human_seg": "u2net_human_seg",
    "silueta": "silueta",
    "isnet-general-use": "dis_general_use",
    "isnet-anime": "dis_anime",
    "birefnet-general": "birefnet_general",
}
"""Models whose code lies in a file of its own and needs no more than ONNX Runtime and Pillow."""


def look_for_weights_in(folder: Path) -> None:
    """Tell rembg where the weights are. It then downloads nothing unasked."""
    os.environ["U2NET_HOME"] = str(folder)
    # ONNX Runtime must not report to anybody what is photographed here, or that anything is.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")


def session_class(model: str) -> Any:
    """rembg's class for a model; None if it has none of that name. Raises ImportError if rembg is not installed."""
    with _without_packages_own_code():
        if model in _FILES and (found := _class_in(f"rembg.sessions.{_FILES[model]}", model)):
            return found
        if not hasattr(sys.modules["rembg.sessions"], "sessions_class"):
            del sys.modules["rembg.sessions"]  # the empty one: this model needs them all
        whole = importlib.import_module("rembg.sessions")
    return next((kind for kind in whole.sessions_class if kind.name() == model), None)


def _class_in(module_name: str, model: str) -> Any:
    """The class for a model in one of rembg's modules; None in a version of rembg where that needs more."""
    try:
        module = importlib.import_module(module_name)
    except ImportError:
        return None
    kinds = (kind for kind in vars(module).values() if getattr(kind, "__module__", "") == module_name)
    return next((kind for kind in kinds if hasattr(kind, "predict") and kind.name() == model), None)


@contextmanager
def _without_packages_own_code() -> Iterator[None]:
    """Stand empty packages in for rembg's, as far as nobody has imported those.

    They are taken away afterwards, so that anybody else who imports rembg gets all of it.
    """
    empty = []
    try:
        for name in _PACKAGES:
            if name not in sys.modules:
                spec = importlib.util.find_spec(name)  # of rembg.sessions: looks into the empty rembg
                if spec is None:
                    raise ImportError(f"No module named '{name}'", name=name)
                sys.modules[name] = importlib.util.module_from_spec(spec)
                empty.append(sys.modules[name])
        yield
    finally:
        for name in _PACKAGES:
            if sys.modules.get(name) in empty:
                del sys.modules[name]
