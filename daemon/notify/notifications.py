"""Sends the hooks notices of failed photos, outages and finished folders.

It works in a thread of its own that looks once a second. The threads that work on photos only add to a list here.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

from daemon.errors import FreistellerError, Said
from daemon.hotfolder.root_condition import RootCondition
from daemon.jobs import Job
from daemon.logs import log
from daemon.notify import notices, outage_notices
from daemon.notify.batch_sheets import BatchSheets
from daemon.notify.batches import Batches
from daemon.notify.hooks import Hooks
from daemon.notify.notices import BatchFigures, FailedPhoto, Notice, PhotoEnd
from daemon.notify.outages import OutageChange, Outages, missing_parts
from daemon.observe.health import Health
from daemon.observe.obstacles import HALTING, Obstacle
from daemon.publishing.job_events import JobEnd
from daemon.settings.current import CurrentSettings
from daemon.words.catalogue import LANGUAGES, Texts, words_in

TURN_SECONDS = 1.0
GATHER_SECONDS = 5.0  # photos that fail within this time share one notice
CLOSE_SECONDS = 3.0


class Notifications:
    """Collects what people should know, and sends it. Safe to call from any thread."""

    def __init__(
        self,
        settings: CurrentSettings,
        *,
        hooks: Hooks,
        batches: Batches,
        sheets: BatchSheets,
        health: Health,
        root: RootCondition,
        clock: Callable[[], float],
    ) -> None:
        """clock: Unix seconds."""
        self._settings = settings
        self._hooks = hooks
        self._batches = batches
        self._sheets = sheets
        self._health = health
        self._root = root
        self._clock = clock
        self._outages = Outages()
        self._lock = threading.Lock()
        self._failed: list[FailedPhoto] = []
        self._ends: list[PhotoEnd] = []
        self._gathering_since = 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._turn_until_closed, name="notifications", daemon=True)

    def ended(self, end: JobEnd) -> None:
        """A photo is done or failed."""
        state: Literal["done", "failed"] = "failed" if end.grade is None else "done"
        results = tuple(path.name for path in end.results)
        known = (end.job.id, end.job.name, state, end.grade, end.score, end.reason, end.seconds, results)
        rim, limits = (end.verdict.rim, end.verdict.limits) if end.verdict else (None, None)
        self._note(PhotoEnd(*known, rim=rim, limits=limits))
        with self._lock:
            if end.grade is not None:
                return
            if not self._failed:
                self._gathering_since = time.monotonic()
            self._failed.append(FailedPhoto(end.job.name, end.job.id, end.reason))

    def left_out(self, job: Job, first: Job) -> None:
        """A photo is done without a result of its own, because `first` is the same photo."""
        reason = Said("same_photo", name=first.name)
        self._note(PhotoEnd(job.id, job.name, "done", None, None, reason, 0.0, same_as=first.id))

    def start(self) -> None:
        """Look once a second, until `close`."""
        self._thread.start()

    def close(self) -> None:
        """Send what is left. A hot folder or a hook that hangs delays this by some seconds only."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(CLOSE_SECONDS)
        self._sheets.close()
        self._hooks.close()

    def turn(self, last: bool = False) -> None:
        """Look at everything once. last: there will be no later turn, so nothing is held back."""
        now = time.monotonic()
        self._send_failed(now, last)
        self._send_ends()
        self._send_outages(now)
        self._send_batches(last)

    @property
    def _words(self) -> Texts:
        return words_in(self._settings.now.language)

    def _turn_until_closed(self) -> None:
        while True:
            last = self._stop.wait(TURN_SECONDS)
            try:
                self.turn(last)
            except Exception as error:  # noqa: BLE001 - no error of a notice may ever reach the photos
                text = f"A notice could not be prepared: {type(error).__name__}: {error}"
                log.log("internal_error", text, level=logging.ERROR, error=error)
            if last:
                break

    def _note(self, end: PhotoEnd) -> None:
        settings = self._settings.now
        if any("photo_done" in hook.on for hook in settings.notify.hooks):
            with self._lock:
                self._ends.append(replace(end, public_url=settings.http.public_url))

    def _send_ends(self) -> None:
        with self._lock:
            ends, self._ends = self._ends, []
        for end in ends:
            self._hooks.send(notices.photo_done(end, self._clock(), self._words))

    def _send_failed(self, now: float, last: bool) -> None:
        with self._lock:
            if not self._failed or (now - self._gathering_since < GATHER_SECONDS and not last):
                return
            photos, self._failed = self._failed, []
        self._hooks.send(notices.failed(photos, self._clock(), self._words))

    def _send_outages(self, now: float) -> None:
        """Tell of outages by what is judged to keep photos from being done, which status and the others tell, too."""
        found = self._health.obstacles
        patience = self._settings.now.notify.pause_seconds
        for change in self._outages.look(missing_parts(found), now, patience):
            self._hooks.send(self._of_outage(change, found))

    def _of_outage(self, change: OutageChange, found: Sequence[Obstacle]) -> Notice:
        at, words = self._clock(), self._words
        if change.obstacle:
            return outage_notices.outage_began(change.part, change.obstacle, at, words)
        still = next((each for each in found if each.name in HALTING), None)
        return outage_notices.outage_over(change.part, change.seconds, still, at, words)

    def _send_batches(self, last: bool) -> None:
        if not self._root.there:
            return  # we cannot read the folders, so we do not know whether they are empty
        settings = self._settings.now.notify
        try:
            done = self._batches.done(0.0 if last else settings.batch_seconds)
        except (FreistellerError, OSError):
            return  # the hot folder went away just now; the next turn sees that in the root condition
        for figures in done:
            at = self._clock()
            told = notices.batch_done(figures, at, words_in(LANGUAGES[0]))
            log.log("batch_done", told.text, figures=told.facts)
            if settings.contact_sheets and any("batch_done" in hook.on for hook in settings.hooks):
                self._sheets.make(figures, partial(self._send_batch, figures, at))
            else:
                self._send_batch(figures, at, None)

    def _send_batch(self, figures: BatchFigures, at: float, sheet: Path | None) -> None:
        self._hooks.send(notices.batch_done(figures, at, self._words, sheet))
