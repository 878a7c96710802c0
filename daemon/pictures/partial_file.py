"""A file that somebody else may still be writing."""

import os
import re

from daemon.errors import NotWholeYet, Said

_WINDOW_BYTES = 1 << 20


class Doubtful(Exception):
    """The file may be whole, but does not look like it; the message says why. Believe it later, if it decodes."""


class EndMissing(NotWholeYet):
    """Only what should end the file is missing or cut off, which no decoder needs.

    Believe the file later, if it decodes to its last row.
    """


class PartialFile:
    """A file that is read by position, never mapped; what lies beyond its end is not there yet."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.size = os.fstat(descriptor).st_size
        self._start, self._window = 0, b""  # what `find` read last: a file of many short parts is read once

    def some(self, position: int, length: int) -> bytes:
        """Up to `length` bytes, fewer at the end of the file. Raises OSError if one of them cannot be read."""
        content = b""
        while len(content) < length and position + len(content) < self.size:
            # The kernel returns what lies before an unreadable sector, and fails when it is asked for the rest.
            part = os.pread(self.descriptor, length - len(content), position + len(content))
            if not part:
                break
            content = content + part if content else part
        return content

    def exactly(self, position: int, length: int, what: str) -> bytes:
        """`length` bytes. Raises NotWholeYet saying that `what`, a code of SAID, is cut off."""
        if position + length <= self.size and len(content := self.some(position, length)) == length:
            return content
        raise NotWholeYet(Said("ends_before", what=Said(what)))

    def find(self, pattern: re.Pattern[bytes], position: int, what: str) -> int:
        """Where the next match of a pattern of two bytes begins. Raises NotWholeYet if there is none before its end."""
        while position + 2 <= self.size:
            if not self._start <= position <= self._start + len(self._window) - 2:
                self._start, self._window = position, self.some(position, _WINDOW_BYTES)
                if len(self._window) < 2:
                    break
            if found := pattern.search(self._window, position - self._start):
                return self._start + found.start()
            position = self._start + len(self._window) - 1  # a match may begin with the last byte of this window
        raise NotWholeYet(Said("ends_before", what=Said(what)))
