"""Which folders below `inbox/` changed since they were listed: a folder's own times tell, and cost one look each.

They tell of names that came and went, not of files that grow, and some servers do not keep them; so a listing of
everything still comes round, only less often.
"""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from daemon.disk.open_below import GONE

SETTLED_SECONDS = 3.0
"""A folder must have looked the same for so long when it was listed: times can be as coarse as two seconds (FAT)."""


class _Listed(NamedTuple):
    stamp: tuple[int, int, int, int]
    since: float
    at: float


class Changes(NamedTuple):
    """changed: to be listed again. unsettled: too, for they look the same but not for long enough. gone: forgotten."""

    changed: list[str]
    unsettled: list[str]
    gone: list[str]


class Directories:
    """The folders of one inbox by their path below it, "" = itself, as they were when they were listed last."""

    def __init__(self, inbox: Path, clock: Callable[[], float]) -> None:
        self._inbox = str(inbox)
        self._clock = clock
        self._known: dict[str, _Listed] = {}
        self._before: dict[str, _Listed] = {}

    def __contains__(self, path: object) -> bool:
        return path in self._known

    def start_over(self) -> None:
        """All of them are about to be listed."""
        self._before, self._known = self._known, {}

    def entered(self, path: str, found: os.stat_result) -> None:
        """One is about to be listed; found: what it looks like."""
        now, stamp = self._clock(), _stamp(found)
        known = self._known.get(path) or self._before.get(path)
        self._known[path] = _Listed(stamp, known.since if known and known.stamp == stamp else now, now)

    def changes(self) -> Changes:
        """What became of them since they were listed.

        Raises OSError where the inbox itself cannot be looked at.
        """
        changes = Changes([], [], [])
        for path, listed in self._known.items():
            try:
                found = os.lstat(f"{self._inbox}/{path}")
            except OSError as error:
                if not path:
                    raise
                if error.errno in GONE:
                    changes.gone.append(path)
                continue
            if not stat.S_ISDIR(found.st_mode):
                changes.gone.append(path)
            elif _stamp(found) != listed.stamp:
                changes.changed.append(path)
            elif listed.at - listed.since < SETTLED_SECONDS:
                changes.unsettled.append(path)
        for path in changes.gone:
            del self._known[path]
        return changes


def _stamp(found: os.stat_result) -> tuple[int, int, int, int]:
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_ctime_ns
