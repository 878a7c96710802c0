"""One daemon per hot folder and state directory on this machine: locks that the kernel drops when their holder dies."""

import errno
import fcntl
import os
from pathlib import Path

from daemon.errors import AlreadyRunning

_NO_LOCKS_HERE = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


class Lock:
    """An exclusive lock on one file, held until `release` or the end of the process."""

    def __init__(self, path: Path, what: str) -> None:
        """Take the lock. Raises AlreadyRunning where somebody holds it, saying who."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.held = True
        """False where this file system knows no locks."""
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _NO_LOCKS_HERE:
                self.held = False
                return  # some shares cannot lock; the lock of the state directory, on a local disk, still holds
            holder = os.read(self._fd, 200).decode(errors="replace").strip() or "another process"
            os.close(self._fd)
            raise AlreadyRunning(
                f"{what} is in use by another Freisteller ({holder}). Stop that one first, or use another folder."
            ) from error
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, f"pid {os.getpid()} on {os.uname().nodename}\n".encode(), 0)

    def release(self) -> None:
        """Let go."""
        os.close(self._fd)
