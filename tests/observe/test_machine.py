"""Disks and GPUs are measured, and nothing that hangs blocks the daemon."""

import threading
from pathlib import Path

from daemon.observe.gpu import Gpus
from daemon.observe.machine import Machine
from daemon.observe.metrics import Metrics
from tests.observe.scrape import samples, value
from tests.observe.scripted_nvml import ScriptedNvml

NO_GPUS = Gpus(lambda: None)


def test_free_space_and_size_of_each_disk_are_shown(tmp_path: Path) -> None:
    metrics = Metrics("1")

    Machine(metrics, {"root": tmp_path}, NO_GPUS, usage=lambda _: (100, 60, 40)).look()

    assert value(metrics, "disk_free_bytes", mount="root") == 40
    assert value(metrics, "disk_size_bytes", mount="root") == 100


def test_a_real_disk_has_a_size(tmp_path: Path) -> None:
    metrics = Metrics("1")

    Machine(metrics, {"state": tmp_path}, NO_GPUS).look()

    assert 0 < value(metrics, "disk_free_bytes", mount="state") <= value(metrics, "disk_size_bytes", mount="state")


def test_a_disk_that_is_away_hides_no_other(tmp_path: Path) -> None:
    metrics = Metrics("1")

    Machine(metrics, {"root": tmp_path / "away", "state": tmp_path}, NO_GPUS).look()

    assert [labels for labels, _ in samples(metrics, "disk_free_bytes")] == [{"mount": "state"}]


def test_gpus_are_shown_and_closed_at_the_end() -> None:
    metrics, nvml = Metrics("1"), ScriptedNvml()
    asked = threading.Event()

    def load() -> ScriptedNvml:
        asked.set()
        return nvml

    machine = Machine(metrics, {}, Gpus(load), every_seconds=60.0)
    machine.start()
    assert asked.wait(10)
    machine.close()

    assert value(metrics, "gpu_utilization_ratio", gpu="0") == 0.75
    assert nvml.opened == 0


def test_a_share_that_hangs_does_not_block_the_end(tmp_path: Path) -> None:
    hanging, mended = threading.Event(), threading.Event()

    def hang(folder: Path) -> tuple[int, int, int]:
        hanging.set()
        mended.wait()
        return (1, 1, 0)

    machine = Machine(Metrics("1"), {"root": tmp_path}, NO_GPUS, usage=hang)
    machine.start()
    assert hanging.wait(10)

    machine.close()  # returns although the thread still hangs
    machine.close()
    mended.set()


def test_what_never_started_can_be_closed(tmp_path: Path) -> None:
    Machine(Metrics("1"), {"root": tmp_path}, NO_GPUS).close()
