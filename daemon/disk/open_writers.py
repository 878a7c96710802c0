"""Whether a program on this machine has a file open for writing: asked of the kernel, not guessed from times."""

import errno
import fcntl
import signal


def open_for_writing(descriptor: int) -> bool | None:
    """Whether any process of this machine has the file open for writing; None where the file system cannot say.

    descriptor: opened read-only. The kernel grants a read lease only on a file that nobody writes (fcntl(2),
    "Leases"), so we ask for one and give it back at once. It needs the file's owner or CAP_LEASE; without, None.
    Not to be asked on network file systems, where a refused lease can have other reasons.
    """
    try:
        # Who opens the file for writing in the moment we hold the lease makes the kernel signal us. The default
        # signal, SIGIO, would end the process; SIGURG is ignored by default.
        fcntl.fcntl(descriptor, fcntl.F_SETSIG, signal.SIGURG)  # type: ignore[attr-defined, unused-ignore]
        fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_RDLCK)
    except OSError as error:
        return True if error.errno == errno.EAGAIN else None
    fcntl.fcntl(descriptor, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    return False
