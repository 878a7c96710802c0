"""Remembers where the originals of the photos lie that were done lately, for what belongs to them by its name."""

from pathlib import PurePosixPath
from typing import NamedTuple

from daemon.hotfolder.hot_folder import HotFolder
from daemon.intake.companion_names import stem_key
from daemon.journal import Journal
from daemon.states import is_done

LATE_SECONDS = 600.0
"""What came longer after a photo was done belongs to another photo of that name."""
_MOST_AT_FIRST, _MOST_AT_ONCE = 2000, 200  # photos that ended last
_MOST_KNOWN = 50_000


class DonePhoto(NamedTuple):
    """A photo in `archiv/`. place: of its original, below the root. at: when it was done, Unix time."""

    place: str
    at: float

    def is_met_by(self, changed_at: float) -> bool:
        """Whether a file that came, or last changed, then belongs to this photo."""
        return changed_at <= self.at + LATE_SECONDS


class LatelyDone:
    """Only one thread uses it."""

    def __init__(self, folders: HotFolder, journal: Journal) -> None:
        self._folders = folders
        self._journal = journal
        self._seen: set[tuple[str, float | None]] = set()
        self._photos: dict[str, DonePhoto] = {}  # by stem
        self._newest = -1  # the number of the last event before the last look

    def look(self) -> bool:
        """Ask the journal for what was done since the last look. Returns whether anything happened since."""
        newest = self._journal.events.newest()
        if newest == self._newest:
            return False
        self._newest = newest
        if len(self._seen) > _MOST_KNOWN:
            self._seen.clear()
            self._photos.clear()
        for row in reversed(self._journal.latest(_MOST_AT_ONCE if self._seen else _MOST_AT_FIRST)):
            job = row.job
            if (job.id, job.finished_at) in self._seen:
                continue
            self._seen.add((job.id, job.finished_at))
            original = self._journal.originals.of_job(job.id) if is_done(job.state) else None
            if original and original.place.startswith(f"{self._folders.archive.name}/"):
                source = PurePosixPath(row.source)
                self._photos[stem_key("/".join(source.parts[1:]))] = DonePhoto(original.place, job.finished_at or 0.0)
        return True

    def photo_of(self, path: str) -> DonePhoto | None:
        """The photo that a file of `inbox/` belongs to by its name. path: below it."""
        return self._photos.get(stem_key(path))

    def forget(self, path: str) -> None:
        """From here on, what has this name belongs to a new photo. path: of that, below `inbox/`."""
        self._photos.pop(stem_key(path), None)
