"""The whole daemon, in its own process, against a double: the daemon is killed, or the server cannot work."""

import contextlib
import json
import os
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest

from tests.engines.comfyui_double import Double
from tests.engines.conformance import drawn_photo
from tests.engines.double_faults import Faults
from tests.work.test_witness_desk import settings_with

pytestmark = pytest.mark.slow
CHECKOUT = Path(__file__).parents[2]


class Daemon:
    """A hot folder and the settings to run `freisteller` on it, any number of times."""

    def __init__(self, folder: Path, *servers: str, **settings: str) -> None:
        self.root = folder / "hot folder"
        self.log = folder / "daemon.log"
        self._environment = {
            **os.environ,
            "FREISTELLER__STATE_DIR": str(folder / "state"),
            "FREISTELLER__HTTP__BIND": "",
            "FREISTELLER__INTAKE__QUIET_SECONDS": "0.1",
            "FREISTELLER__INTAKE__SCAN_SECONDS": "0.2",
            "FREISTELLER__DISPATCH__POSTPONE_SECONDS": "0.3",
            "FREISTELLER__COMFYUI__PROBE_SECONDS": "0.5",
            "FREISTELLER__COMFYUI__SERVERS": json.dumps([{"url": url} for url in servers]),
            **settings,
        }

    def drop(self, count: int, first: int = 0) -> None:
        """Put so many different photos into the inbox. first: the number of the first one."""
        inbox = self.root / "inbox"
        inbox.mkdir(parents=True, exist_ok=True)
        for number in range(first, first + count):
            picture = cv2.cvtColor(drawn_photo(300, 400, shift=8 * number), cv2.COLOR_RGB2BGR)
            part = inbox / f".photo-{number}.part"
            part.write_bytes(cv2.imencode(".jpg", picture)[1].tobytes())
            part.rename(inbox / f"photo-{number}.jpg")

    @contextlib.contextmanager
    def running(self, *flags: str) -> Iterator["subprocess.Popen[bytes]"]:
        """A running daemon, killed at the end of the block. `log` has its output."""
        command = [sys.executable, "-m", "daemon", "run", "--root", str(self.root), *flags]
        with self.log.open("ab") as log:
            process = subprocess.Popen(command, cwd=CHECKOUT, env=self._environment, stdout=log, stderr=log)
        try:
            yield process
        finally:
            process.kill()
            process.wait()

    def process(self, *photos: Path, out: Path) -> "subprocess.CompletedProcess[bytes]":
        """Cut out these photos without the hot folder."""
        command = [sys.executable, "-m", "daemon", "process", *map(str, photos), "--out", str(out)]
        return subprocess.run(command, cwd=CHECKOUT, env=self._environment, capture_output=True, timeout=120)

    def results(self) -> list[str]:
        return sorted(
            path.name for grade in ("sehr_gut", "gut", "ungenügend") for path in self.root.glob(f"{grade}/*.png")
        )

    def reports(self) -> dict[str, dict[str, Any]]:
        found = (path for grade in ("sehr_gut", "gut", "ungenügend") for path in self.root.glob(f"{grade}/*.json"))
        return {path.stem: json.loads(path.read_text("utf-8")) for path in found}

    def failures(self) -> list[str]:
        failed = self.root / "failed"
        return sorted(path.name for path in failed.iterdir()) if failed.exists() else []


def wait_until(double: Double, happened: Callable[[], bool], daemon: Daemon) -> None:
    """Wait. The daemon probes the double twice a second, so the condition is checked that often."""
    assert double.wait_until(happened, 90), daemon.log.read_text("utf-8", "replace")[-4000:]


def test_a_kill_in_mid_prompt_costs_no_second_inference(tmp_path: Path, double: Double) -> None:
    kills, photos = 2, 8  # so many photos that each life finds one to ask for
    daemon = Daemon(tmp_path, double.url)
    daemon.drop(photos)
    for _ in range(kills):
        double.set_faults({"hold": True})
        with daemon.running():
            wait_until(double, lambda: bool(double.worker.queue()["queue_running"]), daemon)
        double.set_faults({"hold": False})
        wait_until(double, lambda: double.worker.remaining() == 0, daemon)

    with daemon.running("--once") as process:
        assert process.wait(120) == 0

    assert sorted(daemon.results()) == sorted(f"photo-{number}.png" for number in range(photos))
    assert daemon.failures() == []
    per_ticket = Counter(inference.prompt_id for inference in double.inferences)
    assert set(per_ticket.values()) == {1}
    assert all(uuid.UUID(ticket).version == 5 for ticket in per_ticket)


