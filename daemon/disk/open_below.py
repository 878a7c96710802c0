"""Opens what lies below a folder step by step, so that no symbolic link leads out of it.

The kernel looks up a whole path at once and follows links; between a check and its use, anybody may replace a folder
by a link. Opening each step from the one before, with O_NOFOLLOW, leaves no such gap, and works for paths of any
length.
"""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
"""Flags to open somebody else's file: a FIFO, or another program's lease, must not block us."""

GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})
"""Errors that say: a step of the way is not a folder any more, or is a link by now."""

NO_FILE = frozenset({errno.ELOOP, errno.ENXIO, errno.ENODEV})
"""Errors of opening that say: the name is a symbolic link's, a socket's or a device's."""

_NO_FSYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF, errno.EACCES, errno.EPERM})


def refuse_ways_out(parts: Sequence[str]) -> None:
    """Raise ValueError if a part is not a plain name: ".." above all, which leads out without any link."""
    for part in parts:
        if part in ("", ".", "..") or "/" in part or "\0" in part:
            raise ValueError(f"{part!r} is not a name within a folder")


@contextmanager
def opened(base: Path, parts: Sequence[str] = ()) -> Iterator[int]:
    """A descriptor of the folder `base`/parts. Links in `base` are followed, except in its last step.

    Raises OSError: ELOOP or ENOTDIR if a step is a symbolic link or not a folder. Raises ValueError for "..".
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


@contextmanager
def reading(name: str, folder: int | None = None) -> Iterator[int]:
    """A descriptor of a file to read. folder: the descriptor that `name` is relative to. Raises OSError."""
    descriptor = os.open(name, FILE, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def read_small(path: Path, most_bytes: int = 1 << 16) -> bytes:
    """What a small file holds. Raises ValueError if it is no regular file, or is larger; OSError."""
    wrong = f"{path} is no regular file of at most {most_bytes} bytes"
    try:
        with reading(str(path)) as descriptor:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode) or found.st_size > most_bytes:
                raise ValueError(wrong)
            with open(descriptor, "rb", closefd=False) as file:
                return file.read(most_bytes)
    except OSError as error:
        if error.errno in NO_FILE:
            raise ValueError(wrong) from error
        raise


def write_new(name: str, content: bytes, folder: int, mode: int = 0o666) -> None:
    """Write a file that does not exist yet, and make its content durable.

    Raises FileExistsError if the name is taken; OSError, and then a part of the file may be there.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(name, flags, mode, dir_fd=folder)
    try:
        write_all(descriptor, content)
    finally:
        os.close(descriptor)


def write_all(descriptor: int, content: bytes) -> None:
    """Write all bytes, however few a single write takes, and make them durable."""
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]
    os.fsync(descriptor)


def settle(folder: int) -> None:
    """Make the names in a folder durable, if the file system can do that; some FUSE and SMB ones cannot."""
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno not in _NO_FSYNC:
            raise


def settle_path(folder: Path) -> None:
    """Make the names in a folder durable, given its path."""
    with opened(folder) as descriptor:
        settle(descriptor)
