"""Lets malloc keep what it frees while a photo is worked on: each step takes as much again a moment later.

By default glibc gives much of it back to the kernel at once, which must then clear each page anew: a fifth of all
processor time for a photo of 1 megapixel. mallopt(3) has the parameters; other C libraries have none of this.
"""

import ctypes
from contextlib import suppress

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # the parameters' numbers in malloc.h
_MOST_KEPT_BYTES = 128 << 20
_LARGE_BYTES = 32 << 20  # what is larger goes back at once all the same; malloc allows no higher limit


def keep_memory() -> None:
    """Keep freed memory from now on, in this process."""
    with suppress(AttributeError):
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
        mallopt(_TRIM_THRESHOLD, _MOST_KEPT_BYTES)


def give_back() -> None:
    """Give the kernel what is free now."""
    with suppress(AttributeError):
        ctypes.CDLL(None).malloc_trim(0)
