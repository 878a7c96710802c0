"""What lies in the grade folders that was not seen there before, and which job a picture there is of.

A look reads names alone, and opens a file once, when it is new, has no place in the journal and is no longer moved.
"""

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from daemon.disk import open_below
from daemon.disk.file_id import FileId
from daemon.disk.os_errors import away
from daemon.hotfolder import ownership
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.ignored_names import is_ignored_file, is_ignored_folder
from daemon.intake.walk_inbox import MAX_DEPTH
from daemon.jobs import Grade

SUFFIXES = frozenset({".png", ".tif", ".tiff", ".webp", ".jpg", ".jpeg"})
"""Endings of pictures that we write, and how other programs spell them."""

_BATCH = 500  # names that the journal is asked for at once
_LOOKING_SECONDS = 1.0  # of opening files per look: a folder of strangers is come to know bit by bit


@dataclass(frozen=True, slots=True)
class StrayResult:
    """A picture of ours at a place that is not noted for it."""

    place: str
    inode: int
    job_id: str


class StrayResults:
    """Remembers what it saw, so that a look costs little more than the names; one thread looks."""

    def __init__(self, folders: HotFolder, clock: Callable[[], float], settle_seconds: float) -> None:
        """clock: monotonic seconds. settle_seconds: a picture must lie still for so long before it counts."""
        self._folders = folders
        self._clock = clock
        self._settle_seconds = settle_seconds
        self._seen: set[int] = set()
        self._noticed: dict[str, _Notice] = {}

    @property
    def waits(self) -> bool:
        """Whether another look soon can tell more: something came, and did not lie still for long enough yet."""
        return bool(self._noticed)

    def look(
        self, placed: Callable[[Sequence[str]], Collection[str]], settle_seconds: float | None = None
    ) -> tuple[StrayResult, ...]:
        """The pictures of ours that lie where they were not put. They are shown again until they are `settled`.

        placed: which of these places are known to the journal. Raises RootAway or NoRoom; then nothing is forgotten.
        """
        self._folders.check()
        try:
            return self._look(placed, self._settle_seconds if settle_seconds is None else settle_seconds)
        except OSError as error:
            self._folders.check()
            raise away(error, f"Looking through the results in {self._folders.root}") from error

    def settled(self, strays: Sequence[StrayResult]) -> None:
        """They need no second look where they are."""
        for stray in strays:
            self._seen.add(hash((stray.place, stray.inode)))
            self._noticed.pop(stray.place, None)

    def _look(
        self, placed: Callable[[Sequence[str]], Collection[str]], settle_seconds: float
    ) -> tuple[StrayResult, ...]:
        seen: set[int] = set()
        noticed: dict[str, _Notice] = {}
        strays: list[StrayResult] = []
        until = self._clock() + _LOOKING_SECONDS
        for batch in self._unseen(seen):
            known = placed([place for place, _ in batch])
            for place, inode in batch:
                if place in known:
                    seen.add(hash((place, inode)))
                elif (notice := self._notice(place)) is None:
                    continue  # gone since
                elif self._clock() >= until or self._clock() - notice.since < settle_seconds:
                    noticed[place] = notice
                elif job_id := self._owner(place):
                    noticed[place] = notice
                    strays.append(StrayResult(place, inode, job_id))
                else:
                    seen.add(hash((place, inode)))
        self._seen, self._noticed = seen, noticed
        return tuple(strays)

    def _notice(self, place: str) -> "_Notice | None":
        """Since when the file is as it is; None where it is gone."""
        mark = ownership.file_id_at(self._folders.root, place)
        if mark is None:
            return None
        before = self._noticed.get(place)
        return before if before and before.mark == mark else _Notice(mark, self._clock())

    def _owner(self, place: str) -> str | None:
        try:
            return ownership.owner_of(self._folders.root, place)
        except (PermissionError, BlockingIOError):
            return None  # not ours to read, so nothing that we put there

    def _unseen(self, seen: set[int]) -> Iterator[list[tuple[str, int]]]:
        """Places and inodes that are new since the last look, in batches; the others are put into `seen`."""
        batch: list[tuple[str, int]] = []
        for grade in Grade:
            for place, inode in _pictures(self._folders.grade(grade)):
                key = hash((place, inode))
                if key in self._seen:
                    seen.add(key)
                    continue
                batch.append((place, inode))
                if len(batch) == _BATCH:
                    yield batch
                    batch = []
        yield batch


@dataclass(frozen=True, slots=True)
class _Notice:
    """A file as it has been since a moment."""

    mark: FileId
    since: float


def place_of(top: Path, inode: int) -> str | None:
    """The place of the file with this inode below a folder of the root, whatever it is called there."""
    with open_below.opened(top) as folder:
        return next((place for place, found in _below(folder, f"{top.name}/", 1) if found == inode), None)


def _pictures(top: Path) -> Iterator[tuple[str, int]]:
    """The place and inode of all that may be a picture of ours below a folder of the root."""
    with open_below.opened(top) as folder:
        for place, inode in _below(folder, f"{top.name}/", 1):
            if place[place.rfind(".") :].lower() in SUFFIXES and not is_ignored_file(place.rpartition("/")[2]):
                yield place, inode


def _below(folder: int, prefix: str, depth: int) -> Iterator[tuple[str, int]]:
    """The place and inode of all files."""
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
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue  # gone since, or kept from us
        try:
            yield from _below(below, f"{prefix}{name}/", depth + 1)
        finally:
            os.close(below)
