"""Files that scanners append pages to, by name: whether another came where one was just taken."""

import logging

from daemon.disk.names import clean_name

PAGED = frozenset({".tif", ".tiff"})  # the TIFFs of cameras have other suffixes
MOST_REMEMBERED = 1000  # the latest

log = logging.getLogger("freisteller.intake")


class PagedFiles:
    """Remembers what was taken, to tell when more of it may have come."""

    def __init__(self) -> None:
        self._taken: dict[str, float] = {}

    def taken(self, path: str, suffix: str, changed_at: float) -> None:
        """A whole file is gone from the inbox. changed_at: when it was written last, monotonic seconds."""
        if suffix not in PAGED:
            return
        self._taken[path] = changed_at
        if len(self._taken) > MOST_REMEMBERED:
            del self._taken[next(iter(self._taken))]

    def seen(self, path: str, now: float, patience_seconds: float) -> None:
        """A new file is there. Who appends by name begins one where the first was taken: no page is lost, but apart."""
        if path not in self._taken:
            return
        pause = now - self._taken.pop(path)
        if pause < patience_seconds:
            text = (
                "%s came again %.0f s after it was written last. If both are pages of one scan, a longer "
                "intake.tiff_quiet_seconds keeps them together."
            )
            log.warning(text, clean_name(path), pause, extra={"action": "tiff_came_again"})
