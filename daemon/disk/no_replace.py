"""Gives a file a name that is still free, in the best way that the file system offers."""

import ctypes
import errno
import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import suppress

from daemon.disk import open_below
from daemon.errors import RootAway, Said

CHUNK_BYTES = 1 << 20
PART = ".part"
"""The name of a copy that is not whole yet, in a folder of ours."""
_RENAME_NOREPLACE = 1
_UNSUPPORTED = frozenset(
    {errno.EXDEV, errno.EPERM, errno.EACCES, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL, errno.EMLINK, errno.EIO}
)
"""What link() may answer where there are no links. EIO: rclone's mounts say so. If it is the disk, a copy fails too."""


class LinksUnsupported(Exception):
    """This file cannot have a second name in that folder. Answer: copy it."""


def link(source: str, name: str, folder: int) -> None:
    """Give the file at path `source` a second name, `name` in `folder`. The file appears there whole and at once.

    Raises FileExistsError if the name is taken. Raises LinksUnsupported for another device, a file system without
    links, a file with as many links as it may have, or another user's file (fs.protected_hardlinks).
    """
    try:
        os.link(source, name, dst_dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        if error.errno in _UNSUPPORTED:
            raise LinksUnsupported(os.strerror(error.errno)) from error
        raise


def move(source_folder: int, source: str, folder: int, name: str) -> None:
    """Rename within a file system without replacing anything. Raises FileExistsError if the name is taken.

    Uses renameat2(RENAME_NOREPLACE). Where that is not available (NFS, some FUSE), an empty file takes the name first,
    and the rename replaces it; a crash between the two leaves the empty file.
    """
    if _renameat2(source_folder, source, folder, name):
        return
    os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666, dir_fd=folder))
    try:
        os.rename(source, name, src_dir_fd=source_folder, dst_dir_fd=folder)
    except OSError:
        with suppress(OSError):
            os.unlink(name, dir_fd=folder)
        raise


def is_kept_from_replacing(folder: int, source: str, name: str) -> bool:
    """Rename within a folder onto a free name. Returns whether the file system would have refused a taken one at once.

    If not, nothing is renamed. Raises OSError.
    """
    return _renameat2(folder, source, folder, name)


def copy(reader: int, temporary: str, name: str, folder: int, before_naming: Callable[[], None] = lambda: None) -> None:
    """Copy a file to a free name: write it whole as `temporary`, read it back, then rename it. Keeps the mtime.

    reader: the open source. before_naming: a last check; if it raises, the copy is given up. Raises FileExistsError if
    the name is taken, RootAway if the bytes read back are not those that were written.
    """
    with suppress(FileNotFoundError):
        os.unlink(temporary, dir_fd=folder)  # left by a crash of an earlier run
    try:
        equal = _write_copy(reader, temporary, folder)
        before_naming()
        if not equal:
            raise RootAway(Said("copy_differs", name=name))
        move(folder, temporary, folder, name)
    finally:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=folder)


def double(home: int, source: str, folder: int, name: str) -> None:
    """Put the file `source` of `home` into `folder` as well: by a second name, or by a copy if links are unsupported.

    Raises FileExistsError if the name is taken, RootAway like `copy`, OSError.
    """
    with open_below.reading(source, home) as descriptor:
        with suppress(LinksUnsupported):
            link(f"/proc/self/fd/{home}/{source}", name, folder)
            return
        copy(descriptor, PART, name, folder)


def digest(descriptor: int) -> bytes:
    """BLAKE2 of a file's whole content."""
    state = hashlib.blake2b()
    for chunk in _chunks(descriptor):
        state.update(chunk)
    return state.digest()


def _chunks(descriptor: int) -> Iterator[bytes]:
    offset = 0
    while chunk := os.pread(descriptor, CHUNK_BYTES, offset):
        yield chunk
        offset += len(chunk)


def _write_copy(reader: int, temporary: str, folder: int) -> bool:
    """Write the copy. Returns whether the same bytes came back from the disk."""
    writer = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666, dir_fd=folder)
    try:
        with open(writer, "wb", closefd=False) as stream:
            for chunk in _chunks(reader):
                stream.write(chunk)
        found = os.fstat(reader)
        os.utime(writer, ns=(found.st_atime_ns, found.st_mtime_ns))
        os.fsync(writer)
        # Over SMB, a copy of the right size can have wrong bytes: drop the cached pages and read from the other side.
        os.posix_fadvise(writer, 0, 0, os.POSIX_FADV_DONTNEED)
        return digest(writer) == digest(reader)
    finally:
        os.close(writer)


def _renameat2(source_folder: int, source: str, folder: int, name: str) -> bool:
    """Rename without replacing. Returns False if this C library, kernel or file system cannot."""
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:
        return False
    code = renameat2(source_folder, os.fsencode(source), folder, os.fsencode(name), ctypes.c_uint(_RENAME_NOREPLACE))
    if code == 0:
        return True
    number = ctypes.get_errno()
    if number in (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP):
        return False
    raise OSError(number, os.strerror(number), name)
