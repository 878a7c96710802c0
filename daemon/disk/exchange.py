"""Lets two names of a folder change places at once."""

import ctypes
import errno
import os

_RENAME_EXCHANGE = 2
_CANNOT = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP)


def exchange(folder: int, name: str, other: str) -> bool:
    """Exchange two names in an open folder: there is no moment at which one of them is missing.

    Returns False if this C library, kernel or file system cannot (NFS, some FUSE). Raises OSError.
    """
    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except AttributeError:
        return False
    names = os.fsencode(name), os.fsencode(other)
    if renameat2(folder, names[0], folder, names[1], ctypes.c_uint(_RENAME_EXCHANGE)) == 0:
        return True
    number = ctypes.get_errno()
    if number in _CANNOT:
        return False
    raise OSError(number, os.strerror(number), name)
