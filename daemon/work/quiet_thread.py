"""Does one thing beside the main thread of a worker process, at low priority; the main thread can still answer."""

import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

NICE = 10
"""The niceness of what nobody waits for (nice(2)): photos in work come first."""


class QuietThread:
    """It has begun once it is made."""

    def __init__(self, work: Callable[[], None]) -> None:
        self._work = work
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="quiet", daemon=True)
        self._thread.start()

    def over(self, seconds: float) -> bool:
        """Whether it is done, or will be within so many seconds. Raises what the work raised."""
        self._thread.join(seconds)
        if self._thread.is_alive():
            return False
        if self._error is not None:
            raise self._error
        return True

    def _run(self) -> None:
        try:
            _make_quiet()
            self._work()
        except Exception as error:  # noqa: BLE001 - whoever asks gets it
            self._error = error


def _make_quiet() -> None:
    """Lower the priority of this thread, and of those that libvips keeps from before: on Linux each has its own."""
    main = os.getpid()
    for task in Path("/proc/self/task").iterdir():
        if int(task.name) != main:
            with suppress(OSError):  # it has ended meanwhile
                os.setpriority(os.PRIO_PROCESS, int(task.name), NICE)
