"""Scans the inbox, has the files taken that it finds, and sleeps until something happens."""

import threading
from collections.abc import Callable

from daemon.errors import NoRoom, RootAway
from daemon.intake.scan_values import Scan
from daemon.intake.watcher import Watcher
from daemon.observe import series
from daemon.observe.metrics import Metrics
from daemon.service.arrivals import Arrivals
from daemon.service.root_watch import RootWatch
from daemon.settings.current import CurrentSettings

SHORT_NAP_SECONDS = 0.05  # --once: nobody drops files any more; the loop only waits for running jobs


class InboxLoop:
    """Photos come in here; one thread turns it."""

    def __init__(
        self,
        watcher: Watcher,
        arrivals: Arrivals,
        root: RootWatch,
        metrics: Metrics,
        settings: CurrentSettings,
        clock: Callable[[], float],
    ) -> None:
        """clock: Unix seconds."""
        self._watcher = watcher
        self._arrivals = arrivals
        self._root = root
        self._metrics = metrics
        self._settings = settings
        self._clock = clock

    def receive(self, stop: threading.Event) -> None:
        """Take in photos until `stop`."""
        while not stop.is_set():
            scan = self.turn(urgent=False)
            if scan is None:
                stop.wait(self._settings.now.intake.scan_seconds)
            else:
                self._watcher.wait(scan.next_look_seconds, stop)

    def receive_once(self, stop: threading.Event, nothing_left: Callable[[], bool]) -> None:
        """Take in the photos that are there, and wait until nothing is left to do, or the hot folder is away."""
        while not stop.is_set():
            scan = self.turn(urgent=True)
            if scan is None or (not scan.incomplete and nothing_left()):
                return
            self._watcher.wait(scan.next_look_seconds if scan.incomplete else SHORT_NAP_SECONDS, stop)

    def turn(self, *, urgent: bool) -> Scan | None:
        """Scan once. Returns None if the hot folder is away. urgent: the files are expected to be whole."""
        try:
            self._root.check()
            scan = self._watcher.scan(urgent=urgent)
            self._root.report(None)
            self._arrivals.take(scan, urgent)
        except (RootAway, NoRoom) as error:
            self._root.report(error)
            return None
        self._metrics.set(series.PHOTOS_INCOMPLETE, scan.incomplete)
        self._metrics.set(series.LAST_SCAN, self._clock())
        return scan
