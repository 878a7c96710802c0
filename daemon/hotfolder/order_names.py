"""Tells which file of a folder is its order, whatever people and their programs made of its name."""

import os
import re
import stat
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass

from daemon.errors import BadSettings, Said

NAME = "freisteller.toml"
"""What an order is called."""
# What Explorer makes of a name whose end it hides, browsers of a second download, and file managers of a copy.
_NEARLY = re.compile(
    r"(copy of |kopie von )?freisteller[ _-]*(\(?(copy|kopie)\)?)?([ _-]+\d{1,3}|[ _-]*\(\d{1,3}\))?"
    r"\s*\.\s*toml(\s*\.\s*(txt|toml|rtf|docx?|odt))?",
    re.IGNORECASE,
)
_SETTLED_SECONDS = 3.0  # a folder's times may have steps of 2 s (FAT): what is older than that has shown in them
_KEPT_SECONDS = 10.0  # some mounts of clouds never change the times of a folder
_MOST_FOLDERS = 4096


class MisnamedOrder(BadSettings):
    """No file of a folder can be taken for its order without guessing. called: one that it may be."""

    def __init__(self, fault: Said, called: str) -> None:
        super().__init__(fault)
        self.called = called


def is_called_an_order(name: str) -> bool:
    """Whether somebody who called a file so meant an order, by its right name or another."""
    return _is_read(name) or _NEARLY.fullmatch(name.strip()) is not None


def order_among(names: Collection[str], found: bool) -> str | None:
    """Which of the files of a folder that are called like orders is its order; None if there is none.

    found: whether a file was opened by the name NAME. Raises MisnamedOrder: none can be taken without guessing.
    """
    others = sorted(name for name in names if name != NAME)
    if found and NAME not in names:  # the disk takes several spellings for one name
        others = [name for name in others if name.rstrip().lower() != NAME]
    called = [NAME, *others] if found else others
    if not called:
        return None
    if len(called) > 1:
        listed = ", ".join(f'"{_shown(name)}"' for name in called)
        raise MisnamedOrder(Said("order_several", names=listed), called[0])
    if not _is_read(called[0]):
        raise MisnamedOrder(Said("order_misnamed", name=_shown(called[0])), called[0])
    return called[0]


@dataclass(frozen=True, slots=True)
class _Listing:
    """times: the folder's. since: when they were first seen. at: when it was listed."""

    times: tuple[int, int]
    since: float
    at: float
    names: tuple[str, ...]


class OrderNames:
    """Lists the files that are called like orders, and not the same folder for each of its photos. Thread-safe."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """clock: monotonic seconds."""
        self._clock = clock
        self._listings: dict[tuple[int, int], _Listing] = {}

    def within(self, folder: int, anew: bool = False) -> tuple[str, ...]:
        """The regular files of an open folder that are called like orders. Raises OSError.

        anew: list it, though nothing tells that it changed.
        """
        found = os.fstat(folder)
        key, times, now = (found.st_dev, found.st_ino), (found.st_mtime_ns, found.st_ctime_ns), self._clock()
        known = self._listings.get(key)
        since = now
        if known and known.times == times:
            since = known.since
            if not anew and known.at - since >= _SETTLED_SECONDS and now - known.at < _KEPT_SECONDS:
                return known.names
        names = tuple(name for name in os.listdir(folder) if _is_order_file(name, folder))
        if len(self._listings) >= _MOST_FOLDERS:
            self._listings.clear()
        self._listings[key] = _Listing(times, since, now, names)
        return names


def _is_read(name: str) -> bool:
    return name.strip().lower() == NAME


def _is_order_file(name: str, folder: int) -> bool:
    if not is_called_an_order(name):
        return False
    try:
        return stat.S_ISREG(os.stat(name, dir_fd=folder, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False


def _shown(name: str) -> str:
    """A stranger's name on one line."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)
