"""The real process dies again and again over one photo, or is killed while it stops: its neighbours get through."""

import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.drawing import drawn_photo, save_photo
from tests.processes import environment
from tests.test_killed import files_below, results

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
CHECKOUT = Path(__file__).parents[1]
INNOCENT = [f"innocent {number}" for number in range(5)]


def names(paths: list[Path]) -> list[str]:
    return [path.name for path in paths]


@contextmanager
def deadly_daemon(folder: Path, **settings: str) -> Iterator["subprocess.Popen[bytes]"]:
    command = [sys.executable, "-m", "tests.deadly_daemon", str(folder / "deaths")]
    with (folder / "daemon.log").open("ab") as log:
        process = subprocess.Popen(command, cwd=CHECKOUT, env=environment(folder, **settings), stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_until(process: "subprocess.Popen[bytes]", done: Callable[[], bool]) -> None:
    """Wait at most two minutes; the process must live on."""
    for _ in range(1200):
        if done():
            return
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.1)
    pytest.fail("waited too long")


@pytest.mark.parametrize("tries", [1, 3])
def test_a_photo_that_kills_the_process_each_time_takes_no_other_with_it(tries: int, tmp_path: Path) -> None:
    root = tmp_path / "hot"
    for number, name in enumerate(INNOCENT):
        save_photo(root / "inbox" / f"{name}.png", drawn_photo(200, 150, number))
    save_photo(root / "inbox" / "killer.png", drawn_photo(150, 200))
    settings = {"FREISTELLER__DISPATCH__WORKERS": "6", "FREISTELLER__DISPATCH__MAX_TRIES": str(tries)}

    for _ in range(1 + tries):  # the first one in company
        with deadly_daemon(tmp_path, **settings) as process:
            assert process.wait(120) == -signal.SIGKILL
    with deadly_daemon(tmp_path, **settings) as process:
        note = root / "failed" / "killer.png.txt"
        wait_until(process, lambda: note.exists() and len(results(root)) == len(INNOCENT))

    assert (tmp_path / "deaths").read_text().split() == ["6"] + ["1"] * tries
    assert names(results(root)) == [f"{name}.png" for name in INNOCENT]
    assert names(files_below(root / "failed")) == ["killer.png", "killer.png.txt"]
    assert f"crashed {tries} times" in note.read_text("utf-8")
    assert "on no other" in note.read_text("utf-8")


class Supervisor:
    """Hears what the daemon tells systemd."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line

    def wait_for(self, word: str) -> None:
        while self._line.recv(4096).decode() != word:
            pass


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "notify"))
        line.settimeout(60)
        yield Supervisor(line)


def is_in_work(state: Path) -> bool:
    with closing(sqlite3.connect(state / "journal.sqlite3")) as journal:
        return bool(journal.execute("SELECT 1 FROM jobs WHERE state = 'running'").fetchall())


def test_a_kill_while_the_daemon_stops_costs_no_photo_a_try(tmp_path: Path, supervisor: Supervisor) -> None:
    root = tmp_path / "hot"
    save_photo(root / "inbox" / "a.png", drawn_photo(200, 150))
    settings = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "FREISTELLER__DISPATCH__MAX_TRIES": "1"}

    asked = tmp_path / "deaths.asked"
    for _ in range(3):
        with deadly_daemon(tmp_path, **settings) as process:  # the engine never answers
            wait_until(process, asked.exists)
            asked.unlink()
            process.terminate()
            supervisor.wait_for("STOPPING=1")
            assert is_in_work(tmp_path / "state")
    (tmp_path / "deaths").touch()  # now it answers
    with deadly_daemon(tmp_path, **settings) as process:
        wait_until(process, lambda: bool(results(root) or files_below(root / "failed")))

    assert files_below(root / "failed") == []
