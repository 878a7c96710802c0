"""A bound on the memory of photos in work: a big photo waits for room instead of killing the program."""

import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

BYTES_PER_PIXEL: dict[int | Literal["raw"], int] = {8: 10, 16: 14, "raw": 26}
"""What a photo in work takes at its peak, by bits per channel: the photo, its cut-out and what is computed between.

A camera RAW file takes most, while it is developed.
"""


MUCH_BYTES = 1 << 30  # in work: from here on memory is given back at the cost of some time

_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def half_of_memory() -> int:
    """Half of the bytes that this machine, or the cgroup that we run in, lets us have."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):  # no cgroup v2, or "max"
        whole = min(whole, int(_CGROUP_LIMIT.read_text()))
    return whole // 2


class MemoryBudget:
    """So many bytes, handed out in the order in which they were asked for."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._used = 0
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    @property
    def used(self) -> int:
        """Bytes in work now."""
        with self._changed:
            return self._used

    @property
    def crowded(self) -> bool:
        """So much is in work that what is not in use should be given back."""
        return self.used >= MUCH_BYTES

    def resize(self, limit_bytes: int) -> None:
        """So many bytes from now on; what is held above that is given back in its time."""
        with self._changed:
            self._limit = limit_bytes
            self._changed.notify_all()

    @contextmanager
    def held(self, need_bytes: int) -> Iterator[None]:
        """Wait for room, and keep it for the length of the block. What is larger than all of it goes alone."""
        with self._changed:
            turn = object()
            self._waiting.append(turn)
            # In order, so that a stream of small photos cannot keep a big one out for ever.
            self._changed.wait_for(lambda: self._waiting[0] is turn and self._has_room(need_bytes))
            self._waiting.popleft()
            self._used += need_bytes
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._used -= need_bytes
                self._changed.notify_all()

    def _has_room(self, need_bytes: int) -> bool:
        return self._used == 0 or self._used + need_bytes <= self._limit
