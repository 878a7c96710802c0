"""Settings that change while the daemon works: what it takes over, what it refuses, and what needs a restart."""

import json
import logging
import os
import re
import socket
import urllib.request
from collections import Counter
from pathlib import Path

import pytest

from daemon.errors import BadSettings
from daemon.service.reload import Reload
from daemon.service.systemd import Systemd
from daemon.settings import Settings, load
from daemon.settings.current import CurrentSettings
from daemon.settings.differences import settings_change
from tests.drawing import drawn_photo, save_photo
from tests.engines.comfyui_double import Double
from tests.processes import DaemonProcess
from tests.test_killed import files_below, results

GPU1, GPU2 = {"url": "http://gpu1:8188"}, {"url": "http://gpu2:8188"}


def with_servers(*servers: dict[str, str], **more: object) -> Settings:
    return load(flags={"comfyui": {"servers": servers}, **more})


def test_keys_that_can_change_are_taken_over_and_the_others_are_named() -> None:
    old = load(flags={"root": "a", "grading": {"gut": 0.7}})
    new = load(flags={"root": "b", "grading": {"gut": 0.6}, "log": {"level": "debug", "format": "json"}})

    found = settings_change(old, new)

    assert found.at_once == ("grading.gut", "log.level")
    assert found.after_restart == ("log.format", "root")
    assert (found.settings.grading.gut, found.settings.log.level) == (0.6, "debug")
    assert (found.settings.root, found.settings.log.format) == ("a", "auto")


@pytest.mark.parametrize(
    "section",
    [
        {"intake": {"quiet_seconds": 9.0}},
        {"intake": {"scan_seconds": 9.0}},
        {"outputs": {"formats": ["tiff"]}},
        {"strategy": {"max_attempts": 1}},
        {"strategy": {"ladder": [{"model": "local"}]}},
        {"dispatch": {"workers": 3}},
        {"dispatch": {"memory_mb": 300}},
    ],
    ids=str,
)
def test_these_sections_are_taken_over_at_once(section: dict[str, object]) -> None:
    found = settings_change(load(), load(flags=section))

    assert found.after_restart == ()
    assert found.settings.model_dump() == load(flags=section).model_dump()


@pytest.mark.parametrize(
    "section",
    [
        {"state_dir": "elsewhere"},
        {"http": {"bind": ""}},
        {"http": {"token": "abc"}},
        {"engine": {"proxy_pixels": 512}},
        {"comfyui": {"poll_seconds": 9.0}},
    ],
    ids=str,
)
def test_these_need_a_restart(section: dict[str, object]) -> None:
    found = settings_change(load(), load(flags=section))

    assert found.at_once == ()
    assert len(found.after_restart) == 1
    assert found.settings.model_dump() == load().model_dump()


def test_servers_come_and_go_at_once_but_the_kind_of_engine_stays() -> None:
    assert settings_change(with_servers(GPU1), with_servers(GPU2)).at_once == ("comfyui.servers",)
    assert settings_change(load(), with_servers(GPU1)).after_restart == ("comfyui.servers",)
    assert settings_change(with_servers(GPU1), load()).after_restart == ("comfyui.servers",)
    last_one_gone = settings_change(
        with_servers(GPU1, engine={"use": "comfyui"}), load(flags={"engine": {"use": "local"}})
    )
    assert last_one_gone.after_restart == ("comfyui.servers", "engine.use")


def refuse() -> Settings:
    raise BadSettings("Bad setting grading.gut = 2: too much")


def test_bad_settings_are_reported_to_systemd_and_the_log_and_change_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    taken: list[Settings] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(5)
        told = Systemd({"NOTIFY_SOCKET": systemd.getsockname()})
        reload = Reload(CurrentSettings(load()), refuse, taken.append, told)

        reload.now()
        heard = [systemd.recv(4096).decode() for _ in range(2)]

    assert taken == []
    assert [text.split("\n")[0] for text in heard] == ["RELOADING=1", "READY=1"]
    assert told.remark == "settings not reloaded: Bad setting grading.gut = 2: too much"
    assert [(record.levelno, record.__dict__["action"]) for record in caplog.records] == [
        (logging.ERROR, "reload_refused")
    ]


def test_a_corrected_file_ends_the_remark() -> None:
    answers = iter([refuse, load])
    systemd = Systemd({})
    reload = Reload(CurrentSettings(load()), lambda: next(answers)(), lambda settings: None, systemd)
    reload.now()
    refused = systemd.remark

    reload.now()

    assert refused
    assert systemd.remark == ""


def test_a_key_that_needs_a_restart_stays_named_until_then() -> None:
    systemd = Systemd({})
    reload = Reload(CurrentSettings(load()), lambda: load(flags={"http": {"bind": ""}}), lambda settings: None, systemd)
    reload.now()
    reload.now()

    assert systemd.remark == "http.bind changed: restart to use it"


