"""Pause and resume: a running daemon obeys, a restart keeps the pause, and status and metrics show it."""

import json
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from daemon.journal import Journal
from tests.drawing import drawn_photo, save_photo
from tests.processes import DaemonProcess, freisteller
from tests.service.test_housekeeping import House, actions
from tests.work.test_dispatch import Hands, admit, dispatch_for


def test_nothing_is_started_while_work_is_paused(tmp_path: Path) -> None:
    journal, hands = Journal(tmp_path / "j"), Hands()
    admit(journal, "a")
    hands.end.set()
    with ThreadPoolExecutor(1) as executor:
        dispatch = dispatch_for(journal, hands, executor)
        journal.pause(5.0)
        while_paused = dispatch.start_next()
        journal.resume()
        afterwards = dispatch.start_next()

    assert while_paused is None
    assert afterwards is not None


def test_a_pause_is_kept_in_the_file_and_ends_once(tmp_path: Path) -> None:
    first, second = Journal(tmp_path / "j"), Journal(tmp_path / "j")
    first.pause(5.0, "anna")
    first.pause(7.0, "ben")

    assert (second.paused_at(), second.paused_by()) == (5.0, "anna")
    assert (second.resume(), first.resume()) == (True, False)
    assert (first.paused_at(), first.paused_by()) == (None, "")


def test_a_pause_is_logged_once_and_shown_as_long_as_it_lasts(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    house = House(tmp_path)
    caplog.set_level(logging.INFO, "freisteller")
    house.journal.pause(1_800_000_000.0, "anna")
    house.sees()
    house.sees()
    shown = house.shows("paused 1.0") and house.shows('paused_timestamp_seconds{who="anna"} 1.8e+09')
    house.journal.resume()
    house.sees()
    house.close()

    assert shown
    assert house.shows("paused 0.0")
    assert actions(caplog) == ["paused", "resumed"]


@pytest.mark.slow
def test_a_running_daemon_obeys_pause_and_resume_and_so_does_the_next_one(tmp_path: Path) -> None:
    root = tmp_path / "hot"

    def waiting() -> int:
        return int(json.loads(freisteller("status", "--json", folder=tmp_path).stdout)["states"]["waiting"])

    with DaemonProcess(tmp_path) as daemon:
        daemon.wait_until(lambda: daemon.says('"action": "watching"'), "the start")
        paused = freisteller("pause", folder=tmp_path)
        save_photo(root / "inbox" / "a.png", drawn_photo(seed=1))
        daemon.wait_until(lambda: waiting() == 1, "the photo to be taken in")
        daemon.kill()
    once = freisteller("run", "--once", folder=tmp_path)
    status = freisteller("status", folder=tmp_path)
    with DaemonProcess(tmp_path) as daemon:
        daemon.wait_until(lambda: daemon.says('"paused"'), "the pause in the log")
        results_while_paused = list(root.glob("*/a.json"))
        resumed = freisteller("resume", folder=tmp_path)
        daemon.wait_until(lambda: bool(list(root.glob("*/a.json"))), "the result")

    assert (paused.returncode, resumed.returncode) == (0, 0), paused.stderr + resumed.stderr
    assert results_while_paused == []
    assert once.returncode == 1
    assert "1 photo of last time goes on." in once.stderr
    assert "1 photo goes on at the next start." in once.stderr
    assert "paused since" in status.stdout
