"""Reading all of `inbox/`: every file once, no symbolic link followed, nothing opened but folders."""

import os
from collections.abc import Callable, Container, Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from daemon.disk import open_below
from daemon.disk.mounts import Mount, mount_of
from daemon.hotfolder import orders
from daemon.hotfolder.ignored_names import is_ignored_file, is_ignored_folder

MAX_DEPTH = 64
"""Sub-folders within each other. Each level holds one descriptor; what lies deeper is counted, not read."""


class Sighting(NamedTuple):
    """A name in the inbox. path: below it, as the disk spells it. remote: others may write there unseen.

    Either `stat` is there (a regular file with a photo's suffix), or `ignored` says why it is left alone.
    """

    path: str
    stat: os.stat_result | None
    ignored: str = ""
    remote: bool = False


Entered = Callable[[str, os.stat_result], None]
"""Told of each folder that is about to be read: its path below the inbox, "" = itself, and what it looks like."""


def walk(
    inbox: Path, suffixes: Set[str], mounts: Mapping[str, Mount], entered: Entered = lambda _, __: None
) -> Iterator[Sighting]:
    """All names below the inbox. suffixes: lower case, with the dot.

    Raises OSError where the inbox itself, or the disk below it, cannot be read. A sub-folder that vanishes or was
    replaced meanwhile is skipped: the next walk sees what is there then.
    """
    return walk_below("", (), inbox, suffixes, mounts, entered)


def walk_below(
    path: str,
    known: Container[str],
    inbox: Path,
    suffixes: Set[str],
    mounts: Mapping[str, Mount],
    entered: Entered,
) -> Iterator[Sighting]:
    """The same for one folder of the inbox, without the folders within it that are `known`. Raises OSError."""
    parts = path.split("/") if path else []
    remote = mount_of(f"{inbox}/{path}", mounts).remote
    with open_below.opened(inbox, parts) as folder:
        yield from _Walk(str(inbox), suffixes, mounts, entered, known).below(folder, path, remote, len(parts) + 1)


@dataclass(frozen=True, slots=True)
class _Walk:
    inbox: str
    suffixes: Set[str]
    mounts: Mapping[str, Mount]
    entered: Entered
    known: Container[str]

    def below(self, folder: int, path_of_folder: str, remote: bool, depth: int) -> Iterator[Sighting]:
        below = []
        prefix = f"{path_of_folder}/" if path_of_folder else ""
        self.entered(path_of_folder, os.fstat(folder))
        writable = os.access(".", os.W_OK | os.X_OK, dir_fd=folder, effective_ids=True)
        with os.scandir(folder) as entries:
            for entry in entries:
                name = entry.name
                path = prefix + name
                if entry.is_dir(follow_symlinks=False):
                    below.append(name)
                elif name in (orders.NAME, orders.NOTE):
                    continue  # neither a photo nor a stranger's file, so it is not counted as ignored
                elif is_ignored_file(name):
                    yield Sighting(path, None, "litter")
                elif entry.is_symlink():
                    yield Sighting(path, None, "symlink")
                elif name[name.rfind(".") :].lower() not in self.suffixes:
                    yield Sighting(path, None, "not_a_photo_suffix")
                elif not entry.is_file(follow_symlinks=False):
                    yield Sighting(path, None, "special_file")
                elif not writable:
                    yield Sighting(path, None, "folder_not_writable")  # what cannot be taken out is not begun
                else:
                    try:
                        yield Sighting(path, entry.stat(follow_symlinks=False), remote=remote)
                    except FileNotFoundError:
                        continue
        for name in below:
            path = prefix + name
            if is_ignored_folder(name):
                yield Sighting(path, None, "litter")
                continue
            if path in self.known:
                continue
            if depth >= MAX_DEPTH:
                yield Sighting(path, None, "too_deep")
                continue
            try:
                inner = os.open(name, open_below.FOLDER, dir_fd=folder)
            except PermissionError:
                yield Sighting(path, None, "folder_not_readable")
                continue
            except OSError as error:
                if error.errno in open_below.GONE:
                    continue
                raise
            try:
                # A tree can mix both kinds: a share may be mounted on any of its folders.
                mount = self.mounts.get(f"{self.inbox}/{path}")
                yield from self.below(inner, path, mount.remote if mount else remote, depth + 1)
            finally:
                os.close(inner)
