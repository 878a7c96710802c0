"""Counts the unexpected errors that single files meet, so that no file stops the others, and none waits for ever."""

import logging

from daemon.errors import Said
from daemon.logs import log

_MOST_TRIES = 3
_OF_THE_JOURNAL = "OperationalError"  # SQLite's, e.g. because another program locks the journal: no file fails for that


class FileFaults:
    """Remembers how often our code stumbled over each file. Only one thread uses it."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def count(self, path: str, error: Exception) -> Said | None:
        """Count an error, and log a file's first one. Returns why the file fails once it had all its tries."""
        worn_out = self.is_worn_out(path)
        text = f"{type(error).__name__}: {error}"
        if self._counts[path] == 1:
            log.log("internal_error", f"{path}: {text}", level=logging.ERROR, error=error, name=path)
        if not worn_out or type(error).__name__ == _OF_THE_JOURNAL:
            return None
        return Said("internal_error", detail=text)

    def is_worn_out(self, path: str) -> bool:
        """Count one more try that failed; returns whether it was the last one that the file gets."""
        self._counts[path] = self._counts.get(path, 0) + 1
        return self._counts[path] >= _MOST_TRIES

    def forget(self, path: str) -> None:
        """The file got on."""
        self._counts.pop(path, None)
