"""Brings a result that another try, or a person's word, sent to `archiv/` back to where it was."""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from daemon.disk import open_below
from daemon.hotfolder import ownership
from daemon.hotfolder.effects import Effect, Tick
from daemon.hotfolder.hot_folder import HotFolder
from daemon.people.free_places import free_places
from daemon.people.moved_results import tail_of
from daemon.publishing.earlier_result import EARLIER


@dataclass(frozen=True, slots=True)
class FormerFile:
    """A file of a result, before it went to `archiv/`. place: below the root. The rest tells it from other files.

    Its inode does not: where a file cannot have two names, it is copied there, with its mtime.
    """

    place: str
    size_bytes: int
    mtime_ns: int

    def is_at(self, root: Path, place: str) -> bool:
        """Whether this file is at a place."""
        found = ownership.file_id_at(root, place)
        return found is not None and (found.size_bytes, found.mtime_ns) == (self.size_bytes, self.mtime_ns)


class EarlierResults:
    """Whoever calls a method holds the lock of the job. Every method raises OSError if the disk does not answer."""

    def __init__(self, folders: HotFolder, tick: Tick) -> None:
        self._folders = folders
        self._tick = tick

    def files_at(self, places: Sequence[str]) -> list[dict[str, Any]]:
        """The files of a result that are there now, as JSON values for `bring_back`."""
        found = ((place, ownership.file_id_at(self._folders.root, place)) for place in places)
        return [asdict(FormerFile(place, file.size_bytes, file.mtime_ns)) for place, file in found if file]

    def are_kept(self, name: str, files: Sequence[dict[str, Any]]) -> bool:
        """Whether every file of a result can be brought back. name: of its photo, below `inbox/`."""
        return bool(files) and all(self._find(name, FormerFile(**values)) for values in files)

    def bring_back(self, name: str, files: Sequence[dict[str, Any]]) -> list[str]:
        """Move a result from `archiv/` to where it was, or beside that if the name is taken. May be repeated.

        Returns where the files are; one that is gone meanwhile is left out.
        """
        former = [FormerFile(**values) for values in files]
        root = self._folders.root
        self._tick(Effect.BRING_BACK_RESULT)
        top = root / PurePosixPath(former[0].place).parts[0]
        places = free_places(top, [file.place for file in former], lambda index, at: former[index].is_at(root, at))
        back = []
        for file, place in zip(former, places, strict=True):
            if not file.is_at(root, place):
                earlier = self._find(name, file)
                if earlier is None:
                    continue
                ownership.move(root, earlier, place)
            back.append(place)
        return back

    def _find(self, name: str, file: FormerFile) -> str | None:
        """Where a file of an earlier result is: in `archiv/` under its name there, or back where it was."""
        if file.is_at(self._folders.root, file.place):
            return file.place
        photo = PurePosixPath(name)
        begins = f"{photo.stem}{EARLIER}"[:_BEGINNING]
        with suppress(FileNotFoundError), open_below.opened(self._folders.archive, photo.parent.parts) as folder:
            names = os.listdir(folder)  # noqa: PTH208 - of a descriptor
            for found in names:
                place = str(PurePosixPath(self._folders.archive.name, *photo.parent.parts, found))
                is_named_so = found.startswith(begins) and tail_of(found) == tail_of(file.place)
                if is_named_so and file.is_at(self._folders.root, place):
                    return place
        return None


_BEGINNING = 40  # characters: a longer name may have been cut off to make room for its suffix
