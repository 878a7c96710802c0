"""Tells the hooks what happens: photos that failed, pauses and their ends, folders that are done.

In a thread of its own that looks once a second; what the pipeline tells is only noted.
"""

import logging
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from daemon.errors import FreistellerError, NoRoom
from daemon.hotfolder.root_condition import RootCondition
from daemon.logs import log
from daemon.notify import notices
from daemon.notify.batch_sheets import BatchSheets
from daemon.notify.batches import Batches
from daemon.notify.hooks import Hooks
from daemon.notify.notices import BatchFigures, FailedPhoto, Part
from daemon.notify.outages import Pauses
from daemon.observe import series
from daemon.observe.health import Health
from daemon.observe.metrics import Metrics
from daemon.publishing.job_events import JobEnd
from daemon.settings import NotifySettings

TURN_SECONDS = 1.0
GATHER_SECONDS = 5.0  # photos that fail within so long are told in one notice
CLOSE_SECONDS = 3.0


class Notifications:
    """Safe to call from any thread."""

    def __init__(
        self,
        settings: NotifySettings,
        *,
        hooks: Hooks,
        batches: Batches,
        sheets: BatchSheets,
        health: Health,
        metrics: Metrics,
        root: RootCondition,
        clock: Callable[[], float],
    ) -> None:
        """clock: Unix seconds."""
        self._settings = settings
        self._hooks = hooks
        self._batches = batches
        self._sheets = sheets
        self._health = health
        self._metrics = metrics
        self._root = root
        self._clock = clock
        self._pauses = Pauses()
        self._lock = threading.Lock()
        self._failed: list[FailedPhoto] = []
        self._gathering_since = 0.0
        self._no_room = ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="herald", daemon=True)

    def adopt(self, settings: NotifySettings) -> None:
        """Go by these settings from now on."""
        self._settings = settings
        self._hooks.adopt(settings)

    def ended(self, ending: JobEnd) -> None:
        """A photo is done, or failed."""
        with self._lock:
            if ending.grade is not None:
                self._no_room = ""
                return
            if not self._failed:
                self._gathering_since = time.monotonic()
            self._failed.append(FailedPhoto(ending.job.name, ending.job.id, ending.reason))

    def postponed(self, kind: str, reason: str) -> None:
        """A photo waits for something; kind: the `reason` of an error class."""
        if kind == NoRoom.reason:
            with self._lock:
                self._no_room = reason

    def start(self) -> None:
        """Look once a second, until `close`."""
        self._thread.start()

    def close(self) -> None:
        """Tell what is left to tell. A hot folder that hangs, or a hook, is waited for only for some seconds."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(CLOSE_SECONDS)
        self._sheets.close()
        self._hooks.close()

    def turn(self, last: bool = False) -> None:
        """Look at everything once; last: there is no later."""
        now = time.monotonic()
        self._tell_failed(now, last)
        for change in self._pauses.look(self._troubles(), now, self._settings.pause_seconds):
            at = self._clock()
            if change.reason:
                self._hooks.tell(notices.paused(change.part, change.reason, at))
            else:
                self._hooks.tell(notices.resumed(change.part, change.seconds, at))
        self._tell_batches(last)

    def _keep(self) -> None:
        while True:
            last = self._stop.wait(TURN_SECONDS)
            try:
                self.turn(last)
            except Exception as error:  # noqa: BLE001 - photos have nothing to do with it
                text = f"Something could not be told: {type(error).__name__}: {error}"
                log.log("internal_error", text, level=logging.ERROR, error=error)
            if last:
                break

    def _tell_failed(self, now: float, last: bool) -> None:
        with self._lock:
            if not self._failed or (now - self._gathering_since < GATHER_SECONDS and not last):
                return
            photos, self._failed = self._failed, []
        self._hooks.tell(notices.failed(photos, self._clock()))

    def _troubles(self) -> dict[Part, str]:
        troubles: dict[Part, str] = {}
        engine = self._health.latest("engine")
        if engine is not None and not engine.ok:
            troubles["engine"] = engine.detail
        if self._no_room:
            troubles["disk"] = self._no_room
        if trouble := self._root.trouble:
            troubles["disk" if isinstance(trouble, NoRoom) else "share"] = str(trouble)
        return troubles

    def _tell_batches(self, last: bool) -> None:
        if not self._root.there:
            return  # what cannot be read is not empty
        try:
            done = self._batches.done(0.0 if last else self._settings.batch_seconds)
        except (FreistellerError, OSError):
            return  # it went away just now; who watches it says so
        for figures in done:
            at = self._clock()
            notice = notices.batch_done(figures, at)
            self._metrics.count(series.BATCHES_DONE)
            log.log("batch_done", notice.text, figures=notice.facts)
            if self._settings.contact_sheets and any("batch_done" in hook.on for hook in self._settings.hooks):
                self._sheets.make(figures, partial(self._tell_batch, figures, at))
            else:
                self._hooks.tell(notice)

    def _tell_batch(self, figures: BatchFigures, at: float, sheet: Path | None) -> None:
        self._hooks.tell(notices.batch_done(figures, at, sheet))
