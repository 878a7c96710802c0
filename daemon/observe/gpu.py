"""What NVIDIA's library (NVML) says of the GPUs in this machine.

The only importer of pynvml (package nvidia-ml-py). No GPU, no driver or no library is an ordinary machine: it has no
readings, and no error.
"""

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class GpuReading:
    """One GPU now. gpu: its number on this machine. None = this card does not say."""

    gpu: str
    utilization_ratio: float | None = None
    memory_used_bytes: int | None = None
    memory_total_bytes: int | None = None
    power_watts: float | None = None


def load_nvml() -> ModuleType | None:
    """NVML's binding, or None where it is not installed. Imported late: most machines have no GPU."""
    try:
        import pynvml
    except ImportError:
        return None
    module: ModuleType = pynvml
    return module


class Gpus:
    """This machine's GPUs, read whenever asked.

    The library is opened at the first reading that finds a driver, so a driver that comes up later is found too; one
    that no longer answers is opened anew at the next reading, for a driver may be exchanged while we run.
    """

    def __init__(self, load: Callable[[], Any] = load_nvml) -> None:  # Any: the binding has no types
        self._load = load
        self._nvml: Any = None

    def readings(self) -> tuple[GpuReading, ...]:
        """Every GPU that answers; empty where there is none. Raises nothing."""
        if self._nvml is None:
            self._nvml = self._opened()
        if self._nvml is None:
            return ()
        count = self._asked(self._nvml.nvmlDeviceGetCount)
        if count is None:
            self.close()
            return ()
        return tuple(reading for index in range(count) if (reading := self._reading(index)) is not None)

    def close(self) -> None:
        """Let go of the library; may be called twice."""
        if self._nvml is not None:
            self._asked(self._nvml.nvmlShutdown)
            self._nvml = None

    def _opened(self) -> Any:
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
        handle = self._asked(lambda: nvml.nvmlDeviceGetHandleByIndex(index))
        if handle is None:
            return None
        rates = self._asked(lambda: nvml.nvmlDeviceGetUtilizationRates(handle))
        memory = self._asked(lambda: nvml.nvmlDeviceGetMemoryInfo(handle))
        milliwatts = self._asked(lambda: nvml.nvmlDeviceGetPowerUsage(handle))
        return GpuReading(
            gpu=str(index),
            utilization_ratio=None if rates is None else rates.gpu / 100,
            memory_used_bytes=None if memory is None else int(memory.used),
            memory_total_bytes=None if memory is None else int(memory.total),
            power_watts=None if milliwatts is None else milliwatts / 1000,
        )

    def _asked(self, question: Callable[[], T]) -> T | None:
        """The answer, or None where this card or driver cannot say."""
        try:
            return question()
        except self._nvml.NVMLError:
            return None
