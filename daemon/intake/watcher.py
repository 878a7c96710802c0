"""Watches `inbox/`. Every scan reads what is really there; the kernel's events only make the next scan come sooner."""

import logging
import threading
import time
from collections.abc import Callable

from daemon.disk import mounts
from daemon.hotfolder.hot_folder import HotFolder
from daemon.intake.background_decoding import Decode
from daemon.intake.event_listener import EventListener
from daemon.intake.proving import Prover
from daemon.intake.scan_values import Scan
from daemon.intake.scanner import BUSY_SHARE, Scanner
from daemon.settings import IntakeSettings

log = logging.getLogger("freisteller.intake")

_BREATH_SECONDS = 0.1  # between two scans, however many events come


class Watcher:
    """Finds photos in `inbox/`. One thread scans and waits; the event listener has a thread of its own."""

    def __init__(
        self, folders: HotFolder, settings: IntakeSettings, decode: Decode, clock: Callable[[], float]
    ) -> None:
        """clock: monotonic seconds."""
        self._folders = folders
        self._events = EventListener()
        self._prover = Prover(folders.inbox, settings.max_megapixels, decode, clock, self._events.wake)
        self._scanner = Scanner(folders.inbox, settings, self._prover, clock, time.thread_time)
        self._settings = settings
        self._listening_to: tuple[int, int, bool] | None = None

    @property
    def hears_events(self) -> bool:
        """Whether the kernel reports new files; otherwise only the timer finds them."""
        return self._events.open

    def start(self) -> None:
        """Listen to events. Call it before the first scan, so that no file falls between the two.

        Before that, the claims of an earlier run must be finished; otherwise the scan would find those photos again.
        """
        self._listen(mounts.read())

    def use_settings(self, settings: IntakeSettings) -> None:
        """Use these settings from now on. May be called from any thread."""
        self._settings = settings
        self._events.wake()

    def scan(self, urgent: bool = False) -> Scan:
        """Look at everything in the inbox. urgent: the files are expected to be whole, so patience is short.

        Raises RootAway or NoRoom; what is remembered of the files is kept then.
        """
        with self._folders.checked(f"Reading {self._folders.inbox}"):
            table = mounts.read()
            self._listen(table)
            hints = self._events.hints(f"{self._folders.inbox}/")
            if self._scanner.settings is not self._settings:  # only this thread touches the scanner
                self._scanner.use_settings(self._settings)
            return self._scanner.scan(table, hints, urgent)

    def wait(self, seconds: float, stop: threading.Event) -> None:
        """Sleep until an event comes from the inbox, or the time is over. Who sets `stop` calls `wake` after that."""
        if not stop.is_set() and self._events.wait(seconds):
            stop.wait(max(_BREATH_SECONDS, BUSY_SHARE * self._scanner.walk_seconds))  # events come in swarms

    def wake(self) -> None:
        """End the wait now. May be called from any thread."""
        self._events.wake()

    def close(self) -> None:
        """Stop listening. May be called twice."""
        self._events.close()
        self._prover.close()

    def _listen(self, table: dict[str, mounts.Mount]) -> None:
        """Watch the inbox that is there now: after a remount or a deletion it is another folder of the same name."""
        try:
            found = self._folders.inbox.stat()
        except OSError:
            return  # the scan reports what is wrong
        remote = mounts.mount_of(str(self._folders.inbox), table).remote
        target = (found.st_dev, found.st_ino, remote)
        if target == self._listening_to and not self._events.lost:
            return
        self._events.close()
        if not remote:
            self._events.listen(self._folders.inbox)
        self._listening_to = target
        how = "events and timer" if self._events.open else "timer"
        log.info("%s is watched by %s", self._folders.inbox, how, extra={"action": "watching", "fields": {"by": how}})
