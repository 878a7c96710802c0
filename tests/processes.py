"""Runs the real program in a process of its own, so that tests can signal it, wait for it and kill it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from daemon.work.open_file import WorkInThisProcess

LONGEST_WAIT_SECONDS = 120.0


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """The environment of a daemon below `folder`: quick settings, no port, and none of this machine's settings."""
    ours = {
        "FREISTELLER__ROOT": str(folder / "hot"),
        "FREISTELLER__STATE_DIR": str(folder / "state"),
        "FREISTELLER__INTAKE__QUIET_SECONDS": "0.2",
        "FREISTELLER__INTAKE__TIFF_QUIET_SECONDS": "0.2",
        "FREISTELLER__INTAKE__SCAN_SECONDS": "0.3",
        "FREISTELLER__INTAKE__PATIENCE_SECONDS": "3",
        "FREISTELLER__HTTP__BIND": "",
        "FREISTELLER__STRATEGY__MAX_ATTEMPTS": "1",
        "FREISTELLER__JUDGEMENT__WITNESS": "off",
        "FREISTELLER__ENGINE__LOCAL__THREADS": "1",  # else each first start tries for two seconds what is fastest
        "FREISTELLER__ENGINE__LOCAL__BATCH": "1",
        **settings,
    }
    clean = {name: value for name, value in os.environ.items() if not name.startswith("FREISTELLER")}
    return {**clean, **ours}


def freisteller(*words: str, folder: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run one command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "daemon", *words],
        env=environment(folder, **settings),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=LONGEST_WAIT_SECONDS,
        check=False,
    )


class DaemonProcess:
    """`freisteller run` in a process of its own."""

    def __init__(
        self, folder: Path, *flags: str, stdin: str = os.devnull, within: Sequence[str] = (), **settings: str
    ) -> None:
        """stdin: the path of a file or a terminal. within: a program, with arguments, that starts the daemon."""
        self._folder = folder
        self._log = (folder / "daemon.log").open("ab")
        with Path(stdin).open("rb", buffering=0) as read:
            self._process = subprocess.Popen(
                [*within, sys.executable, "-m", "daemon", "run", *flags],
                env=environment(folder, **settings),
                cwd=folder,
                stdin=read,
                stdout=self._log,
                stderr=self._log,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        self._log.close()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def kill(self) -> None:
        """Kill it with SIGKILL, and wait until it is gone."""
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def hang_up(self) -> None:
        """Send SIGHUP, which asks for a reload of the settings."""
        self._process.send_signal(signal.SIGHUP)

    def terminate(self) -> None:
        """Send SIGTERM, as systemd does."""
        self._process.send_signal(signal.SIGTERM)

    def ended(self) -> int:
        """Wait until it ends by itself. Returns the exit code."""
        return self._process.wait(timeout=LONGEST_WAIT_SECONDS)

    def says(self, text: str) -> bool:
        """Whether this text is in its log."""
        return text in (self._folder / "daemon.log").read_text("utf-8", "replace")

    def interrupt(self) -> int:
        """Send SIGINT, as Ctrl-C does, and wait for the end. Returns the exit code."""
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(timeout=LONGEST_WAIT_SECONDS)

    def wait_until(self, done: Callable[[], bool], what: str) -> None:
        """Wait until `done`; if the daemon ends or takes too long, fail with the end of its log."""
        deadline = time.monotonic() + LONGEST_WAIT_SECONDS
        while not done():
            log = (self._folder / "daemon.log").read_text("utf-8", "replace")[-4000:]
            assert self._process.poll() is None, f"the daemon ended before {what}:\n{log}"
            assert time.monotonic() < deadline, f"waited too long for {what}:\n{log}"
            time.sleep(0.05)


def works_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Daemons work on photos in this process, so that a test can spoil a function that a worker calls."""
    monkeypatch.setattr("daemon.service.tools.Processes", lambda *_: WorkInThisProcess())
