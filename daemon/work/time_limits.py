"""Watches the time of many calls in one thread, since a thread for each call would cost more than most calls."""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from daemon.logs.log import log


class TimeLimits:
    """Calls back once a block takes too long. Safe to use from many threads."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: dict[object, tuple[float, Callable[[], None]]] = {}
        self._next = math.inf  # when the thread looks again, in monotonic seconds
        self._thread: threading.Thread | None = None

    @contextmanager
    def limit(self, seconds: float, late: Callable[[], None]) -> Iterator[None]:
        """Call `late` if the block takes longer than so many seconds; never after the block. It must not wait."""
        key, at = object(), time.monotonic() + seconds
        with self._changed:
            self._due[key] = at, late
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="time limits", daemon=True)
                self._thread.start()
            elif at < self._next:
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._due.pop(key, None)

    def _watch(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for key in [key for key, (at, _) in self._due.items() if at <= now]:
                    _told(self._due.pop(key)[1])
                self._next = min((at for at, _ in self._due.values()), default=math.inf)
                self._changed.wait(None if self._next == math.inf else min(self._next - now, threading.TIMEOUT_MAX))


def _told(late: Callable[[], None]) -> None:
    """Call back. An error of one must not leave all other blocks without a limit."""
    try:
        late()
    except Exception as error:  # noqa: BLE001 - whatever it is, the watch goes on
        text = f"A worker that takes too long could not be ended: {type(error).__name__}: {error}"
        log("internal_error", text, level=logging.ERROR, error=error)
