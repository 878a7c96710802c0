"""Listens to the kernel's file events: which paths below `inbox/` were created, moved or closed. Wraps watchdog."""

import logging
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.intake.scan_values import Hints

if TYPE_CHECKING:
    from watchdog.observers.api import BaseObserver

log = logging.getLogger("freisteller.intake")

_MOST_HINTS = 200_000  # paths remembered between two scans; hints may get lost, files do not


class EventListener:
    """Collects events in a thread of its own; every method may be called from any thread."""

    def __init__(self) -> None:
        self._observer: BaseObserver | None = None
        self.lost = False
        """Whether the watched folder is gone. Another folder of its name may even have its inode number."""
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._touched: set[str] = set()
        self._closed: set[str] = set()

    @property
    def open(self) -> bool:
        """Whether events arrive."""
        return self._observer is not None and self._observer.is_alive() and not self.lost

    def listen(self, folder: Path) -> None:
        """Watch everything below `folder`. If the kernel has no watch left, log a warning and stay without events."""
        from watchdog.events import (
            DirDeletedEvent,
            FileClosedEvent,
            FileCreatedEvent,
            FileMovedEvent,
            FileSystemEvent,
            FileSystemEventHandler,
        )
        from watchdog.observers import Observer

        # By class, not "any event": reading a file causes events too, and the close after a modification is enough.
        wanted: list[type[FileSystemEvent]] = [FileCreatedEvent, FileMovedEvent, FileClosedEvent, DirDeletedEvent]

        remember, lose = self._remember, self._lose

        class Handler(FileSystemEventHandler):
            def dispatch(self, event: FileSystemEvent) -> None:
                if isinstance(event, FileMovedEvent):
                    remember(event.dest_path, closed=True)
                elif isinstance(event, FileCreatedEvent | FileClosedEvent):
                    remember(event.src_path, closed=isinstance(event, FileClosedEvent))
                elif isinstance(event, DirDeletedEvent) and os.fsdecode(event.src_path) == str(folder):
                    lose()

        self.lost = False
        logging.getLogger("watchdog.observers.inotify").addFilter(_is_no_stop_error)
        observer = Observer()
        try:
            observer.schedule(Handler(), str(folder), recursive=True, event_filter=wanted)
            observer.start()
        except OSError as error:
            observer.stop()
            text = "No events for %s (%s), the timer finds the files; raising fs.inotify.max_user_watches helps."
            log.warning(text, folder, error.strerror, extra={"action": "watch_refused"})
            return
        self._observer = observer

    def hints(self, prefix: str) -> Hints:
        """The paths of all events since the last call, without `prefix`."""
        with self._lock:
            touched, closed = self._touched, self._closed
            self._touched, self._closed = set(), set()
        return Hints({path.removeprefix(prefix) for path in touched}, {path.removeprefix(prefix) for path in closed})

    def wake(self) -> None:
        """End the wait as if an event had come."""
        self._wake.set()

    def wait(self, seconds: float) -> bool:
        """Wait for an event, at most so long. Returns whether one came since the last wait."""
        if not self._wake.wait(seconds):
            return False
        self._wake.clear()
        return True

    def close(self) -> None:
        """Stop listening. May be called twice."""
        observer, self._observer = self._observer, None
        if observer is not None:
            observer.stop()
            observer.join(5)

    def _lose(self) -> None:
        self.lost = True
        self._wake.set()

    def _remember(self, path: str | bytes, closed: bool) -> None:
        name = os.fsdecode(path)
        with self._lock:
            if len(self._touched) < _MOST_HINTS:
                self._touched.add(name)
                if closed:
                    self._closed.add(name)
        self._wake.set()


def _is_no_stop_error(record: logging.LogRecord) -> bool:
    """Whether a log record is worth showing: watchdog logs an error each time it is stopped while it reads."""
    return "called when the thread is inactive" not in record.getMessage()
