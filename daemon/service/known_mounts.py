"""Remembers, outside of hot folders, on which mount each one was: an empty mount point is never taken for a new one.

The journal knows the id of its hot folder, but by default it is found by that id, and somebody may keep it inside the
root. Both are of no help while the share or the disk is not mounted.
"""

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from daemon.disk import mounts, open_below
from daemon.disk.mounts import Mount
from daemon.disk.whole_file import write_whole
from daemon.errors import RootAway
from daemon.hotfolder.hot_folder import HotFolder
from daemon.logs import log
from daemon.settings.tree import Settings, own_state_folder


def remember(settings: Settings, mounted: Mapping[str, Mount] | None = None) -> None:
    """Keep on which mount a hot folder is, if its journal could not tell that it is away.

    That is if the journal is found by the hot folder's id, or lies on its mount. mounted: the mounts, for tests. What
    cannot be kept is told in the log, and is no reason not to work.
    """
    mounted = mounts.read() if mounted is None else mounted
    root, given = settings.root_path, settings.given_state_path
    place, here = os.path.realpath(root), _place_of(root)
    mount = mounts.mount_of(place, mounted)
    away_with_it = given is None or mounts.mount_of(os.path.realpath(given), mounted) == mount
    if not away_with_it or mount == mounts.mount_of(os.path.realpath(here), mounted):
        with suppress(FileNotFoundError):
            here.unlink()
        return
    try:
        here.parent.mkdir(parents=True, exist_ok=True)
        write_whole(here, json.dumps({"root": place, "point": mount.point, "kind": mount.kind}).encode() + b"\n")
    except OSError as error:
        text = f"It is not remembered that {root} is on {mount.point} ({error}): an empty mount point may count as new."
        log.log("mount_not_remembered", text, level=logging.WARNING)


def refuse_unmounted(root: Path, mounted: Mapping[str, Mount] | None = None) -> None:
    """Raise RootAway if a place that was a hot folder on a mount is none now, and that mount is not there.

    mounted: the mounts, for tests.
    """
    here = _place_of(root)
    try:
        known = json.loads(open_below.read_small(here))
        point, kind = str(known["point"]), str(known["kind"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return
    mounted = mounts.read() if mounted is None else mounted
    if mounts.mount_of(os.path.realpath(root), mounted).point == point or HotFolder(root).find() is not None:
        return
    raise RootAway(
        f"{root} is no hot folder now, and {point} ({kind}), on which it was, is not mounted. Mount it again. If there "
        f"shall be a new hot folder without it, remove the file {here}."
    )


def _place_of(root: Path) -> Path:
    key = hashlib.sha256(os.path.realpath(root).encode(errors="surrogateescape")).hexdigest()[:32]
    return own_state_folder() / "mounts" / f"{key}.json"
