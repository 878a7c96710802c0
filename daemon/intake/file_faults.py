"""Counts the unexpected errors that single files meet, so that no file stops the others, and none waits for ever."""

import logging

from daemon.logs import log

_MOST_TRIES = 3
_OF_THE_JOURNAL = "OperationalError"  # SQLite's, e.g. because another program locks the journal: no file fails for that


class FileFaults:
    """Remembers how often our code stumbled over each file. Only one thread uses it."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def count(self, path: str, error: Exception) -> str | None:
        """Count an error, and log a file's first one. Returns why the file fails once it had all its tries."""
        tries = self._counts[path] = self._counts.get(path, 0) + 1
        text = f"{type(error).__name__}: {error}"
        if tries == 1:
            log.log("internal_error", f"{path}: {text}", level=logging.ERROR, error=error, name=path)
        if tries < _MOST_TRIES or type(error).__name__ == _OF_THE_JOURNAL:
            return None
        return f"An internal error of Freisteller ({text}); please report it."

    def forget(self, path: str) -> None:
        """The file got on."""
        self._counts.pop(path, None)
