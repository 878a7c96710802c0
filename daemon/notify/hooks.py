"""Notices on their way to the hooks: a queue and a thread for each, so that nobody waits for anybody.

A hook that fails is a metric and a line in the log, and nothing else.
"""

import logging
import queue
import threading
import time

from daemon.logs import log
from daemon.notify.delivery import Undelivered, deliver
from daemon.notify.notices import Notice, Origin, payload
from daemon.observe import series
from daemon.observe.metrics import Metrics
from daemon.settings import HookSettings, NotifySettings

MOST_WAITING = 100  # notices for one hook; what comes on top is dropped
FIRST_PAUSE_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 60.0
CLOSE_SECONDS = 10.0  # below systemd's TimeoutStopSec, together with dispatch.stop_seconds


class Hooks:
    """Everybody who wants to be told. Safe to call from any thread; no call waits."""

    def __init__(
        self,
        settings: NotifySettings,
        origin: Origin,
        metrics: Metrics,
        first_pause_seconds: float = FIRST_PAUSE_SECONDS,
    ) -> None:
        self._origin = origin
        self._metrics = metrics
        self._first_pause_seconds = first_pause_seconds
        self._lines: tuple[_Line, ...] = ()
        self.adopt(settings)

    def adopt(self, settings: NotifySettings) -> None:
        """Tell these hooks from now on; those that are gone or changed are sent what waits for them."""
        before = self._lines
        self._lines = tuple(self._line(hook, settings) for hook in settings.hooks)
        for line in before:
            if line not in self._lines:
                line.end()

    def _line(self, hook: HookSettings, settings: NotifySettings) -> "_Line":
        for line in self._lines:
            if line.serves(hook, settings):
                return line
        self._metrics.know_hook(hook.title)
        return _Line(hook, settings, self._metrics, self._first_pause_seconds)

    def tell(self, notice: Notice) -> None:
        """Send it to every hook that wants such events."""
        body = payload(notice, self._origin)
        for line in self._lines:
            line.put(notice, body)

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Try what still waits once more, for so long at most."""
        deadline = time.monotonic() + seconds
        for line in self._lines:
            line.end()
        for line in self._lines:
            line.join(deadline)


class _Line:
    """One hook, its queue and its thread; the thread starts with the first notice."""

    def __init__(
        self, hook: HookSettings, settings: NotifySettings, metrics: Metrics, first_pause_seconds: float
    ) -> None:
        self._hook = hook
        self._settings = settings
        self._metrics = metrics
        self._first_pause_seconds = first_pause_seconds
        self._waiting: queue.SimpleQueue[tuple[Notice, bytes] | None] = queue.SimpleQueue()
        self._ending = threading.Event()
        self._door = threading.Lock()
        self._thread = threading.Thread(target=self._serve, name=f"hook-{hook.title}", daemon=True)

    def serves(self, hook: HookSettings, settings: NotifySettings) -> bool:
        """Whether it is the line to this hook, in this manner."""
        manner = (self._settings.tries, self._settings.limit_seconds)
        return hook == self._hook and manner == (settings.tries, settings.limit_seconds)

    def put(self, notice: Notice, body: bytes) -> None:
        if notice.event not in self._hook.on or self._ending.is_set():
            return
        self._metrics.count(series.NOTIFICATIONS, hook=self._hook.title, event=notice.event)
        with self._door:
            full = self._waiting.qsize() >= MOST_WAITING
            if not full:
                self._waiting.put((notice, body))
            if self._thread.ident is None:
                self._thread.start()
        if full:
            self._give_up(notice, "queue_full", f"{MOST_WAITING} notices wait for it already.", 0)

    def end(self) -> None:
        """Do without pauses what waits, then end."""
        self._ending.set()
        self._waiting.put(None)

    def join(self, deadline: float) -> None:
        if self._thread.ident is not None:
            self._thread.join(max(0.0, deadline - time.monotonic()))

    def _serve(self) -> None:
        while (item := self._waiting.get()) is not None:
            try:
                self._deliver(*item)
            except Exception as error:  # noqa: BLE001 - whatever it is, photos have nothing to do with it
                text = f"Telling {self._hook.title} failed: {type(error).__name__}"
                log.log("internal_error", text, level=logging.ERROR, hook=self._hook.title)
                self._metrics.count(series.NOTIFICATION_FAILURES, hook=self._hook.title, reason="internal_error")

    def _deliver(self, notice: Notice, body: bytes) -> None:
        pause = self._first_pause_seconds
        for number in range(1, self._settings.tries + 1):
            try:
                deliver(self._hook, notice.event, body, self._hook.limit_seconds or self._settings.limit_seconds)
            except Undelivered as error:
                ended = self._ending.is_set()
                if ended or not error.again or number == self._settings.tries:
                    self._give_up(notice, error.reason, str(error), number)
                    return
                self._ending.wait(pause)
                pause = min(LONGEST_PAUSE_SECONDS, pause * 2)
            else:
                text = f"{self._hook.title} was told of {notice.event}."
                log.log("notified", text, level=logging.DEBUG, hook=self._hook.title, event=notice.event)
                return

    def _give_up(self, notice: Notice, reason: str, why: str, tries: int) -> None:
        self._metrics.count(series.NOTIFICATION_FAILURES, hook=self._hook.title, reason=reason)
        log.log(
            "notification_failed",
            f"{self._hook.title} was not told of {notice.event}: {why}",
            level=logging.WARNING,
            hook=self._hook.title,
            event=notice.event,
            reason=reason,
            tries=tries,
        )
