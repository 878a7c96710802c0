"""GPUs of this machine: what NVML says, and what it does not."""

from types import SimpleNamespace

from daemon.observe.gpu import GpuReading, Gpus


class NVMLError(Exception):
    """As the binding raises it."""


# ruff: noqa: N802 - these are NVML's own names


class ScriptedNvml:
    """NVML's binding over two cards; the second one cannot tell its power, as many cannot."""

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


def test_percent_become_a_ratio_and_milliwatts_watts() -> None:
    readings = Gpus(ScriptedNvml).readings()

    assert readings[0] == GpuReading("0", 0.75, 6 << 30, 24 << 30, 120.5)


def test_a_card_that_cannot_tell_its_power_tells_the_rest() -> None:
    readings = Gpus(ScriptedNvml).readings()

    assert readings[1] == GpuReading("1", 0.0, 6 << 30, 24 << 30, None)


def test_a_machine_without_the_library_has_no_gpus() -> None:
    assert Gpus(lambda: None).readings() == ()


def test_a_driver_that_comes_up_later_is_found() -> None:
    nvml = ScriptedNvml(driver=False)
    gpus = Gpus(lambda: nvml)

    before = gpus.readings()
    nvml.driver = True

    assert before == ()
    assert len(gpus.readings()) == 2


def test_a_lost_card_does_not_hide_the_other() -> None:
    nvml = ScriptedNvml()
    nvml.lost.add(0)

    assert [reading.gpu for reading in Gpus(lambda: nvml).readings()] == ["1"]


def test_the_library_is_opened_once_and_closed_once() -> None:
    nvml = ScriptedNvml()
    gpus = Gpus(lambda: nvml)

    gpus.readings()
    gpus.readings()
    opened = nvml.opened
    gpus.close()
    gpus.close()

    assert opened == 1
    assert nvml.opened == 0


def test_the_real_binding_raises_nothing_here() -> None:
    gpus = Gpus()

    assert all(isinstance(reading, GpuReading) for reading in gpus.readings())
    gpus.close()
