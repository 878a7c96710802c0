"""Opens a file of a stranger, and says whose fault it is if that fails."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon.errors import BadPhoto, NotWholeYet, RootAway, Said, Vanished

# A program still writes, a share still copies, or somebody has to correct the permissions.
_LOCKED = (errno.EACCES, errno.EPERM, errno.EBUSY, errno.ETXTBSY, errno.EAGAIN, errno.ELOOP, errno.ENXIO)


@contextmanager
def opened(path: Path, name: str) -> Iterator[int]:
    """A descriptor of a file to be read. name: what people call it.

    Raises Vanished if it is gone, NotWholeYet if it is locked, BadPhoto if it is no plain file, and RootAway if the
    disk does not answer, here or while it is read.
    """
    try:
        # Never wait for the other end of a pipe that somebody named like a photo.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise Vanished(Said("not_there", name=name)) from error
    except OSError as error:
        if error.errno in _LOCKED:
            raise NotWholeYet(Said("cannot_open", name=name, fault=error.strerror)) from error
        raise RootAway(Said("cannot_open", name=name, fault=error.strerror)) from error
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise BadPhoto(Said("is_a_folder", name=name))
        if not stat.S_ISREG(mode):
            raise BadPhoto(Said("not_a_file", name=name))
        yield descriptor
    except OSError as error:
        raise RootAway(Said("cannot_read", name=name, fault=error.strerror)) from error
    finally:
        os.close(descriptor)
