"""Decides how long to wait for another program that has locked the journal's file."""

import time
from pathlib import Path

from daemon.journal.file_errors import locked

PATIENCE_SECONDS = 5.0
"""Our commands hold a lock for milliseconds; who holds one for longer is e.g. a person with a database browser."""
_AGAIN_SECONDS = 0.05


class Patience:
    """The wait for one file. All threads share it: its time is spent once each time that the file is locked."""

    def __init__(self, path: Path, seconds: float = PATIENCE_SECONDS) -> None:
        self._path = path
        self._seconds = seconds
        self._locked_since: float | None = None

    @property
    def was_needed(self) -> bool:
        """Whether the file was locked when somebody wanted to write, and nobody could write since."""
        return self._locked_since is not None

    def wait(self) -> None:
        """Sleep before the next try, after one that found the file locked. Raises JournalLocked after `seconds`."""
        now = time.monotonic()
        since = self._locked_since = self._locked_since or now
        if now - since >= self._seconds:
            raise locked(self._path)
        time.sleep(_AGAIN_SECONDS)

    def succeeded(self) -> None:
        """The file could be written: the next lock gets the whole patience again."""
        self._locked_since = None

    def end(self) -> None:
        """Wait no longer from now on: the program stops."""
        self._seconds = 0.0
