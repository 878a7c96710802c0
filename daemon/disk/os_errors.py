"""Translates errors of the operating system into what they mean for a hot folder: who waits, and for what."""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon.errors import FreistellerError, NoRoom, RootAway, Said

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
_NO_ROOM = {
    errno.ENOSPC: ("disk_full", "no_room"),
    errno.EDQUOT: ("quota", "no_room"),
    errno.EROFS: ("fs_read_only", "read_only"),
    errno.EACCES: ("no_access", "not_allowed"),
    errno.EPERM: ("no_access", "not_allowed"),
    errno.EFBIG: ("file_too_large", "no_room"),
}
"""Error number -> codes of what is wrong, and of the sentence that says so and what to do."""


def translate(error: OSError, what: str) -> FreistellerError | None:
    """RootAway or NoRoom with a remedy, or None if the error says nothing about the folder as a whole.

    what: the place or the act, as a sentence names it.
    """
    if error.errno in _NO_ROOM:
        fault, sentence = _NO_ROOM[error.errno]
        return NoRoom(Said(sentence, what=what, fault=Said(fault)))
    if error.errno in _AWAY:
        return RootAway(Said("disk_away", what=what, fault=os.strerror(error.errno)))
    return None


def root_error(error: OSError, what: str) -> FreistellerError:
    """Like `translate`, for an act where every error concerns the folder as a whole: an unknown one is RootAway."""
    return translate(error, what) or RootAway(Said("disk_error", what=what, fault=error.strerror))


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
