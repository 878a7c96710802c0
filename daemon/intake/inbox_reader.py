"""Reads `inbox/` for the scanner: all of it, or only what changed since it was last read."""

import os
import stat
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from daemon.disk import open_below
from daemon.disk.mounts import Mount, mount_of
from daemon.disk.names import clean_name
from daemon.disk.os_errors import list_once
from daemon.errors import Said
from daemon.intake.changed_folders import ListedFolders
from daemon.intake.companion_names import stem_key
from daemon.intake.known_files import KnownFile, KnownFiles
from daemon.intake.scan_values import Hints, LeftFile
from daemon.intake.strangers import Strangers
from daemon.intake.walk_inbox import COMPANION, LITTER, NO_PHOTO, NOTED, Sighting, walk, walk_below

_MOST_STEMS = 100_000


class Reading(NamedTuple):
    """What one reading found.

    files: those to decide about. newly_ignored: reason -> number of names. left_alone: the names that are ignored,
    litter left out, and of companions those without a photo. companions: those whose photo is not in the inbox. noted:
    the folders with a note of ours about them. has_news: a name came, changed or went, or a folder must be listed once
    more.
    """

    files: Iterable[KnownFile]
    newly_ignored: Mapping[str, int]
    left_alone: Sequence[LeftFile]
    companions: Sequence[LeftFile]
    noted: Collection[str]
    has_news: bool


class _Told(NamedTuple):
    """What a reading tells of names that are ignored, as in `Reading`."""

    left_alone: Sequence[LeftFile]
    companions: Sequence[LeftFile]
    noted: Collection[str]


@dataclass(slots=True)
class _Found:
    """What a reading came across so far. ignored: the names that are ignored, by path."""

    now: float
    has_news: bool = False
    ignored: dict[str, Sighting] = field(default_factory=dict)
    paths: list[str] = field(default_factory=list)


