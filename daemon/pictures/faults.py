"""What a codec said went wrong, turned into whose fault it is: the disk's, the file's, or that of nobody."""

import errno
import os

# Faults of the disk or the share, not of the picture; libvips tells them in the system's own words only.
_OF_THE_DISK = (
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT,
    errno.EHOSTDOWN,
)  # fmt: skip

# How codecs say that a file is in order, and beyond them.
_BEYOND = (
    "not supported", "unsupported", "not configured", "not been built in", "not a whole number of bytes",
    "bad labq format", "samples out of range",
)  # fmt: skip


class Undecodable(ValueError):
    """This cannot be read or written; the message is the codec's own reason."""


class Unsupported(Undecodable):
    """This is written in a way that nothing here reads; waiting for the rest of it would not help."""


def fault(said: str) -> Exception:
    """The error that stands for what a codec said: OSError, Unsupported or Undecodable."""
    number = next((number for number in _OF_THE_DISK if os.strerror(number) in said), None)
    if number is not None:
        return OSError(number, os.strerror(number))
    beyond = any(words in said.lower() for words in _BEYOND)
    return Unsupported(_brief(said)) if beyond else Undecodable(_brief(said))


def _brief(said: str) -> str:
    """One line of bearable length: each thing once, the first and the last of many."""
    lines = list(dict.fromkeys(line.strip() for line in said.splitlines() if line.strip()))
    return "; ".join(lines if len(lines) <= 2 else [lines[0], lines[-1]]) or "no reason was given"