def witnesses_of(daemon: int) -> list[int]:
    """The processes below a daemon that have loaded ONNX Runtime."""
    found = [daemon]
    for each in found:
        for path in Path(f"/proc/{each}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += map(int, path.read_text().split())
    return [each for each in found if uses_onnxruntime(each)]


def uses_onnxruntime(process: int) -> bool:
    with contextlib.suppress(OSError):
        return "onnxruntime" in Path(f"/proc/{process}/maps").read_text()
    return False


def test_a_kill_takes_the_witness_along_and_each_photo_hears_one_after_it(tmp_path: Path, double: Double) -> None:
    photos, weights = 4, tmp_path / "weights"
    weights.mkdir()
    settings_with(weights)
    own = {"FREISTELLER__ENGINE__LOCAL__WEIGHTS_DIR": str(weights), "FREISTELLER__JUDGEMENT__WITNESS": "own"}
    daemon = Daemon(tmp_path, double.url, **own)
    daemon.drop(photos)
    double.set_faults({"hold": True})
    with daemon.running() as process:
        wait_until(double, lambda: bool(witnesses_of(process.pid)), daemon)
        before = witnesses_of(process.pid)
        assert process.pid not in before  # the daemon itself has no network in it
    wait_until(double, lambda: not any(map(uses_onnxruntime, before)), daemon)
    double.set_faults({"hold": False})

    with daemon.running("--once") as process:
        assert process.wait(120) == 0

    assert daemon.failures() == []
    assert {name: report["witness"]["model"] for name, report in daemon.reports().items()} == {
        f"photo-{number}": "own" for number in range(photos)
    }


CAN_DO_NOTHING: tuple[dict[str, Any], ...] = (
    {"status": 503},
    {"missing_nodes": ["RMBG", "BiRefNetRMBG"]},
    {"missing_models": ["RMBG-2.0", "BEN2", "BiRefNet-HR", "INSPYRENET", "BEN"]},
    {"missing_weights": ["RMBG-2.0", "BEN2", "BiRefNet-HR", "INSPYRENET", "BEN"]},
)


def test_photos_wait_for_a_server_that_can_do_nothing_and_are_done_when_it_can(tmp_path: Path, double: Double) -> None:
    daemon = Daemon(tmp_path, double.url)

    def probes(count: int) -> None:
        before = double.asked("GET", "/system_stats")
        wait_until(double, lambda: double.asked("GET", "/system_stats") >= before + count, daemon)

    double.set_faults(CAN_DO_NOTHING[0])
    with daemon.running():
        for number, fault in enumerate(CAN_DO_NOTHING):
            sound = {name: getattr(Faults(), name) for name in fault}
            double.set_faults(fault)
            probes(3)
            daemon.drop(1, number)
            probes(6)
            assert (daemon.failures(), len(daemon.results())) == ([], number), fault
            double.set_faults(sound)
            wait_until(double, lambda wanted=number + 1: len(daemon.results()) == wanted, daemon)  # type: ignore[misc]

    assert daemon.failures() == []


LOST = {"missing_weights": ["RMBG-2.0"]}  # the first model of the ladder


def test_the_daemon_goes_on_with_the_other_models_if_the_first_has_lost_its_weights(
    tmp_path: Path, double: Double
) -> None:
    daemon = Daemon(tmp_path, double.url)
    double.set_faults(LOST)
    daemon.drop(3)

    with daemon.running("--once") as process:
        assert process.wait(120) == 0

    assert daemon.results() == [f"photo-{number}.png" for number in range(3)]
    assert daemon.failures() == []
    assert {inference.model for inference in double.inferences} == {"BEN2"}
    assert daemon.log.read_text("utf-8").count('"model_passed_over"') == 1


def test_process_goes_on_with_the_other_models_too(tmp_path: Path, double: Double) -> None:
    daemon = Daemon(tmp_path, double.url)
    double.set_faults(LOST)
    daemon.drop(2)
    photos = sorted((daemon.root / "inbox").iterdir())

    done = daemon.process(*photos, out=tmp_path / "out")

    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "out").glob("*.png")) == ["photo-0.png", "photo-1.png"]
    assert b"Photos go on without RMBG-2.0" in done.stderr
