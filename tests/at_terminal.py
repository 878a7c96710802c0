"""Runs the real program at a real terminal of a given size, so that tests see what a person sees."""

import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from daemon.logs.fitted import columns
from tests.processes import LONGEST_WAIT_SECONDS, environment

CTRL_C = b"\x03"
_STYLE = re.compile(r"\x1b\[[0-9;]*m")


class AtTerminal:
    """`python -m daemon WORDS` in a session of its own, whose terminal is ours."""

    def __init__(
        self, folder: Path, *words: str, settings: Mapping[str, str] | None = None, width: int = 80,
        stdout: Path | None = None, stderr: Path | None = None,
    ) -> None:  # fmt: skip
        """settings: variables. stdout, stderr: files that these go to in place of the terminal."""
        self._seen = b""
        self._pid, self._terminal = pty.fork()
        if self._pid == 0:
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, width, 0, 0))
                for number, path in ((1, stdout), (2, stderr)):
                    if path:
                        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), number)
                os.chdir(folder)
                own = {"COLUMNS": "", "LINES": "", "TERM": "xterm", "NO_COLOR": "1"}
                command = [sys.executable, "-m", "daemon", *words]
                os.execve(sys.executable, command, {**environment(folder), **own, **(settings or {})})
            finally:
                os._exit(127)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pid:
            os.kill(self._pid, 9)
            os.waitpid(self._pid, 0)
        os.close(self._terminal)

    def type(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._terminal, keys)

    def wait_for(self, text: str | Callable[[str], bool]) -> None:
        """Read until this text, or what a function looks for, is on the screen."""
        found = text if callable(text) else lambda screen: text in " ".join(screen.split())
        deadline = time.monotonic() + LONGEST_WAIT_SECONDS
        while not found(self.screen):
            assert time.monotonic() < deadline, f"waited too long for {text}:\n{self.screen}"
            assert self._read(), f"it ended before {text}:\n{self.screen}"

    def ended(self) -> int:
        """Read to the end. Returns the exit code."""
        deadline = time.monotonic() + LONGEST_WAIT_SECONDS
        while self._read():
            assert time.monotonic() < deadline, f"it does not end:\n{self.screen}"
        pid, self._pid = self._pid, 0
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    @property
    def screen(self) -> str:
        """All that was shown so far, without colours; the ^C of a key is gone where something was written over it."""
        text = _STYLE.sub("", self._seen.decode("utf-8", "replace")).replace("\r\n", "\n")
        return re.sub(r"^.*\r", "", text, flags=re.MULTILINE)

    @property
    def broadest(self) -> int:
        """The columns of the broadest line."""
        return max(columns(line) for line in self.screen.splitlines())

    def _read(self) -> bool:
        """Read once, for a second at most. Returns whether anybody can still write."""
        if select.select([self._terminal], [], [], 1.0)[0]:
            try:
                self._seen += (piece := os.read(self._terminal, 65536))
            except OSError:  # the other end is closed
                return False
            return bool(piece)
        return True
