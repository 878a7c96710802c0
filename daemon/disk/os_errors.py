"""What an error of the operating system means for a hot folder: who waits, and for what."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from daemon.errors import FreistellerError, NoRoom, RootAway

_AWAY = frozenset(
    {
        errno.EIO,
        errno.ENODEV,
        errno.ENXIO,
        errno.ESTALE,
        errno.ENOTCONN,
        errno.ECONNABORTED,
        errno.ECONNRESET,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.ETIMEDOUT,
        errno.ESHUTDOWN,
    }
)
_FULL = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "access is not allowed",
    errno.EPERM: "access is not allowed",
    errno.EFBIG: "the file system allows no file of this size",
}


def means(error: OSError, what: str) -> FreistellerError | None:
    """RootAway or NoRoom with a remedy, or None where the error says nothing about the folder as a whole.

    what: the place or the act, as a sentence names it.
    """
    if error.errno in _FULL:
        remedy = (
            "Allow the daemon's user to read and write there"
            if error.errno in (errno.EACCES, errno.EPERM)
            else ("Mount it for writing" if error.errno == errno.EROFS else "Make room")
        )
        return NoRoom(f"{what}: {_FULL[error.errno]}. {remedy}; the work goes on by itself.")
    if error.errno in _AWAY:
        return RootAway(
            f"{what}: {os.strerror(error.errno)}. Bring the disk or share back; the work goes on by itself."
        )
    return None


def away(error: OSError, what: str) -> FreistellerError:
    """Like `means`, where every error is one about the folder as a whole: what is not known otherwise is RootAway."""
    return means(error, what) or RootAway(f"{what}: {error.strerror}. It is tried again.")


@contextmanager
def named(what: str) -> Iterator[None]:
    """Turn the operating system's errors about the folder as a whole into RootAway and NoRoom; others pass."""
    try:
        yield
    except OSError as error:
        if meaning := means(error, what):
            raise meaning from error
        raise
