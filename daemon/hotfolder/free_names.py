"""Counts through the names that a result or a sub-folder may get when its own name is taken."""

import itertools
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Literal

from daemon.disk import open_below
from daemon.disk.names import name_key, shorten
from daemon.errors import RootAway, Said

EqualNames = Literal["unique", "version", "fail"]
"""Names for a result: "unique" = "red", and if that is taken "red-2", "red-3"…; "version" = "red-v1", "red-v2"… from
the first one on; "fail" = "red" and nothing else."""


def stems(equal_names: EqualNames, stem: str, longest: str) -> Iterator[str]:
    """The stems to try, in this order. Each fits into 255 bytes together with the suffix `longest`."""
    return _STEMS[equal_names](stem, longest)


@contextmanager
def entered(folder: Path, parts: Sequence[str]) -> Iterator[tuple[int, tuple[str, ...]]]:
    """A descriptor of a sub-folder, which is made if it is missing, and the names of the way there.

    A sub-folder is found under any spelling of its name. If a file or a link has the name, it is called "name-2"…
    Raises RootAway if `folder` is missing, ValueError for "..", OSError.
    """
    open_below.refuse_ways_out(parts)
    try:
        here = os.open(folder, open_below.FOLDER)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise RootAway(Said("folder_gone", folder=folder)) from error
    way: list[str] = []
    try:
        for part in parts:
            below, name = _enter(here, part)
            os.close(here)
            here = below
            way.append(name)
        yield here, tuple(way)
    finally:
        os.close(here)


def _enter(folder: int, part: str) -> tuple[int, str]:
    for stem in _unique(part, ""):
        spellings = [name for name in os.listdir(folder) if name_key(name) == name_key(stem)]
        for name in sorted(spellings, key=lambda name: name != stem):
            with suppress(NotADirectoryError):  # a file or a symbolic link: we neither follow nor replace it
                return os.open(name, open_below.FOLDER, dir_fd=folder), name
        if not spellings:
            with suppress(FileExistsError):
                os.mkdir(stem, dir_fd=folder)
                open_below.settle(folder)
            with suppress(NotADirectoryError, FileNotFoundError):
                return os.open(stem, open_below.FOLDER, dir_fd=folder), stem
    raise AssertionError("counting never ends")


def _only(stem: str, longest: str) -> Iterator[str]:
    yield shorten(stem, longest).removesuffix(longest)


def _unique(stem: str, longest: str) -> Iterator[str]:
    yield from _only(stem, longest)
    for number in itertools.count(2):
        yield shorten(stem, f"-{number}{longest}").removesuffix(longest)


def _versions(stem: str, longest: str) -> Iterator[str]:
    for number in itertools.count(1):
        yield shorten(stem, f"-v{number}{longest}").removesuffix(longest)


_STEMS: Mapping[EqualNames, Callable[[str, str], Iterator[str]]] = {
    "unique": _unique,
    "version": _versions,
    "fail": _only,
}
