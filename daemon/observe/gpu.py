"""Reads the GPUs of this machine through NVIDIA's library NVML.

This module is the only one that imports pynvml (package nvidia-ml-py). A machine without a GPU, a driver or the library
is an ordinary machine: it has no readings and no error.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class GpuReading:
    """One GPU now. gpu: its number on this machine. A figure is None if this GPU cannot report it."""

    gpu: str
    utilization_ratio: float | None = None
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    power_watts: float | None = None


def load_nvml() -> ModuleType | None:
    """The Python binding of NVML, or None if it is not installed. We import it late, as most machines have no GPU."""
    try:
        import pynvml
    except ImportError:
        return None
    module: ModuleType = pynvml
    return module


class Gpus:
    """The GPUs of this machine.

    Each reading opens the library until that succeeds, so a driver that is loaded later is found too. If the driver no
    longer answers, the next reading opens the library again, since somebody may replace the driver while we run.
    """

    def __init__(self, load: Callable[[], Any] = load_nvml) -> None:  # Any: the binding has no types
        self._load = load
        self._nvml: Any = None

    def readings(self) -> tuple[GpuReading, ...]:
        """Every GPU that answers, empty if there is none. Raises nothing."""
        if self._nvml is None:
            self._nvml = self._open()
        if self._nvml is None:
            return ()
        count = self._ask(self._nvml.nvmlDeviceGetCount)
        if count is None:
            self.close()
            return ()
        return tuple(reading for index in range(count) if (reading := self._reading(index)) is not None)

    def close(self) -> None:
        """Close the library. May be called twice."""
        if self._nvml is not None:
            self._ask(self._nvml.nvmlShutdown)
            self._nvml = None

    def _open(self) -> Any:
        nvml = self._load()
        if nvml is None:
            return None
        try:
            nvml.nvmlInit()
        except nvml.NVMLError:
            return None
        return nvml

    def _reading(self, index: int) -> GpuReading | None:
        nvml = self._nvml
        handle = self._ask(lambda: nvml.nvmlDeviceGetHandleByIndex(index))
        if handle is None:
            return None
        rates = self._ask(lambda: nvml.nvmlDeviceGetUtilizationRates(handle))
        memory = self._ask(lambda: nvml.nvmlDeviceGetMemoryInfo(handle))
        milliwatts = self._ask(lambda: nvml.nvmlDeviceGetPowerUsage(handle))
        return GpuReading(
            gpu=str(index),
            utilization_ratio=None if rates is None else rates.gpu / 100,
            memory_used_bytes=None if memory is None else int(memory.used),
            memory_total_bytes=None if memory is None else int(memory.total),
            power_watts=None if milliwatts is None else milliwatts / 1000,
        )

    def _ask(self, question: Callable[[], T]) -> T | None:
        """The answer of NVML, or None if this GPU or its driver has none."""
        try:
            return question()
        except self._nvml.NVMLError:
            return None
