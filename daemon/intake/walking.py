"""Reading all of `inbox/`: every file once, no symbolic link followed, nothing opened but folders."""

import errno
import os
from collections.abc import Iterator, Mapping, Set
from pathlib import Path
from typing import NamedTuple

from daemon.intake import descent
from daemon.intake.litter import litter_file, litter_folder
from daemon.intake.mounts import Mount, mount_of

ORDER = "freisteller.toml"
"""A file that says how the photos beside it are to be done."""
ORDER_NOTE = f"{ORDER}-error.txt"
"""What is wrong with it, in our words. Neither is a photo, nor somebody's file that is left alone."""

MAX_DEPTH = 64
"""Sub-folders within each other. Each level holds one descriptor; what lies deeper is counted, not read."""

_GONE = frozenset({errno.ENOENT, errno.ENOTDIR, errno.ELOOP})


class Sighting(NamedTuple):
    """A name in the inbox. path: below it, as the disk spells it. remote: others may write there unseen.

    Either `stat` is there (a regular file with a photo's suffix), or `ignored` says why it is left alone.
    """

    path: str
    stat: os.stat_result | None
    ignored: str = ""
    remote: bool = False


def walk(inbox: Path, suffixes: Set[str], mounts: Mapping[str, Mount]) -> Iterator[Sighting]:
    """All names below the inbox. suffixes: lower case, with the dot.

    Raises OSError where the inbox itself, or the disk below it, cannot be read. A sub-folder that vanishes or was
    replaced meanwhile is skipped: the next walk sees what is there then.
    """
    with descent.opened(inbox) as folder:
        yield from _walk(folder, str(inbox), "", mount_of(str(inbox), mounts).remote, suffixes, mounts, 1)


def _walk(
    folder: int,
    inbox: str,
    prefix: str,
    remote: bool,
    suffixes: Set[str],
    mounts: Mapping[str, Mount],
    depth: int,
) -> Iterator[Sighting]:
    below = []
    writable = os.access(".", os.W_OK | os.X_OK, dir_fd=folder, effective_ids=True)
    with os.scandir(folder) as entries:
        for entry in entries:
            name = entry.name
            path = prefix + name
            if entry.is_dir(follow_symlinks=False):
                below.append(name)
            elif name in (ORDER, ORDER_NOTE):
                continue
            elif litter_file(name):
                yield Sighting(path, None, "litter")
            elif entry.is_symlink():
                yield Sighting(path, None, "symlink")
            elif name[name.rfind(".") :].lower() not in suffixes:
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
        if litter_folder(name):
            yield Sighting(path, None, "litter")
            continue
        if depth >= MAX_DEPTH:
            yield Sighting(path, None, "too_deep")
            continue
        try:
            inner = os.open(name, descent.FOLDER, dir_fd=folder)
        except PermissionError:
            yield Sighting(path, None, "folder_not_readable")
            continue
        except OSError as error:
            if error.errno in _GONE:
                continue
            raise
        try:
            # A tree can mix both kinds: a share may be mounted on any of its folders.
            mount = mounts.get(f"{inbox}/{path}")
            yield from _walk(inner, inbox, f"{path}/", mount.remote if mount else remote, suffixes, mounts, depth + 1)
        finally:
            os.close(inner)
