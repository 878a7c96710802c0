"""Lists `inbox/`: every name once. Follows no symbolic link and opens nothing but folders."""

import os
from collections.abc import Callable, Container, Iterator, Mapping, Set
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from daemon.disk import open_below
from daemon.disk.mounts import Mount, mount_of
from daemon.hotfolder import orders
from daemon.hotfolder.ignored_names import is_ignored_file, is_ignored_folder
from daemon.settings.export_words import LISTS

MAX_DEPTH = 64
"""How many sub-folders within each other are read. Each level holds one descriptor; a deeper folder is only counted."""


class Sighting(NamedTuple):
    """A name in the inbox. path: below it, as the disk spells it. remote: others may write there unseen.

    `stat` is set for a regular file with a photo's suffix; otherwise `ignored` says why the name is ignored.
    """

    path: str
    stat: os.stat_result | None
    ignored: str = ""
    remote: bool = False


OnFolder = Callable[[str, os.stat_result], None]
"""Called for each folder before it is listed: its path below the inbox ("" is the inbox), and its stat."""


def walk(
    inbox: Path, suffixes: Set[str], mounts: Mapping[str, Mount], on_folder: OnFolder = lambda _, __: None
) -> Iterator[Sighting]:
    """All names below the inbox. suffixes: of photos, lower case, with the dot.

    Raises OSError if the inbox itself, or the disk below it, cannot be read. Skips a sub-folder that vanishes or is
    replaced meanwhile: the next walk sees what is there then.
    """
    return walk_below("", (), inbox, suffixes, mounts, on_folder)


def walk_below(
    path: str,
    known: Container[str],
    inbox: Path,
    suffixes: Set[str],
    mounts: Mapping[str, Mount],
    on_folder: OnFolder,
) -> Iterator[Sighting]:
    """All names below one folder of the inbox, except in folders whose path is in `known`. Raises OSError."""
    parts = path.split("/") if path else []
    remote = mount_of(f"{inbox}/{path}", mounts).remote
    with open_below.opened(inbox, parts) as folder:
        yield from _Walk(str(inbox), suffixes, mounts, on_folder, known).below(folder, path, remote, len(parts) + 1)


LITTER = "litter"
"""Why a name is ignored that no person meant: of a system, an editor or a copier."""


@dataclass(frozen=True, slots=True)
class _Walk:
    inbox: str
    suffixes: Set[str]
    mounts: Mapping[str, Mount]
    on_folder: OnFolder
    known: Container[str]

    def below(self, folder: int, path: str, remote: bool, depth: int) -> Iterator[Sighting]:
        """All names below an open folder. path: the folder's. depth: of what it contains; 1 in the inbox itself."""
        prefix = f"{path}/" if path else ""
        self.on_folder(path, os.fstat(folder))
        writable = os.access(".", os.W_OK | os.X_OK, dir_fd=folder, effective_ids=True)
        folders = []
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.name)
                elif sighting := self._file(folder, entry, prefix, remote, writable):
                    yield sighting
        for name in folders:
            inner = self._open(folder, name, prefix + name, depth)
            if isinstance(inner, Sighting):
                yield inner
            elif inner is not None:
                try:
                    # Mounts can be mixed: a share may be mounted on any folder of the inbox.
                    mount = self.mounts.get(f"{self.inbox}/{prefix}{name}")
                    yield from self.below(inner, prefix + name, mount.remote if mount else remote, depth + 1)
                except OSError:
                    os.listdir(folder)  # raises if it is not only this sub-folder that cannot be read
                    yield Sighting(prefix + name, None, "folder_not_readable")
                finally:
                    os.close(inner)

    def _file(self, folder: int, entry: os.DirEntry[str], prefix: str, remote: bool, writable: bool) -> Sighting | None:
        """What a name that is not a folder's is; None if it vanished, or is an order, a list, or our note about one."""
        name = entry.name
        path = prefix + name
        if name in (orders.NAME, orders.NOTE) or name.lower().endswith(LISTS):
            return None
        if is_ignored_file(name):
            return Sighting(path, None, LITTER)
        if entry.is_symlink():
            return Sighting(path, None, "symlink")
        if name[name.rfind(".") :].lower() not in self.suffixes:
            return Sighting(path, None, "not_a_photo_suffix")
        if not entry.is_file(follow_symlinks=False):
            return Sighting(path, None, "special_file")
        if not writable:  # we cannot move files out of this folder, so we do not start them
            return Sighting(path, None, "folder_not_writable")
        try:
            return Sighting(path, entry.stat(follow_symlinks=False), remote=remote)
        except FileNotFoundError:
            return None
        except OSError:
            os.listdir(folder)
            return Sighting(path, None, "folder_not_readable")

    def _open(self, folder: int, name: str, path: str, depth: int) -> Sighting | int | None:
        """A descriptor of a sub-folder, or why it is ignored; None if it is known, or is gone."""
        if is_ignored_folder(name):
            return Sighting(path, None, LITTER)
        if path in self.known:
            return None
        if depth >= MAX_DEPTH:
            return Sighting(path, None, "too_deep")
        try:
            return os.open(name, open_below.FOLDER, dir_fd=folder)
        except PermissionError:
            return Sighting(path, None, "folder_not_readable")
        except OSError as error:
            if error.errno in open_below.GONE:
                return None
            os.listdir(folder)
            return Sighting(path, None, "folder_not_readable")
