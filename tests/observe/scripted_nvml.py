"""A double of the NVML binding, with two cards."""

# ruff: noqa: N802 - these are NVML's own names

from types import SimpleNamespace


class NVMLError(Exception):
    """The error that the binding raises."""


class ScriptedNvml:
    """Two cards. The second one cannot report its power, like many real ones. driver: whether one is loaded.

    opened: how often it is open right now. lost: cards that have fallen off the bus.
    """

    NVMLError = NVMLError

    def __init__(self, driver: bool = True) -> None:
        self.driver = driver
        self.opened = 0
        self.lost: set[int] = set()

    def nvmlInit(self) -> None:
        if not self.driver:
            raise NVMLError("Driver Not Loaded")
        self.opened += 1

    def nvmlShutdown(self) -> None:
        self.opened -= 1

    def nvmlDeviceGetCount(self) -> int:
        if not self.opened or not self.driver:
            raise NVMLError("Uninitialized")
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        if index in self.lost:
            raise NVMLError("GPU is lost")
        return index

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> SimpleNamespace:
        return SimpleNamespace(gpu=75 if handle == 0 else 0, memory=10)

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> SimpleNamespace:
        return SimpleNamespace(total=24 << 30, used=6 << 30, free=18 << 30)

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:
        if handle == 1:
            raise NVMLError("Not Supported")
        return 120_500
