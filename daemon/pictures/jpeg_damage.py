"""Tells damage in the coded data of a JPEG from what its decoder only finds strange."""

from collections.abc import Callable
from typing import Any

from daemon.pictures import vips

_DAMAGE_IN_WARNINGS = ("premature end", "bad Huffman code")
_TRIES = 3


def prove_coded(opened: Callable[..., Any]) -> bool:
    """Decode a JPEG and keep nothing; returns whether nothing was strange. Raises libvips' error if it is damaged.

    Data that end before the picture does are damage, although libjpeg only warns of it; stray bytes between segments,
    which some cameras write, are none.

    opened: gives the picture; `fail_on`, as libvips has it, is all that it is given. libvips looks for warnings before
    it reads each eight rows of what it gives, so it misses those of the last eight.
    """
    for _ in range(_TRIES):
        try:
            opened(fail_on="warning").avg()
            return True
        except vips.Error as error:
            reason = str(error.detail)
            if any(words in reason for words in _DAMAGE_IN_WARNINGS):
                raise
            if reason.strip():
                break  # else another thread was told of it: they all share one list of reasons
    opened(fail_on="error").avg()
    return False
