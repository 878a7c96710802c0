"""A file that somebody else may still be writing."""

import os
import re

from daemon.errors import NotWholeYet

_WINDOW_BYTES = 1 << 20


class PartialFile:
    """A file that is read by position, never mapped; what lies beyond its end is not there yet."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.size = os.fstat(descriptor).st_size

    def some(self, position: int, length: int) -> bytes:
        """Up to `length` bytes, fewer at the end of the file."""
        return os.pread(self.descriptor, length, position) if position < self.size else b""

    def exactly(self, position: int, length: int, what: str) -> bytes:
        """`length` bytes. Raises NotWholeYet saying that `what` is cut off."""
        if position + length <= self.size and len(content := os.pread(self.descriptor, length, position)) == length:
            return content
        raise NotWholeYet(f"it ends before {what}")

    def find(self, pattern: re.Pattern[bytes], position: int, what: str) -> int:
        """Where the last two bytes of a match begin. Raises NotWholeYet saying that `what` is cut off."""
        while window := self.some(position, _WINDOW_BYTES):
            if found := pattern.search(window):
                return position + found.end() - 2
            position += max(1, len(window) - 1)  # a match may begin with the last byte of this window
        raise NotWholeYet(f"it ends before {what}")
