"""Translates errors of the operating system into what they mean for a hot folder: who waits, and for what."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

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
_ALLOW = "Allow the daemon's user to read and write there"
_NO_ROOM = {
    errno.ENOSPC: ("the disk is full", "Make room"),
    errno.EDQUOT: ("the quota is used up", "Make room"),
    errno.EROFS: ("the file system is read-only", "Mount it for writing"),
    errno.EACCES: ("access is not allowed", _ALLOW),
    errno.EPERM: ("access is not allowed", _ALLOW),
    errno.EFBIG: ("the file system allows no file of this size", "Make room"),
}
"""Error number -> what is wrong, and what to do."""


def translate(error: OSError, what: str) -> FreistellerError | None:
    """RootAway or NoRoom with a remedy, or None if the error says nothing about the folder as a whole.

    what: the place or the act, as a sentence names it.
    """
    if error.errno in _NO_ROOM:
        wrong, remedy = _NO_ROOM[error.errno]
        return NoRoom(f"{what}: {wrong}. {remedy}; the work goes on by itself.")
    if error.errno in _AWAY:
        return RootAway(
            f"{what}: {os.strerror(error.errno)}. Bring the disk or share back; the work goes on by itself."
        )
    return None


def root_error(error: OSError, what: str) -> FreistellerError:
    """Like `translate`, for an act where every error concerns the folder as a whole: an unknown one is RootAway."""
    return translate(error, what) or RootAway(f"{what}: {error.strerror}. It is tried again.")


def is_of_one_file(error: OSError, folder: Path, check: Callable[[], None]) -> bool:
    """Whether an unreadable spot of the disk is one file's trouble: the hot folder and `folder` still answer.

    check: raises RootAway or NoRoom if the hot folder does not answer. Raises these.
    """
    if error.errno != errno.EIO:
        return False
    check()
    list_once(folder)
    return True


def list_once(folder: Path) -> None:
    """Raise RootAway or NoRoom if a folder does not answer: then an error met in it is not that of one file."""
    try:
        list(folder.iterdir())
    except OSError as error:
        raise root_error(error, f"The folder {folder}") from error


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Translate errors about the folder as a whole into RootAway and NoRoom; let others pass."""
    try:
        yield
    except OSError as error:
        if meaning := translate(error, what):
            raise meaning from error
        raise
