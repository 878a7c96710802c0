"""Finds out which program holds a lock on a file, so that a message can name it."""

import os
from contextlib import suppress
from pathlib import Path


def lock_holder(*paths: Path) -> str:
    """The other program that holds a write lock on one of these files, e.g. "sqlitebrowser, process 1234".

    "" if it cannot be found: it may run on another machine, in another container, or /proc is not readable. No file is
    opened: closing it would drop the locks that this process holds on it.
    """
    inodes = set[str]()
    for path in paths:
        with suppress(OSError):
            inodes.add(str(path.stat().st_ino))
    with suppress(OSError):
        for line in Path("/proc/locks").read_text("ascii", "replace").splitlines():
            words = line.split()  # "1: POSIX  ADVISORY  WRITE 1234 08:01:5678 120 120"
            if "WRITE" in words and len(words) > 5 and words[-3].rpartition(":")[2] in inodes:
                process = int(words[-4])
                if process not in (0, -1, os.getpid()):
                    return f"{_name(process)}process {process}"
    return ""


def _name(process: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{process}/comm").read_text("utf-8", "replace").strip() + ", "
    return ""
