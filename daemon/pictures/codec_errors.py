"""What a codec said went wrong, turned into whose fault it is: the disk's, the file's, or that of nobody."""

import errno
import os

# Faults of the disk or the share, not of the picture; libvips tells them in the system's own words only.
_OF_THE_DISK = (
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT,
    errno.EHOSTDOWN,
)  # fmt: skip

_BEYOND = {
    "bad labq format": "its colours are Lab in 8 bit",
    "samples out of range": "its samples are of a kind that no photo has",
    "not a whole number of bytes": "its samples have a number of bits that is neither 8 nor 16 nor 32",
    "tiled separate planes": "it is a TIFF whose colours lie in tiles apart from each other",
    "not supported": "",
    "unsupported": "",
    "not configured": "",
    "not been built in": "",
}
"""How codecs say that a file is in order, and beyond them; in words for people, or the codec's own."""


class Undecodable(ValueError):
    """This cannot be read or written; the message is the codec's own reason."""


class Unsupported(Undecodable):
    """This is written in a way that nothing here reads; waiting for the rest of it would not help."""


def fault(said: str) -> Exception:
    """The error that stands for what a codec said: OSError, Unsupported or Undecodable."""
    number = next((number for number in _OF_THE_DISK if os.strerror(number) in said), None)
    if number is not None:
        return OSError(number, os.strerror(number))
    beyond = next((words for words in _BEYOND if words in said.lower()), None)
    return Undecodable(_brief(said)) if beyond is None else Unsupported(_BEYOND[beyond] or _brief(said))


def _brief(said: str) -> str:
    """One line of bearable length: each thing once, the first and the last of many."""
    lines = list(dict.fromkeys(line.strip() for line in said.splitlines() if line.strip()))
    return "; ".join(lines if len(lines) <= 2 else [lines[0], lines[-1]]) or "no reason was given"
