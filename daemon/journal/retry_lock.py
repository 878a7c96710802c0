"""Lets a retry and the clearing of failed jobs happen one after the other, also in two processes on this machine."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NAME = "retry.lock"


class RetryLock:
    """A lock on a file in the state directory. The kernel unlocks it if its holder dies."""

    def __init__(self, state: Path) -> None:
        self._path = state / _NAME

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the lock; waits until nobody else does. Raises OSError."""
        descriptor = self._open()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def trying(self) -> Iterator[bool]:
        """Hold the lock if it is free now. Yields False if a retry is at work, or if the disk is full."""
        try:
            descriptor = self._open()
        except OSError:
            yield False
            return
        try:
            yield _is_locked_now(descriptor)
        finally:
            os.close(descriptor)

    def _open(self) -> int:
        return os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)


def _is_locked_now(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
