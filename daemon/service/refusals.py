"""Remembers why photos were put off last, and which writes found no room, until a photo is done.

A disk may refuse writes that seems to have room; and a reason counts while the photo is tried again, too.
"""

import threading
import time
from collections.abc import Callable, Mapping

from daemon.errors import FreistellerError, JournalLocked, NoRoom, Said, as_said, said_of
from daemon.observe.obstacles import is_of_a_disk, is_of_the_state
from daemon.publishing.job_events import JobEnd

LASTS_SECONDS = 15.0  # a part that waits for room tries again every two seconds, and the journal is patient for five


class Refusals:
    """Photos and parts of the daemon tell it what they met. Safe to call from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """clock: monotonic seconds."""
        self._clock = clock
        self._lock = threading.Lock()
        self._of_photos: dict[bool, tuple[Said, float]] = {}  # by whether the state directory had no room
        self._of_parts: tuple[Said, float] | None = None
        self._last: dict[str, Said] = {}

    def postponed(self, kind: str, reason: str) -> None:
        """A photo waits for something that is missing. kind: the `reason` of an error class. reason: in words."""
        said = as_said(reason)
        with self._lock:
            self._last = {kind: said}
            if kind == NoRoom.reason and is_of_a_disk(said):
                self._of_photos[is_of_the_state(said)] = (said, self._clock())

    def ended(self, end: JobEnd) -> None:
        """A photo is done or failed. A result that was written shows that both disks have room."""
        if end.grade is not None:
            with self._lock:
                self._of_photos.clear()
                self._last = {}

    @property
    def last(self) -> Mapping[str, Said]:
        """Why a photo was put off last, by the kind of reason; empty if one was done since."""
        return self._last

    def met(self, error: FreistellerError) -> None:
        """A part of the daemon could not write."""
        if isinstance(error, NoRoom) and not isinstance(error, JournalLocked):
            with self._lock:
                self._of_parts = (said_of(error), self._clock())

    def of_writes(self, photos_wait: bool) -> tuple[Said, ...]:
        """What is said of writes that are refused now. photos_wait: whether a photo is in work, or waits for room."""
        with self._lock:
            told = [*self._of_photos.values()] if photos_wait else [*filter(self._is_fresh, self._of_photos.values())]
            if self._of_parts and self._is_fresh(self._of_parts):
                told.append(self._of_parts)
            return tuple(said for said, _ in told)

    def _is_fresh(self, told: tuple[Said, float]) -> bool:
        return self._clock() - told[1] <= LASTS_SECONDS
