"""Bounds the memory of the photos in work: a big photo waits for room instead of killing the program."""

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from daemon.errors import EngineAway, Said

MUCH_BYTES = 3 << 28  # with more than this in work we give memory back, although that costs time
LOOK_SECONDS = 0.2  # so often a photo that waits for memory looks whether the program stops


def _never() -> bool:
    return False


def half_of_memory() -> int:
    """Half of the memory, in bytes, that this machine and our cgroups allow us."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([whole, *cgroup_limits(Path("/proc/self/cgroup"), Path("/sys/fs/cgroup"))]) // 2


def cgroup_limits(membership: Path, mount: Path) -> Iterator[int]:
    """The memory limits, in bytes, of our cgroup and of all cgroups around it (cgroup v2, cgroups(7)).

    membership: `/proc/self/cgroup`. mount: where the cgroups are mounted. systemd's MemoryMax= is the limit of a
    service's own cgroup; a container sees that cgroup as the root.
    """
    with suppress(OSError):
        lines = membership.read_text().splitlines()
        ours = mount / next((line.removeprefix("0::/") for line in lines if line.startswith("0::/")), "")
        for group in (ours, *ours.parents):
            with suppress(OSError, ValueError):  # the root has no such file, and "max" is no limit
                yield int((group / "memory.max").read_text())
            if group == mount:
                return


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