class Watched:
    """A hot folder with a settings file that the test rewrites."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "hot"
        self.config = folder / "settings.toml"

    def set(self, *servers: Double, more: str = "") -> None:
        listed = ", ".join(f'{{ url = "{double.url}", slots = 1 }}' for double in servers)
        self.config.write_text(f"{more}\n[comfyui]\nprobe_seconds = 0.5\nservers = [{listed}]\n", "utf-8")

    def drop(self, first: int, count: int) -> None:
        for number in range(first, first + count):
            save_photo(self.root / "inbox" / f"{number:02}.jpg", drawn_photo(240, 180, number))

    def names(self) -> list[str]:
        return sorted(path.name for path in results(self.root))


def exposed(folder: Path) -> str:
    port = re.findall(r'"port": (\d+)', (folder / "daemon.log").read_text("utf-8", "replace"))[-1]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
        return str(answer.read().decode())


@pytest.mark.slow
def test_a_server_that_a_reload_adds_gets_work_one_that_it_removes_no_more_and_no_photo_is_lost(
    tmp_path: Path,
) -> None:
    hot = Watched(tmp_path)
    port = {"FREISTELLER__HTTP__BIND": "127.0.0.1:0"}
    with Double() as old, Double() as new:
        old.faults.hold = True
        hot.set(old)
        hot.drop(0, 3)
        with DaemonProcess(tmp_path, "--config", str(hot.config), **port) as daemon:
            daemon.wait_until(lambda: len(old.inferences) == 1, "a prompt to run on the old server")
            hot.set(new)
            daemon.hang_up()
            hot.drop(3, 3)
            daemon.wait_until(lambda: len(results(hot.root)) == 5, "all but the one on the old server")
            old.set_faults({"hold": False})
            daemon.wait_until(lambda: len(results(hot.root)) == 6, "the one on the old server")
            address = old.url.removeprefix("http://")
            daemon.wait_until(lambda: address not in exposed(tmp_path), "the old server's series to end")
            shown = exposed(tmp_path)
            assert daemon.interrupt() == 0
        tickets = Counter(each.prompt_id for each in [*old.inferences, *new.inferences])
        shares = len(old.inferences), len(new.inferences)

    assert hot.names() == [f"{number:02}.png" for number in range(6)]
    assert files_below(hot.root / "failed") == []
    assert shares == (1, 5)
    assert set(tickets.values()) == {1}
    assert f'engine_up{{server="{new.url.removeprefix("http://")}"}} 1.0' in shown


@pytest.mark.slow
def test_a_reload_changes_grades_and_outputs_and_a_bad_file_changes_nothing(tmp_path: Path) -> None:
    hot = Watched(tmp_path)
    strict = "[grading]\nsehr_gut = 1.0\ngut = 0.999999\n"
    mild = "[grading]\nsehr_gut = 0.001\ngut = 0.0\n[outputs]\nformats = ['mask']\n"
    with Double() as double:
        hot.set(double, more=strict)
        hot.drop(0, 1)
        with DaemonProcess(tmp_path, "--config", str(hot.config)) as daemon:
            daemon.wait_until(lambda: len(results(hot.root)) == 1, "the first result")
            hot.config.write_text(mild + "[grading]\ngut = ", "utf-8")
            daemon.hang_up()
            daemon.wait_until(lambda: daemon.says("reload_refused"), "the bad file to be refused")
            hot.drop(1, 1)
            daemon.wait_until(lambda: len(results(hot.root)) == 2, "the second result")
            hot.set(double, more=mild)
            daemon.hang_up()
            daemon.wait_until(lambda: daemon.says('"action": "reloaded"'), "the good file to be taken over")
            hot.drop(2, 1)
            daemon.wait_until(lambda: len(results(hot.root)) == 3, "the third result")
            assert daemon.interrupt() == 0

    grades = {path.name: path.parent.name for path in results(hot.root)}
    assert grades["00.png"] == grades["01.png"] == "ungenügend"
    assert "sehr_gut" in grades.values()
    assert json.loads((hot.root / "sehr_gut" / "02.json").read_text("utf-8"))["grade"] == "sehr_gut"


@pytest.mark.slow
def test_a_closed_terminal_ends_the_program_in_order(tmp_path: Path) -> None:
    hot = Watched(tmp_path)
    ours, its = os.openpty()
    with Double() as double:
        hot.set(double)
        with DaemonProcess(tmp_path, "--config", str(hot.config), stdin=os.ttyname(its)) as daemon:
            os.close(its)
            daemon.wait_until(lambda: daemon.says('"action": "watching"'), "the start")
            daemon.hang_up()
            daemon.wait_until(lambda: daemon.says('"action": "reloaded"'), "a reload while the terminal is there")
            os.close(ours)
            daemon.hang_up()
            code = daemon.ended()

    assert code == 0


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    systemd = Systemd({})
    reload = Reload(CurrentSettings(load()), lambda: load(tmp_path / "gone.toml"), lambda settings: None, systemd)

    reload.now()

    assert "gone.toml" in systemd.remark
