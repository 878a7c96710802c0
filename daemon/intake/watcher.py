"""Watching `inbox/`: the scan is the truth, the kernel's events only make it come sooner."""

import logging
import os
import threading
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.disk import mounts
from daemon.disk.os_errors import away
from daemon.hotfolder.hot_folder import HotFolder
from daemon.intake.proving import Prover
from daemon.intake.scan_values import Hints, Scan
from daemon.intake.scanner import BUSY_SHARE, Scanner
from daemon.pictures.reading import SUFFIXES, prove_decodes
from daemon.settings import IntakeSettings

if TYPE_CHECKING:
    from watchdog.observers.api import BaseObserver

log = logging.getLogger("freisteller.intake")

_BREATH_SECONDS = 0.1  # between two scans, however many events come
_STOP_SECONDS = 0.25  # how soon a stop is noticed
_MOST_HINTS = 200_000  # paths remembered between two scans; hints may get lost, files do not


class Watcher:
    """Finds photos in `inbox/`. One thread scans and waits; another one only listens.

    busy: the files that are being taken already, by their path.
    """

    def __init__(
        self,
        folders: HotFolder,
        settings: IntakeSettings,
        clock: Callable[[], float],
        busy: Callable[[], Collection[Path]] = tuple,
    ) -> None:
        self._folders = folders
        self._busy = busy
        prover = Prover(folders.inbox, settings.max_megapixels, prove_decodes, clock)
        self._scanner = Scanner(folders.inbox, SUFFIXES, settings, prover, clock, time.thread_time)
        self._settings = settings
        self._ears = _Ears()
        self._listening_to: tuple[int, int, bool] | None = None

    @property
    def hears_events(self) -> bool:
        """Whether the kernel tells of new files; else only the timer finds them."""
        return self._ears.open

    def start(self) -> None:
        """Listen. Before the first scan, so that nothing falls between the two.

        What an earlier run did not finish taking is finished first: else the scan would find it once more.
        """
        self._folders.jobs.finish_interrupted_claims()
        self._listen(mounts.read())

    def adopt(self, settings: IntakeSettings) -> None:
        """Go by these settings from now on; for any thread."""
        self._settings = settings
        self._ears.wake()

    def scan(self, urgent: bool = False) -> Scan:
        """Look at everything in the inbox. urgent: what is there is meant to be whole, patience is short.

        Raises RootAway or NoRoom; then nothing is known of the files, and nothing that was known is forgotten.
        """
        self._folders.check()
        table = mounts.read()
        self._listen(table)
        hints = self._ears.hints(f"{self._folders.inbox}/")
        if self._scanner.settings is not self._settings:  # only this thread touches the scanner
            self._scanner.adopt(self._settings)
        try:
            return self._scanner.scan(table, hints, self._busy(), urgent)
        except OSError as error:
            self._folders.check()  # it may know better what is wrong
            raise away(error, f"Reading {self._folders.inbox}") from error

    def wait(self, seconds: float, stop: threading.Event) -> None:
        """Sleep until something happened in the inbox, the time is over, or `stop` is set."""
        left = seconds
        while left > 0 and not stop.is_set():
            if self._ears.wait(min(left, _STOP_SECONDS)):
                stop.wait(max(_BREATH_SECONDS, BUSY_SHARE * self._scanner.walk_seconds))  # events come in swarms
                return
            left -= _STOP_SECONDS

    def close(self) -> None:
        """Stop listening. May be called twice."""
        self._ears.close()

    def _listen(self, table: dict[str, mounts.Mount]) -> None:
        """Watch the inbox that is there now: after a remount or a deletion it is another one of the same name."""
        try:
            found = self._folders.inbox.stat()
        except OSError:
            return  # the scan says what is wrong
        remote = mounts.mount_of(str(self._folders.inbox), table).remote
        target = (found.st_dev, found.st_ino, remote)
        if target == self._listening_to and not self._ears.lost:
            return
        self._ears.close()
        if not remote:
            self._ears.listen(self._folders.inbox)
        self._listening_to = target
        how = "events and timer" if self._ears.open else "timer"
        log.info("%s is watched by %s", self._folders.inbox, how, extra={"action": "watching", "fields": {"by": how}})


class _Ears:
    """The door to watchdog: which paths were created, moved or closed since the last scan."""

    def __init__(self) -> None:
        self._observer: BaseObserver | None = None
        self.lost = False
        """Whether the folder that was listened to is gone; another one of its name may even have its inode number."""
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._touched: set[str] = set()
        self._closed: set[str] = set()

    @property
    def open(self) -> bool:
        """Whether events arrive."""
        return self._observer is not None and self._observer.is_alive() and not self.lost

    def listen(self, folder: Path) -> None:
        """Hear of everything below `folder`; where the kernel has no watch left, stay deaf and say so."""
        from watchdog.events import (
            DirDeletedEvent,
            FileClosedEvent,
            FileCreatedEvent,
            FileMovedEvent,
            FileSystemEvent,
            FileSystemEventHandler,
        )
        from watchdog.observers import Observer

        # By class, not "any event": reading a file makes events too, and a modification is told by its close.
        wanted: list[type[FileSystemEvent]] = [FileCreatedEvent, FileMovedEvent, FileClosedEvent, DirDeletedEvent]

        hear, lose = self._hear, self._lose

        class Handler(FileSystemEventHandler):
            def dispatch(self, event: FileSystemEvent) -> None:
                if isinstance(event, FileMovedEvent):
                    hear(event.dest_path, closed=True)
                elif isinstance(event, FileCreatedEvent | FileClosedEvent):
                    hear(event.src_path, closed=isinstance(event, FileClosedEvent))
                elif isinstance(event, DirDeletedEvent) and os.fsdecode(event.src_path) == str(folder):
                    lose()

        self.lost = False
        logging.getLogger("watchdog.observers.inotify").addFilter(_is_no_farewell)
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
        """What was heard since the last call; the paths without `prefix`."""
        with self._lock:
            touched, closed = self._touched, self._closed
            self._touched, self._closed = set(), set()
        return Hints({path.removeprefix(prefix) for path in touched}, {path.removeprefix(prefix) for path in closed})

    def wake(self) -> None:
        """End the wait as if something was heard."""
        self._wake.set()

    def wait(self, seconds: float) -> bool:
        """Whether something was heard within so many seconds; then it is forgotten."""
        if not self._wake.wait(seconds):
            return False
        self._wake.clear()
        return True

    def close(self) -> None:
        """Stop listening."""
        observer, self._observer = self._observer, None
        if observer is not None:
            observer.stop()
            observer.join(5)

    def _lose(self) -> None:
        self.lost = True
        self._wake.set()

    def _hear(self, path: str | bytes, closed: bool) -> None:
        name = os.fsdecode(path)
        with self._lock:
            if len(self._touched) < _MOST_HINTS:
                self._touched.add(name)
                if closed:
                    self._closed.add(name)
        self._wake.set()


def _is_no_farewell(record: logging.LogRecord) -> bool:
    """Watchdog logs an error when it is stopped while it reads; that is how stopping goes."""
    return "called when the thread is inactive" not in record.getMessage()
