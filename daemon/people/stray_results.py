"""Finds pictures of ours in the grade folders that are not where we put them, and tells which job each one is of.

A look reads only names and inodes. It asks once whose a file is: when it is new, lies where the journal has no file or
another one, and no longer changes. Even then most files need not be opened.
"""

import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from daemon.disk.file_id import FileId
from daemon.hotfolder import ownership
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.ignored_names import is_ignored_file
from daemon.intake.files_below import files_below
from daemon.jobs import Grade
from daemon.logs import log
from daemon.people.moved_results import names_of

SUFFIXES = frozenset({".png", ".tif", ".tiff", ".webp", ".jpg", ".jpeg"})
"""Suffixes of pictures that we write, also as other programs spell them."""

_BATCH = 500  # names that the journal is asked for at once
_ASKING_SECONDS = 1.0  # per look: a folder full of other files is gone through a part at a time


@dataclass(frozen=True, slots=True)
class StrayResult:
    """A picture of ours at a place that the journal does not record for it."""

    place: str
    inode: int
    job_id: str


class StrayResults:
    """Remembers what it saw, so that a look costs little more than reading the names. Only one thread uses it."""

    def __init__(self, folders: HotFolder, owner_of: Callable[[str], str | None], clock: Callable[[], float]) -> None:
        """owner_of: the job that the picture at a place is a result of, None if of none. clock: monotonic seconds."""
        self._folders = folders
        self._owner_of = owner_of
        self._clock = clock
        self._seen: set[int] = set()
        self._unsettled: dict[str, _Unchanged] = {}
        self._copies: dict[int, frozenset[int]] = {}  # by its key, those of the files that make it a copy
        self._lost_its_first = False  # whether the last look saw a copy become the only one

    @property
    def waits(self) -> bool:
        """Whether another look soon can tell more: a file is new and was not unchanged for long enough yet."""
        return bool(self._unsettled) or self._lost_its_first

    def arriving(self) -> frozenset[str]:
        """The names, as `name_key` gives them, of files that the last look saw and that were not asked about yet."""
        return names_of(place for place, each in self._unsettled.items() if each.job_id is None)

    def look(
        self, placed: Callable[[Sequence[tuple[str, int]]], Collection[str]], settle_seconds: float
    ) -> tuple[StrayResult, ...]:
        """The pictures of ours that are not where we put them. Each look returns them again until they are `settled`.

        placed: returns those of the given places, each with its inode, where the journal has that file. settle_seconds:
        how long a picture must be unchanged before it counts. Raises RootAway or NoRoom; then nothing is forgotten.
        """
        with self._folders.checked(f"Looking through the results in {self._folders.root}"):
            seen: set[int] = set()
            unsettled: dict[str, _Unchanged] = {}
            strays: list[StrayResult] = []
            until = self._clock() + _ASKING_SECONDS
            for batch in self._unseen(seen):
                known = placed(batch)
                for place, inode in batch:
                    try:
                        if place in known:
                            seen.add(hash((place, inode)))
                        elif (unchanged := self._unchanged(place)) is None:
                            continue  # gone since its name was read
                        elif self._clock() >= until or self._clock() - unchanged.since < settle_seconds:
                            unsettled[place] = unchanged
                        elif self._folders.jobs.staged_as(inode):
                            unsettled[place] = unchanged  # just published, and not in the journal yet
                        elif job_id := unchanged.job_id or self._owner_of(place):
                            unsettled[place] = replace(unchanged, job_id=job_id)
                            strays.append(StrayResult(place, inode, job_id))
                        else:
                            seen.add(hash((place, inode)))
                    except Exception as error:  # noqa: BLE001 - one file must not keep the others from being seen
                        self._folders.check()
                        seen.add(hash((place, inode)))  # a file that we cannot read counts as not ours
                        if not isinstance(error, (PermissionError, BlockingIOError)):
                            text = f"{place} cannot be read, so it counts as nobody's result: {error!r:.200}"
                            log.log("verdict_unread", text, level=logging.WARNING)
            alone = {key for key, first in self._copies.items() if key not in seen or not first <= seen}
            self._copies = {key: first for key, first in self._copies.items() if key not in alone}
            self._lost_its_first = not alone.isdisjoint(seen)
            self._seen, self._unsettled = seen - alone, unsettled
            return tuple(strays)

    def settled(self, strays: Sequence[StrayResult]) -> None:
        """These need no other look while they are where they are."""
        for stray in strays:
            self._seen.add(hash((stray.place, stray.inode)))
            self._unsettled.pop(stray.place, None)

    def are_copies(self, strays: Sequence[StrayResult], first: Sequence[str]) -> bool:
        """Look at these again once one of the first files goes, of which they are copies: people copy, then delete.

        first: their places. Returns False if one is gone already. Raises OSError.
        """
        keys = set()
        for place in first:
            if (file_id := ownership.file_id_at(self._folders.root, place)) is None:
                return False
            keys.add(hash((place, file_id.inode)))
        self._copies.update({hash((stray.place, stray.inode)): frozenset(keys) for stray in strays})
        return True

    def _unchanged(self, place: str) -> "_Unchanged | None":
        """Since when the file is as it is. Returns None if it is gone."""
        file_id = ownership.file_id_at(self._folders.root, place)
        if file_id is None:
            return None
        before = self._unsettled.get(place)
        return before if before and before.file_id == file_id else _Unchanged(file_id, self._clock())

    def _unseen(self, seen: set[int]) -> Iterator[list[tuple[str, int]]]:
        """Places and inodes that are new since the last look, in batches; adds the others to `seen`."""
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
class _Unchanged:
    """A file, and since when it has been as it is, in monotonic seconds. job_id: whose result it is, once known."""

    file_id: FileId
    since: float
    job_id: str | None = None


def _pictures(top: Path) -> Iterator[tuple[str, int]]:
    """The place and inode of every file below a folder of the root that may be a picture of ours."""
    for place, inode in files_below(top):
        if place[place.rfind(".") :].lower() in SUFFIXES and not is_ignored_file(place.rpartition("/")[2]):
            yield place, inode
