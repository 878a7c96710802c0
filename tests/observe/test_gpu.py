"""GPUs of this machine: the figures that NVML reports, and those that it lacks."""

from daemon.observe.gpu import GpuReading, Gpus
from tests.observe.scripted_nvml import ScriptedNvml


def test_percent_become_a_ratio_and_milliwatts_watts() -> None:
    readings = Gpus(ScriptedNvml).readings()

    assert readings[0] == GpuReading("0", 0.75, 6 << 30, 24 << 30, 120.5)


def test_a_card_that_cannot_report_its_power_reports_the_rest() -> None:
    readings = Gpus(ScriptedNvml).readings()

    assert readings[1] == GpuReading("1", 0.0, 6 << 30, 24 << 30, None)


def test_a_machine_without_the_library_has_no_gpus() -> None:
    assert Gpus(lambda: None).readings() == ()


def test_a_driver_that_is_loaded_later_is_found() -> None:
    nvml = ScriptedNvml(driver=False)
    gpus = Gpus(lambda: nvml)

    before = gpus.readings()
    nvml.driver = True

    assert before == ()
    assert len(gpus.readings()) == 2


def test_a_driver_that_is_replaced_is_opened_again() -> None:
    nvml = ScriptedNvml()
    gpus = Gpus(lambda: nvml)
    gpus.readings()

    nvml.driver = False
    while_away = gpus.readings()
    nvml.opened, nvml.driver = 0, True  # the new driver does not know us

    assert while_away == ()
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
