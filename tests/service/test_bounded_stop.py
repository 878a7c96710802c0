"""A stop is heard and over in time, whatever the daemon waits for; the next start does the photo once.

Most of the time goes by waiting for the time limit of the end, so all states are tried at once.
"""

import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest

from daemon.hotfolder.lease_file import Holder
from daemon.service.bounded_end import END_SECONDS
from tests.drawing import save_photo
from tests.engines.comfyui_double import Double
from tests.locks import locked_by_another
from tests.processes import DaemonProcess, freisteller
from tests.test_crash_at_every_step import files_below, results

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

STOP_SECONDS = 1.0
SLACK_SECONDS = 60.0  # for a busy machine; what hangs here hangs ten minutes and longer


class House:
    """A hot folder whose photos a ComfyUI double does; states that hang are entered with what `within` keeps open."""

    def __init__(self, folder: Path, double: Double, within: ExitStack) -> None:
        self.folder, self.root, self.double, self.within = folder, folder / "hot", double, within
        self.settings = {
            "FREISTELLER__DISPATCH__STOP_SECONDS": str(STOP_SECONDS),
            "FREISTELLER__COMFYUI__SERVERS": json.dumps([{"url": double.url}]),
            "FREISTELLER__COMFYUI__PROBE_SECONDS": "0.5",
            "FREISTELLER__LOG__FORMAT": "json",
        }

    def run_once(self) -> None:
        done = freisteller("run", "--once", folder=self.folder, **self.settings)
        assert done.returncode == 0, done.stdout + done.stderr

    def daemon(self, *flags: str) -> DaemonProcess:
        return self.within.enter_context(DaemonProcess(self.folder, *flags, **self.settings))

    def drop(self) -> None:
        save_photo(self.root / "inbox" / "a.png")

    def started(self, *flags: str) -> DaemonProcess:
        daemon = self.daemon(*flags)
        daemon.wait_until(lambda: daemon.says('"action": "watching"'), "the start")
        return daemon


