"""Which folders below `inbox/` changed since they were listed: a folder's own times tell, and cost one look each.

They tell of names that came and went, not of files that grow, and some servers do not keep them; so a listing of
everything still comes round, only less often.
"""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

SETTLED_SECONDS = 3.0
"""A folder must have looked the same for so long when it was listed: times can be as coarse as two seconds (FAT)."""

_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


class _Listed(NamedTuple):
    stamp: tuple[int, int, int, int]
    since: float
    at: float


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

    def entered(self, path: str, stat: os.stat_result) -> None:
        """One is about to be listed; stat: of itself."""
        now, stamp = self._clock(), _stamp(stat)
        known = self._known.get(path) or self._before.get(path)
        self._known[path] = _Listed(stamp, known.since if known and known.stamp == stamp else now, now)

    def changed(self) -> tuple[list[str], list[str]]:
        """Those that have to be listed again, and those that are gone, which are forgotten here.

        Raises OSError where the inbox itself cannot be looked at.
        """
        changed, gone = [], []
        for path, listed in self._known.items():
            try:
                found = os.lstat(f"{self._inbox}/{path}")
            except OSError as error:
                if not path:
                    raise
                if error.errno in _GONE:
                    gone.append(path)
                continue
            if _stamp(found) != listed.stamp or listed.at - listed.since < SETTLED_SECONDS:
                changed.append(path)
        for path in gone:
            del self._known[path]
        return changed, gone


def _stamp(stat: os.stat_result) -> tuple[int, int, int, int]:
    return stat.st_dev, stat.st_ino, stat.st_mtime_ns, stat.st_ctime_ns
