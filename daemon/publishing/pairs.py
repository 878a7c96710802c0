"""Tells the two files apart that a camera writes of one picture, RAW and JPEG, if the settings want one of them only.

The other one is not cut out: it stays in `inbox/` while its photo waits or is in work, and follows it to `archiv/`. If
its photo fails, it is cut out itself. All that is asked of the disk and the journal, so a restart changes nothing. The
order of the questions matters: a photo goes from `inbox/` into work, and from there to `archiv/`.
"""

import os
from collections import defaultdict
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from daemon.disk import open_below
from daemon.disk.names import clean_name
from daemon.hotfolder.hot_folder import HotFolder
from daemon.intake.companion_names import DEVELOPED_SUFFIXES, RAW_SUFFIXES, stem_key, suffix_of
from daemon.intake.scan_values import Arrival, Scan
from daemon.journal import Journal
from daemon.publishing.lately_done import LatelyDone
from daemon.settings.current import CurrentSettings

WAIT_SECONDS = 10.0
"""How long a file waits for the other one of its pair, which may be copied later; since it was first seen."""

_WANTED: Mapping[str, tuple[Collection[str], Collection[str]]] = {
    "raw": (RAW_SUFFIXES, DEVELOPED_SUFFIXES), "jpeg": (DEVELOPED_SUFFIXES, RAW_SUFFIXES),
}  # fmt: skip
"""By setting, the endings of what is cut out, and of what follows it."""


class Pairs:
    """Only one thread uses it."""

    def __init__(self, folders: HotFolder, journal: Journal, lately: LatelyDone, settings: CurrentSettings) -> None:
        self._folders = folders
        self._journal = journal
        self._lately = lately
        self._settings = settings

    def told_apart(self, scan: Scan, *, urgent: bool) -> Scan:
        """The scan with its `followers`, which are not ready then. Those that only wait count as incomplete.

        urgent: nobody drops files any more, so none waits. Raises OSError if the inbox cannot be read, NoRoom.
        """
        wanted, others = _WANTED.get(self._settings.now.intake.pairs, ((), ()))
        asked = [each for each in scan.ready if suffix_of(each.name) in others]
        if not asked:
            return scan
        followers = self._followers(asked, wanted)
        alone = [each for each in asked if self._path(each) not in followers]
        waiting = [] if urgent else [each for each in alone if each.waited_seconds < WAIT_SECONDS]
        sooner = (WAIT_SECONDS - each.waited_seconds for each in waiting)
        return replace(
            scan,
            ready=tuple(each for each in scan.ready if self._path(each) not in followers and each not in waiting),
            incomplete=scan.incomplete + len(waiting),
            next_look_seconds=min((scan.next_look_seconds, *sooner)),
            followers=tuple(sorted(followers)),
        )

    def _path(self, arrival: Arrival) -> str:
        return str(arrival.source.relative_to(self._folders.inbox))

    def _followers(self, asked: Collection[Arrival], wanted: Collection[str]) -> Collection[str]:
        """The paths of those whose photo is in `inbox/`, in work, or done."""
        by_folder: dict[str, list[str]] = defaultdict(list)
        for each in asked:
            path = self._path(each)
            by_folder[path.rpartition("/")[0]].append(path)
        here = {stem for folder in by_folder for stem in self._stems_in(folder, wanted)}
        tops = {clean_name(path).partition("/")[0] for paths in by_folder.values() for path in paths if "/" in path}
        if "" in by_folder:
            tops.add("")
        names = (name for top in tops for name in self._journal.open_names(top))
        here |= {stem_key(name) for name in names if suffix_of(name) in wanted}
        self._lately.look()
        paths = (path for paths in by_folder.values() for path in paths)
        return {path for path in paths if stem_key(path) in here or self._is_done(path, wanted)}

    def _stems_in(self, folder: str, wanted: Collection[str]) -> Collection[str]:
        """What photos of a folder of `inbox/` are called, without their endings."""
        prefix = f"{folder}/" if folder else ""
        with (
            suppress(FileNotFoundError, NotADirectoryError),
            open_below.opened(self._folders.inbox, folder.split("/") if folder else ()) as descriptor,
            os.scandir(descriptor) as entries,
        ):
            return {stem_key(prefix + entry.name) for entry in entries if suffix_of(entry.name) in wanted}
        return ()

    def _is_done(self, path: str, wanted: Collection[str]) -> bool:
        photo = self._lately.photo_of(path)
        if photo is None or suffix_of(photo.place) not in wanted:
            return False
        with suppress(OSError):
            shown = os.lstat(Path(self._folders.inbox, path))
            return photo.is_met_by(max(shown.st_ctime, shown.st_mtime))
        return False
