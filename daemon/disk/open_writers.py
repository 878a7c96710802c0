"""Asks the kernel whether a program on this machine has a file open for writing."""

import errno
import fcntl
import signal


def open_for_writing(descriptor: int) -> bool | None:
    """Whether any process of this machine has the file open for writing; None if the file system cannot tell.

    descriptor: opened read-only. The kernel grants a read lease only on a file that nobody writes (fcntl(2),
    "Leases"), so we ask for one and give it back at once. We must own the file or have CAP_LEASE; otherwise the answer
    is None. Do not ask on network file systems: there, a lease can be refused for other reasons.
    """
    try:
        # If a program opens the file for writing while we hold the lease, the kernel sends us a signal. The default
        # signal, SIGIO, would end the process; SIGURG is ignored by default.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)  # type: ignore[attr-defined, unused-ignore]
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return True if error.errno == errno.EAGAIN else None
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False
