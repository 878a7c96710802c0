"""Scans the inbox, has the files taken that it finds, and sleeps until something happens."""

import logging
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress

from daemon.errors import FreistellerError, JournalLocked, NoRoom, RootAway, said_of
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.root_condition import RootCondition
from daemon.intake.scan_values import LeftFile, Scan
from daemon.intake.watcher import Watcher
from daemon.logs import log
from daemon.observe import series
from daemon.observe.health import Health
from daemon.observe.metrics import Metrics
from daemon.service.after_scan import AfterScan
from daemon.service.arrivals import Arrivals
from daemon.service.file_system_watch import FileSystemWatch
from daemon.settings.current import CurrentSettings

SHORT_NAP_SECONDS = 0.05  # --once: nobody drops files any more; the loop only waits for running jobs


# What the log calls the begin and the end of an outage: of the hot folder itself, and of room on a disk.
_ACTIONS = {False: ("root_away", "root_back"), True: ("disk_full", "disk_has_room")}


class RootWatch:
    """Only the inbox loop reports; others read the `RootCondition`."""

    def __init__(
        self,
        folders: HotFolder,
        condition: RootCondition,
        metrics: Metrics,
        health: Health,
        wake: Callable[[], None],
    ) -> None:
        """wake: tells the dispatcher that jobs may start."""
        self._folders = folders
        self._condition = condition
        self._file_system = FileSystemWatch(folders, metrics)
        self._metrics = metrics
        self._health = health
        self._wake = wake

    def check(self) -> None:
        """Begin a turn of the inbox loop. Raises RootAway or NoRoom."""
        self._health.report("watcher", True)
        self._folders.check()
        self._file_system.look()

    def seen(self) -> None:
        """Tell that the hot folder was looked through. A full disk is over once what waits was taken."""
        if not isinstance(self._condition.trouble, NoRoom):
            self.report(None)

    def report(self, trouble: FreistellerError | None) -> None:
        """Tell what a turn found. trouble: why no photo can be taken in or published; None = nothing is wrong."""
        there, before = trouble is None, self._condition.trouble
        if self._condition.record(trouble):
            text = str(trouble) if trouble else self._over(before)
            begins, ends = _ACTIONS[isinstance(trouble or before, NoRoom)]
            log.log(begins if trouble else ends, text, level=logging.ERROR if trouble else logging.INFO, people=True)
        self._metrics.set(series.ROOT_REACHABLE, not isinstance(trouble, RootAway))
        self._health.report("root", there, said_of(trouble) if trouble else "")
        if there:
            self._wake()

    def _over(self, trouble: FreistellerError | None) -> str:
        if isinstance(trouble, NoRoom):
            return "There is room on the disk again; the work goes on."
        return f"The hot folder {self._folders.root} is back."


class InboxLoop:
    """Photos come in here; one thread turns it."""

    def __init__(
        self,
        watcher: Watcher,
        arrivals: Arrivals,
        after_scan: AfterScan,
        root: RootWatch,
        metrics: Metrics,
        settings: CurrentSettings,
        clock: Callable[[], float],
    ) -> None:
        """clock: Unix seconds."""
        self._watcher = watcher
        self._arrivals = arrivals
        self._after_scan = after_scan
        self._root = root
        self._metrics = metrics
        self._settings = settings
        self._clock = clock
        self._left_alone: Sequence[LeftFile] = ()

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
        may_look_again = True
        while not stop.is_set():
            scan = self.turn(urgent=True)
            if scan is None:
                return
            if not scan.incomplete and nothing_left():
                with suppress(RootAway, NoRoom):
                    self._after_scan.after_taking(scan)  # with the photo that was done last
                if not (scan.followers and may_look_again):
                    return
                may_look_again = False  # once: sidecars follow the last photo of their name, or its photo just failed
            self._watcher.wait(scan.next_look_seconds if scan.incomplete else SHORT_NAP_SECONDS, stop)

    def turn(self, *, urgent: bool) -> Scan | None:
        """Scan once. Returns None if the hot folder is away, or the journal locked.

        urgent: the files are expected to be whole.
        """
        try:
            self._root.check()
            scan = self._after_scan.before_taking(self._watcher.scan(urgent=urgent), urgent=urgent)
            self._root.seen()
            self._left_alone = scan.left_alone
            self._arrivals.take(scan, urgent)
            self._after_scan.after_taking(scan)
            self._root.report(None)
        except JournalLocked:
            return None  # that is not the hot folder's trouble, and `JournalWatch` tells people
        except (RootAway, NoRoom) as error:
            self._root.report(error)
            return None
        self._metrics.set(series.PHOTOS_INCOMPLETE, scan.incomplete)
        self._metrics.set(series.LAST_SCAN, self._clock())
        return scan

    @property
    def left_alone(self) -> Sequence[LeftFile]:
        """The files of the inbox that are no photos, or cannot be taken, as far as the last scan saw."""
        return self._left_alone

    @property
    def wrong_orders(self) -> tuple[str, ...]:
        """A sentence for each order that is wrong now."""
        return self._arrivals.bad_orders.messages
