"""Locks a file, so that one daemon at most uses a folder on this machine. The kernel unlocks it if its holder dies."""

import errno
import fcntl
import os
from pathlib import Path

from daemon.errors import AlreadyRunning

_NO_LOCKS_HERE = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


class Lock:
    """An exclusive lock on one file, held until `release` or the end of the process."""

    def __init__(self, path: Path, what: str) -> None:
        """Take the lock. what: the folder that it protects, as a sentence names it.

        Raises AlreadyRunning if another process holds the lock; the message says which one.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self.held = True
        """False if this file system has no locks."""
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _NO_LOCKS_HERE:
                self.held = False
                return  # some shares have no locks; the lock of the state directory, on a local disk, still works
            holder = os.read(self._fd, 200).decode(errors="replace").strip() or "another process"
            os.close(self._fd)
            raise AlreadyRunning(
                f"{what} is in use by another Freisteller ({holder}). Stop that one first, or use another folder."
            ) from error
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"pid {os.getpid()} on {os.uname().nodename}\n".encode(), 0)

    def release(self) -> None:
        """Give the lock back."""
        os.close(self._fd)
