"""Notices when a scanner may have appended a page to a TIFF that was already taken."""

import logging

from daemon.disk.names import clean_name
from daemon.pictures.known_formats import suffixes_of

TIFF_SUFFIXES = frozenset(suffixes_of("tiff"))  # the TIFFs of cameras have other suffixes
MOST_REMEMBERED = 1000

log = logging.getLogger("freisteller.intake")


class AppendedTiffs:
    """Remembers the latest TIFFs that were taken, and warns if a new file of the same name comes soon after."""

    def __init__(self) -> None:
        self._taken: dict[str, float] = {}

    def taken(self, path: str, suffix: str, changed_at: float) -> None:
        """A whole file left the inbox. changed_at: when it was last written, in monotonic seconds."""
        if suffix not in TIFF_SUFFIXES:
            return
        self._taken[path] = changed_at
        if len(self._taken) > MOST_REMEMBERED:
            del self._taken[next(iter(self._taken))]

    def seen(self, path: str, now: float, patience_seconds: float) -> None:
        """A new file is there. If the first one of its name was just taken, it may hold the next page of that scan."""
        if path not in self._taken:
            return
        seconds = now - self._taken.pop(path)
        if seconds < patience_seconds:
            text = (
                "%s came again %.0f s after it was written last. If both are pages of one scan, a longer "
                "intake.tiff_quiet_seconds keeps them together."
            )
            log.warning(text, clean_name(path), seconds, extra={"action": "tiff_came_again"})
