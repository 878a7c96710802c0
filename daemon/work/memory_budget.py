"""Bounds the memory of the photos in work: a big photo waits for room instead of killing the program."""

import os
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

BYTES_PER_PIXEL: dict[int | Literal["raw"], int] = {8: 10, 16: 14, "raw": 26}
"""The most bytes that a photo in work takes per pixel, by bits per channel: photo, cut-out and what lies between.

A camera raw file takes the most, while it is developed.
"""

MUCH_BYTES = 1 << 30  # with more than this in work we give memory back, although that costs time

_CGROUP_LIMIT = Path("/sys/fs/cgroup/memory.max")


def half_of_memory() -> int:
    """Half of the memory, in bytes, that this machine or our cgroup allows us."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    with suppress(OSError, ValueError):  # there is no cgroup v2, or it says "max"
        whole = min(whole, int(_CGROUP_LIMIT.read_text()))
    return whole // 2


class MemoryBudget:
    """A number of bytes, given out in the order in which they were asked for. Safe to use from many threads."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit = limit_bytes
        self._used = 0
        self._waiting: deque[object] = deque()
        self._changed = threading.Condition()

    @property
    def used(self) -> int:
        """How many bytes are in work now."""
        with self._changed:
            return self._used

    @property
    def crowded(self) -> bool:
        """Whether so much is in work that unused memory should be given back."""
        return self.used >= MUCH_BYTES

    def resize(self, limit_bytes: int) -> None:
        """Use another limit from now on. Photos in work keep what they hold."""
        with self._changed:
            self._limit = limit_bytes
            self._changed.notify_all()

    @contextmanager
    def held(self, need_bytes: int) -> Iterator[None]:
        """Wait for room, and keep it for the length of the block. A photo larger than the limit runs alone."""
        with self._changed:
            turn = object()
            self._waiting.append(turn)
            # In order, so that a stream of small photos cannot hold up a big one for ever.
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
