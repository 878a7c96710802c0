"""Which part of the machine may run networks: the providers of ONNX Runtime, the best one first."""

from collections.abc import Sequence
from typing import Literal

CPU = "CPUExecutionProvider"
PROVIDERS = {
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "directml": "DmlExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
    "cpu": CPU,
}
"""The names in the settings, and ONNX Runtime's."""

# TensorRT is left out: it builds its engine for minutes at each model's first start. Who wants it names it.
AUTO = ("cuda", "directml", "coreml")


def wanted_providers(setting: Literal["auto"] | Sequence[str], available: Sequence[str]) -> tuple[str, ...]:
    """The providers to start with, in this order, by ONNX Runtime's names. The processor is always the last one.

    setting: "auto" = those of this installation that need no long preparation; else names of PROVIDERS, of which those
    that the installation lacks are kept, so that somebody hears of it.
    """
    names = AUTO if setting == "auto" else setting
    found = [PROVIDERS[name] for name in names if setting != "auto" or PROVIDERS[name] in available]
    before_cpu = found[: found.index(CPU)] if CPU in found else found
    return (*dict.fromkeys(before_cpu), CPU)
