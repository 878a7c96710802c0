"""The intake's round: scan the inbox, refuse what is no photo, admit what is whole, sleep until something happens."""

import logging
import threading
from collections.abc import Callable
from functools import partial

from daemon.errors import FreistellerError, NoRoom, RootAway
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.root_condition import RootCondition
from daemon.intake.admission import Admission
from daemon.intake.scan_values import Reject, Scan
from daemon.intake.watcher import Watcher
from daemon.logs import log
from daemon.observe import series
from daemon.observe.health import Health
from daemon.observe.metrics import Metrics
from daemon.people.bad_orders import BadOrders
from daemon.people.put_backs import PutBackAnswer, PutBacks
from daemon.publishing.publisher import Publisher
from daemon.settings.current import CurrentSettings

SHORT_NAP_SECONDS = 0.05  # --once: nobody drops anything any more, it only waits for what runs


class InboxLoop:
    """Where photos come in; records whether the hot folder is there."""

    def __init__(
        self,
        *,
        folders: HotFolder,
        condition: RootCondition,
        watcher: Watcher,
        admission: Admission,
        put_backs: PutBacks,
        bad_orders: BadOrders,
        publisher: Publisher,
        metrics: Metrics,
        health: Health,
        clock: Callable[[], float],
        settings: CurrentSettings,
        print_line: Callable[[str], None],
        wake: Callable[[], None],
    ) -> None:
        self._folders = folders
        self._condition = condition
        self._watcher = watcher
        self._admission = admission
        self._put_backs = put_backs
        self._bad_orders = bad_orders
        self._publisher = publisher
        self._metrics = metrics
        self._health = health
        self._clock = clock
        self._settings = settings
        self._print_line = print_line
        self._wake = wake

    def receive(self, stop: threading.Event) -> None:
        """Take in photos until `stop`."""
        while not stop.is_set():
            scan = self.turn(urgent=False)
            if scan is None:
                stop.wait(self._settings.now.intake.scan_seconds)
            else:
                self._watcher.wait(scan.next_look_seconds, stop)

    def receive_once(self, stop: threading.Event, nothing_left: Callable[[], bool]) -> None:
        """Take in what is there, and wait until nothing is left to do; a root that is away ends it."""
        while not stop.is_set():
            scan = self.turn(urgent=True)
            if scan is None or (not scan.incomplete and nothing_left()):
                return
            self._watcher.wait(scan.next_look_seconds if scan.incomplete else SHORT_NAP_SECONDS, stop)

    def turn(self, *, urgent: bool) -> Scan | None:
        """One scan and what follows from it; None where the root is away. urgent: what is there counts as whole."""
        self._health.report("watcher", True)
        try:
            self._folders.check()
            scan = self._watcher.scan(urgent=urgent)
            self._note_root(None)
            for answer in self._put_backs.resume():
                self._finish(answer)
            self._bad_orders.look()
            self._take_in(scan, urgent)
        except (RootAway, NoRoom) as error:
            self._note_root(error)
            return None
        self._metrics.set(series.PHOTOS_INCOMPLETE, scan.incomplete)
        self._metrics.set(series.LAST_SCAN, self._clock())
        return scan

    def _take_in(self, scan: Scan, urgent: bool) -> None:
        for refused in scan.rejected:
            if not self._finish(self._put_backs.answer(refused.source, None)):
                self.refuse(refused)
        for arrival in scan.ready:
            if self._bad_orders.holds(arrival.source, urgent):
                continue  # it is offered again by the next scan
            self._metrics.photo_seen(arrival.found_by)
            self._metrics.completeness_waited(arrival.waited_seconds)
            proven = (arrival.size_bytes, arrival.mtime_ns)
            if not self._finish(self._put_backs.answer(arrival.source, proven)):
                self._admission.admit(arrival)
            self._wake()
        for reason, count in scan.ignored.items():
            self._metrics.count(series.PHOTOS_IGNORED, count, reason=reason)
            log.log("ignored", f"{count} new in inbox/ left alone: {reason}", reason=reason, count=count)

    def _finish(self, answer: PutBackAnswer) -> bool:
        """Refuse a put-back that cannot be tried again. Returns whether the file was put back at all."""
        if answer.refused:
            with self._put_backs.settling(answer.job_id):
                self.refuse(answer.refused)
        return bool(answer.job_id)

    def refuse(self, refused: Reject) -> None:
        """Bring a file that is no photo, or none any more, to `failed/`."""
        give_up = partial(self._publisher.give_up, reason=refused.reason, kind="bad_photo")
        self._admission.refuse(refused, give_up)

    def _note_root(self, trouble: FreistellerError | None) -> None:
        there = trouble is None
        if self._condition.record(trouble):
            text = str(trouble) if trouble else f"The hot folder {self._folders.root} is back."
            level = logging.ERROR if trouble else logging.INFO
            log.log("root_away" if trouble else "root_back", text, level=level)
            self._print_line(text)
        self._metrics.set(series.ROOT_REACHABLE, there)
        self._health.report("root", there, str(trouble or ""))
        if there:
            self._wake()
