"""Lists all files below a folder of the root by their places and inodes, without a look at any of them.

A place is a path below the root, POSIX, as the disk spells it. No symbolic link is followed.
"""

import os
from collections.abc import Collection, Iterator
from pathlib import Path

from daemon.disk import open_below
from daemon.hotfolder.ignored_names import is_ignored_folder
from daemon.intake.walk_inbox import MAX_DEPTH


def files_below(top: Path) -> Iterator[tuple[str, int]]:
    """The place and inode of every file below a folder of the root, sub-folders included. Raises OSError."""
    with open_below.opened(top) as folder:
        yield from _below(folder, f"{top.name}/", 1)


def place_of(top: Path, inode: int) -> str | None:
    """The place of the file with this inode below a folder of the root, whatever its name. None if there is none."""
    return next(iter(places_of(top, {inode})), None)


def places_of(top: Path, inodes: Collection[int]) -> list[str]:
    """The places of the files with these inodes below a folder of the root, whatever their names."""
    return [place for place, found in files_below(top) if found in inodes]


def _below(folder: int, prefix: str, depth: int) -> Iterator[tuple[str, int]]:
    """The place and inode of every file below an open folder. prefix: the folder's own place, with a slash."""
    inner = []
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            if entry.is_dir(follow_symlinks=False):
                if depth < MAX_DEPTH and not is_ignored_folder(name):
                    inner.append(name)
            elif entry.is_file(follow_symlinks=False):
                yield prefix + name, entry.inode()
    for name in inner:
        try:
            below = os.open(name, open_below.FOLDER, dir_fd=folder)
        except PermissionError:
            continue
        except OSError as error:
            if error.errno in open_below.GONE:
                continue
            raise
        try:
            yield from _below(below, f"{prefix}{name}/", depth + 1)
        finally:
            os.close(below)
