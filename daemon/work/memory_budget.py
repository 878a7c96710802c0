"""Bounds the memory of the photos in work: a big photo waits for room instead of killing the program."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from daemon.errors import EngineAway, Said
from daemon.work import cgroups

MUCH_BYTES = 3 << 28  # with more than this in work we give memory back, although that costs time
LOOK_SECONDS = 0.2  # so often a photo that waits for memory looks whether the program stops


def _never() -> bool:
    return False


def half_of_memory() -> int:
    """Half of the memory, in bytes, that this machine and our cgroups allow us."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([whole, *cgroups.memory_limits()]) // 2


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
    def held(self, need_bytes: int, stopping: Callable[[], bool] = _never) -> Iterator[None]:
        """Wait for room, and keep it for the length of the block. A photo larger than the limit runs alone.

        Raises EngineAway if the program stops meanwhile, so that the photo goes on at the next start.
        """
        with self._changed:
            turn = object()
            self._waiting.append(turn)
            try:
                # In order, so that a stream of small photos cannot hold up a big one for ever.
                while not (self._waiting[0] is turn and self._has_room(need_bytes)):
                    if stopping():
                        raise EngineAway(Said("stopping"))
                    self._changed.wait(LOOK_SECONDS)
                self._used += need_bytes
            finally:
                self._waiting.remove(turn)
                self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._used -= need_bytes
                self._changed.notify_all()

    def _has_room(self, need_bytes: int) -> bool:
        return self._used == 0 or self._used + need_bytes <= self._limit
