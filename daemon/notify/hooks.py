"""Sends notices to the hooks: each hook has a queue and a thread of its own, so that no hook waits for another.

A hook that fails adds to a metric and writes a line to the log. It has no other effect.
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

MOST_WAITING = 1000  # notices for one hook; any further one is dropped
FIRST_BACKOFF_SECONDS = 2.0  # between the first two tries; then it doubles
LONGEST_BACKOFF_SECONDS = 60.0
CLOSE_SECONDS = 10.0  # below systemd's TimeoutStopSec, together with dispatch.stop_seconds


class Hooks:
    """All hooks of the settings. Safe to call from any thread; only `close` waits."""

    def __init__(
        self,
        settings: NotifySettings,
        origin: Origin,
        metrics: Metrics,
        first_backoff_seconds: float = FIRST_BACKOFF_SECONDS,
    ) -> None:
        self._origin = origin
        self._metrics = metrics
        self._first_backoff_seconds = first_backoff_seconds
        self._queues: tuple[_HookQueue, ...] = ()
        self.use_settings(settings)

    def use_settings(self, settings: NotifySettings) -> None:
        """Send to these hooks from now on. Hooks that are gone or changed still get what waits for them."""
        before = self._queues
        self._queues = tuple(self._queue_for(hook, settings) for hook in settings.hooks)
        for each in before:
            if each not in self._queues:
                each.end()

    def _queue_for(self, hook: HookSettings, settings: NotifySettings) -> "_HookQueue":
        for each in self._queues:
            if each.serves(hook, settings):
                return each
        self._metrics.know_hook(hook.title)
        return _HookQueue(hook, settings, self._metrics, self._first_backoff_seconds)

    def send(self, notice: Notice) -> None:
        """Queue a notice for every hook that wants its event."""
        body = payload(notice, self._origin)
        for each in self._queues:
            each.put(notice, body)

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Try each waiting notice once more, for at most so many seconds in all."""
        deadline = time.monotonic() + seconds
        for each in self._queues:
            each.end()
        for each in self._queues:
            each.join(deadline)


class _HookQueue:
    """The queue and the thread of one hook. The thread starts with the first notice."""

    def __init__(
        self, hook: HookSettings, settings: NotifySettings, metrics: Metrics, first_backoff_seconds: float
    ) -> None:
        self._hook = hook
        self._settings = settings
        self._metrics = metrics
        self._first_backoff_seconds = first_backoff_seconds
        self._waiting: queue.SimpleQueue[tuple[Notice, bytes] | None] = queue.SimpleQueue()
        self._ending = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._deliver_all, name=f"hook-{hook.title}", daemon=True)

    def serves(self, hook: HookSettings, settings: NotifySettings) -> bool:
        """Whether this queue sends to this hook, with the same number of tries and the same time limit."""
        ours = (self._settings.tries, self._settings.limit_seconds)
        return hook == self._hook and ours == (settings.tries, settings.limit_seconds)

    def put(self, notice: Notice, body: bytes) -> None:
        """Queue a notice, if the hook wants its event. A full queue drops it."""
        if notice.event not in self._hook.on or self._ending.is_set():
            return
        self._metrics.count(series.NOTIFICATIONS, hook=self._hook.title, event=notice.event)
        with self._lock:
            full = self._waiting.qsize() >= MOST_WAITING
            if not full:
                self._waiting.put((notice, body))
            if self._thread.ident is None:
                self._thread.start()
        if full:
            self._give_up(notice, "queue_full", f"{MOST_WAITING} notices wait for it already.", 0)

    def end(self) -> None:
        """Try each waiting notice once, without any back-off, then end the thread."""
        self._ending.set()
        self._waiting.put(None)

    def join(self, deadline: float) -> None:
        """Wait for the end of the thread, until `deadline` (monotonic seconds) at most."""
        if self._thread.ident is not None:
            self._thread.join(max(0.0, deadline - time.monotonic()))

    def _deliver_all(self) -> None:
        while (item := self._waiting.get()) is not None:
            try:
                self._deliver(*item)
            except Exception as error:  # noqa: BLE001 - no error of a hook may ever reach the photos
                text = f"The notice for {self._hook.title} could not be sent: {type(error).__name__}"
                log.log("internal_error", text, level=logging.ERROR, hook=self._hook.title)
                self._metrics.count(series.NOTIFICATION_FAILURES, hook=self._hook.title, reason="internal_error")

    def _deliver(self, notice: Notice, body: bytes) -> None:
        backoff_seconds = self._first_backoff_seconds
        for number in range(1, self._settings.tries + 1):
            try:
                deliver(self._hook, notice.event, body, self._hook.limit_seconds or self._settings.limit_seconds)
            except Undelivered as error:
                ended = self._ending.is_set()
                if ended or not error.again or number == self._settings.tries:
                    self._give_up(notice, error.reason, str(error), number)
                    return
                self._ending.wait(backoff_seconds)
                backoff_seconds = min(LONGEST_BACKOFF_SECONDS, backoff_seconds * 2)
            else:
                text = f"{self._hook.title} got the notice {notice.event}."
                log.log("notified", text, level=logging.DEBUG, hook=self._hook.title, event=notice.event)
                return

    def _give_up(self, notice: Notice, reason: str, why: str, tries: int) -> None:
        self._metrics.count(series.NOTIFICATION_FAILURES, hook=self._hook.title, reason=reason)
        log.log(
            "notification_failed",
            f"{self._hook.title} did not get the notice {notice.event}: {why}",
            level=logging.WARNING,
            hook=self._hook.title,
            event=notice.event,
            reason=reason,
            tries=tries,
        )
