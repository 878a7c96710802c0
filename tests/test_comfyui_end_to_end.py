"""The whole way through ComfyUI: real daemon processes against servers that behave as recorded."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from daemon.pictures.reading import open_photo
from tests.drawing import drawn_photo, save_photo
from tests.engines.comfyui_double import Double
from tests.processes import DaemonProcess, freisteller
from tests.test_killed import files_below, results


def servers(*doubles: Double) -> str:
    return json.dumps([{"url": double.url, "slots": 2} for double in doubles])


def drop(root: Path, count: int) -> None:
    for number in range(count):
        save_photo(root / "inbox" / f"{number:02}.jpg", drawn_photo(240, 180, number))


@pytest.mark.slow
def test_photos_are_spread_over_two_servers_and_come_back_cut_out(tmp_path: Path) -> None:
    root = tmp_path / "hot"
    drop(root, 8)
    with Double() as first, Double() as second:
        for double in (first, second):
            double.faults.seconds = 0.2
        done = freisteller("run", "--once", folder=tmp_path, FREISTELLER__COMFYUI__SERVERS=servers(first, second))
        used = [len(double.inferences) for double in (first, second)]
        left_behind = [name for double in (first, second) for name in double.files if name[0] == "output"]

    assert done.returncode == 0, done.stderr
    assert len(results(root)) == 8
    assert all(used)
    assert left_behind == []
    cutout = open_photo(results(root)[0], 1)
    assert cutout.own_alpha is not None
    assert np.mean(cutout.own_alpha > 250) > 0.1
    assert np.mean(cutout.own_alpha < 5) > 0.3


@pytest.mark.slow
def test_a_kill_in_mid_prompt_costs_no_second_inference(tmp_path: Path) -> None:
    root = tmp_path / "hot"
    drop(root, 6)
    with Double() as first, Double() as second:
        listed, doubles = servers(first, second), (first, second)
        first.faults.hold = second.faults.hold = True
        with DaemonProcess(tmp_path, FREISTELLER__COMFYUI__SERVERS=listed) as daemon:
            daemon.wait_until(lambda: all(double.worker.remaining() for double in doubles), "prompts on both servers")
            daemon.kill()
        first.faults.hold = second.faults.hold = False
        for double in doubles:
            double.note_change()
        with DaemonProcess(tmp_path, FREISTELLER__COMFYUI__SERVERS=listed) as daemon:
            daemon.wait_until(lambda: len(results(root)) == 6, "all results")
            assert daemon.interrupt() == 0
        runs = Counter(inference.prompt_id for double in doubles for inference in double.inferences)

    assert len(runs) == 6
    assert set(runs.values()) == {1}


@pytest.mark.slow
def test_photos_wait_while_the_server_is_away_and_none_fails(tmp_path: Path) -> None:
    root = tmp_path / "hot"
    drop(root, 3)
    settings = {"FREISTELLER__DISPATCH__POSTPONE_SECONDS": "0.2", "FREISTELLER__COMFYUI__PROBE_SECONDS": "0.5"}
    with Double() as double:
        double.die()
        with DaemonProcess(tmp_path, FREISTELLER__COMFYUI__SERVERS=servers(double), **settings) as daemon:
            log = tmp_path / "daemon.log"
            daemon.wait_until(lambda: "job_postponed" in log.read_text("utf-8", "replace"), "a photo to be postponed")
            assert files_below(root / "failed") == []
            double.revive()
            daemon.wait_until(lambda: len(results(root)) == 3, "all results")

    assert files_below(root / "failed") == []


@pytest.mark.slow
def test_once_ends_with_code_1_where_no_server_ever_answers_and_keeps_the_photos(tmp_path: Path) -> None:
    root = tmp_path / "hot"
    drop(root, 1)

    done = freisteller(
        "run",
        "--once",
        folder=tmp_path,
        FREISTELLER__COMFYUI__SERVERS='[{"url": "http://127.0.0.1:9"}]',
        FREISTELLER__DISPATCH__POSTPONE_SECONDS="0.2",
    )

    assert done.returncode == 1
    assert "1 photo goes on at the next start" in done.stderr
    assert files_below(root / "failed") == []
