"""Keeps requests below what a shop allows in a time, so that it need not refuse any."""

import time
from collections import deque
from collections.abc import Callable


class Pace:
    """Lets so many requests pass within so many seconds, and makes others wait. Not for several threads at once."""

    def __init__(
        self,
        most: int,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        """most: requests in any window of this many seconds. clock: seconds that never go back."""
        self._most, self._seconds = most, seconds
        self._clock, self._wait = clock, wait
        self._passed: deque[float] = deque(maxlen=most)

    def keep(self) -> None:
        """Wait until one more request is allowed, and count it."""
        if len(self._passed) == self._most:
            left = self._passed[0] + self._seconds - self._clock()
            if left > 0:
                self._wait(left)
        self._passed.append(self._clock())