class InboxReader:
    """Keeps `files` as the inbox is. Both ways of reading raise OSError if the inbox cannot be read."""

    def __init__(self, inbox: Path, files: KnownFiles, clock: Callable[[], float]) -> None:
        self._inbox = inbox
        self._strangers = Strangers()
        self._files = files
        self._clock = clock
        self._folders = ListedFolders(inbox, clock)
        self._ignored: dict[str, Sighting] = {}
        self._left: dict[str, LeftFile] = {}
        self._told: _Told | None = None  # what the last reading told, until something changes: of thousands, it costs
        self._photo_stems: set[str] = set()  # of all photos that were ever seen

    def read_all(self, mounts: Mapping[str, Mount], hints: Hints) -> Reading:
        """Read all names."""
        self._folders.start_over()
        found = _Found(self._clock())
        for sighting in walk(self._inbox, self._strangers, mounts, self._folders.entered):
            self._take_in(sighting, found, hints)
        newly_ignored = self._newly_ignored(found)
        self._ignored = found.ignored
        self._strangers.forget_all_but({*found.ignored, *found.paths})
        self._files.forget_unseen()
        self._told = None
        return Reading(self._files.by_path.values(), newly_ignored, *self._tell(found.now), found.has_news)

    def read_changes(self, mounts: Mapping[str, Mount], hints: Hints, due: Set[str]) -> Reading:
        """Read the folders that changed since they were listed, and look at the files of which more is due soon.

        due: the paths of those files.
        """
        changed, unsettled, gone = self._folders.changes()
        found = _Found(self._clock(), has_news=bool(unsettled))  # a folder is unsettled only once
        listed = set(gone)

        def on_folder(path: str, stat: os.stat_result) -> None:
            found.has_news = found.has_news or path not in self._folders
            listed.add(path)
            self._folders.entered(path, stat)

        for folder in changed + unsettled:
            with self._skipping_one_name():
                for sighting in walk_below(folder, self._folders, self._inbox, self._strangers, mounts, on_folder):
                    self._take_in(sighting, found, hints)
        newly_ignored = self._newly_ignored(found)
        if listed:
            kept = {path: seen for path, seen in self._ignored.items() if path.rpartition("/")[0] not in listed}
            self._ignored = kept | found.ignored
        seen = set(found.paths)
        if listed and self._files.forget_missing(listed, seen):
            found.has_news = True
        for path in (due | hints.touched) - seen:
            self._look_again(path, mounts, found, hints)
        files = [file for path in found.paths if (file := self._files.by_path.get(path))]
        if listed or found.paths or found.has_news:
            self._told = None
        return Reading(files, newly_ignored, *self._tell(found.now), found.has_news)

    def leave(self, file: KnownFile, why: Said) -> None:
        """Leave a file alone, until it changes, that is neither called a photo nor was proven to be a whole one."""
        self._strangers.leave(file.path, file.observed.file_id, why)
        self._ignored[file.path] = Sighting(file.path, None, NO_PHOTO, file.remote, why)
        self._files.forget(file.path)
        self._told = None

    def _take_in(self, sighting: Sighting, found: _Found, hints: Hints) -> None:
        if sighting.stat is None:
            found.ignored[sighting.path] = sighting
        else:
            is_news = self._files.take_in(sighting.path, sighting.stat, sighting.remote, hints, found.now)
            found.has_news = found.has_news or is_news
            if is_news:
                self._remember_stem(sighting.path)
            found.paths.append(sighting.path)

    def _remember_stem(self, path: str) -> None:
        """A companion of this photo is not named as left alone from now on, also while the photo is in work."""
        if len(self._photo_stems) >= _MOST_STEMS:
            self._photo_stems.clear()
        self._photo_stems.add(stem_key(path))

    def _look_again(self, path: str, mounts: Mapping[str, Mount], found: _Found, hints: Hints) -> None:
        """Take in one file if it is known, and forget it if it is gone."""
        known, ignored = self._files.by_path.get(path), self._ignored.get(path)
        if known is None and (ignored is None or ignored.ignored != NO_PHOTO):
            return
        way = path.split("/")
        with self._skipping_one_name(), open_below.opened(self._inbox, way[:-1]) as folder:
            shown = os.stat(way[-1], dir_fd=folder, follow_symlinks=False)
            if ignored is not None and self._strangers.why_left(path, folder, shown):
                return
            if stat.S_ISREG(shown.st_mode):
                self._ignored.pop(path, None)
                remote = mount_of(f"{self._inbox}/{path}", mounts).remote
                self._take_in(Sighting(path, shown, remote=remote), found, hints)
                return
        if known is not None:
            self._files.forget(path)
        found.has_news = True

    def _tell(self, now: float) -> _Told:
        if self._told is None:
            noted = {path.rpartition("/")[0] for path, seen in self._ignored.items() if seen.ignored == NOTED}
            self._told = _Told(*self._left_alone(now), noted)
        return self._told

    def _left_alone(self, now: float) -> tuple[Sequence[LeftFile], Sequence[LeftFile]]:
        """What is ignored now, litter and companions of photos left out, and the companions whose photo is not here."""
        before, self._left = self._left, {}
        for path, seen in sorted(self._ignored.items()):
            if seen.ignored not in (LITTER, NOTED):
                known = before.get(path)
                is_same = known is not None and known.why == seen.why
                self._left[path] = known if known and is_same else LeftFile(path, clean_name(path), seen.why, now)
        companions = tuple(each for path, each in self._left.items() if self._ignored[path].ignored == COMPANION)
        of_photos = {each.path for each in companions if stem_key(each.path) in self._photo_stems}
        here = {stem_key(path) for path in self._files.by_path} if companions else set()
        gone = tuple(each for each in companions if stem_key(each.path) not in here)
        return tuple(each for path, each in self._left.items() if path not in of_photos), gone

    def _newly_ignored(self, found: _Found) -> dict[str, int]:
        return dict(
            Counter(
                seen.ignored
                for path, seen in found.ignored.items()
                if path not in self._ignored and seen.ignored != NOTED
            )
        )

    @contextmanager
    def _skipping_one_name(self) -> Iterator[None]:
        """Suppress errors of one name (it vanished, was replaced, cannot be read) while the inbox itself answers."""
        try:
            yield
        except OSError as error:
            if error.errno not in open_below.GONE:
                list_once(self._inbox)