@contextmanager
def deaf_server() -> Iterator[tuple[str, list[socket.socket]]]:
    """A server that takes connections and never answers: its address, and the connections so far."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        kept: list[socket.socket] = []

        def take() -> None:
            while True:
                try:
                    kept.append(listener.accept()[0])
                except OSError:
                    return

        threading.Thread(target=take, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", kept
        for each in kept:
            each.close()


def idle(house: House) -> DaemonProcess:
    return house.started()


def journal_locked(house: House) -> DaemonProcess:
    daemon = house.started()
    house.within.enter_context(locked_by_another(house.folder / "state" / "journal.sqlite3"))
    house.drop()
    time.sleep(2)
    return daemon


def prompt_never_ends(house: House) -> DaemonProcess:
    house.double.set_faults({"hold": True})
    daemon = house.started()
    house.drop()
    daemon.wait_until(lambda: len(house.double.inferences) == 1, "the prompt")
    return daemon


def upload_drips(house: House) -> DaemonProcess:
    house.double.set_faults({"drip_paths": ["/upload/image"], "drip_from": "body"})
    daemon = house.started()
    house.drop()
    daemon.wait_until(lambda: house.double.asked("POST", "/upload/image") > 0, "the upload")
    return daemon


def server_never_answers(house: House) -> DaemonProcess:
    url, connections = house.within.enter_context(deaf_server())
    house.settings["FREISTELLER__COMFYUI__SERVERS"] = json.dumps([{"url": url}])
    house.settings["FREISTELLER__COMFYUI__CONNECT_SECONDS"] = "600"
    daemon = house.started()
    house.drop()
    daemon.wait_until(lambda: len(connections) > 0, "the first question")
    return daemon


def hook_hangs(house: House) -> DaemonProcess:
    hook = {"command": ["/bin/sleep", "600"], "on": ["batch_done"], "limit_seconds": 600}
    house.settings["FREISTELLER__NOTIFY__HOOKS"] = json.dumps([hook])
    house.settings["FREISTELLER__NOTIFY__BATCH_SECONDS"] = "0.5"
    daemon = house.started()
    house.drop()
    daemon.wait_until(lambda: daemon.says('"action": "batch_done"'), "the notice")
    return daemon


def reload_hangs(house: House) -> DaemonProcess:
    config = house.folder / "f.toml"
    config.write_text("")
    daemon = house.started("--config", str(config))
    config.unlink()
    os.mkfifo(config)
    daemon.hang_up()
    time.sleep(1)
    house.within.callback(config.unlink)
    return daemon


def another_machine_may_have_the_folder(house: House) -> DaemonProcess:
    lease = house.root / ".freisteller" / "lease.json"
    holder = Holder("token", "elsewhere", 1, "another boot", "today")
    lease.write_bytes(json.dumps(asdict(holder)).encode().ljust(511) + b"\n")
    daemon = house.daemon()
    daemon.wait_until(lambda: daemon.says("Waiting to see"), "the wait for the lease")
    house.within.callback(lease.unlink, missing_ok=True)
    return daemon


def stopped_share(house: House) -> Callable[[], None]:
    """Mount the hot folder by FUSE. Returns what makes it stop answering; it answers again at the end."""
    back = house.folder / "back"
    house.root.rename(back)
    house.root.mkdir()
    server = subprocess.Popen(["bindfs", "-f", str(back), str(house.root)], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not os.path.ismount(house.root):
        if server.poll() is not None or time.monotonic() > deadline:
            house.root.rmdir()
            back.rename(house.root)
            pytest.skip("FUSE mounts are not allowed here")
        time.sleep(0.05)

    def end() -> None:
        server.send_signal(signal.SIGCONT)
        subprocess.run(["umount", "--lazy", str(house.root)], check=False)
        server.wait(60)
        house.root.rmdir()
        back.rename(house.root)

    house.within.callback(end)
    return lambda: server.send_signal(signal.SIGSTOP)


def share_hangs(house: House) -> DaemonProcess:
    stop_answering = stopped_share(house)
    daemon = house.started()
    stop_answering()
    time.sleep(2)
    return daemon


def share_hangs_at_the_start(house: House) -> DaemonProcess:
    stopped_share(house)()
    daemon = house.daemon()
    time.sleep(4)
    return daemon


LOCAL = (
    idle,
    journal_locked,
    prompt_never_ends,
    upload_drips,
    server_never_answers,
    hook_hangs,
    reload_hangs,
    another_machine_may_have_the_folder,
)
ON_A_SHARE = (share_hangs, share_hangs_at_the_start)
State = Callable[[House], DaemonProcess]


@pytest.mark.parametrize("states", [LOCAL, ON_A_SHARE], ids=["local", "on a share"])
def test_a_stop_is_over_in_time_and_loses_nothing(tmp_path: Path, states: Sequence[State]) -> None:
    with ThreadPoolExecutor(len(states)) as at_once:
        trials = [at_once.submit(stopped, tmp_path / state.__name__, state) for state in states]
    errors = [(state, trial.exception()) for state, trial in zip(states, trials, strict=True)]
    for state, error in errors:
        if isinstance(error, pytest.skip.Exception):
            raise error
        if error:
            error.add_note(f"The daemon was {state.__name__}.")
    if wrong := [error for _, error in errors if error]:
        raise BaseExceptionGroup("stops that were not as they should be", wrong)


def stopped(folder: Path, state: State) -> None:
    """Stop a daemon in this state, let the next one go on, and look at what both left."""
    folder.mkdir()
    with Double() as double:
        with ExitStack() as within:
            house = House(folder, double, within)
            house.run_once()
            daemon = state(house)
            began = time.monotonic()
            daemon.terminate()
            daemon.ended()
            took = time.monotonic() - began
        double.set_faults({"hold": False, "drip_paths": []})
        calm = House(folder, double, within)
        calm.drop()
        calm.run_once()

    assert took < STOP_SECONDS + END_SECONDS + SLACK_SECONDS
    assert sorted({name.partition(".")[0].partition("-")[0] for name in results(calm.root)}) == ["a"]
    assert files_below(calm.root / "failed") == files_below(calm.root / "inbox") == []
    assert files_below(calm.root / ".freisteller" / "work") == []
