"""Walking down into a folder step by step, so that no symbolic link leads out of it.

A path is looked up as a whole by the kernel, links included; between a check and its use anybody may swap a folder
for a link. Opening each step from the one before, with O_NOFOLLOW, leaves no such gap. It also knows no limit on
the length of a path.
"""

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
"""How a file of others is opened: a FIFO or a lease of another program must not block us."""


GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
"""A step on the way is no folder any more, or a link by now."""

_NO_FSYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF, errno.EACCES, errno.EPERM})


def refuse_ways_out(parts: Sequence[str]) -> None:
    """Raise ValueError where a part is no plain name, ".." above all, which leads out without any link."""
    for part in parts:
        if part in ("", ".", "..") or "/" in part or "\0" in part:
            raise ValueError(f"{part!r} is no name within a folder")


@contextmanager
def opened(base: Path, parts: Sequence[str] = ()) -> Iterator[int]:
    """A descriptor of the folder `base`/parts; `base` itself is trusted up to its last step.

    Raises OSError, ELOOP or ENOTDIR where a step is a symbolic link or no folder; ValueError for "..".
    """
    refuse_ways_out(parts)
    folder = os.open(base, FOLDER)
    try:
        for part in parts:
            below = os.open(part, FOLDER, dir_fd=folder)
            os.close(folder)
            folder = below
        yield folder
    finally:
        os.close(folder)


def settle(folder: int) -> None:
    """Make the names in a folder durable, where the file system can (some FUSE and SMB ones cannot)."""
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno not in _NO_FSYNC:
            raise


def settle_path(folder: Path) -> None:
    """The same for a folder given by its path."""
    with opened(folder) as descriptor:
        settle(descriptor)
