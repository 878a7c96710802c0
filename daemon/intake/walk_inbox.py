"""Lists `inbox/`: every name once. Follows no symbolic link, and opens files only to see if they begin like photos."""

import os
from collections.abc import Callable, Container, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from daemon.disk import open_below
from daemon.disk.mounts import Mount, mount_of
from daemon.errors import NOTHING_SAID, Said
from daemon.hotfolder import order_names, orders
from daemon.hotfolder.ignored_names import is_ignored_file, is_ignored_folder
from daemon.intake.companion_names import is_called_a_companion
from daemon.intake.strangers import Strangers, is_called_a_photo
from daemon.settings.export_words import LISTS

MAX_DEPTH = 64
"""How many sub-folders within each other are read. Each level holds one descriptor; a deeper folder is only counted."""


class Sighting(NamedTuple):
    """A name in the inbox. path: below it, as the disk spells it. remote: others may write there unseen.

    `stat` is set for a regular file that is called like a photo, or begins like one; otherwise `ignored` says why the
    name is ignored, in a word, and `why` in a phrase for people.
    """

    path: str
    stat: os.stat_result | None
    ignored: str = ""
    remote: bool = False
    why: Said = NOTHING_SAID


OnFolder = Callable[[str, os.stat_result], None]
"""Called for each folder before it is listed: its path below the inbox ("" is the inbox), and its stat."""


def walk(
    inbox: Path, strangers: Strangers, mounts: Mapping[str, Mount], on_folder: OnFolder = lambda _, __: None
) -> Iterator[Sighting]:
    """All names below the inbox. strangers: what is known of files that are not called like photos.

    Raises OSError if the inbox itself, or the disk below it, cannot be read. Skips a sub-folder that vanishes or is
    replaced meanwhile: the next walk sees what is there then.
    """
    return walk_below("", (), inbox, strangers, mounts, on_folder)


def walk_below(
    path: str,
    known: Container[str],
    inbox: Path,
    strangers: Strangers,
    mounts: Mapping[str, Mount],
    on_folder: OnFolder,
) -> Iterator[Sighting]:
    """All names below one folder of the inbox, except in folders whose path is in `known`. Raises OSError."""
    parts = path.split("/") if path else []
    remote = mount_of(f"{inbox}/{path}", mounts).remote
    with open_below.opened(inbox, parts) as folder:
        yield from _Walk(str(inbox), strangers, mounts, on_folder, known).below(folder, path, remote, len(parts) + 1)


LITTER = "litter"
"""Why a name is ignored that no person meant: of a system, an editor or a copier."""
NOTED = "noted"
"""Why our own note about what is left alone is ignored."""
COMPANION = "companion"
"""Why a file is ignored that belongs to a photo by its name."""
NO_PHOTO = "not_a_photo_suffix"
"""Why a file is ignored that is neither called like a photo nor is a whole one."""


@dataclass(frozen=True, slots=True)
class _Walk:
    inbox: str
    strangers: Strangers
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
                    yield _left(prefix + name, "folder_not_readable")
                finally:
                    os.close(inner)

    def _file(self, folder: int, entry: os.DirEntry[str], prefix: str, remote: bool, writable: bool) -> Sighting | None:
        """What a name that is not a folder's is; None if it vanished, or is an order, a list, or our note about one."""
        name = entry.name
        path = prefix + name
        if name in (order_names.NAME, orders.NOTE) or name.lower().endswith(LISTS):
            return None
        if name == orders.LEFT_NOTE:
            return Sighting(path, None, NOTED)
        if is_ignored_file(name):
            return Sighting(path, None, LITTER)
        if entry.is_symlink():
            return _left(path, "symlink")
        if not entry.is_file(follow_symlinks=False):
            return _left(path, "special_file")
        if order_names.is_called_an_order(name):
            return None
        try:
            shown = entry.stat(follow_symlinks=False)
            why = NOTHING_SAID if is_called_a_photo(name) else self.strangers.why_left(path, folder, shown)
            if is_called_a_companion(name):
                return Sighting(path, None, COMPANION, remote, why or Said("left_companion"))
        except FileNotFoundError:
            return None
        except OSError:
            os.listdir(folder)
            return _left(path, "folder_not_readable")
        if why:
            return Sighting(path, None, NO_PHOTO, remote, why)
        if not writable:  # we cannot move files out of this folder, so we do not start them
            return _left(path, "folder_not_writable")
        return Sighting(path, shown, remote=remote)

    def _open(self, folder: int, name: str, path: str, depth: int) -> Sighting | int | None:
        """A descriptor of a sub-folder, or why it is ignored; None if it is known, or is gone."""
        if is_ignored_folder(name):
            return Sighting(path, None, LITTER)
        if path in self.known:
            return None
        if depth >= MAX_DEPTH:
            return _left(path, "too_deep")
        try:
            return os.open(name, open_below.FOLDER, dir_fd=folder)
        except PermissionError:
            return _left(path, "folder_not_readable")
        except OSError as error:
            if error.errno in open_below.GONE:
                return None
            os.listdir(folder)
            return _left(path, "folder_not_readable")


_WORDS: Mapping[str, str] = {
    "symlink": "left_symlink", "special_file": "left_special_file", "too_deep": "left_too_deep",
    "folder_not_readable": "left_not_readable", "folder_not_writable": "left_not_writable",
}  # fmt: skip
"""What people are told of each reason."""


def _left(path: str, ignored: str) -> Sighting:
    return Sighting(path, None, ignored, why=Said(_WORDS[ignored]))
