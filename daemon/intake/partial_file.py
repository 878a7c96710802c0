"""A file of others that may still be growing: read by position, never mapped."""

import os
import re

from daemon.errors import NotWholeYet

_WINDOW_BYTES = 1 << 20


class PartialFile:
    """A file read by position; what lies beyond its end is "not there yet"."""

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
        """Where a two-byte mark that ends the pattern begins. Raises NotWholeYet saying that `what` is cut off."""
        while window := self.some(position, _WINDOW_BYTES):
            if found := pattern.search(window):
                return position + found.end() - 2
            position += max(1, len(window) - 1)  # its first byte may be this window's last one
        raise NotWholeYet(f"it ends before {what}")
