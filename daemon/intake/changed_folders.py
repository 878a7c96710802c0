"""Finds the folders below `inbox/` that changed since they were listed, by one stat call for each.

A folder's times show that names came or went, not that files grow, and some servers do not keep them. So everything is
still listed from time to time, only less often.
"""

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from daemon.disk.open_below import GONE

SETTLED_SECONDS = 3.0
"""A folder's times can be trusted if they were this old when it was listed: they may be as coarse as 2 s (FAT)."""


class _Listed(NamedTuple):
    stamp: tuple[int, int, int, int]
    since: float
    at: float


class FolderChanges(NamedTuple):
    """Paths of folders: changed ones; unsettled ones, which look the same but not for long enough; and gone ones."""

    changed: list[str]
    unsettled: list[str]
    gone: list[str]


class ListedFolders:
    """The folders of one inbox as they were when they were last listed, by their path below it; "" is the inbox."""

    def __init__(self, inbox: Path, clock: Callable[[], float]) -> None:
        self._inbox = str(inbox)
        self._clock = clock
        self._known: dict[str, _Listed] = {}
        self._before: dict[str, _Listed] = {}

    def __contains__(self, path: object) -> bool:
        return path in self._known

    def start_over(self) -> None:
        """Prepare for a listing of all folders."""
        self._before, self._known = self._known, {}

    def entered(self, path: str, found: os.stat_result) -> None:
        """Remember a folder that is about to be listed. found: its stat."""
        now, stamp = self._clock(), _stamp(found)
        known = self._known.get(path) or self._before.get(path)
        self._known[path] = _Listed(stamp, known.since if known and known.stamp == stamp else now, now)

    def changes(self) -> FolderChanges:
        """What became of the folders since they were listed; forgets those that are gone.

        Raises OSError if the inbox itself cannot be looked at.
        """
        changes = FolderChanges([], [], [])
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
